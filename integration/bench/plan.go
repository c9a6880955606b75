package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// A plan is what to measure, and how thoroughly.
type plan struct {
	scratch  string // directory of the run's own, on the disk
	source   string // the module's directory
	out      string // where the results go
	vanishfs string // a built binary to measure instead
	against  string // an older built binary to compare with
	quick    bool
	rounds   int
	sample   time.Duration
	sizes    load.Sizes
	scope    load.Scope
	cases    []load.Case
	systems  []system.System
}

// parsePlan reads the flags. With an error the plan has no more than the scratch directory.
func parsePlan(args []string) (*plan, error) {
	p := &plan{sizes: load.Full, scope: load.FullScope}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&p.scratch, "scratch", "", "directory to work in and to remove at the end; scripts/bench makes it")
	flags.StringVar(&p.source, "source", ".", "the module, to build; scripts/bench says where it is")
	flags.StringVar(&p.out, "out", ".", "directory for bench.json and bench.svg")
	flags.StringVar(&p.vanishfs, "vanishfs", "", "measure this built binary instead of building one")
	flags.StringVar(&p.against, "against", "", "compare with this older built binary: the same systems with both, in turn")
	flags.BoolVar(&p.quick, "quick", false, "small sizes, three short rounds, one try of the programs: about 3 minutes")
	flags.IntVar(&p.rounds, "rounds", 0, "rounds after the warm-up (default 5, or 3 with --quick)")
	flags.DurationVar(&p.sample, "sample", 0, "time for one sample of a small operation (default 300ms, or 15ms with --quick,\n30ms with --against too)")
	files := flags.Int("files", 0, "files of the scale rows (default 1000000, or 5000 with --quick)")
	rows := flags.String("rows", "", "measure only these cases: names or patterns with *, separated by commas")
	systems := flags.String("systems", "", "measure only these systems, likewise")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return p, err
	} else if err != nil {
		return p, errReported
	}
	if p.scratch == "" || flags.NArg() > 0 {
		return p, errors.New("start scripts/bench; --help lists the flags")
	}
	p.thoroughness()
	if *files > 0 {
		p.sizes.Many, p.sizes.Few = *files, min(p.sizes.Few, *files)
	}
	return p, p.choose(*rows, *systems)
}

// comparedSystems are those that two binaries are compared on, unless others are asked for: both planes, both
// transports, both users, and the options that are easily on another plane than they were.
var comparedSystems = strings.Join([]string{system.DirectUring, system.DirectDev, system.MediatedUring, system.MediatedDev, system.User, system.RemoveClose, system.UserSize}, ",")

// thoroughness fills in what was not given.
func (p *plan) thoroughness() {
	rounds, sample := 5, 300*time.Millisecond
	if p.quick {
		rounds, sample = 3, 15*time.Millisecond
		p.sizes, p.scope = load.Quick, load.QuickScope
	}
	if p.quick && p.against != "" {
		rounds, sample = 5, 30*time.Millisecond
	}
	if p.rounds <= 0 {
		p.rounds = rounds
	}
	if p.sample <= 0 {
		p.sample = sample
	}
}

func (p *plan) choose(rows, systems string) error {
	for _, c := range load.Cases() {
		if matches(rows, c.Name) {
			p.cases = append(p.cases, c)
		}
	}
	for _, s := range system.All {
		switch {
		case p.quick && s.Thorough && systems == "":
		case p.against == "" && matches(systems, s.Name):
			p.systems = append(p.systems, s)
		case p.against != "" && s.Ours && matches(cmp.Or(systems, comparedSystems), s.Name):
			p.systems = append(p.systems, s, s.Older())
		}
	}
	if len(p.cases) == 0 || len(p.systems) == 0 {
		return fmt.Errorf("--rows or --systems leaves nothing to measure; --help lists the names")
	}
	return nil
}

// matches is true without patterns.
func matches(patterns, name string) bool {
	if patterns == "" {
		return true
	}
	for pattern := range strings.SplitSeq(patterns, ",") {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

func usage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprint(w, `usage: scripts/bench [flags]

Measures vanishfs beside other filesystems. As root it measures everything;
an ordinary user goes without passthrough and io_uring's switch.

  scripts/bench --quick                                   a look
  scripts/bench --quick --against /tmp/vanishfs.before    is anything slower than before?
  scripts/bench --rows churn,'seq-*' --systems tmpfs,direct+uring,remove-close

`)
	flags.PrintDefaults()
	fmt.Fprint(w, "\nsystems:\n")
	for _, s := range system.All {
		fmt.Fprintf(w, "  %-24s %s\n", s.Name, s.Title)
	}
	fmt.Fprint(w, "\nrows (-x2 and -x4: as many processes):\n")
	for _, c := range load.Cases() {
		fmt.Fprintf(w, "  %-24s %s\n", c.Name, c.Rows[0].Title)
	}
}

// below is a path in the scratch directory.
func (p *plan) below(names ...string) string {
	return filepath.Join(append([]string{p.scratch}, names...)...)
}

func (p *plan) resultsFile() string { return filepath.Join(p.out, "bench.json") }

func (p *plan) chartFile() string { return filepath.Join(p.out, "bench.svg") }
