package promises

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestHolesFree: whole pages are counted and holes are free, however large the cap is and however a file
// gets its holes. The mount is large enough for huge pages to be worth it, and the model is a set of pages.
func TestHolesFree(t *testing.T) {
	if harness.Root() {
		t.Run("native", func(t *testing.T) { holesFree(t, harness.Tmpfs(t)) })
	}
	transports := []string{"--transport=dev"}
	if harness.Uring() {
		transports = append(transports, "--transport=uring")
	}
	for _, via := range transports {
		for _, store := range []string{"memory", "tiered"} {
			t.Run(strings.TrimPrefix(via, "--transport=")+"/"+store, func(t *testing.T) {
				harness.OnPlanes(t, []string{via, "--store=" + store, "--size=2GiB"}, func(t *testing.T, m *harness.Mount) {
					m.Do(t, func() { holesFree(t, m.Dir) })
					if s := m.Status(t); s.Used != 0 {
						t.Errorf("%d bytes used in the end", s.Used)
					}
				})
			})
		}
	}
}

// holesFree makes files by random steps and compares where each has its pages with the model after each step.
func holesFree(t *testing.T, dir string) {
	seeds := uint64(12)
	if harness.Race() {
		seeds = 4
	}
	for seed := range seeds {
		h := &holeFile{random: rand.New(rand.NewPCG(seed, 0)), pages: map[int64]bool{}}
		var err error
		if h.fd, err = unix.Open(dir+"/holes", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600); !check(t, "create", err) {
			return
		}
		for range 60 {
			step, err := h.step()
			h.steps = append(h.steps, step)
			if err == nil {
				err = h.compare(dir)
			}
			if err != nil {
				t.Errorf("seed %d: %v; after %s", seed, err, strings.Join(h.steps, ", "))
				break
			}
		}
		check(t, "close", unix.Close(h.fd))
		check(t, "remove", os.Remove(dir+"/holes"))
		h.pages = nil
		var left error
		if !harness.Within(harness.Patience, func() bool { left = h.df(dir); return left == nil }) {
			t.Errorf("seed %d: after the removal %v", seed, left)
		}
	}
}

// holeSpace is how far a holeFile goes, bytes: several huge pages.
const holeSpace = 9 * mib

// A holeFile is a file and what is known of it.
type holeFile struct {
	random *rand.Rand
	fd     int
	size   int64
	pages  map[int64]bool // those that hold data
	steps  []string
}

// somewhere is an offset near a border of 2 MiB or anywhere, and a length of bytes, pages or huge pages.
func (h *holeFile) somewhere() (off, n int64) {
	off = h.random.Int64N(holeSpace)
	if h.random.IntN(2) == 0 {
		off = off/(2*mib)*2*mib + h.random.Int64N(3)*4096
	}
	unit := []int64{1, 4096, 2 * mib}[h.random.IntN(3)]
	return off, min(1+h.random.Int64N(3)*unit, holeSpace-off+1)
}

func (h *holeFile) step() (what string, err error) {
	off, n := h.somewhere()
	what = fmt.Sprintf(" %d at %d", n, off)
	switch h.random.IntN(8) {
	case 0:
		h.size = off
		h.drop(off, holeSpace*2)
		return fmt.Sprint("truncate ", off), unix.Ftruncate(h.fd, off)
	case 1, 2:
		h.drop(off, off+n)
		return "punch" + what, unix.Fallocate(h.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	case 3:
		h.fill(off, n)
		h.size = max(h.size, off+n)
		return "allocate" + what, unix.Fallocate(h.fd, 0, off, n)
	default:
		h.fill(off, n)
		h.size = max(h.size, off+n)
		_, err = unix.Pwrite(h.fd, make([]byte, n), off)
		return "write" + what, err
	}
}

func (h *holeFile) fill(off, n int64) {
	for p := off / 4096; p <= (off+n-1)/4096; p++ {
		h.pages[p] = true
	}
}

// drop forgets the pages that lie in the range as a whole.
func (h *holeFile) drop(off, end int64) {
	for p := range h.pages {
		if p*4096 >= off && (p+1)*4096 <= end {
			delete(h.pages, p)
		}
	}
}

func (h *holeFile) compare(dir string) error {
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil {
		return err
	}
	if st.Size != h.size || st.Blocks != int64(len(h.pages))*8 {
		return fmt.Errorf("%d bytes, %d KiB of data, want %d bytes, %d KiB", st.Size, st.Blocks/2, h.size, len(h.pages)*4)
	}
	if err := h.df(dir); err != nil {
		return err
	}
	return h.seek()
}

func (h *holeFile) df(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return err
	}
	if used := int64(fs.Blocks-fs.Bfree) * fs.Bsize; used != int64(len(h.pages))*4096 {
		return fmt.Errorf("df says %d KiB, want %d", used>>10, len(h.pages)*4)
	}
	return nil
}

// seek goes through the borders of data. Beyond the size there is none; what fallocate made is zeros, which
// may be called data or not (lseek(2)): mm/shmem.c does not, so only what is a hole must not be called data.
func (h *holeFile) seek() error {
	pages := make([]int64, 0, len(h.pages))
	for p := range h.pages {
		pages = append(pages, p)
	}
	slices.Sort(pages)
	for off := int64(0); off < h.size; {
		data, err := unix.Seek(h.fd, off, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil
		}
		if err != nil {
			return err
		}
		if !h.pages[data/4096] {
			return fmt.Errorf("data at %d, which is a hole", data)
		}
		if off, err = unix.Seek(h.fd, data, unix.SEEK_HOLE); err != nil {
			return err
		}
		for p := data / 4096; p < (off+4095)/4096; p++ {
			if _, there := slices.BinarySearch(pages, p); !there {
				return fmt.Errorf("page %d between %d and %d is a hole", p, data, off)
			}
		}
	}
	return nil
}
