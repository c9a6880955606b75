package report

import (
	"fmt"
	"io"
	"math"
	"slices"

	"vanishfs/integration/bench/load"
)

// writeRequests prints how many requests a step takes and how long each is, in round trips through pipes: a
// figure that says the same on every machine.
func (r *Results) writeRequests(to io.Writer) error {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row *Row) bool {
		return !slices.ContainsFunc(r.Systems, func(s System) bool { return row.requests(s.Name) > 0 })
	})
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(to, "\nrequests of a step x the time of each in round trips of a byte through pipes between two processes on one CPU, %s µs here\n",
		load.Micros.Format(r.Machine.RoundTrip))
	columns := slices.DeleteFunc(slices.Clone(r.Systems), func(s System) bool {
		return !slices.ContainsFunc(rows, func(row *Row) bool { return row.Cells[s.Name].counted() })
	})
	return writeRows(to, rows, columns, r.showRequests)
}

// requests is how many requests a step takes, to a tenth: what comes now and then, as a FUSE entry's new validation does,
// counts for nothing.
func (r *Row) requests(name string) float64 {
	if c := r.Cells[name]; c.counted() {
		return max(math.Round(*c.Requests*10), 0) / 10
	}
	return 0
}

// counted reports whether requests were counted.
func (c *Cell) counted() bool { return c != nil && c.Requests != nil }

func (r *Results) showRequests(row *Row, name string) string {
	requests := row.requests(name)
	switch {
	case !row.Cells[name].counted():
		return ""
	case requests <= 0:
		return "0"
	case r.Machine.RoundTrip == 0:
		return fmt.Sprintf("%g", requests)
	}
	return fmt.Sprintf("%g x %.1f", requests, row.Cells[name].Median/requests/r.Machine.RoundTrip)
}
