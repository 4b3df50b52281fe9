package pagekey

// Where a character stands decides whether it may stand there unescaped.
const (
	inPath = 1 << iota
	inQuery
	inHost
	unreserved
)

// allowed is the grammar of RFC 3986: which characters need no escape where.
var allowed = func() (t [256]byte) {
	set := func(chars string, bits byte) {
		for _, c := range []byte(chars) {
			t[c] |= bits
		}
	}
	set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", unreserved|inPath|inQuery|inHost)
	set("!$&'()*+,;=", inPath|inQuery|inHost)
	set(":@", inPath|inQuery)
	set("/?", inQuery)
	return t
}()

// appendEscaped appends s with escapes of unreserved characters undone, all other
// escapes in upper case, and what must not stand there escaped. A "%" that begins
// no escape is escaped itself: left alone it could become one by what follows.
func appendEscaped(buf []byte, s string, where byte) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if allowed[c]&where != 0 {
			buf = append(buf, c)
			continue
		}
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
			if allowed[c]&unreserved != 0 {
				buf = append(buf, c)
				continue
			}
		}
		buf = append(buf, '%', upperHex[c>>4], upperHex[c&15])
	}
	return buf
}

const upperHex = "0123456789ABCDEF"

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// unhex is the value of a hex digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
