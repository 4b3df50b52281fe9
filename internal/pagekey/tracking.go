package pagekey

import "bytes"

// tracking names the parameters that say who sent the reader, and nothing about
// the page; the list of the service that Pulse replaces. In lower case.
var tracking = map[string]bool{
	"gclid": true, "gclsrc": true, "fbclid": true, "msclkid": true, "twclid": true,
	"li_fat_id": true, "mc_cid": true, "mc_eid": true,
	"hsctatracking": true, "_hsenc": true, "_hsmi": true,
	"_ga": true, "_gac": true, "_gl": true,
}

const (
	trackingPrefix  = "utm_"
	maxTrackingName = 16 // longer names are in no list
)

// isTracking looks at one parameter, its escapes normalised. Names are compared
// without case.
func isTracking(parameter []byte) bool {
	name := parameter
	if i := bytes.IndexByte(name, '='); i >= 0 {
		name = name[:i]
	}
	if len(name) >= len(trackingPrefix) && bytes.EqualFold(name[:len(trackingPrefix)], []byte(trackingPrefix)) {
		return true
	}
	if len(name) > maxTrackingName {
		return false
	}
	var lower [maxTrackingName]byte
	for i, c := range name {
		lower[i] = lowerByte(c)
	}
	return tracking[string(lower[:len(name)])]
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}
