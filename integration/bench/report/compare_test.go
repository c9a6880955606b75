package report

import (
	"bytes"
	"strings"
	"testing"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// compared is a row with the samples of two binaries.
func compared(now, old []float64) *Row {
	r := &Results{}
	row := r.AddRow(load.Row{Name: "churn"}, load.Ordinary)
	for _, sample := range now {
		row.Add(system.DirectDev, sample)
	}
	for _, sample := range old {
		row.Add(system.OlderName(system.DirectDev), sample)
	}
	return row
}

// TestCompare: rounds are compared with each other, so that what slows both down is no change; one round is
// not enough to say something against the others.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name     string
		now, old []float64
		ratio    float64
		want     Change
	}{
		{"slower", []float64{120, 240, 130, 125, 119}, []float64{100, 200, 100, 100, 100}, 1.2, Slower},
		{"slower with one round to the contrary", []float64{120, 90, 130, 125, 119}, []float64{100, 100, 100, 100, 100}, 1.2, Slower},
		{"faster", []float64{50, 50, 50, 50, 50}, []float64{100, 90, 100, 100, 100}, 0.5, Faster},
		{"noise", []float64{120, 80, 130, 70, 119}, []float64{100, 100, 100, 100, 100}, 1.19, Same},
		{"too few", []float64{200, 200}, []float64{100, 100}, 2, Same},
		{"too little", []float64{103, 103, 103}, []float64{100, 100, 100}, 1.03, Same},
		{"busy in a round", []float64{500, 100, 100}, []float64{500, 100, 100}, 1, Same},
	} {
		got, ok := compared(c.now, c.old).Compare(system.DirectDev)
		if !ok || got.Change != c.want || got.Ratio != c.ratio {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestCompareNeedsBoth: a binary that failed is not compared.
func TestCompareNeedsBoth(t *testing.T) {
	if c, ok := compared([]float64{1}, nil).Compare(system.DirectDev); ok {
		t.Errorf("without the older one: %+v", c)
	}
	row := compared([]float64{1}, []float64{1})
	row.Fail(system.DirectDev, "hangs")
	if c, ok := row.Compare(system.DirectDev); ok {
		t.Errorf("after a failure: %+v", c)
	}
}

func TestComparisonIsShown(t *testing.T) {
	r := &Results{Systems: []System{{Name: system.DirectDev}, {Name: system.OlderName(system.DirectDev), Older: true}}}
	r.Rows = []*Row{compared([]float64{12_000, 12_000, 12_000}, []float64{10_000, 10_000, 10_000})}
	r.Rows[0].Count(system.DirectDev, 4.97)
	r.Rows[0].Count(system.OlderName(system.DirectDev), 4.01)
	r.Finish()
	var b bytes.Buffer
	if err := r.WriteComparison(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12.0 (1.20)!", "slower (!):\n  churn on direct+dev: 1.200, from 1.200 to 1.200 in 3 rounds", "other requests:\n  churn on direct+dev: 5, was 4"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "@old") {
		t.Errorf("the older binary has a column or a note of its own:\n%s", b.String())
	}
}
