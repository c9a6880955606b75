// Package report shows what the benchmark measured: as a table, checked
// against the bounds that the project has set itself, as JSON and as a chart.
package report

import (
	"encoding/json"
	"io"
	"time"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// Results are everything that one run found out.
type Results struct {
	Time     time.Time `json:"time"`
	Machine  Machine   `json:"machine"`
	Rounds   int       `json:"rounds"`
	Quick    bool      `json:"quick"` // smaller sizes: bounds are not about them
	Files    int       `json:"files"` // of the scale rows
	Systems  []System  `json:"systems"`
	Rows     []*Row    `json:"rows"`
	Verdicts []Verdict `json:"bounds"`
	// Comparisons are of two binaries, if the run is about that.
	Comparisons []Comparison `json:"comparisons,omitempty"`
}

// A System is a column of the table.
type System struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Older   bool   `json:"older,omitempty"` // the older binary of a comparison
	Note    string `json:"note,omitempty"`
	LeftOut string `json:"left_out,omitempty"` // why it was not measured
}

// A Row has a cell for every system it was measured on.
type Row struct {
	load.Row
	Kind  load.Kind
	Base  string           // the system that ratios refer to
	Cells map[string]*Cell `json:"systems"`
}

// A Cell is one row on one system.
type Cell struct {
	Median  float64   `json:"median"`
	Ratio   float64   `json:"ratio,omitempty"`
	Samples []float64 `json:"samples,omitempty"`
	// Requests is how many of FUSE's a step takes; nil if nobody counted.
	Requests *float64 `json:"requests,omitempty"`
	Missing  string   `json:"missing,omitempty"` // why there is no value
}

// MarshalJSON says what the values count.
func (r *Row) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"name": r.Name, "title": r.Title, "values": r.Unit.Raw(), "ratio_to": r.Base, "systems": r.Cells})
}

// Base is the system that ratios refer to in cases of a kind.
func Base(kind load.Kind) string {
	if kind == load.Beyond {
		return system.Disk
	}
	return system.Tmpfs
}

// AddRow appends a row without cells.
func (r *Results) AddRow(row load.Row, kind load.Kind) *Row {
	added := &Row{Row: row, Kind: kind, Base: Base(kind), Cells: map[string]*Cell{}}
	r.Rows = append(r.Rows, added)
	return added
}

// Add adds a sample.
func (r *Row) Add(system string, sample float64) {
	cell := r.cell(system)
	cell.Samples = append(cell.Samples, sample)
}

// Count says how many requests a step takes on a FUSE system.
func (r *Row) Count(system string, requests float64) { r.cell(system).Requests = &requests }

// Forget drops a system's samples.
func (r *Row) Forget(system string) { r.cell(system).Samples = nil }

// Fail says why a system has no value.
func (r *Row) Fail(system, why string) { r.cell(system).Missing = why }

// complete reports whether the system did what the row is about.
func (c *Cell) complete() bool { return c != nil && c.Missing == "" && len(c.Samples) > 0 }

func (r *Row) cell(system string) *Cell {
	if r.Cells[system] == nil {
		r.Cells[system] = &Cell{}
	}
	return r.Cells[system]
}

// WriteJSON writes the results for programs.
func (r *Results) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// Finish takes medians, ratios, verdicts and comparisons of what was added until now.
func (r *Results) Finish() {
	for _, row := range r.Rows {
		for _, cell := range row.Cells {
			if cell.complete() {
				cell.Median = load.Median(cell.Samples)
			}
		}
		if base := row.Cells[row.Base]; base != nil && base.Median > 0 {
			for _, cell := range row.Cells {
				cell.Ratio = cell.Median / base.Median
			}
		}
	}
	r.Verdicts, r.Comparisons = r.judge(), r.compareAll()
}

// value is the median of a row on a system.
func (r *Results) value(row, system string) (float64, bool) {
	for _, candidate := range r.Rows {
		if candidate.Name == row {
			cell := candidate.Cells[system]
			return cellMedian(cell), cellMedian(cell) > 0
		}
	}
	return 0, false
}

func cellMedian(c *Cell) float64 {
	if c == nil {
		return 0
	}
	return c.Median
}
