package option

import (
	"errors"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dustin/go-humanize"

	"vanishfs/lifecycle/memcg"
)

const (
	kib = int64(1) << (10 * (iota + 1))
	mib
	gib
	tib
)

func TestParseSize(t *testing.T) {
	const ram = 16 * 1000 * 1000 * 1000
	for _, c := range []struct {
		in   string
		want int64
		err  error
	}{
		{in: "0"},
		{in: "1", want: 1},
		{in: "4096", want: 4096},
		{in: "9007199254740993", want: 9007199254740993},
		{in: "9223372036854775807", want: math.MaxInt64},
		{in: "9223372036854775808", err: errRange},
		{in: "99999999999999999999999", err: errRange},
		// single letters are tmpfs's
		{in: "64k", want: 64 * kib},
		{in: "64K", want: 64 * kib},
		{in: "2g", want: 2 * gib},
		{in: "2G", want: 2 * gib},
		{in: "1.5t", want: 3 * tib / 2},
		{in: "7e", want: 7 << 60},
		{in: "8e", err: errRange},
		// units of two and three letters are humanize's
		{in: "64MiB", want: 64 * mib},
		{in: "64mib", want: 64 * mib},
		{in: "64 MiB", want: 64 * mib},
		{in: "64MB", want: 64e6},
		{in: "1.5GB", want: 1.5e9},
		{in: "0.5 KiB", want: 512},
		{in: "10B", want: 10},
		{in: "10b", want: 10},
		{in: "50%", want: ram / 2},
		{in: "12.5%", want: ram / 8},
		{in: "150%", want: ram / 2 * 3},
		{in: "0%"},
		{in: "0.0g"},
		{in: "0.5", err: errNothing},
		{in: "0.0001k", err: errNothing},
		{in: "0.000000001%", err: errNothing},
		{in: "99999999999999999999%", err: errRange},
		{in: "", err: errSizeForm},
		{in: "k", err: errSizeForm},
		{in: "%", err: errSizeForm},
		{in: "-1", err: errSizeForm},
		{in: "+1", err: errSizeForm},
		{in: "1.", err: errSizeForm},
		{in: ".5g", err: errSizeForm},
		{in: "1e3", err: errSizeForm},
		{in: "1,000", err: errSizeForm},
		{in: "1x", err: errSizeForm},
		{in: "1kk", err: errSizeForm},
		{in: " 1", err: errSizeForm},
		{in: "5 %", err: errSizeForm},
		{in: "010", err: errOctal},
		{in: "0x10", err: errOctal},
		{in: "00", err: errOctal},
	} {
		got, err := parseSize(c.in, ram)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("parseSize(%q) = %d, %v; want %d, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestParseCount(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		err  error
	}{
		{in: "0"},
		{in: "100000", want: 100000},
		{in: "64k", want: 64 * kib},
		{in: "1M", want: mib},
		{in: "7e", want: 7 << 60},
		{in: "8e", err: errRange},
		{in: "99999999999999999999", err: errRange},
		{in: "", err: errCountForm},
		{in: "k", err: errCountForm},
		{in: "-1", err: errCountForm},
		{in: "1.5k", err: errCountForm},
		{in: "10%", err: errCountForm},
		{in: "010", err: errOctal},
	} {
		got, err := parseCount(c.in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("parseCount(%q) = %d, %v; want %d, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestParseBlocks(t *testing.T) {
	page := int64(os.Getpagesize())
	if n, err := parseBlocks("2k"); err != nil || n != 2048*page {
		t.Errorf("parseBlocks(2k) = %d, %v", n, err)
	}
	if _, err := parseBlocks(strconv.FormatInt(math.MaxInt64/page+1, 10)); !errors.Is(err, errRange) {
		t.Errorf("one block too many: %v", err)
	}
}

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		in   string
		want time.Duration
		err  error
	}{
		{in: "0"},
		{in: "2s", want: 2 * time.Second},
		{in: "1h30m", want: 90 * time.Minute},
		{in: "500ms", want: time.Second / 2},
		{in: "1.5h", want: 90 * time.Minute},
		{in: "10d", want: 10 * day},
		{in: "1d12h", want: 36 * time.Hour},
		{in: "2w1d", want: 15 * day},
		{in: "9999w9999d", want: (7*9999 + 9999) * day},
		{in: "9999w9999d2562047h", err: errRange},
		{in: "", err: errDurationForm},
		{in: "10", err: errDurationForm},
		{in: "d", err: errDurationForm},
		{in: "-2s", err: errDurationForm},
		{in: "1d-2s", err: errDurationForm},
		{in: "1d+2s", err: errDurationForm},
		{in: "1d2w", err: errDurationForm},
		{in: "10000d", err: errDurationForm},
		{in: "1y", err: errDurationForm},
	} {
		got, err := parseDuration(c.in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("parseDuration(%q) = %v, %v; want %v, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestTmpfsDefaults(t *testing.T) {
	ram := memcg.Available()
	if ram < 64*mib {
		t.Fatalf("RAM = %d", ram)
	}
	s, format := Defaults(), func(n int64) string { return strconv.FormatInt(n, 10) }
	if s["size"] != format(ram/2) || s["inodes"] != format(ram/int64(os.Getpagesize())/2) {
		t.Errorf("defaults: size %s, inodes %s of %d bytes of RAM", s["size"], s["inodes"], ram)
	}
}

// What is printed as a size reads as about the same size again, and nothing
// that reads is negative.
func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"0", "64MiB", "2g", "1.5GB", "50%", "010", "9223372036854775807", "1 e", "99999999999e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s, 16*gib)
		if err != nil {
			if n != 0 {
				t.Fatalf("parseSize(%q) = %d with %v", s, n, err)
			}
			return
		}
		if n < 0 {
			t.Fatalf("parseSize(%q) = %d", s, n)
		}
		again, err := parseSize(strconv.FormatInt(n, 10), 0)
		if err != nil || again != n {
			t.Fatalf("%q is %d, and that is %d, %v", s, n, again, err)
		}
		shown := humanize.IBytes(uint64(n))
		if about, err := parseSize(shown, 0); err == nil && math.Abs(float64(about-n)) > 0.06*float64(n) {
			t.Fatalf("%q is %d, shown as %s, which is %d", s, n, shown, about)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"0", "10d", "2w1d3h", "9999w9999d2562047h", "-1s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := parseDuration(s); d < 0 || err != nil && d != 0 {
			t.Fatalf("parseDuration(%q) = %v, %v", s, d, err)
		}
	})
}
