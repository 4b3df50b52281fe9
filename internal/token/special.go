package token

import (
	"fmt"
	"slices"

	"pulse/internal/jsonscan"
)

// newSpecial reads a post-processor: which tokens it puts around a single text. What it
// does to offsets (ByteLevel's trim_offsets) does not matter here: spans are whole.
func newSpecial(p *part) (special, error) {
	if p == nil {
		return special{}, nil
	}
	switch p.kind {
	case "TemplateProcessing":
		return newTemplate(p)
	case "BertProcessing", "RobertaProcessing":
		p.ignore("trim_offsets", "add_prefix_space")
		s := special{before: p.pair("cls"), after: p.pair("sep")}
		return s, p.end()
	case "ByteLevel":
		p.ignore("add_prefix_space", "trim_offsets", "use_regex")
		return special{}, p.end()
	case "Sequence":
		return newSpecialSequence(p)
	}
	return special{}, p.unsupported()
}

// newSpecialSequence puts one processor's tokens around the other's.
func newSpecialSequence(p *part) (special, error) {
	var all special
	for _, sub := range p.list("processors", p.role) {
		s, err := newSpecial(sub)
		if err != nil {
			return special{}, err
		}
		all.before = slices.Concat(s.before, all.before)
		all.after = slices.Concat(all.after, s.after)
	}
	return all, p.end()
}

// pair takes ["[CLS]", 101] and returns the id.
func (p *part) pair(name string) []uint32 {
	s := jsonscan.New(p.take(name))
	var id []uint32
	for i := range s.Elements {
		n, ok := s.Value().Int()
		if i == 1 && ok {
			id = []uint32{uint32(n)}
		}
	}
	if id == nil || s.Err() != nil {
		p.fail("%q is not a token and its id", name)
	}
	return id
}

// newTemplate reads the template for a single text; that for a pair does not matter.
func newTemplate(p *part) (special, error) {
	p.ignore("pair")
	ids := templateIDs(p)
	var out special
	texts := 0
	for _, piece := range p.list("single", p.role) {
		for _, m := range piece.members {
			piece.take(m.name)
			sub, err := readPart(p.role, m.value)
			if err != nil || sub == nil {
				p.fail("%q is not an object", m.name)
				continue
			}
			sub.ignore("type_id")
			id := sub.text("id", "")
			switch {
			case m.name == "Sequence" && id == "A":
				texts++
			case m.name == "SpecialToken" && texts == 0:
				out.before = append(out.before, ids[id]...)
			case m.name == "SpecialToken":
				out.after = append(out.after, ids[id]...)
			default:
				p.fail("%q %q in the template is not supported", m.name, id)
			}
			if _, ok := ids[id]; m.name == "SpecialToken" && !ok {
				p.fail("special token %q has no ids", id)
			}
		}
	}
	if texts != 1 {
		p.fail("a template with the text %d times is not supported", texts)
	}
	return out, p.end()
}

// templateIDs takes special_tokens.
func templateIDs(p *part) map[string][]uint32 {
	out := map[string][]uint32{}
	tokens, err := readPart(p.role, p.take("special_tokens"))
	if err != nil || tokens == nil {
		return out
	}
	for _, m := range tokens.members {
		token, err := readPart(p.role, m.value)
		if err != nil || token == nil {
			p.fail("special token %q is not an object", m.name)
			continue
		}
		s := jsonscan.New(token.take("ids"))
		for range s.Elements {
			if n, ok := s.Value().Int(); ok {
				out[m.name] = append(out[m.name], uint32(n))
			}
		}
		if s.Err() != nil {
			p.fail("special token %q: %v", m.name, fmt.Sprint(s.Err()))
		}
	}
	return out
}
