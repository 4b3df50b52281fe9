package token

// window holds the classes of 64 bytes, a bit for each; the lowest is the first byte.
type window struct {
	letters, digits, lineEnds, blanks, whites, apostrophes uint64
	high                                                   uint64 // not ASCII
}

const windowBytes = 64

// classifyTable is classify by table, for machines without another way.
func classifyTable(w *window, text string, at int) {
	*w = window{}
	for i, bit := 0, uint64(1); i < windowBytes; i, bit = i+1, bit<<1 {
		switch c := text[at+i]; asciiClasses[c] {
		case asciiLetter:
			w.letters |= bit
		case asciiDigit:
			w.digits |= bit
		case asciiBlank:
			w.blanks |= bit
		case asciiWhite:
			if c == '\r' || c == '\n' {
				w.lineEnds |= bit
			} else {
				w.whites |= bit
			}
		case beyondASCII:
			w.high |= bit
		default:
			if c == '\'' {
				w.apostrophes |= bit
			}
		}
	}
}

// Classes of ASCII, in the order of asciiClasses.
const (
	asciiOther = iota
	asciiLetter
	asciiBlank // space
	asciiWhite // other white space
	asciiDigit
	beyondASCII
)

var asciiClasses = func() (classes [256]uint8) {
	for i := range classes {
		switch c := byte(i); {
		case c >= 0x80:
			classes[i] = beyondASCII
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			classes[i] = asciiLetter
		case '0' <= c && c <= '9':
			classes[i] = asciiDigit
		case c == ' ':
			classes[i] = asciiBlank
		case '\t' <= c && c <= '\r':
			classes[i] = asciiWhite
		}
	}
	return classes
}()
