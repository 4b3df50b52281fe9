package token

import (
	"fmt"

	"pulse/internal/jsonscan"
)

// definition is a tokenizer.json, taken apart.
type definition struct {
	added                                          []addedToken
	normalizer, preTokenizer, postProcessor, model *part
}

// readDefinition reads a tokenizer.json. Truncation, padding and the decoder do not
// matter for tokens; other members that are not known are refused.
func readDefinition(data []byte) (*definition, error) {
	s := jsonscan.New(data)
	if k := s.Kind(); k != jsonscan.Object && k != jsonscan.Invalid {
		return nil, fmt.Errorf("tokenizer: is %v, not an object", k)
	}
	d, whole := &definition{}, &part{role: "tokenizer"}
	var err error
	for name := range s.Members {
		if string(name) != "model" {
			whole.members = append(whole.members, member{name: string(name), value: s.Value()})
		} else if d.model, err = readModelPart(&s, len(data)); err != nil {
			return nil, err
		}
	}
	if err := s.End(); err != nil {
		return nil, err
	}
	return d, d.read(whole)
}

// read reads the members around the model.
func (d *definition) read(whole *part) error {
	whole.ignore("truncation", "padding", "decoder")
	whole.must("version", `"1.0"`)
	var err error
	if d.added, err = readAdded(whole.take("added_tokens")); err != nil {
		return err
	}
	for name, to := range map[string]**part{
		"normalizer": &d.normalizer, "pre_tokenizer": &d.preTokenizer, "post_processor": &d.postProcessor,
	} {
		if *to, err = readPart(name, whole.take(name)); err != nil {
			return err
		}
	}
	if d.model == nil {
		whole.fail("has no model")
	}
	return whole.end()
}

// readModelPart reads the model at the cursor; the vocabulary and the merges, which are
// nearly all of a definition, in the same pass.
func readModelPart(s *jsonscan.Scanner, bytes int) (*part, error) {
	if s.Kind() != jsonscan.Object {
		return readPart("model", s.Value())
	}
	p := &part{role: "model"}
	var err error
	for name := range s.Members {
		switch {
		case string(name) == "vocab" && s.Kind() == jsonscan.Object:
			p.vocabulary, err = readVocabulary(s, bytes)
		case string(name) == "merges" && p.vocabulary != nil:
			p.merges, err = readMerges(s, p.vocabulary)
		default:
			p.members = append(p.members, member{name: string(name), value: s.Value()})
		}
		if err != nil {
			return nil, err
		}
	}
	p.kind = p.take("type").Text()
	return p, s.Err()
}

// readAdded reads added_tokens. The ids are those of the definition; see resolve.
func readAdded(v jsonscan.Value) ([]addedToken, error) {
	if !v.Given() {
		return nil, nil
	}
	s := jsonscan.New(v)
	var out []addedToken
	for range s.Elements {
		p, err := readPart("added_tokens", s.Value())
		if err != nil {
			return nil, err
		}
		p.kind = p.text("content", "")
		p.ignore("special")
		out = append(out, addedToken{
			id: uint32(p.number("id", 0)), content: p.kind,
			singleWord: p.flag("single_word", false), lstrip: p.flag("lstrip", false), rstrip: p.flag("rstrip", false),
			normalized: p.flag("normalized", true),
		})
		if err := p.end(); err != nil {
			return nil, err
		}
	}
	return out, s.Err()
}

// tokenizer builds what the definition describes.
func (d *definition) tokenizer() (*Tokenizer, error) {
	p := &pipeline{}
	var err error
	if p.normalizers, err = newNormalizers(d.normalizer); err != nil {
		return nil, err
	}
	if p.preTokenizers, err = newPreTokenizers(d.preTokenizer); err != nil {
		return nil, err
	}
	vocabulary, err := p.readModel(d.model)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{}
	if t.added, p.added, err = d.resolve(vocabulary, p); err != nil {
		return nil, err
	}
	if t.special, err = newSpecial(d.postProcessor); err != nil {
		return nil, err
	}
	t.model = fuse(p)
	return t, nil
}

// resolve gives the added tokens the ids that the reference gives them: the
// vocabulary's where it has them, then new ones, whatever the definition says; and the
// normalized ones their normalized content. Of two with one id the last stands.
func (d *definition) resolve(v *vocabulary, p *pipeline) (given, normalized *addedTokens, err error) {
	ids := map[string]uint32{}
	tokens := map[uint32]addedToken{}
	next := uint32(v.size())
	for _, t := range d.added {
		if t.content == "" {
			continue
		}
		id, ok := ids[t.content]
		if !ok {
			id, ok = v.id(t.content)
		}
		if !ok {
			id = next
			next++
		}
		ids[t.content] = id
		t.id = id
		if t.normalized {
			t.content = p.normalize(t.content)
		}
		tokens[id] = t
	}
	var lists [2][]addedToken
	for _, t := range tokens {
		i := 0
		if t.normalized {
			i = 1
		}
		lists[i] = append(lists[i], t)
	}
	if given, err = newAddedTokens(lists[0]); err != nil {
		return nil, nil, err
	}
	normalized, err = newAddedTokens(lists[1])
	return given, normalized, err
}
