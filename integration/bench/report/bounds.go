package report

import (
	"fmt"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// A bound is what the project promises itself about a figure.
type bound struct {
	title   string
	measure func(r *Results) (float64, bool)
	limit   float64
	atLeast bool    // the figure is to reach the limit, not to stay below it
	beyond  float64 // what would be better still; 0 if there is nothing
	unit    string  // what the figure is
	// size says that the bound is about full sizes only, scale that it is about load.Full.Many files.
	size, scale bool
	// context adds what helps to read a miss.
	context func(r *Results) string
}

const (
	toTmpfs    = "x tmpfs"
	toLoopback = "x go-fuse"
	toDisk     = "x disk"
)

// bounds are in the order they are reported in.
func bounds() []bound {
	direct := system.DirectUring
	list := []bound{
		{title: "stat a missing name, io_uring", measure: ratio("stat-missing", direct, system.Loopback), limit: 0.20, unit: toLoopback},
		{title: "the same over /dev/fuse", measure: ratio("stat-missing", system.DirectDev, system.Loopback), limit: 0.40, beyond: 0.20, unit: toLoopback},
		{title: "create, write, close, unlink", measure: ratio("churn", direct, system.Loopback), limit: 0.25, unit: toLoopback},
		{title: "create, write, close, unlink", measure: ratio("churn", direct, system.Tmpfs), limit: 5, beyond: 3, unit: toTmpfs},
		{title: "O_TMPFILE, write, close", measure: ratio("tmpfile", direct, system.Tmpfs), limit: 4, unit: toTmpfs},
		{title: "O_TMPFILE, write, close", measure: ratio("tmpfile", direct, system.Disk), limit: 1.3, beyond: 1, unit: toDisk},
		{title: "open, read, close", measure: ratio("open", direct, system.Loopback), limit: 0.20, unit: toLoopback},
	}
	for _, row := range []string{"read-4k", "write-4k", "read-100", "write-100"} {
		list = append(list, bound{title: "random " + row, measure: ratio(row, direct, system.Tmpfs), limit: 1.15, beyond: 1, unit: toTmpfs})
	}
	for _, row := range []string{"seq-rewrite", "seq-read", "mmap-write"} {
		list = append(list, bound{title: row, measure: ratio(row, direct, system.Tmpfs), limit: 1, beyond: 0.5, unit: toTmpfs})
	}
	list = append(list,
		bound{title: "unlink of a large file, until its space is free", measure: ratio("remove-freed", direct, system.Tmpfs), limit: 0.1, unit: toTmpfs, size: true},
		bound{title: "mediated random 4 KiB write", measure: ratio("write-4k", system.MediatedUring, system.Loopback), limit: 0.35, beyond: 0.25, unit: toLoopback})
	for _, row := range []string{"go-build", "make", "git-clone", "sort", "sqlite"} {
		list = append(list, bound{title: row, measure: ratio(row, direct, system.Tmpfs), limit: 1.10, beyond: 1.03, unit: toTmpfs, size: true})
	}
	list = append(list, bound{title: "tar -x of small files", measure: ratio("tar", direct, system.Tmpfs), limit: 2, beyond: 1.5, unit: toTmpfs, size: true})
	for _, row := range []string{"stat-missing", "churn", "tmpfile", "open", "write-4k"} {
		list = append(list, bound{title: "2 processes: " + row, measure: speedup(row, direct), limit: 1.6, atLeast: true, beyond: 1.9,
			unit: "x one process", context: speedupOfTmpfs(row)})
	}
	for _, name := range []string{load.ScaleOne, load.ScaleMany} {
		list = append(list,
			bound{title: name + ": rate of creation", measure: slowdown(name), limit: 0.8, atLeast: true, unit: "x the rate while few", scale: true},
			bound{title: name + ": daemon memory", measure: plain(name+"-memory", direct), limit: 600, beyond: 300, unit: "bytes a file", scale: true})
	}
	return list
}

// ratio is how many times a row takes one system what it takes the other.
func ratio(row, measured, reference string) func(*Results) (float64, bool) {
	return func(r *Results) (float64, bool) {
		a, okA := r.value(row, measured)
		b, okB := r.value(row, reference)
		return a / b, okA && okB
	}
}

func plain(row, measured string) func(*Results) (float64, bool) {
	return func(r *Results) (float64, bool) { return r.value(row, measured) }
}

// speedup is the throughput of two processes in that of one.
func speedup(row, measured string) func(*Results) (float64, bool) {
	return func(r *Results) (float64, bool) {
		one, okA := r.value(row, measured)
		two, okB := r.value(load.Scaled(row, 2), measured)
		return one / two, okA && okB
	}
}

func speedupOfTmpfs(row string) func(*Results) string {
	return func(r *Results) string {
		own, ok := speedup(row, system.Tmpfs)(r)
		if !ok {
			return ""
		}
		return fmt.Sprintf("tmpfs itself: %.2f", own)
	}
}

// slowdown is the rate of creating very many files in that of creating few.
func slowdown(name string) func(*Results) (float64, bool) {
	return func(r *Results) (float64, bool) {
		few, okA := r.value(name+"-few", system.DirectUring)
		many, okB := r.value(name+"-create", system.DirectUring)
		return few / many, okA && okB
	}
}
