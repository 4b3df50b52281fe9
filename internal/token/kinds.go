package token

import (
	"pulse/internal/jsonscan"
)

// readModel reads the model of a definition into p.words, and returns its vocabulary.
func (p *pipeline) readModel(m *part) (*vocabulary, error) {
	if m.kind == "" {
		m.kind = legacyKind(m)
	}
	switch m.kind {
	case "BPE":
		return p.readBPE(m)
	}
	return nil, m.unsupported()
}

// legacyKind tells the kind of a model that does not say it, as old files do not, by its
// members.
func legacyKind(m *part) string {
	has := func(name string) bool {
		for _, member := range m.members {
			if member.name == name {
				return true
			}
		}
		return false
	}
	switch {
	case has("merges"):
		return "BPE"
	case has("unk_id"):
		return "Unigram"
	case has("continuing_subword_prefix"):
		return "WordPiece"
	}
	return ""
}

// fuse finds the fused kind that does what the pipeline does; where there is none, it is
// the pipeline itself.
func fuse(p *pipeline) model {
	return p
}

// readBPE reads a BPE model.
func (p *pipeline) readBPE(m *part) (*vocabulary, error) {
	v, err := readVocabulary(m.take("vocab"))
	if err != nil {
		return nil, err
	}
	_ = jsonscan.Null
	return v, m.end()
}
