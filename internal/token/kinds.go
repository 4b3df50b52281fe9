package token

// readModel reads the model of a definition into p.words, and returns its vocabulary.
func (p *pipeline) readModel(m *part) (*vocabulary, error) {
	if m.kind == "" {
		m.kind = legacyKind(m)
	}
	switch m.kind {
	case "BPE":
		words, v, err := readBPE(m, p.isByteLevel())
		p.words = words
		return v, err
	case "WordPiece":
		return p.readWordPieces(m)
	case "Unigram":
		u, err := readUnigrams(m)
		if err != nil {
			return nil, err
		}
		p.words = u
		return u.vocabulary, nil
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
	case m.merges != nil || has("merges"):
		return "BPE"
	case has("unk_id"):
		return "Unigram"
	case has("continuing_subword_prefix"):
		return "WordPiece"
	}
	return ""
}

// isByteLevel reports whether words reach the model as characters that stand for bytes.
func (p *pipeline) isByteLevel() bool {
	for _, step := range p.preTokenizers {
		if _, ok := step.(byteLevel); ok {
			return true
		}
	}
	return false
}

// fuse finds the fused kind that does what the pipeline does; where there is none, it is
// the pipeline itself.
func fuse(p *pipeline) model {
	if m := fuseBytePairs(p); m != nil {
		return m
	}
	if m := fuseSpacePairs(p); m != nil {
		return m
	}
	if m := fuseBert(p); m != nil {
		return m
	}
	if m := fuseUnigram(p); m != nil {
		return m
	}
	return p
}
