package load

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Rows of the scale cases are named <case>-<what>.
const (
	ScaleOne  = "files-1"    // all in one directory
	ScaleMany = "files-1000" // spread over 1,000 directories
	dirsMany  = 1000
)

func scaleCases() []Case {
	return []Case{scaleCase(ScaleOne, "one directory", 1), scaleCase(ScaleMany, "1,000 directories", dirsMany)}
}

// scaleMemory is for the kernel's inodes and dentries and the daemon's.
func scaleMemory(s Sizes) int64 { return int64(s.Many) * 2 << 10 }

func scaleCase(name, where string, dirs int) Case {
	row := func(what, title string, u Unit) Row {
		return Row{Name: name + "-" + what, Title: "many files in " + where + ": " + title, Unit: u}
	}
	return Case{
		Name: name, Kind: Heavy, Once: true, memory: scaleMemory,
		Rows: []Row{
			row("few", "create, while few", Micros), row("create", "create", Micros), row("list", "list", Micros), row("stat", "stat", Micros),
			row("remove", "remove", Micros), row("memory", "daemon memory a file", Bytes),
		},
		run: func(j *Job) (map[string]float64, error) { return runScale(j, name, dirs) },
	}
}

// runScale takes nanoseconds a file for each step.
func runScale(j *Job, name string, dirs int) (map[string]float64, error) {
	values := map[string]float64{}
	var err error
	if values[name+"-few"], err = createFew(j, min(dirs, j.Sizes.Few/10)); err != nil {
		return nil, err
	}
	many, err := newPopulation(j, "many", j.Sizes.Many, dirs)
	if err != nil {
		return nil, err
	}
	before := residentBytes(j.Daemon)
	if values[name+"-create"], err = many.each(create); err != nil {
		return nil, err
	}
	if before > 0 {
		values[name+"-memory"] = float64(residentBytes(j.Daemon)-before) / float64(many.files)
	}
	if values[name+"-list"], err = many.list(); err != nil {
		return nil, err
	}
	if values[name+"-stat"], err = many.each(stat); err != nil {
		return nil, err
	}
	if values[name+"-remove"], err = many.each(unix.Unlink); err != nil {
		return nil, err
	}
	return values, os.RemoveAll(many.root)
}

// createFew is the median of several tries: a few files are soon made.
func createFew(j *Job, dirs int) (float64, error) {
	tries := make([]float64, 5)
	for i := range tries {
		few, err := newPopulation(j, "few", j.Sizes.Few, dirs)
		if err != nil {
			return 0, err
		}
		if tries[i], err = few.each(create); err != nil {
			return 0, err
		}
		if err := os.RemoveAll(few.root); err != nil {
			return 0, err
		}
	}
	return Median(tries), nil
}

// A population is numbered files, spread over directories.
type population struct {
	root        string
	files, dirs int
}

func newPopulation(j *Job, name string, files, dirs int) (*population, error) {
	root, err := j.freshDir(name)
	if err != nil {
		return nil, err
	}
	p := &population{root: root, files: files, dirs: dirs}
	for d := range dirs {
		if err := os.Mkdir(p.dir(d), 0o755); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *population) dir(d int) string { return filepath.Join(p.root, strconv.Itoa(d)) }

// each does something to every file, directory by directory.
func (p *population) each(do func(path string) error) (float64, error) {
	start := time.Now()
	for d := range p.dirs {
		prefix := p.dir(d) + "/file"
		for i := d * p.files / p.dirs; i < (d+1)*p.files/p.dirs; i++ {
			if err := do(prefix + strconv.Itoa(i)); err != nil {
				return 0, err
			}
		}
	}
	return float64(time.Since(start)) / float64(p.files), nil
}

func (p *population) list() (float64, error) {
	start, found := time.Now(), 0
	for d := range p.dirs {
		n, err := countNames(p.dir(d))
		if err != nil {
			return 0, err
		}
		found += n
	}
	elapsed := time.Since(start)
	if found != p.files {
		return 0, fmt.Errorf("list shows %d files of %d", found, p.files)
	}
	return float64(elapsed) / float64(p.files), nil
}

func countNames(dir string) (found int, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(1000)
		found += len(names)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
}

func create(path string) error {
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func stat(path string) error {
	var st unix.Stat_t
	return unix.Lstat(path, &st)
}
