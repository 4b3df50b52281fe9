package firecrawl

import "pulse/internal/jsonscan"

// page is what is read of one element, each field as it lies there; one that was
// not there is nil. Of a name given twice the last one counts.
type page struct {
	markdown, html, rawHTML, content jsonscan.Value
	url, source                      jsonscan.Value
	title, description               jsonscan.Value
	country, mobile                  jsonscan.Value
	state, failure                   jsonscan.Value // a monitor's status and error
	meta                             meta
}

// meta is what is read of an element's metadata.
type meta struct {
	raw                          jsonscan.Value // the whole of it
	url, sourceURL               jsonscan.Value
	status, scrapeID             jsonscan.Value
	cacheState, cachedAt         jsonscan.Value
	title, description, language jsonscan.Value
	ogTitle, ogDescription       jsonscan.Value
	country, mobile              jsonscan.Value
}

// scan reads one element.
func scan(body []byte) (page, error) {
	s := jsonscan.New(body)
	if k := s.Kind(); k != jsonscan.Object && k != jsonscan.Invalid {
		return page{}, wrong("", "must be an object, not %v", k)
	}
	p := scanPage(&s, false)
	return p, s.End()
}

// scanPage reads the object at the cursor. A v0 element holds its page one level
// down, in content, and its address beside it, in source.
func scanPage(s *jsonscan.Scanner, inside bool) page {
	var p page
	var inner *page
	for name := range s.Members {
		switch string(name) {
		case "metadata":
			p.meta = scanMeta(s)
		case "content":
			inner, p.content = nil, nil
			if s.Kind() == jsonscan.Object && !inside {
				v0 := scanPage(s, true)
				inner = &v0
			} else {
				p.content = s.Value()
			}
		default:
			if field := p.field(name); field != nil {
				*field = s.Value()
			}
		}
	}
	if inner != nil {
		inner.source = p.source
		return *inner
	}
	return p
}

// field is where a top-level member is kept, if it is.
func (p *page) field(name []byte) *jsonscan.Value {
	switch string(name) {
	case "markdown":
		return &p.markdown
	case "html":
		return &p.html
	case "rawHtml":
		return &p.rawHTML
	case "url":
		return &p.url
	case "source":
		return &p.source
	case "title":
		return &p.title
	case "description":
		return &p.description
	case "country":
		return &p.country
	case "isMobile":
		return &p.mobile
	case "status":
		return &p.state
	case "error":
		return &p.failure
	}
	return nil
}

// scanMeta reads the metadata at the cursor.
func scanMeta(s *jsonscan.Scanner) meta {
	m := meta{raw: s.Value()}
	in := jsonscan.New(m.raw)
	for name := range in.Members {
		if field := m.field(name); field != nil {
			*field = in.Value()
		}
	}
	return m
}

// field is where a member of the metadata is kept, if it is. The page's
// own <meta> tags stand among them under their raw names, so that case counts.
func (m *meta) field(name []byte) *jsonscan.Value {
	switch string(name) {
	case "url":
		return &m.url
	case "sourceURL":
		return &m.sourceURL
	case "statusCode":
		return &m.status
	case "scrapeId":
		return &m.scrapeID
	case "cacheState":
		return &m.cacheState
	case "cachedAt":
		return &m.cachedAt
	case "title":
		return &m.title
	case "description":
		return &m.description
	case "language":
		return &m.language
	case "country":
		return &m.country
	case "isMobile":
		return &m.mobile
	case "ogTitle":
		return &m.ogTitle
	case "ogDescription":
		return &m.ogDescription
	}
	return nil
}
