package load

import (
	"slices"
	"strconv"
)

// A Row is one line of the result.
type Row struct {
	Name  string // as --rows takes it
	Title string
	Unit  Unit
}

// A Kind is a set of cases: what systems take part in.
type Kind int

const (
	// Ordinary cases fit in memory.
	Ordinary Kind = 1 << iota
	// Basic cases are small operations, of one process at a time.
	Basic
	// Heavy cases are not worth the time on every system.
	Heavy
	// Beyond cases work on more than the memory that a system may use; what they measure is the disk.
	Beyond
	// Latency cases take the latency of small requests beside a process that writes at full speed.
	Latency
	// LongTerm cases change files for a long time.
	LongTerm
)

// A Case is measured in one go and yields one row or several.
type Case struct {
	Name string
	Rows []Row
	Kind Kind
	// Own cases are what a system does itself, without an agent.
	Own bool
	// Long cases are programs with their inputs: measured once in a quick run, without a warm-up.
	Long bool
	// Once is for cases that are measured once in every run.
	Once bool

	// memory is how much the case takes from the kernel at a time, bytes.
	memory func(s Sizes) int64

	operation string // for worker processes
	procs     int
	run       func(j *Job) (map[string]float64, error) // in the agent, without an operation
}

// Cases are all cases, in the order of the report.
func Cases() []Case {
	var cases []Case
	for _, o := range operations {
		kind := Basic
		if o.plain {
			kind = Ordinary
		}
		cases = append(cases, o.asCase(kind, 1))
	}
	for _, procs := range []int{2, 4} {
		for _, o := range operations {
			if !o.alone {
				cases = append(cases, o.asCase(Ordinary, procs))
			}
		}
	}
	cases = append(cases, programs...)
	cases = append(cases, ownCases...)
	cases = append(cases, footprintCase())
	cases = append(cases, scaleCases()...)
	for _, o := range beyondOperations {
		cases = append(cases, o.asCase(Beyond, 1))
	}
	return append(cases, pressureCase(), agingCase())
}

// Scaled is the name of a small operation's row for a number of processes.
func Scaled(name string, procs int) string {
	if procs == 1 {
		return name
	}
	return name + "-x" + strconv.Itoa(procs)
}

func (o operation) asCase(kind Kind, procs int) Case {
	row := Row{Name: Scaled(o.name, procs), Title: o.title, Unit: o.unit}
	if procs > 1 {
		row.Title += ", " + strconv.Itoa(procs) + " processes"
	}
	return Case{Name: row.Name, Rows: []Row{row}, Kind: kind, memory: o.memory, operation: o.name, procs: procs}
}

// Counted reports whether requests are counted: of small steps, by one process.
func (c *Case) Counted() bool {
	return c.operation != "" && c.Kind == Basic && c.Rows[0].Unit == Micros && c.memory == nil
}

// Memory is how much the case takes from the kernel at a time, bytes.
func (c *Case) Memory(s Sizes) int64 {
	if c.memory == nil {
		return 0
	}
	return c.memory(s)
}

func findCase(name string) (Case, bool) {
	cases := Cases()
	i := slices.IndexFunc(cases, func(c Case) bool { return c.Name == name })
	if i < 0 {
		return Case{}, false
	}
	return cases[i], true
}
