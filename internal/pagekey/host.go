package pagekey

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxHostBytes bounds a host name: DNS knows none longer. Names in other scripts
// may be longer before they are encoded, but not without bound: Punycode is quadratic.
const (
	maxHostBytes    = 255
	maxUnicodeBytes = 4 * maxHostBytes
)

var errLongHost = fmt.Errorf("url has a host longer than %d bytes", maxHostBytes)

// appendHost appends the host in lower case, in ASCII.
func appendHost(buf []byte, host string) ([]byte, error) {
	if strings.HasPrefix(host, "[") {
		return appendIPv6(buf, host)
	}
	name, err := hostName(host)
	if err != nil {
		return nil, err
	}
	return append(buf, name...), nil
}

func appendIPv6(buf []byte, host string) ([]byte, error) {
	inner, ok := strings.CutSuffix(host[1:], "]")
	address, err := netip.ParseAddr(inner)
	if !ok || err != nil || !address.Is6() || address.Zone() != "" {
		return nil, fmt.Errorf("url has a bad address %q", shorten(host))
	}
	buf = append(buf, '[')
	buf = address.AppendTo(buf)
	return append(buf, ']'), nil
}

// hostName normalises a host that is no bracketed address. A plain name in lower
// case comes back as it is, without allocating.
func hostName(host string) (string, error) {
	host, err := unescapeHost(host)
	if err != nil {
		return "", err
	}
	if len(host) > maxUnicodeBytes {
		return "", errLongHost
	}
	if !isASCII(host) {
		if host, err = toASCII(host); err != nil {
			return "", err
		}
	}
	host = strings.ToLower(host)
	if len(host) > maxHostBytes {
		return "", errLongHost
	}
	return host, checkHost(host)
}

func checkHost(host string) error {
	if strings.Trim(host, ".") == "" {
		return errNoHost
	}
	for i := range len(host) {
		if allowed[host[i]]&inHost == 0 {
			return fmt.Errorf("url has a bad character %q in its host", host[i])
		}
	}
	return nil
}

// unescapeHost undoes all percent-escapes: RFC 3986 allows them in names.
func unescapeHost(host string) (string, error) {
	if !strings.Contains(host, "%") {
		return host, nil
	}
	buf := make([]byte, 0, len(host))
	for i := 0; i < len(host); i++ {
		c := host[i]
		if c == '%' {
			if i+2 >= len(host) || !isHex(host[i+1]) || !isHex(host[i+2]) {
				return "", errors.New("url has a bad escape in its host")
			}
			c = unhex(host[i+1])<<4 | unhex(host[i+2])
			i += 2
		}
		buf = append(buf, c)
	}
	return string(buf), nil
}

// toASCII encodes an internationalised name as browsers look it up. Names that
// the standard forbids but that may exist (an emoji, an underscore beside an
// umlaut) are encoded label by label without its checks.
func toASCII(host string) (string, error) {
	if !utf8.ValidString(host) {
		return "", errors.New("url has a host that is not UTF-8")
	}
	if name, err := idna.Lookup.ToASCII(host); err == nil {
		return name, nil
	}
	name, err := idna.Punycode.ToASCII(strings.ToLower(host))
	if err != nil || !isASCII(name) {
		return "", fmt.Errorf("url has a bad host %q", shorten(host))
	}
	return name, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Host gives the host of a key: no port, no brackets, lower case. What is no key
// has none.
func Host(key string) string {
	_, rest, ok := cutScheme(key)
	if !ok {
		return ""
	}
	authority, _ := cutAt(rest, "/?#")
	if inner, ok := strings.CutPrefix(authority, "["); ok {
		inner, _ = cutAt(inner, "]")
		return inner
	}
	host, _ := cutAt(authority, ":")
	return host
}

// Domain normalises a domain as a user writes it: any case, in any script, with
// a leading dot. Use it once where InDomain would be asked often.
func Domain(domain string) (string, error) {
	domain = strings.Trim(strings.TrimSpace(domain), ".")
	if address, err := netip.ParseAddr(strings.Trim(domain, "[]")); err == nil {
		return address.String(), nil
	}
	return hostName(domain)
}

// InDomain says whether a host, as Host gives it, is the domain or lies below it.
// Nothing lies below an address.
func InDomain(host, domain string) bool {
	domain, err := Domain(domain)
	if err != nil {
		return false
	}
	host = strings.TrimRight(host, ".")
	above, ok := strings.CutSuffix(host, domain)
	if !ok {
		return false
	}
	return above == "" || above[len(above)-1] == '.' && !isAddress(host)
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
