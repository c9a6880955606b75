package fs

import (
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestParseTemplate(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"report.csv", `^report-[0-9A-Za-z]{12}\.csv$`},
		{"x", `^x-[0-9A-Za-z]{12}$`},
		{".hidden", `^\.hidden-[0-9A-Za-z]{12}$`},
		{"a.tar.gz", `^a\.tar-[0-9A-Za-z]{12}\.gz$`},
		{"tmp.XXXXXXXXXX", `^tmp\.[0-9A-Za-z]{10}$`},
		{"XXX", `^[0-9A-Za-z]{10}$`},
		{"aXXXXXXXXXXXXXXb", `^a[0-9A-Za-z]{14}b$`},
		{"XXXX-XXX.c", `^XXXX-[0-9A-Za-z]{10}\.c$`},
		{"XXXXX-XX", `^[0-9A-Za-z]{10}-XX$`},
		{"XX", `^XX-[0-9A-Za-z]{12}$`},
	} {
		p, err := parseTemplate(c.in)
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		name := p.name()
		if !regexp.MustCompile(c.want).MatchString(name) || len(name) != p.length() {
			t.Errorf("%q became %q, want %s", c.in, name, c.want)
		}
	}
}

func TestParseTemplateTooLong(t *testing.T) {
	for n, want := range map[int]error{nameMax - 13: nil, nameMax - 12: syscall.ENAMETOOLONG} {
		if _, err := parseTemplate(strings.Repeat("a", n)); err != want {
			t.Errorf("%d bytes: %v, want %v", n, err, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("report.csv")
	f.Add("aXXXbXXXX")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseTemplate(s)
		if err != nil {
			return
		}
		a, b := p.name(), p.name()
		if a == b {
			t.Errorf("%q gave %q twice", s, a)
		}
		if len(a) != p.length() || len(a) > nameMax || !strings.HasPrefix(a, p.prefix) || !strings.HasSuffix(a, p.suffix) {
			t.Errorf("%q gave %q for %+v", s, a, p)
		}
		if checkName(s) == nil && checkName(a) != nil {
			t.Errorf("%q gave the bad name %q", s, a)
		}
	})
}

// TestNamesUseEveryCharacter fails if a character never comes, or far too often.
func TestNamesUseEveryCharacter(t *testing.T) {
	p, _ := parseTemplate(strings.Repeat("X", 250))
	count := map[rune]int{}
	const rounds = 400
	for range rounds {
		for _, r := range p.name() {
			count[r]++
		}
	}
	mean := rounds * 250 / len(nameAlphabet)
	for _, r := range nameAlphabet {
		if c := count[r]; c < mean*3/4 || c > mean*5/4 {
			t.Errorf("%q came %d times, the mean is %d", r, c, mean)
		}
	}
	if len(count) != len(nameAlphabet) {
		t.Errorf("%d different characters, want %d", len(count), len(nameAlphabet))
	}
}
