package clean

import (
	"strings"

	bcp47 "golang.org/x/text/language"
)

// maxLanguageBytes: no language tag in use is longer.
const maxLanguageBytes = 35

// Language normalises a language code as pages give them: "en_us" and
// "en-US,en;q=0.8" are "en-US", "ZH_hans" is "zh-Hans". Only language, script and
// region are kept. What names no known language is "".
func Language(code string) string {
	code = strings.TrimSpace(code)
	if i := strings.IndexAny(code, ",;.@ "); i >= 0 {
		code = code[:i]
	}
	if code == "" || len(code) > maxLanguageBytes {
		return ""
	}
	parts := strings.Split(strings.ReplaceAll(code, "_", "-"), "-")
	name := strings.ToLower(parts[0])
	if !isLanguage(name) {
		return ""
	}
	return name + scriptAndRegion(parts[1:])
}

func isLanguage(name string) bool {
	switch name {
	case "und", "mul", "zxx", "mis", "root":
		return false // "not known", in the standard's words
	}
	if len(name) != 2 && len(name) != 3 {
		return false
	}
	_, err := bcp47.ParseBase(name)
	return err == nil
}

// scriptAndRegion gives the known subtags among parts with their dashes; variants
// are passed over, extensions end it.
func scriptAndRegion(parts []string) string {
	script, region := "", ""
	for _, part := range parts {
		if len(part) == 1 {
			break
		}
		switch {
		case script == "" && region == "" && len(part) == 4 && isScript(part):
			script = "-" + strings.ToUpper(part[:1]) + strings.ToLower(part[1:])
		case region == "" && (len(part) == 2 || len(part) == 3 && part[0] <= '9') && isRegion(part):
			region = "-" + strings.ToUpper(part)
		}
	}
	return script + region
}

func isScript(part string) bool {
	_, err := bcp47.ParseScript(part)
	return err == nil && part[0] > '9'
}

func isRegion(part string) bool {
	_, err := bcp47.ParseRegion(part)
	return err == nil
}
