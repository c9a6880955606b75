package promises

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestTieredVerify: random overwrites, truncates, holes and stores to mappings in a file far larger than the
// budget, and every byte is what was written last. VANISHFS_LONG makes it 8 GiB.
func TestTieredVerify(t *testing.T) {
	size, memory, ops := 256*mib, "32MiB", 3000
	if harness.Long() {
		size, memory, ops = 8<<30, "256MiB", 60_000
	}
	onTiered(t, []string{"--memory=" + memory, "--size=0"}, func(t *testing.T, m *harness.Mount, _ string) {
		cmd := m.User.As(harness.HelperCommand("verify", m.Dir+"/f", strconv.Itoa(size), strconv.Itoa(ops)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if s := m.Status(t); s.Spilled < int64(size)*3/4 || s.Fetched < int64(size)/2 {
			t.Errorf("too little was moved: %+v", s)
		}
	})
}

func init() {
	harness.Helper("verify", func(args []string) int {
		size, _ := strconv.Atoi(args[1])
		ops, _ := strconv.Atoi(args[2])
		if err := verifyRandom(args[0], size, ops); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	})
}

// sector is what a shadow keeps one version of, bytes. It is less than a page, so that pages are changed in part.
const sector = 512

// A shadow is what a file must hold: the version of each sector, 0 being zeros.
type shadow struct {
	f        *os.File
	versions []uint32
	end      int // sectors in the file; what is behind has version 0
	last     uint32
	buf      []byte
}

const mostSectors = 2 << 20 / sector // in one operation

func verifyRandom(name string, size, ops int) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	s := &shadow{f: f, versions: make([]uint32, size/sector), buf: make([]byte, 2*mostSectors*sector)}
	for at := 0; at < len(s.versions); at += mostSectors {
		if err := s.write(at, min(mostSectors, len(s.versions)-at)); err != nil {
			return err
		}
	}
	for i := range ops {
		at := rand.N(len(s.versions) - mostSectors)
		n := 1 + rand.N(min(mostSectors, 1<<rand.N(13)))
		do, what := s.read, "read"
		switch r := rand.N(100); {
		case r < 35:
			do, what = s.write, "write"
		case r < 50:
			do, what = s.storeMapped, "store to a mapping"
		case r < 58:
			do, what = s.punch, "punch a hole"
		case r < 59:
			do, what = s.truncate, "truncate"
		}
		if err := do(at, n); err != nil {
			return fmt.Errorf("operation %d: %s of %d sectors at %d: %w", i, what, n, at, err)
		}
	}
	for at := 0; at < len(s.versions); at += mostSectors {
		if err := s.read(at, min(mostSectors, len(s.versions)-at)); err != nil {
			return fmt.Errorf("at the end: %w", err)
		}
	}
	return nil
}

// content fills p with what sector at has in that version.
func content(p []byte, at int, version uint32) {
	if version == 0 {
		clear(p)
		return
	}
	x := uint64(at)<<32 | uint64(version)
	for i := 0; i < len(p); i += 8 {
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		binary.LittleEndian.PutUint64(p[i:], z^z>>27)
	}
}

// expected is what n sectors at hold, as far as the file goes.
func (s *shadow) expected(at, n int) []byte {
	n = max(min(n, s.end-at), 0)
	p := s.buf[:n*sector]
	for i := range n {
		content(p[i*sector:][:sector], at+i, s.versions[at+i])
	}
	return p
}

func (s *shadow) change(at, n int) {
	s.last++
	for i := range n {
		s.versions[at+i] = s.last
	}
	s.end = max(s.end, at+n)
}

func (s *shadow) read(at, n int) error {
	want := s.expected(at, n)
	got := s.buf[mostSectors*sector:][:len(want)]
	if m, err := s.f.ReadAt(got, int64(at)*sector); m < len(got) {
		return fmt.Errorf("only %d bytes: %w", m, err)
	}
	return differ(got, want)
}

func differ(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("byte %d is %#x, want %#x", i, got[i], want[i])
		}
	}
	return nil
}

func (s *shadow) write(at, n int) error {
	s.change(at, n)
	_, err := s.f.WriteAt(s.expected(at, n), int64(at)*sector)
	return err
}

// storeMapped changes what is within the file through a mapping, after reading it there.
func (s *shadow) storeMapped(at, n int) error {
	n = min(n, s.end-at)
	if n <= 0 {
		return nil
	}
	const perPage = 4096 / sector
	first := at / perPage * perPage
	m, err := unix.Mmap(int(s.f.Fd()), int64(first)*sector, (at-first+n)*sector, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(m)
	part := m[(at-first)*sector:]
	if err := differ(part, s.expected(at, n)); err != nil {
		return fmt.Errorf("in the mapping: %w", err)
	}
	s.change(at, n)
	copy(part, s.expected(at, n))
	return unix.Msync(m, unix.MS_SYNC)
}

func (s *shadow) punch(at, n int) error {
	for i := at; i < min(at+n, s.end); i++ {
		s.versions[i] = 0
	}
	return unix.Fallocate(int(s.f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(at)*sector, int64(n)*sector)
}

// truncate cuts a little off, and half of the time makes the file as long as before again.
func (s *shadow) truncate(_, n int) error {
	before := s.end
	s.end = max(s.end-n, 0)
	clear(s.versions[s.end:])
	if err := s.f.Truncate(int64(s.end) * sector); err != nil {
		return err
	}
	if n%2 == 0 {
		return nil
	}
	s.end = before
	return s.f.Truncate(int64(s.end) * sector)
}
