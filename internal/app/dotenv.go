package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// readDotenv reads a .env file; one that is not there is empty. Keys of the result
// are in lower case. A variable given twice has its last value.
func readDotenv(path string) (map[string]variable, error) {
	vars := map[string]variable{}
	if path == "" {
		return vars, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return vars, nil
	}
	if err != nil {
		return nil, usagef("read .env: %w", err)
	}
	for n, line := range strings.Split(strings.TrimPrefix(string(raw), "\ufeff"), "\n") {
		v, ok, err := dotenvLine(strings.TrimSpace(line))
		if err != nil {
			return nil, usagef("%s:%d: %w", path, n+1, err)
		}
		if ok {
			vars[strings.ToLower(v.name)] = v
		}
	}
	for key, v := range vars {
		if v.value == "" {
			delete(vars, key)
		}
	}
	return vars, nil
}

// dotenvLine reads KEY=VALUE, with export before it, quotes around the value, or a
// comment behind it. Nothing is substituted in values.
func dotenvLine(line string) (v variable, ok bool, err error) {
	if line == "" || line[0] == '#' {
		return v, false, nil
	}
	if rest, exported := strings.CutPrefix(line, "export"); exported && rest != strings.TrimLeft(rest, " \t") {
		line = strings.TrimLeft(rest, " \t")
	}
	name, value, found := strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	if !found || name == "" || strings.ContainsAny(name, " \t\"'") {
		return v, false, errors.New("a line is KEY=VALUE, or a comment that begins with #")
	}
	value, err = dotenvValue(strings.TrimSpace(value))
	if err != nil {
		return v, false, fmt.Errorf("%s: %w", name, err)
	}
	return variable{name, value}, true, nil
}

func dotenvValue(s string) (string, error) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		for i := range s {
			if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
				return strings.TrimSpace(s[:i]), nil
			}
		}
		return s, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			if rest := strings.TrimSpace(s[i+1:]); rest != "" && rest[0] != '#' {
				return "", errors.New("something follows the closing quote")
			}
			return b.String(), nil
		case s[0] == '"' && s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteString(unescaped(s[i]))
		default:
			b.WriteByte(s[i])
		}
	}
	return "", errors.New("the closing quote is missing")
}

func unescaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '"', '\\', '$':
		return string(c)
	}
	return `\` + string(c)
}
