package token

// parts walks a text as added tokens and the stretches between them.
type parts struct {
	scan    addedScan
	text    string
	base    int  // of text in the whole text
	inner   bool // see stretch
	pos     int  // what lies before it has been given
	pending bool // a token is found, and the stretch before it is what is given

	isToken    bool
	id         uint32 // of the token
	start, end int    // of the token, in the whole text
	stretch    stretch
}

func (t *Tokenizer) parts(text string, inner bool) parts {
	return parts{scan: t.added.scan(text), text: text, inner: inner}
}

// next goes to the next part.
func (p *parts) next() bool {
	if p.pending {
		p.pending = false
		return p.token()
	}
	if !p.scan.next() {
		return p.between(len(p.text))
	}
	if p.pos < p.scan.start {
		p.pending = true
		return p.between(p.scan.start)
	}
	return p.token()
}

func (p *parts) token() bool {
	p.isToken, p.id = true, p.scan.id
	p.start, p.end = p.base+p.scan.start, p.base+p.scan.end
	p.pos = p.scan.end
	return true
}

func (p *parts) between(end int) bool {
	if p.pos >= end {
		return false
	}
	p.isToken = false
	p.stretch = stretch{text: p.text[p.pos:end], base: p.base + p.pos, inner: p.inner && p.pos == 0}
	p.pos = end
	return true
}
