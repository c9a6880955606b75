package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"

	"vanishfs/integration/bench/system"
)

// The chart draws itself: of plotting libraries for Go, gonum.org/v1/plot (v0.17) has no bars on a logarithmic scale and
// no colours that follow a page's light or dark, and brings eight modules.

// A section of the chart has rows whose ratios refer to the same system.
type section struct {
	title string
	rows  []string
}

// charted are the rows and systems worth showing to somebody who has not asked for the table.
var (
	chartedSections = []section{
		{"Time as a multiple of tmpfs's", []string{"stat-missing", "churn", "tmpfile", "open", "write-4k", "seq-rewrite", "remove-freed", "go-build", "tar"}},
		{"More than memory holds, encrypted: time as a multiple of the disk filesystem's", []string{"spill-write", "spill-read", "spill-random"}},
	}
	chartedBars = []bar{
		{system.DirectUring, "ours"}, {system.DirectDev, "ours2"}, {system.MediatedUring, "ours3"}, {system.Tiered, "ours4"}, {system.TieredSpill, "ours5"},
		{system.Loopback, "other"}, {system.Bindfs, "other2"}, {system.Overlayfs, "other3"},
	}
)

type bar struct{ system, class string }

// Geometry, in pixels.
const (
	chartWidth = 800
	labelWidth = 250
	plotWidth  = chartWidth - labelWidth - 60
	barHeight  = 11
	groupLeast = 26 // for the two lines of a label
	groupGap   = 10
	headHeight = 58
	titleSpace = 28 // of a section
	footHeight = 40
)

// chartStyle has the colours for light and dark pages; pages embed the file as an image, whose own media query counts.
const chartStyle = `text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:10px}.title{font-weight:600}.faint{fill:#6e7781}.grid{stroke:#8884}.base{stroke:#888}
.ours{fill:#0969da}.ours2{fill:#54aeff}.ours3{fill:#8250df}.ours4{fill:#1a7f37}.ours5{fill:#4ac26b}.other{fill:#bf8700}.other2{fill:#d4a72c}.other3{fill:#8c959f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.ours{fill:#4493f8}.ours2{fill:#79c0ff}.ours3{fill:#ab7df8}.ours4{fill:#3fb950}.ours5{fill:#7ee787}.other{fill:#d29922}.other2{fill:#e3b341}.other3{fill:#9198a1}}`

// WriteChart draws times as multiples of another system's, shorter is better, on a logarithmic scale.
func (r *Results) WriteChart(to io.Writer) error {
	low, high := r.chartRange()
	x := func(ratio float64) float64 {
		return labelWidth + plotWidth*(math.Log(ratio)-math.Log(low))/(math.Log(high)-math.Log(low))
	}
	var b strings.Builder
	y := headHeight
	for _, s := range chartedSections {
		rows := r.charted(s)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "<text class=\"title\" x=\"8\" y=\"%d\">%s</text>\n", y+14, html.EscapeString(s.title))
		y += titleSpace
		for _, row := range rows {
			y = row.draw(&b, y, x)
		}
	}
	_, err := fmt.Fprintf(to, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="time as a multiple of that of tmpfs and of the disk">
<style>%s</style>
%s%s%s<text class="small faint" x="8" y="%d">Logarithmic, shorter is better. %s</text>
</svg>
`, chartWidth, y+footHeight, chartStyle, r.legend(), grid(low, high, y, x), b.String(), y+footHeight-8, html.EscapeString(r.chartNote()))
	return err
}

// chartNote says where the figures come from.
func (r *Results) chartNote() string {
	return fmt.Sprintf("Medians of %d rounds in one run: Linux %s, %d CPUs, %s", r.Rounds, r.Machine.Kernel, r.Machine.CPUs, r.Time.Format("January 2006"))
}

// charted is the rows of a section that were measured.
func (r *Results) charted(s section) (rows []*Row) {
	for _, name := range s.rows {
		for _, row := range r.Rows {
			if row.Name == name && cellMedian(row.Cells[row.Base]) > 0 && len(row.charted()) > 0 {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// charted is the bars of a row.
func (r *Row) charted() (bars []bar) {
	for _, bar := range chartedBars {
		if c := r.Cells[bar.system]; c != nil && c.Ratio > 0 {
			bars = append(bars, bar)
		}
	}
	return bars
}

// chartRange is the powers of ten around all ratios.
func (r *Results) chartRange() (low, high float64) {
	least, most := 1.0, 1.0
	for _, s := range chartedSections {
		for _, row := range r.charted(s) {
			for _, bar := range row.charted() {
				ratio := row.Cells[bar.system].Ratio
				least, most = min(least, ratio), max(most, ratio)
			}
		}
	}
	return math.Pow(10, math.Floor(math.Log10(least)-0.01)), math.Pow(10, math.Ceil(math.Log10(most)+0.01))
}

func (r *Row) draw(b *strings.Builder, y int, x func(float64) float64) int {
	fmt.Fprintf(b, "<text x=\"8\" y=\"%d\">%s</text><text class=\"small faint\" x=\"8\" y=\"%d\">%s: %s %s</text>\n",
		y+barHeight-1, html.EscapeString(r.Title), y+2*barHeight+1, r.Base, r.Unit.Format(cellMedian(r.Cells[r.Base])), r.Unit)
	next := y + groupLeast
	for _, bar := range r.charted() {
		c := r.Cells[bar.system]
		from, to := min(x(1), x(c.Ratio)), max(x(1), x(c.Ratio))
		fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/><text class="small" x="%.1f" y="%d">%s</text>`+"\n",
			bar.class, from, y, max(to-from, 1), barHeight-2, to+4, y+barHeight-3, formatRatio(c.Ratio))
		y += barHeight
	}
	return max(y, next) + groupGap
}

func formatRatio(ratio float64) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.0f", ratio)
	}
	return fmt.Sprintf("%.2g", ratio)
}

// legend is two lines: vanishfs, and the others.
func (r *Results) legend() string {
	var b strings.Builder
	x := map[bool]int{true: 8 + legendWidth("vanishfs:"), false: 8}
	y := map[bool]int{true: 14, false: 32}
	for _, bar := range chartedBars {
		s, _ := system.Find(bar.system)
		if !r.measured(s.Name) {
			continue
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="10" height="10"/><text class="small" x="%d" y="%d">%s</text>`+"\n",
			bar.class, x[s.Ours], y[s.Ours]-9, x[s.Ours]+14, y[s.Ours], s.Name)
		x[s.Ours] += 30 + legendWidth(s.Name)
	}
	return fmt.Sprintf("<text class=\"small title\" x=\"8\" y=\"%d\">vanishfs:</text>\n", y[true]) + b.String()
}

func legendWidth(label string) int { return 6 * len(label) }

// measured says whether a system is in the chart.
func (r *Results) measured(name string) bool {
	for _, s := range chartedSections {
		for _, row := range r.charted(s) {
			if slices.ContainsFunc(row.charted(), func(b bar) bool { return b.system == name }) {
				return true
			}
		}
	}
	return false
}

func grid(low, high float64, bottom int, x func(float64) float64) string {
	var b strings.Builder
	for ratio := low; ratio <= high*1.01; ratio *= 10 {
		class := "grid"
		if math.Abs(math.Log10(ratio)) < 1e-6 {
			class = "base"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="small" text-anchor="middle" x="%.1f" y="%d">%g ×</text>`+"\n",
			class, x(ratio), x(ratio), headHeight-14, bottom, x(ratio), bottom+12, math.Round(ratio*1000)/1000)
	}
	return b.String()
}
