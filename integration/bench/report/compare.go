package report

import (
	"fmt"
	"io"
	"math"
	"slices"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// A Comparison is a row on a system with two binaries, which were measured in turn.
type Comparison struct {
	Row    string `json:"row"`
	System string `json:"system"`
	// Ratio is the median over the rounds of the new binary's time in the old one's, Least and Most the ends.
	Ratio  float64 `json:"ratio"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
	Rounds int     `json:"rounds"`
	Change Change  `json:"change"`
}

// A Change is what a comparison found: more than noise, or not.
type Change string

const (
	Slower Change = "slower"
	Same   Change = "same"
	Faster Change = "faster"
)

// marks stand behind a figure in the table.
var marks = map[Change]string{Slower: "!", Same: " ", Faster: "+"}

const (
	noticeable   = 0.05 // the least difference that counts as one
	fewestRounds = 3    // fewer show nothing
	contrary     = 1    // rounds that may say the opposite, of any number
)

// Compare compares the rounds that both binaries have of a row; without any, or after a failure, it says nothing.
// A change is one if the median shows it noticeably and all rounds but one agree.
func (r *Row) Compare(name string) (c Comparison, ok bool) {
	now, old := r.Cells[name], r.Cells[system.OlderName(name)]
	if r.Unit == load.Times || r.Unit == load.Count || !now.complete() || !old.complete() {
		return c, false
	}
	n := min(len(now.Samples), len(old.Samples))
	ratios := make([]float64, 0, n)
	for i := range n {
		if old.Samples[i] > 0 {
			ratios = append(ratios, now.Samples[i]/old.Samples[i])
		}
	}
	if n = len(ratios); n == 0 {
		return c, false
	}
	slices.Sort(ratios)
	c = Comparison{Row: r.Name, System: name, Ratio: load.Median(ratios), Least: ratios[0], Most: ratios[n-1], Rounds: n, Change: Same}
	switch {
	case n < fewestRounds:
	case c.Ratio > 1+noticeable && ratios[contrary] > 1:
		c.Change = Slower
	case c.Ratio < 1-noticeable && ratios[n-1-contrary] < 1:
		c.Change = Faster
	}
	return c, true
}

// compareAll compares what two binaries were measured on.
func (r *Results) compareAll() (all []Comparison) {
	for _, row := range r.Rows {
		for _, s := range r.Systems {
			if c, ok := row.Compare(s.Name); ok {
				all = append(all, c)
			}
		}
	}
	return all
}

// WriteComparison prints a line for each row, with the new binary's median on each system and how many times
// the older one's it is, and the changes again with their spread.
func (r *Results) WriteComparison(to io.Writer) error {
	fmt.Fprintf(to, "%s\nmedians of the new binary; in brackets how many times as long as the older binary, round by round\n", r.Machine)
	columns := slices.DeleteFunc(slices.Clone(r.Systems), func(s System) bool { return s.Older })
	if err := writeRows(to, r.Rows, columns, (*Row).showComparison); err != nil {
		return err
	}
	for _, change := range []Change{Slower, Faster} {
		fmt.Fprintf(to, "\n%s (%s):\n", change, marks[change])
		for _, c := range r.Comparisons {
			if c.Change == change {
				fmt.Fprintf(to, "  %s on %s: %.3f, from %.3f to %.3f in %d rounds\n", c.Row, c.System, c.Ratio, c.Least, c.Most, c.Rounds)
			}
		}
	}
	r.writeOtherRequests(to)
	return r.writeNotes(to)
}

func (r *Row) showComparison(name string) string {
	c, ok := r.Compare(name)
	if !ok {
		return r.show(name)
	}
	return fmt.Sprintf("%s (%.2f)%s", r.Unit.Format(r.Cells[name].Median), c.Ratio, marks[c.Change])
}

// otherRequests is a difference that chance does not make: a step asks or does not ask.
const otherRequests = 0.4

// writeOtherRequests prints where a step takes another number of requests. Noise has little part in it: what is sent in the
// background, as RELEASE is, can make another one necessary or not.
func (r *Results) writeOtherRequests(to io.Writer) {
	fmt.Fprint(to, "\nother requests:\n")
	for _, row := range r.Rows {
		for _, s := range r.Systems {
			now, old := row.Cells[s.Name], row.Cells[system.OlderName(s.Name)]
			if now.counted() && old.counted() && math.Abs(*now.Requests-*old.Requests) > otherRequests {
				fmt.Fprintf(to, "  %s on %s: %g, was %g\n", row.Name, s.Name, row.requests(s.Name), row.requests(system.OlderName(s.Name)))
			}
		}
	}
}
