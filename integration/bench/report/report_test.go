package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// made is results with every row, at the given times tmpfs's by system.
func made(ratios map[string]float64) *Results {
	r := &Results{Rounds: 3, Files: load.Full.Many}
	for _, s := range system.All {
		r.Systems = append(r.Systems, System{Name: s.Name, Title: s.Title})
	}
	for _, c := range load.Cases() {
		for _, row := range c.Rows {
			added := r.AddRow(row, c.Kind)
			for name, ratio := range ratios {
				for _, noise := range []float64{90, 100, 5000} {
					added.Add(name, noise*ratio)
				}
			}
		}
	}
	r.Finish()
	return r
}

func TestMediansAndRatios(t *testing.T) {
	r := made(map[string]float64{system.Tmpfs: 1, system.DirectUring: 3})
	cell := r.Rows[0].Cells[system.DirectUring]
	if cell.Median != 300 || cell.Ratio != 3 {
		t.Errorf("median %v, ratio %v; want 300 and 3", cell.Median, cell.Ratio)
	}
}

func TestBounds(t *testing.T) {
	all := made(map[string]float64{system.Tmpfs: 1, system.Disk: 3, system.Loopback: 20, system.DirectUring: 3, system.DirectDev: 9, system.MediatedUring: 6,
		system.Tiered: 6.6, system.TieredSpill: 3.5,
		system.User: 6, system.UserMountDev: 9, system.RemoveClose: 3.2, system.UserSize: 3.4, system.UserSize10: 6, system.UserSize100: 6, system.SessionSize: 6})
	if len(all.Verdicts) != len(bounds()) {
		t.Errorf("%d verdicts on %d bounds", len(all.Verdicts), len(bounds()))
	}
	for _, c := range []struct{ title, bound, met string }{
		{"stat a missing name, io_uring", "at most 0.2 x go-fuse", "yes"},
		{"the same over /dev/fuse", "at most 0.4 x go-fuse", "NO"},
		{"create, write, close, unlink", "at most 5 x tmpfs", "beyond"},
		{"tar -x of small files", "at most 2 x tmpfs", "NO"},
		{"2 processes: churn", "at least 1.6 x one process", "NO"},
		{"tiered within memory: write-4k", "at most 1.15 x mediated+uring", "yes"},
		{"tiered beyond memory: throughput of spill-write", "at least 0.8 x disk", "yes"},
		{"remove-close: data, the worst row", "at most 1.1 x direct+uring", "yes"},
		{"user-size: create, open, remove, the worst row", "at most 1.15 x direct+uring", "yes"},
		{"user-size: data, the worst row", "at most 1.1 x direct+uring", "NO"},
		{"user-mount+dev: write-4k", "at most 8 x tmpfs", "NO"},
		{"beside spilling: life, mean", "at most 2 x idle", "yes"},
	} {
		if !hasVerdict(all, c.title, c.bound, c.met) {
			t.Errorf("%s %s is not %q: %+v", c.title, c.bound, c.met, all.Verdicts)
		}
	}
}

// TestUnmeasuredIsNotJudged: no figure, no verdict.
func TestUnmeasuredIsNotJudged(t *testing.T) {
	r := made(map[string]float64{system.Tmpfs: 1})
	if len(r.Verdicts) != 0 {
		t.Errorf("verdicts without vanishfs: %+v", r.Verdicts)
	}
}

func TestQuickSaysNothingAboutFullSizes(t *testing.T) {
	r := made(map[string]float64{system.Tmpfs: 1, system.DirectUring: 1})
	r.Quick = true
	r.Finish()
	if !hasVerdict(r, "tar -x of small files", "at most 2 x tmpfs", "- (about full sizes)") {
		t.Errorf("%+v", r.Verdicts)
	}
}

func hasVerdict(r *Results, title, bound, met string) bool {
	for _, v := range r.Verdicts {
		if v.Title == title && v.Bound == bound {
			return v.Met == met
		}
	}
	return false
}

func TestTableSaysWhatIsMissing(t *testing.T) {
	r := made(map[string]float64{system.Tmpfs: 1, system.DirectDev: 2})
	r.Systems[0].LeftOut = "asked for uring, got dev"
	r.Rows[2].Fail(system.DirectDev, "not supported")
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"left out: asked for uring, got dev", "no tmpfile on direct+dev: not supported", "0.20 (2.00)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestTableIsInTwoParts: a system that spills has a column only beside its rows.
func TestTableIsInTwoParts(t *testing.T) {
	r := &Results{Systems: []System{{Name: system.Tmpfs}, {Name: system.TieredSpill}, {Name: system.Disk}}}
	inMemory := r.AddRow(load.Row{Name: "churn"}, load.Ordinary)
	inMemory.Add(system.Tmpfs, 1000)
	inMemory.Add(system.Disk, 4000)
	spilled := r.AddRow(load.Row{Name: "spill-random"}, load.Beyond)
	spilled.Add(system.TieredSpill, 6000)
	spilled.Add(system.Disk, 2000)
	r.Finish()
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.Fields(line))
	}
	for _, want := range []string{"row unit tmpfs disk", "churn µs 1.00 4.00 (4.00)", "row unit tiered-spill disk", "spill-random µs 6.00 (3.00) 2.00"} {
		if !slices.ContainsFunc(lines, func(line []string) bool { return strings.Join(line, " ") == want }) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestRequests: a figure reads as requests times round trips, and only where requests were counted.
func TestRequests(t *testing.T) {
	r := &Results{Systems: []System{{Name: system.Tmpfs}, {Name: system.DirectUring}, {Name: system.DirectDev}}, Machine: Machine{RoundTrip: 2000}}
	row := r.AddRow(load.Row{Name: "churn"}, load.Basic)
	row.Add(system.Tmpfs, 6000)
	row.Add(system.DirectUring, 40_000)
	row.Count(system.DirectUring, 4.97)
	row.Add(system.DirectDev, 40_000)
	row.Count(system.DirectDev, 0.02)
	r.Finish()
	var b bytes.Buffer
	if err := r.writeRequests(&b); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Fields(b.String()), "churn µs 5 x 4.0 0"; !strings.HasSuffix(strings.Join(got, " "), want) {
		t.Errorf("no %q at the end of\n%s", want, b.String())
	}
}

func TestChartIsXML(t *testing.T) {
	for _, ratios := range []map[string]float64{{}, {system.Tmpfs: 1}, {system.Tmpfs: 1, system.DirectUring: 0.02, system.Loopback: 80}} {
		var b bytes.Buffer
		if err := made(ratios).WriteChart(&b); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("not a number in the chart of %v", ratios)
		}
		for decoder := xml.NewDecoder(&b); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestJSONCarriesSamples(t *testing.T) {
	data, err := json.Marshal(made(map[string]float64{system.Tmpfs: 1}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name":"stat-missing"`, `"values":"ns per operation"`, `"samples":[90,100,5000]`, `"median":100`} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
}
