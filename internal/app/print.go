package app

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
)

// Print writes every option, its value, and where that came from; secrets are masked.
func (c *Config) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OPTION\tVALUE\tFROM")
	parser, err := kong.New(c, append(KongOptions(nil), kong.Name("pulse"))...)
	if err != nil {
		return fmt.Errorf("read options: %w", err)
	}
	for _, flag := range parser.Model.Flags {
		if flag.Group != nil {
			fmt.Fprintf(t, "--%s\t%s\t%s\n", flag.Name, shownValue(flag), c.origin(flag.Name))
		}
	}
	for i := range secrets {
		s := &secrets[i]
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.name, masked(*s.field(c)), c.origin(s.name))
	}
	return t.Flush()
}

func shownValue(f *kong.Flag) string {
	switch v := f.Target.Interface().(type) {
	case []string:
		return orDash(strings.Join(v, ","))
	case time.Duration:
		return shortDuration(v)
	case string:
		if strings.Contains(v, "://") {
			v = redacted(v)
		}
		return orDash(v)
	case LogLevel:
		return lower(v.String())
	default:
		return fmt.Sprint(reflect.ValueOf(v))
	}
}

// shortDuration leaves out the zeros that Go writes: 168h0m0s is 168h.
func shortDuration(d time.Duration) string {
	s := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d >= time.Hour && d%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func masked(secret string) string {
	if secret == "" {
		return "-"
	}
	return fmt.Sprintf("*** (%d characters)", len(secret))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
