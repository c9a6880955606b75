package transport

import (
	"bufio"
	"compress/gzip"
	"os"
	"testing"
)

// configured says whether the running kernel was built with this line; false
// where it does not tell.
func configured(t testing.TB, line string) bool {
	t.Helper()
	f, err := os.Open("/proc/config.gz")
	if err != nil {
		return false
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	for s := bufio.NewScanner(z); s.Scan(); {
		if s.Text() == line {
			return true
		}
	}
	return false
}
