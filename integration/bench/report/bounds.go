package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// A bound is what the project promises itself about a figure: a row's value on a system in what it is compared
// with, which is another row or another system.
type bound struct {
	title string
	rows  []string // of several the worst counts
	on    string   // system
	than  string   // row to compare with; "" is the same
	to    string   // system to compare with; "" is the same
	plain bool     // the value itself, compared with nothing

	limit   float64
	atLeast bool    // the figure is to reach the limit, not to stay below it
	beyond  float64 // what would be better still; 0 if there is nothing
	unit    string  // what the figure is; "" says which system it is compared with
	// size says that the bound is about full sizes only, scale that it is about load.Full.Many files.
	size, scale bool
	// beside are systems whose own figures help to read a miss, context is what else does.
	beside  []string
	context func(r *Results) string
}

// bounds are in the order they are reported in.
func bounds() []bound {
	return slices.Concat(directBounds(), scaleBounds(), sessionBounds(), optionBounds(), userBounds(), tieredBounds(), pressureBounds())
}

// directBounds are of root's plain mounts.
func directBounds() []bound {
	const direct, tmpfs = system.DirectUring, system.Tmpfs
	list := []bound{
		{title: "stat a missing name, io_uring", rows: one("stat-missing"), on: direct, to: system.Loopback, limit: 0.20},
		{title: "the same over /dev/fuse", rows: one("stat-missing"), on: system.DirectDev, to: system.Loopback, limit: 0.40, beyond: 0.20},
		{title: "create, write, close, unlink", rows: one("churn"), on: direct, to: system.Loopback, limit: 0.25},
		{title: "create, write, close, unlink", rows: one("churn"), on: direct, to: tmpfs, limit: 5, beyond: 3},
		{title: "O_TMPFILE, write, close", rows: one("tmpfile"), on: direct, to: tmpfs, limit: 4},
		{title: "O_TMPFILE, write, close", rows: one("tmpfile"), on: direct, to: system.Disk, limit: 1.3, beyond: 1},
		{title: "open, read, close", rows: one("open"), on: direct, to: system.Loopback, limit: 0.20},
	}
	for _, row := range []string{"read-4k", "write-4k", "read-100", "write-100"} {
		list = append(list, bound{title: "random " + row, rows: one(row), on: direct, to: tmpfs, limit: 1.15, beyond: 1})
	}
	for _, row := range []string{"seq-rewrite", "seq-read", "mmap-write"} {
		list = append(list, bound{title: row, rows: one(row), on: direct, to: tmpfs, limit: 1, beyond: 0.5})
	}
	list = append(list,
		bound{title: "unlink of a large file, until its space is free", rows: one("remove-freed"), on: direct, to: tmpfs, limit: 0.1, size: true},
		bound{title: "mediated random 4 KiB write", rows: one("write-4k"), on: system.MediatedUring, to: system.Loopback, limit: 0.35, beyond: 0.25})
	for _, row := range []string{"go-build", "make", "git-clone", "sort", "sqlite"} {
		list = append(list, bound{title: row, rows: one(row), on: direct, to: tmpfs, limit: 1.10, beyond: 1.03, size: true})
	}
	return append(list, bound{title: "tar -x of small files", rows: one("tar"), on: direct, to: tmpfs, limit: 2, beyond: 1.5, size: true})
}

// scaleBounds are of several processes and of very many files.
func scaleBounds() (list []bound) {
	for _, row := range []string{"stat-missing", "churn", "tmpfile", "open", "write-4k"} {
		list = append(list, bound{title: "2 processes: " + row, rows: one(row), on: system.DirectUring, than: load.Scaled(row, 2),
			limit: 1.6, atLeast: true, beyond: 1.9, unit: "x one process", beside: []string{system.Tmpfs}})
	}
	for _, name := range []string{load.ScaleOne, load.ScaleMany} {
		list = append(list,
			bound{title: name + ": rate of creation", rows: one(name + "-few"), on: system.DirectUring, than: name + "-create",
				limit: 0.8, atLeast: true, unit: "x the rate while few", scale: true},
			bound{title: name + ": daemon memory", rows: one(name + "-memory"), on: system.DirectUring, plain: true,
				limit: 600, beyond: 300, unit: "bytes a file", scale: true})
	}
	return list
}

// sessionBounds are of a session's whole time, in a namespace's.
func sessionBounds() []bound {
	return []bound{
		{title: "vanishfs run -- true, root", rows: one(load.SessionRoot), on: system.DirectUring, to: system.Tmpfs, limit: 4, unit: "x unshare -m true"},
		{title: "vanishfs run -- true, ordinary user", rows: one(load.SessionUser), on: system.User, to: system.Tmpfs, limit: 4, unit: "x unshare -mr true"},
	}
}

