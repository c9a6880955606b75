package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"vanishfs/integration/bench/system"
)

// charted are the rows and systems worth showing to somebody who has not asked for the table.
var (
	chartedRows = []string{"stat-missing", "churn", "tmpfile", "open", "write-4k", "seq-rewrite", "remove-freed", "go-build", "git-clone", "tar"}
	chartedBars = []bar{
		{system.DirectUring, "ours"}, {system.DirectDev, "ours2"}, {system.MediatedUring, "ours3"},
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
	groupGap   = 14
	headHeight = 64
)

// chartStyle has the colours for light and dark pages; pages embed the file as an image, whose own media query counts.
const chartStyle = `text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:10px}.grid{stroke:#8884}.base{stroke:#888}
.ours{fill:#0969da}.ours2{fill:#54aeff}.ours3{fill:#8250df}.other{fill:#bf8700}.other2{fill:#d4a72c}.other3{fill:#8c959f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}.ours2{fill:#79c0ff}.ours3{fill:#ab7df8}.other{fill:#d29922}.other2{fill:#e3b341}.other3{fill:#9198a1}}`

// WriteChart draws times as multiples of tmpfs's, shorter is better, on a logarithmic scale.
func (r *Results) WriteChart(to io.Writer) error {
	var b strings.Builder
	rows, low, high := r.chartRange()
	x := func(ratio float64) float64 {
		return labelWidth + plotWidth*(math.Log(ratio)-math.Log(low))/(math.Log(high)-math.Log(low))
	}
	y := headHeight
	for _, row := range rows {
		y = row.draw(&b, y, x)
	}
	bottom := y
	_, err := fmt.Fprintf(to, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="time as a multiple of tmpfs">
<style>%s</style>
<text x="8" y="18">Time as a multiple of tmpfs (logarithmic, shorter is better)</text>
%s%s%s</svg>
`, chartWidth, bottom+24, chartStyle, r.legend(), grid(low, high, bottom, x), b.String())
	return err
}

// chartRange is the rows that were measured and the powers of ten around their ratios.
func (r *Results) chartRange() (rows []*Row, low, high float64) {
	least, most := 1.0, 1.0
	for _, name := range chartedRows {
		for _, row := range r.Rows {
			if row.Name != name || cellMedian(row.Cells[Base]) == 0 {
				continue
			}
			rows = append(rows, row)
			for _, bar := range chartedBars {
				if c := row.Cells[bar.system]; c != nil && c.Ratio > 0 {
					least, most = min(least, c.Ratio), max(most, c.Ratio)
				}
			}
		}
	}
	return rows, math.Pow(10, math.Floor(math.Log10(least)-0.01)), math.Pow(10, math.Ceil(math.Log10(most)+0.01))
}

func (r *Row) draw(b *strings.Builder, y int, x func(float64) float64) int {
	fmt.Fprintf(b, "<text x=\"8\" y=\"%d\">%s</text>\n", y+barHeight, html.EscapeString(r.Title))
	for _, bar := range chartedBars {
		c := r.Cells[bar.system]
		if c == nil || c.Ratio == 0 {
			continue
		}
		from, to := min(x(1), x(c.Ratio)), max(x(1), x(c.Ratio))
		fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/><text class="small" x="%.1f" y="%d">%s</text>`+"\n",
			bar.class, from, y, max(to-from, 1), barHeight-2, to+4, y+barHeight-3, formatRatio(c.Ratio))
		y += barHeight
	}
	return y + groupGap
}

func formatRatio(ratio float64) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.0f", ratio)
	}
	return fmt.Sprintf("%.2g", ratio)
}

func (r *Results) legend() string {
	var b strings.Builder
	x := 8
	for _, bar := range chartedBars {
		for _, s := range r.columns() {
			if s.Name == bar.system {
				label := legendLabel(s.Name)
				fmt.Fprintf(&b, `<rect class="%s" x="%d" y="32" width="10" height="10"/><text class="small" x="%d" y="41">%s</text>`+"\n", bar.class, x, x+14, label)
				x += 34 + 6*len(label)
			}
		}
	}
	return b.String()
}

func legendLabel(name string) string {
	if s, ok := system.Find(name); ok && s.Ours {
		return "vanishfs " + name
	}
	return name
}

func grid(low, high float64, bottom int, x func(float64) float64) string {
	var b strings.Builder
	for ratio := low; ratio <= high*1.01; ratio *= 10 {
		class := "grid"
		if math.Abs(ratio-1) < 1e-6 {
			class = "base"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="small" text-anchor="middle" x="%.1f" y="%d">%g</text>`+"\n",
			class, x(ratio), x(ratio), headHeight-8, bottom, x(ratio), bottom+14, math.Round(ratio*1000)/1000)
	}
	return b.String()
}
