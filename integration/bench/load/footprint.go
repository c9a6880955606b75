package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Footprint is the case of how much memory written data takes in all: the filesystem's own, and what the kernel
// caches above it.
const Footprint = "footprint"

func footprintCase() Case {
	return Case{Name: Footprint, Kind: Basic, Once: true, memory: removeMemory, run: runFootprint,
		Rows: []Row{{Name: Footprint, Title: "memory that a written file takes, in its size", Unit: Times}}}
}

// doubled is what nothing is left of once what is held twice is dropped.
const doubled = 1.05

// runFootprint writes a file and gives the system a while to drop what it holds twice: the time until then is no
// part of the figure. It knows the whole machine's memory only, which others use too.
func runFootprint(j *Job) (value map[string]float64, err error) {
	before, err := freeMemory()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(filepath.Join(j.Dir, "written"), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unix.Unlink(filepath.Join(j.Dir, "written")), unix.Close(fd)) }()
	if err := overwrite(fd, j.Sizes.Remove); err != nil {
		return nil, err
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(j.Sizes.Settle); ; <-look.C {
		now, err := freeMemory()
		if err != nil {
			return nil, err
		}
		times := float64(before-now) / float64(j.Sizes.Remove)
		if times < doubled || time.Now().After(deadline) {
			return map[string]float64{Footprint: times}, nil
		}
	}
}

// freeMemory is MemFree of /proc/meminfo, bytes: what is not even a cache.
func freeMemory() (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	_, after, _ := bytes.Cut(data, []byte("\nMemFree:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0, fmt.Errorf("no MemFree in /proc/meminfo")
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return kib << 10, err
}
