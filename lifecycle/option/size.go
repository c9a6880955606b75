package option

import (
	"errors"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"

	"vanishfs/lifecycle/memcg"
)

// Sizes, on the command line and in mount options alike:
//
//	4096            bytes
//	64k 2g 1.5t     a single letter k, m, g, t, p or e is a power of 1024, as in tmpfs's mount options
//	64KiB 2GiB      powers of 1024
//	64KB 1.5GB      powers of 1000
//	50% 12.5%       of the machine's RAM, or of the memory cgroup's limit if that is lower
//	0               no limit
//
// Everything that tmpfs takes for its size= means the same here, with one
// exception: it reads a leading zero as octal or hexadecimal
// (mm/shmem.c, shmem_parse_one: memparse), here that is an error.

var (
	errSizeForm  = errors.New("not a size; write for instance 64MiB, 2g, 1.5GB, 50% or 0 for no limit")
	errCountForm = errors.New("not a count; write for instance 100000, 64k or 0 for no limit")
	errRange     = errors.New("too large")
	errNothing   = errors.New("less than one byte; did you mean a unit, as in 0.5g, or 0 for no limit")
	errOctal     = errors.New("a leading zero is ambiguous, leave it out")
)

var (
	sizePattern    = pattern(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$`)
	percentPattern = pattern(`^[0-9]+(?:\.[0-9]+)?%$`)
	octalPattern   = pattern(`^0[0-9xX]`)
)

// pattern compiles when it is used: this program starts itself several times over, mostly without a size to read.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// tmpfsUnits are the letters that memparse knows (lib/cmdline.c).
const tmpfsUnits = "kKmMgGtTpPeE"

// parseSize reads a size in bytes; a percentage is one of ram bytes. What is so
// little that it comes to 0 is an error: 0 is no limit.
func parseSize(s string, ram int64) (int64, error) {
	n, err := parseBytes(s, ram)
	if err == nil && n == 0 && strings.ContainsAny(s, "123456789") {
		return 0, errNothing
	}
	return n, err
}

func parseBytes(s string, ram int64) (int64, error) {
	if octalPattern().MatchString(s) {
		return 0, errOctal
	}
	if percentPattern().MatchString(s) {
		return percentOf(strings.TrimSuffix(s, "%"), ram)
	}
	match := sizePattern().FindStringSubmatch(s)
	if match == nil {
		return 0, errSizeForm
	}
	number, unit := match[1], match[2]
	if len(unit) == 1 && strings.Contains(tmpfsUnits, unit) {
		unit += "iB"
	}
	if _, err := humanize.ParseBytes("1" + unit); err != nil {
		return 0, errSizeForm
	}
	n, err := humanize.ParseBytes(number + unit)
	if err != nil || n > math.MaxInt64 {
		return 0, errRange
	}
	return int64(n), nil
}

func percentOf(number string, ram int64) (int64, error) {
	p, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, errRange
	}
	if n := float64(ram) * p / 100; n < math.MaxInt64 {
		return int64(n), nil
	}
	return 0, errRange
}

// parseCount reads a number of inodes or pages; letters are powers of 1024, as in tmpfs's nr_inodes=.
func parseCount(s string) (int64, error) {
	if octalPattern().MatchString(s) {
		return 0, errOctal
	}
	digits, shift := s, 0
	if n := len(s); n > 1 {
		if i := strings.IndexByte(tmpfsUnits, s[n-1]); i >= 0 {
			digits, shift = s[:n-1], 10*(i/2+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errRange
	}
	if err != nil {
		return 0, errCountForm
	}
	if n > math.MaxInt64>>shift {
		return 0, errRange
	}
	return int64(n << shift), nil
}

// parseBlocks reads tmpfs's nr_blocks=, a number of pages, as bytes.
func parseBlocks(s string) (int64, error) {
	n, err := parseCount(s)
	if err != nil {
		return 0, err
	}
	page := int64(os.Getpagesize())
	if n > math.MaxInt64/page {
		return 0, errRange
	}
	return n * page, nil
}

// ram is what percentages and defaults are of, bytes: the machine's RAM, or what the tightest memory cgroup
// of this process may have.
var ram = sync.OnceValue(memcg.Available)

// defaultInodes is tmpfs's default: one inode for every two pages of RAM
// (mm/shmem.c, shmem_default_max_inodes).
func defaultInodes(ram int64) int64 {
	return ram / int64(os.Getpagesize()) / 2
}

// ShowSize prints a limit or a use for people.
func ShowSize(n int64) string {
	return humanize.IBytes(uint64(max(n, 0)))
}
