package load

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Aging is the case of changing files for a long time while they are several times as large as the
// memory budget. Its rows are named Aging-<what>.
const Aging = "aging"

const (
	agingLeast, agingLargest = 4 << 10, 256 << 10 // size of a new file, bytes
	// agingSamples is how many samples of a small operation the case takes.
	agingSamples = 250
	// agingParts is in how many parts the time is divided: the first and the last are compared.
	agingParts = 10
)

func agingCase() Case {
	row := func(what, title string, u Unit) Row {
		return Row{Name: Aging + "-" + what, Title: "files of 4 to 256 KiB changed at random, much larger than memory: " + title, Unit: u}
	}
	return Case{
		Name: Aging, Kind: LongTerm, Once: true, memory: beyondMemory, run: runAging,
		Rows: []Row{
			row("first", "a change, in the first tenth of the time", Micros), row("last", "a change, in the last tenth", Micros),
			row("read-first", "read all of it, before", Rate), row("read-last", "read all of it, after", Rate),
			row("changes", "changes", Count),
			row("disk", "disk space of the spill file to what lies in it, after", Times), row("disk-most", "the same, at most", Times),
			row("run", "mean length of the spill file's extents on the disk, after", Bytes),
		},
	}
}

// An aging is a set of files with about the same amount of data all the time.
type aging struct {
	dir    string
	budget int64 // bytes, of data in all files
	files  []agingFile
	live   int64 // bytes
	named  int
	r      *rand.Rand
	block  []byte
}

type agingFile struct {
	path string
	size int64 // bytes
}

func runAging(j *Job) (map[string]float64, error) {
	dir, err := j.freshDir("files")
	if err != nil {
		return nil, err
	}
	a := &aging{dir: dir, budget: j.Sizes.Beyond / 2, r: fixedRandom(), block: noise(agingLargest)}
	for a.live < a.budget {
		if err := a.create(); err != nil {
			return nil, err
		}
	}
	values := map[string]float64{}
	if values[Aging+"-read-first"], err = a.readAll(); err != nil {
		return nil, err
	}
	if err := a.changeFor(agingSamples*j.Sample, j.Daemon, values); err != nil {
		return nil, err
	}
	if values[Aging+"-read-last"], err = a.readAll(); err != nil {
		return nil, err
	}
	return values, os.RemoveAll(dir)
}

// changeFor changes files part by part of the time, and looks at the disk after each.
func (a *aging) changeFor(total time.Duration, daemon int, values map[string]float64) error {
	changes, most := 0, 0.0
	for part := range agingParts {
		n, start := 0, time.Now()
		for ; n == 0 || time.Since(start) < total/agingParts; n++ {
			if err := a.change(); err != nil {
				return err
			}
		}
		took := float64(time.Since(start)) / float64(n)
		changes += n
		switch part {
		case 0:
			values[Aging+"-first"] = took
		case agingParts - 1:
			values[Aging+"-last"] = took
		}
		if s, err := readSpill(a.dir, daemon); err == nil {
			most = max(most, s.ratio())
			values[Aging+"-disk"], values[Aging+"-disk-most"], values[Aging+"-run"] = s.ratio(), most, s.run()
		}
	}
	values[Aging+"-changes"] = float64(changes)
	return nil
}

// change does one thing at random; the amount of data goes up and down around the budget.
func (a *aging) change() error {
	i := a.r.IntN(len(a.files))
	f := &a.files[i]
	switch a.r.IntN(10) {
	case 0, 1, 2, 3, 4:
		return a.overwrite(f)
	case 5:
		return a.resize(f, a.r.Int64N(f.size+1))
	case 6:
		return a.resize(f, f.size+a.size())
	case 7:
		return a.punch(f)
	}
	if a.live < a.budget {
		return a.create()
	}
	return a.remove(i)
}

// size is as often between 4 and 8 KiB as between 128 and 256 KiB.
func (a *aging) size() int64 {
	return int64(agingLeast * math.Pow(agingLargest/agingLeast, a.r.Float64()))
}

func (a *aging) create() error {
	a.named++
	f := agingFile{path: filepath.Join(a.dir, strconv.Itoa(a.named)), size: a.size()}
	if err := os.WriteFile(f.path, a.block[:f.size], 0o600); err != nil {
		return err
	}
	a.files = append(a.files, f)
	a.live += f.size
	return nil
}

func (a *aging) remove(i int) error {
	a.live -= a.files[i].size
	err := os.Remove(a.files[i].path)
	last := len(a.files) - 1
	a.files[i] = a.files[last]
	a.files = a.files[:last]
	return err
}

// part is up to four of the file's pages: whole ones, since half of one waits for the disk to
// read the other half, and the time is for changes.
func (a *aging) part(f *agingFile) (off, n int64) {
	const page = 4096
	off = a.r.Int64N(f.size/page+1) * page
	return off, min(page*(1+a.r.Int64N(4)), f.size-off)
}

func (a *aging) overwrite(f *agingFile) error {
	off, n := a.part(f)
	return f.withFD(func(fd int) error {
		_, err := unix.Pwrite(fd, a.block[:n], off)
		return err
	})
}

// resize cuts the file, or makes it longer by writing; when it gets too long it is cut to nothing.
func (a *aging) resize(f *agingFile, size int64) error {
	if size > 2*agingLargest {
		size = 0
	}
	old := f.size
	a.live += size - old
	f.size = size
	if size <= old {
		return os.Truncate(f.path, size)
	}
	return f.withFD(func(fd int) error {
		_, err := unix.Pwrite(fd, a.block[:size-old], old)
		return err
	})
}

// punch makes a hole and fills it again, so that the file's data stays what it counts.
func (a *aging) punch(f *agingFile) error {
	off, n := a.part(f)
	if n == 0 {
		return nil
	}
	return f.withFD(func(fd int) error {
		if err := unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n); err != nil {
			return err
		}
		_, err := unix.Pwrite(fd, a.block[:n], off)
		return err
	})
}

func (f *agingFile) withFD(do func(fd int) error) error {
	fd, err := unix.Open(f.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", f.path, err)
	}
	return errors.Join(do(fd), unix.Close(fd))
}

// readAll reads all files, not from the kernel's cache: nanoseconds per MiB.
func (a *aging) readAll() (float64, error) {
	var elapsed time.Duration
	var total int64
	buf := make([]byte, mebi)
	for i := range a.files {
		err := a.files[i].withFD(func(fd int) error {
			if err := uncache(fd); err != nil {
				return err
			}
			start := time.Now()
			for {
				n, err := unix.Read(fd, buf)
				if err != nil || n == 0 {
					elapsed += time.Since(start)
					return err
				}
				total += int64(n)
			}
		})
		if err != nil {
			return 0, err
		}
	}
	return float64(elapsed) * mebi / float64(total), nil
}
