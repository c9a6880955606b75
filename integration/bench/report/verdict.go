package report

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"vanishfs/integration/bench/load"
)

// A Verdict is a bound and what came of it.
type Verdict struct {
	Title    string  `json:"title"`
	Bound    string  `json:"bound"`
	Measured float64 `json:"measured,omitempty"`
	Met      string  `json:"met"` // yes, no, beyond, or why it cannot be said
	Context  string  `json:"context,omitempty"`
}

func (r *Results) judge() []Verdict {
	var verdicts []Verdict
	for _, b := range bounds() {
		if v, ok := b.judge(r); ok {
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

// judge says nothing about a bound whose rows were not measured.
func (b *bound) judge(r *Results) (Verdict, bool) {
	sign := "at most"
	if b.atLeast {
		sign = "at least"
	}
	figure, worst := b.figure(r, b.on)
	if figure == 0 {
		return Verdict{}, false
	}
	v := Verdict{Title: b.title, Bound: fmt.Sprintf("%s %g %s", sign, b.limit, cmp.Or(b.unit, "x "+b.to)), Measured: figure, Context: b.explain(r, worst)}
	switch {
	case b.size && r.Quick:
		v.Met = "- (about full sizes)"
	case b.scale && r.Files < load.Full.Many:
		v.Met = fmt.Sprintf("- (about %d files)", load.Full.Many)
	case b.beyond != 0 && b.holds(figure, b.beyond):
		v.Met = "beyond"
	case b.holds(figure, b.limit):
		v.Met = "yes"
	default:
		v.Met = "NO"
	}
	return v, true
}

func (b *bound) holds(figure, limit float64) bool {
	if b.atLeast {
		return figure >= limit
	}
	return figure <= limit
}

// WriteBounds prints a line for each bound that could be judged.
func (r *Results) WriteBounds(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bound\t\tmeasured\tmet\t")
	for _, v := range r.Verdicts {
		fmt.Fprintf(w, "%s\t%s\t%.3g\t%s\t%s\n", v.Title, v.Bound, v.Measured, v.Met, v.Context)
	}
	return w.Flush()
}
