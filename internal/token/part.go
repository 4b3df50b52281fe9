package token

import (
	"fmt"

	"pulse/internal/jsonscan"
)

// part is one object of a definition: a normalizer, a pre-tokenizer, a model. Its
// members are taken one by one; what nobody took is refused by its name in the end. The
// first error sticks.
type part struct {
	role, kind string // `pre_tokenizer`, `Split`
	members    []member
	err        error

	vocabulary *vocabulary // of a model, read already
	merges     []mergeIDs
}

type member struct {
	name  string
	value jsonscan.Value
	taken bool
}

// readPart reads an object; nil for null.
func readPart(role string, v jsonscan.Value) (*part, error) {
	if !v.Given() {
		return nil, nil
	}
	if v.Kind() != jsonscan.Object {
		return nil, fmt.Errorf("%s: is %v, not an object", role, v.Kind())
	}
	p := &part{role: role}
	s := jsonscan.New(v)
	for name := range s.Members {
		p.members = append(p.members, member{name: string(name), value: s.Value()})
	}
	p.kind = p.take("type").Text()
	return p, s.Err()
}

// String names the part in errors.
func (p *part) String() string { return fmt.Sprintf("%s %q", p.role, p.kind) }

// unsupported is the error for a kind that nobody knows.
func (p *part) unsupported() error { return fmt.Errorf("%v is not supported", p) }

func (p *part) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%v: %s", p, fmt.Sprintf(format, args...))
	}
}

// end returns the first error; a member that was not taken is one.
func (p *part) end() error {
	for _, m := range p.members {
		if !m.taken {
			p.fail("%q is not supported", m.name)
		}
	}
	return p.err
}

// take returns a member's value, nil if it is not there. The last of several wins, as in
// the reference.
func (p *part) take(name string) jsonscan.Value {
	var v jsonscan.Value
	for i := range p.members {
		if p.members[i].name == name {
			p.members[i].taken = true
			v = p.members[i].value
		}
	}
	return v
}

// ignore takes members that have no influence on tokens.
func (p *part) ignore(names ...string) {
	for _, name := range names {
		p.take(name)
	}
}

// must takes a member that has to be null, absent or the only value that is supported.
func (p *part) must(name string, supported ...string) {
	v := p.take(name)
	if !v.Given() {
		return
	}
	for _, s := range supported {
		if string(v) == s {
			return
		}
	}
	p.fail("%q %s is not supported", name, v)
}

// flag takes a boolean; null and absent are otherwise.
func (p *part) flag(name string, otherwise bool) bool {
	v := p.take(name)
	if !v.Given() {
		return otherwise
	}
	is, ok := v.Bool()
	if !ok {
		p.fail("%q is %v, not a boolean", name, v.Kind())
	}
	return is
}

// text takes a string; null and absent are otherwise.
func (p *part) text(name, otherwise string) string {
	v := p.take(name)
	if !v.Given() {
		return otherwise
	}
	if v.Kind() != jsonscan.String {
		p.fail("%q is %v, not a string", name, v.Kind())
		return otherwise
	}
	return exactText(v)
}

// number takes a whole number of at least 0; null and absent are otherwise.
func (p *part) number(name string, otherwise int) int {
	v := p.take(name)
	if !v.Given() {
		return otherwise
	}
	n, ok := v.Int()
	if !ok || n < 0 {
		p.fail("%q is not a whole number of at least 0", name)
		return otherwise
	}
	return n
}

// list takes an array of objects.
func (p *part) list(name, role string) []*part {
	v := p.take(name)
	if v.Kind() != jsonscan.Array {
		p.fail("%q is not an array", name)
		return nil
	}
	var out []*part
	s := jsonscan.New(v)
	for range s.Elements {
		sub, err := readPart(role, s.Value())
		if err != nil || sub == nil {
			p.fail("%q holds what is not an object", name)
			return nil
		}
		out = append(out, sub)
	}
	return out
}

// pattern takes {"String": …} or {"Regex": …}.
func (p *part) pattern(name string) (text string, regex bool) {
	sub, err := readPart(p.role, p.take(name))
	if err != nil || sub == nil || len(sub.members) != 1 {
		p.fail("%q is not a pattern", name)
		return "", false
	}
	regex = sub.members[0].name == "Regex"
	text = sub.text(sub.members[0].name, "")
	if !regex && sub.members[0].name != "String" {
		p.fail("%q of kind %q is not supported", name, sub.members[0].name)
	}
	return text, regex
}

// exactText is a string with its NULs.
func exactText(v jsonscan.Value) string { return string(v.AppendText(nil)) }
