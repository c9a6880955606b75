package report

import (
	"fmt"
	"slices"
	"strings"

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
	toMediated = "x " + system.MediatedUring
	toDirect   = "x " + system.DirectUring
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
	return slices.Concat(list, sessionBounds(), optionBounds(), tieredBounds())
}

// sessionBounds are of a session's whole time.
func sessionBounds() []bound {
	return []bound{
		{title: "vanishfs run -- true, root", measure: ratio(load.SessionRoot, system.DirectUring, system.Tmpfs), limit: 4, unit: "x unshare -m true"},
		{title: "vanishfs run -- true, ordinary user", measure: ratio(load.SessionUser, system.User, system.Tmpfs), limit: 4, unit: "x unshare -mr true"},
	}
}

// Rows that options may not make slower.
var (
	dataRows = []string{"read-4k", "write-4k", "read-100", "write-100", "seq-write", "seq-rewrite", "seq-read", "mmap-write", "mmap-fresh"}
	nameRows = []string{"churn", "tmpfile", "open", "remove-freed"}
)

// optionBounds are of what most people use: root's mounts with options against one without, and an ordinary user's.
func optionBounds() (list []bound) {
	for _, name := range []string{system.RemoveClose, system.UserSize, system.UserSize10, system.UserSize100, system.SessionSize} {
		for _, part := range []struct {
			title string
			rows  []string
			limit float64
		}{{"data", dataRows, 1.10}, {"create, open, remove", nameRows, 1.15}} {
			list = append(list, bound{title: name + ": " + part.title + ", the worst row", measure: worst(part.rows, name, system.DirectUring),
				limit: part.limit, unit: toDirect, size: true, context: worstRow(part.rows, name, system.DirectUring)})
		}
	}
	for _, name := range []string{system.User, system.UserMountDev} {
		for _, row := range []string{"seq-rewrite", "seq-read"} {
			list = append(list, bound{title: name + ": " + row, measure: ratio(row, name, system.Loopback), limit: 1, unit: toLoopback, size: true})
		}
		list = append(list, bound{title: name + ": write-4k", measure: ratio("write-4k", name, system.Tmpfs), limit: 8, unit: toTmpfs})
	}
	return list
}

// tieredBounds are those of the tiered store.
func tieredBounds() (list []bound) {
	for _, row := range []string{"read-4k", "write-4k", "read-100", "write-100", "seq-write", "seq-rewrite", "seq-read"} {
		list = append(list, bound{title: "tiered within memory: " + row, measure: ratio(row, system.Tiered, system.MediatedUring), limit: 1.15, unit: toMediated})
	}
	for _, row := range []string{"spill-write", "spill-read", "spill-write-direct", "spill-read-direct"} {
		list = append(list, bound{title: "tiered beyond memory: throughput of " + row, measure: ratio(row, system.Disk, system.TieredSpill),
			limit: 0.8, atLeast: true, unit: toDisk, size: true, context: limitsOf(row)})
	}
	list = append(list, bound{title: "spill file after many changes", measure: plain(load.Aging+"-disk", system.TieredSpill), limit: 1.5, unit: "x its data", size: true})
	for _, request := range load.PressureRequests {
		for _, what := range []string{"median", "mean"} {
			list = append(list, bound{title: "beside spilling: " + request + ", " + what, measure: pressure(request, what, system.TieredSpill),
				limit: 2, unit: "x idle", context: pressureElsewhere(request, what)})
		}
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

// worst is the largest of several rows' ratios.
func worst(rows []string, measured, reference string) func(*Results) (float64, bool) {
	return func(r *Results) (float64, bool) {
		_, figure := r.worst(rows, measured, reference)
		return figure, figure > 0
	}
}

func worstRow(rows []string, measured, reference string) func(*Results) string {
	return func(r *Results) string {
		row, _ := r.worst(rows, measured, reference)
		return row
	}
}

func (r *Results) worst(rows []string, measured, reference string) (row string, figure float64) {
	for _, candidate := range rows {
		if found, ok := ratio(candidate, measured, reference)(r); ok && found > figure {
			row, figure = candidate, found
		}
	}
	return row, figure
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

// pressure is how many times as long a request takes beside a busy writer.
func pressure(request, what, measured string) func(*Results) (float64, bool) {
	return func(r *Results) (float64, bool) {
		busy, okA := r.value(load.PressureRow(request, "busy", what), measured)
		idle, okB := r.value(load.PressureRow(request, "idle", what), measured)
		return busy / idle, okA && okB
	}
}

// pressureElsewhere is the same where nothing is spilled: what the writer's use of the CPUs does.
func pressureElsewhere(request, what string) func(*Results) string {
	return func(r *Results) string {
		var found []string
		for _, name := range []string{system.Tiered, system.MediatedUring, system.Tmpfs} {
			if figure, ok := pressure(request, what, name)(r); ok {
				found = append(found, fmt.Sprintf("%s %.2f", name, figure))
			}
		}
		return strings.Join(found, ", ")
	}
}

// limitsOf is what disk and CPU can do.
func limitsOf(row string) func(*Results) string {
	return func(r *Results) string {
		disk, _ := r.value(row, system.Disk)
		return fmt.Sprintf("disk %.2f GB/s, one CPU seals %.2f GB/s", gigabytes(disk), gigabytes(r.Machine.Seal))
	}
}
