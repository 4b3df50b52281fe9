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
