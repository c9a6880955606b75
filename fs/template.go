package fs

import (
	"crypto/rand"
	"strings"
	"syscall"
)

// A template is a name with room for random characters.
type template struct {
	prefix, suffix string
	random         int // how many
}

const (
	shortestRun   = 3  // of X, to count as one; as mktemp(1)
	fewestRandom  = 10 // 59 bits
	defaultRandom = 12 // 71 bits
	nameAlphabet  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// parseTemplate finds the last run of three or more X. Without one, the random
// part comes before the extension.
func parseTemplate(s string) (template, error) {
	t, ok := splitAtRun(s)
	if !ok {
		dot := strings.LastIndexByte(s, '.')
		if dot <= 0 { // none, or a hidden file's own
			dot = len(s)
		}
		t = template{prefix: s[:dot] + "-", suffix: s[dot:], random: defaultRandom}
	}
	if t.length() > nameMax {
		return template{}, syscall.ENAMETOOLONG
	}
	return t, nil
}

func splitAtRun(s string) (template, bool) {
	for end := len(s); end >= shortestRun; {
		last := strings.LastIndexByte(s[:end], 'X')
		if last < 0 {
			break
		}
		first := last
		for first > 0 && s[first-1] == 'X' {
			first--
		}
		if run := last + 1 - first; run >= shortestRun {
			return template{prefix: s[:first], suffix: s[last+1:], random: max(run, fewestRandom)}, true
		}
		end = first
	}
	return template{}, false
}

func (t template) length() int { return len(t.prefix) + t.random + len(t.suffix) }

// name fills the template with crypto/rand.
func (t template) name() string {
	var b strings.Builder
	b.Grow(t.length())
	b.WriteString(t.prefix)
	var raw [32]byte
	for left := t.random; left > 0; {
		rand.Read(raw[:]) // never fails (crypto/rand, since Go 1.24)
		for _, r := range raw {
			// 62 of 64 values, the rest is drawn again: no character is likelier than another.
			if r &= 63; int(r) < len(nameAlphabet) && left > 0 {
				b.WriteByte(nameAlphabet[r])
				left--
			}
		}
	}
	b.WriteString(t.suffix)
	return b.String()
}
