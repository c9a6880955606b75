package load

import (
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLoopCostsWhatCDoes compares a worker's loop with the same in C: the
// harness may add less than a microsecond. The least of many short tries is what an
// undisturbed one takes.
func TestLoopCostsWhatCDoes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "statloop")
	if out, err := exec.Command("cc", "-O2", "-o", program, "testdata/statloop.c").CombinedOutput(); err != nil {
		t.Fatalf("compile the loop in C: %v: %s", err, out)
	}
	dir := t.TempDir()
	inC, inGo := math.Inf(1), math.Inf(1)
	for try := range 20 {
		// The prefix makes the names new each time, as ours are.
		cmd := exec.Command(program, "5000", "abcdefghij"+strconv.Itoa(try))
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		c, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			t.Fatal(err)
		}
		g, err := runWorkers(&Job{Dir: dir, Sample: 5 * time.Millisecond}, "stat-missing", 1)
		if err != nil {
			t.Fatal(err)
		}
		inC, inGo = min(inC, c), min(inGo, g)
	}
	t.Logf("C %.0f ns, Go %.0f ns", inC, inGo)
	if inGo-inC > 1000 {
		t.Errorf("a stat takes %.0f ns here and %.0f ns in C", inGo, inC)
	}
}
