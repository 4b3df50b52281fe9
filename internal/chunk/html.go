package chunk

import "strings"

// htmlEnd says where a block of HTML ends: behind the line that holds this text.
type htmlEnd string

const (
	noHTML    htmlEnd = ""
	atBlank   htmlEnd = "\n" // before the next blank line
	atRawTag  htmlEnd = "</" // behind the end of one of rawTags
	atComment htmlEnd = "-->"
)

// in reports whether the end stands in a line.
func (e htmlEnd) in(line string) bool {
	if e != atRawTag {
		return strings.Contains(line, string(e))
	}
	for i := strings.Index(line, "</"); i >= 0; {
		if name := tagName(line[i+2:]); rawTags[name] && strings.HasPrefix(line[i+2+len(name):], ">") {
			return true
		}
		next := strings.Index(line[i+2:], "</")
		if next < 0 {
			break
		}
		i += 2 + next
	}
	return false
}

// htmlStart reads the start of a block of HTML, by the seven rules of CommonMark 0.31
// §4.6. The seventh, any whole tag alone on its line, is asked for by anyTag.
func htmlStart(s string, anyTag bool) htmlEnd {
	switch {
	case strings.HasPrefix(s, "<!--"):
		return atComment
	case strings.HasPrefix(s, "<?"):
		return "?>"
	case strings.HasPrefix(s, "<![CDATA["):
		return "]]>"
	case len(s) > 2 && s[1] == '!' && isLetter(s[2]):
		return ">"
	}
	at := 1
	closing := strings.HasPrefix(s, "</")
	if closing {
		at = 2
	}
	name := tagName(s[at:])
	rest := s[at+len(name):]
	if rawTags[name] && !closing && endsName(rest, false) {
		return atRawTag
	}
	if blockTags[name] && endsName(rest, true) {
		return atBlank
	}
	if anyTag && name != "" && (closing || !rawTags[name]) && isTag(rest, closing) {
		return atBlank
	}
	return noHTML
}

// endsName says whether the name of a tag ends here.
func endsName(rest string, orSlash bool) bool {
	return rest == "" || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '>' || orSlash && strings.HasPrefix(rest, "/>")
}

const maxTagName = 10 // of rawTags and blockTags

// tagName reads a tag's name, in lower case where it may be one of the tables'.
func tagName(s string) string {
	n := 0
	for n < len(s) && (isLetter(s[n]) || n > 0 && (s[n] == '-' || '0' <= s[n] && s[n] <= '9')) {
		n++
	}
	if n > maxTagName {
		return s[:n]
	}
	return strings.ToLower(s[:n])
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isTag reads what follows the name of a whole tag that nothing but white space
// follows on its line.
func isTag(s string, closing bool) bool {
	for !closing {
		rest := strings.TrimLeft(s, " \t")
		n := attribute(rest)
		if n == 0 || len(rest) == len(s) {
			s = strings.TrimPrefix(rest, "/")
			break
		}
		s = rest[n:]
	}
	s = strings.TrimLeft(s, " \t")
	return strings.HasPrefix(s, ">") && strings.TrimRight(s[1:], " \t\r") == ""
}

// attribute gives the length of an attribute with its value; 0 is none.
func attribute(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || s[n] == '_' || s[n] == ':' || n > 0 && (s[n] == '.' || s[n] == '-' || '0' <= s[n] && s[n] <= '9')) {
		n++
	}
	if n == 0 {
		return 0
	}
	rest := strings.TrimLeft(s[n:], " \t")
	if !strings.HasPrefix(rest, "=") {
		return n
	}
	rest = strings.TrimLeft(rest[1:], " \t")
	if v := attributeValue(rest); v > 0 {
		return len(s) - len(rest) + v
	}
	return 0
}

func attributeValue(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '"' || s[0] == '\'' {
		if i := strings.IndexByte(s[1:], s[0]); i >= 0 {
			return i + 2
		}
		return 0
	}
	if i := strings.IndexAny(s, " \t\"'=<>`"); i >= 0 {
		return i
	}
	return len(s)
}

// rawTags hold text that is no HTML; they end at their end tag, whatever stands
// between.
var rawTags = map[string]bool{"pre": true, "script": true, "style": true, "textarea": true}

// blockTags begin a block that ends at a blank line (CommonMark 0.31, rule 6).
var blockTags = func() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(`address article aside base basefont blockquote body caption center col
		colgroup dd details dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5
		h6 head header hr html iframe legend li link main menu menuitem nav noframes ol optgroup option p param search
		section summary table tbody td tfoot th thead title tr track ul`) {
		all[name] = true
	}
	return all
}()