// Rows that options may not make slower.
var (
	dataRows = []string{"read-4k", "write-4k", "read-100", "write-100", "seq-write", "seq-rewrite", "seq-read", "mmap-write", "mmap-fresh"}
	nameRows = []string{"churn", "tmpfile", "open", "remove-freed"}
)

// optionBounds are of root's mounts with options, against one without any. With users at work it is one that lets others
// in, which by itself has more requests: what that takes without a limit stands beside it.
func optionBounds() (list []bound) {
	for _, name := range []string{system.RemoveClose, system.UserSize, system.UserSize10, system.UserSize100, system.SessionSize} {
		var beside []string
		if strings.HasPrefix(name, system.UserSize) {
			beside = []string{system.AllowOther}
		}
		list = append(list,
			bound{title: name + ": data, the worst row", rows: dataRows, on: name, to: system.DirectUring, limit: 1.10, size: true, beside: beside},
			bound{title: name + ": create, open, remove, the worst row", rows: nameRows, on: name, to: system.DirectUring, limit: 1.15, size: true, beside: beside})
	}
	return list
}

// userBounds are of an ordinary user's mounts.
func userBounds() (list []bound) {
	for _, name := range []string{system.User, system.UserMountDev} {
		for _, row := range []string{"seq-rewrite", "seq-read"} {
			list = append(list, bound{title: name + ": " + row, rows: one(row), on: name, to: system.Loopback, limit: 1, size: true})
		}
		list = append(list, bound{title: name + ": memory that a written file takes", rows: one(load.Footprint), on: name, plain: true,
			limit: 1.25, unit: "x its size", size: true})
		list = append(list, bound{title: name + ": write-4k", rows: one("write-4k"), on: name, to: system.Tmpfs, limit: 8})
	}
	return list
}

// tieredBounds are of the tiered store's speed and its use of the disk.
func tieredBounds() (list []bound) {
	for _, row := range []string{"read-4k", "write-4k", "read-100", "write-100", "seq-write", "seq-rewrite", "seq-read"} {
		list = append(list, bound{title: "tiered within memory: " + row, rows: one(row), on: system.Tiered, to: system.MediatedUring, limit: 1.15})
	}
	for _, row := range []string{"spill-write", "spill-read", "spill-write-direct", "spill-read-direct"} {
		list = append(list, bound{title: "tiered beyond memory: throughput of " + row, rows: one(row), on: system.Disk, to: system.TieredSpill,
			limit: 0.8, atLeast: true, unit: "x disk", size: true, context: limitsOf(row)})
	}
	return append(list, bound{title: "spill file after many changes", rows: one(load.Aging + "-disk"), on: system.TieredSpill, plain: true,
		limit: 1.5, unit: "x its data", size: true})
}

// pressureBounds are of small requests beside a busy writer, where nothing is spilled too: what its use of the CPUs does.
func pressureBounds() (list []bound) {
	for _, request := range load.PressureRequests {
		for _, what := range []string{"median", "mean"} {
			list = append(list, bound{title: "beside spilling: " + request + ", " + what, rows: one(load.PressureRow(request, "busy", what)),
				on: system.TieredSpill, than: load.PressureRow(request, "idle", what), limit: 2, unit: "x idle",
				beside: []string{system.Tiered, system.MediatedUring, system.Tmpfs}})
		}
	}
	return list
}

func one(row string) []string { return []string{row} }

// limitsOf is what disk and CPU can do.
func limitsOf(row string) func(*Results) string {
	return func(r *Results) string {
		disk, _ := r.value(row, system.Disk)
		return fmt.Sprintf("disk %.2f GB/s, one CPU seals %.2f GB/s", gigabytes(disk), gigabytes(r.Machine.Seal))
	}
}

// figure is what the bound is about, on the system or on another one, and the row it comes from. It is 0 if nothing
// of it was measured.
func (b *bound) figure(r *Results, on string) (figure float64, worst string) {
	for _, row := range b.rows {
		value, _ := r.value(row, on)
		base, ok := 1.0, true
		if !b.plain {
			base, ok = r.value(cmp.Or(b.than, row), cmp.Or(b.to, on))
		}
		if ok && value/base > figure {
			figure, worst = value/base, row
		}
	}
	return figure, worst
}

// explain says what helps to read the figure.
func (b *bound) explain(r *Results, worst string) string {
	var notes []string
	if len(b.rows) > 1 {
		notes = append(notes, worst)
	}
	for _, name := range b.beside {
		if figure, _ := b.figure(r, name); figure > 0 {
			notes = append(notes, fmt.Sprintf("%s: %.2f", name, figure))
		}
	}
	if b.context != nil {
		notes = append(notes, b.context(r))
	}
	return strings.Join(notes, ", ")
}
