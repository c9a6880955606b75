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

// A Case is measured in one go and yields one row or several.
type Case struct {
	Name string
	Rows []Row
	// Heavy cases are not worth the time on every system.
	Heavy bool
	// Session is the case of starting and ending a session: no agent's work.
	Session bool
	// Long cases are measured once in a quick run, without a warm-up.
	Long bool
	// Once is for cases that are measured once in every run.
	Once bool

	operation string // for worker processes
	procs     int
	run       func(j *Job) (map[string]float64, error) // in the agent, without an operation
}

// Cases are all cases, in the order of the report.
func Cases() []Case {
	var cases []Case
	for _, procs := range []int{1, 2, 4} {
		for _, o := range operations {
			if procs == 1 || !o.alone {
				cases = append(cases, o.asCase(procs))
			}
		}
	}
	cases = append(cases, programs...)
	cases = append(cases, Case{Name: "session", Session: true,
		Rows: []Row{{Name: "session", Title: "vanishfs run -- true; unshare -m true", Unit: Millis}}})
	return append(cases, scaleCases()...)
}

// Scaled is the name of a small operation's row for a number of processes.
func Scaled(name string, procs int) string {
	if procs == 1 {
		return name
	}
	return name + "-x" + strconv.Itoa(procs)
}

func (o operation) asCase(procs int) Case {
	row := Row{Name: Scaled(o.name, procs), Title: o.title, Unit: o.unit}
	if procs > 1 {
		row.Title += ", " + strconv.Itoa(procs) + " processes"
	}
	return Case{Name: row.Name, Rows: []Row{row}, operation: o.name, procs: procs}
}

func findCase(name string) (Case, bool) {
	cases := Cases()
	i := slices.IndexFunc(cases, func(c Case) bool { return c.Name == name })
	if i < 0 {
		return Case{}, false
	}
	return cases[i], true
}
