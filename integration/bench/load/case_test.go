package load

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var tinyScope = Scope{GoPackages: 2, CFiles: 2, Commits: 3, GitFiles: 60, TarFiles: 60, Lines: 1000, Rows: 200}

// TestEveryCase has a real agent do every case once on the filesystem of the
// temporary directory, which shows that the work itself is right.
func TestEveryCase(t *testing.T) {
	root, inputs := t.TempDir(), t.TempDir()
	if err := MakeInputs(inputs, tinyScope); err != nil {
		t.Fatal(err)
	}
	agent := startTestAgent(t)
	for _, c := range Cases() {
		if c.Own {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			root := root
			if c.Name == "remove-freed" { // it waits for free space, which others use up on the disk
				root = memoryDir(t)
			}
			j := Job{Case: c.Name, Dir: filepath.Join(root, c.Name), Sample: time.Millisecond, Sizes: tiny, Inputs: inputs, Daemon: os.Getpid()}
			for range 2 { // the second round finds what the first has left
				checkValues(t, c, do(t, agent, j))
			}
			j.Clean = true
			do(t, agent, j)
			if _, err := os.Stat(j.Dir); !os.IsNotExist(err) {
				t.Errorf("after cleaning: %v", err)
			}
		})
	}
}

// TestVanish: operations that count on files being there after their last close keep them open where they vanish, and
// remove no name that is gone by then.
func TestVanish(t *testing.T) {
	agent := startTestAgent(t)
	sizes := tiny
	sizes.Vanish = true
	for _, name := range []string{"churn", "open", "rename", "read-4k", "read-4k-ro", "seq-write", "seq-rewrite", "mmap-write", "remove"} {
		c, _ := findCase(name)
		j := Job{Case: name, Dir: filepath.Join(t.TempDir(), name), Sample: time.Millisecond, Sizes: sizes}
		checkValues(t, c, do(t, agent, j))
	}
}

// TestSteps: a job of so many steps does no more and no fewer.
func TestSteps(t *testing.T) {
	dir := t.TempDir()
	const steps = 7
	// Every step leaves a file: nothing is removed where files vanish by themselves.
	sizes := tiny
	sizes.Vanish = true
	do(t, startTestAgent(t), Job{Case: "churn", Dir: dir, Steps: steps, Sizes: sizes})
	made, err := os.ReadDir(filepath.Join(dir, "0"))
	if err != nil || len(made) != steps {
		t.Errorf("%d files after %d steps: %v", len(made), steps, err)
	}
}

// TestUsers: each of several users works in a directory of his own with files of his own, and nothing is left of them.
func TestUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become other users")
	}
	root := memoryDir(t)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	agent := startTestAgent(t)
	for _, name := range []string{"read-4k", "churn", "seq-rewrite", "remove"} {
		c, _ := findCase(name)
		j := Job{Case: name, Dir: filepath.Join(root, name), Sample: time.Millisecond, Sizes: tiny, Users: 3}
		checkValues(t, c, do(t, agent, j))
		if name == "read-4k" {
			for i := range j.Users {
				checkOwner(t, filepath.Join(j.userDir(i), "random"), firstUser+i)
			}
		}
		j.Clean = true
		do(t, agent, j)
		if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
			t.Errorf("%s: after cleaning there is %v, %v", name, left, err)
		}
	}
}

func checkOwner(t *testing.T, path string, want int) {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Error(err)
	} else if st.Uid != uint32(want) {
		t.Errorf("%s belongs to %d, not to %d", path, st.Uid, want)
	}
}

// memoryDir is a directory in memory, which every Linux has.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "vanishfs-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// ofSpillFile are the rows that only a tiered mount has.
var ofSpillFile = map[string]bool{Aging + "-disk": true, Aging + "-disk-most": true, Aging + "-run": true}

func checkValues(t *testing.T, c Case, r Result) {
	t.Helper()
	for _, row := range c.Rows {
		if ofSpillFile[row.Name] {
			continue
		}
		// The memory of this process need not grow, nor that of a machine that others use.
		if v, ok := r.Values[row.Name]; !ok || v <= 0 && row.Unit != Bytes && row.Name != Footprint {
			t.Errorf("%s is %v", row.Name, v)
		}
	}
}

func do(t *testing.T, a *Agent, j Job) Result {
	t.Helper()
	r, err := a.Do(j)
	if err != nil {
		t.Fatal(err)
	}
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	return r
}

func startTestAgent(t *testing.T) *Agent {
	t.Helper()
	jobs, toAgent := io.Pipe()
	fromAgent, results := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeJobs(jobs, results) }()
	t.Cleanup(func() {
		toAgent.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return NewAgent(toAgent, fromAgent)
}

// TestUnsupportedIsSaid: an errno survives the way from the worker.
func TestUnsupportedIsSaid(t *testing.T) {
	for errno, want := range map[syscall.Errno]bool{syscall.EOPNOTSUPP: true, syscall.ENOSPC: false} {
		m := measured{Err: "open", Errno: errno}
		if r := result(nil, m.err()); r.Unsupported != want || r.Err == "" {
			t.Errorf("%v is %+v", errno, r)
		}
	}
}

func TestNamesAreNeverTheSame(t *testing.T) {
	n, seen := newNames(), map[string]bool{}
	length := len(n.fresh())
	for range 10_000 {
		name := string(n.fresh())
		if seen[name] || len(name) != length || name[length-1] != 0 {
			t.Fatalf("name %q", name)
		}
		seen[name] = true
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := Median(c.samples); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.samples, got, c.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		unit  Unit
		value float64
		want  string
	}{{Micros, 12_345, "12.3"}, {Rate, 1e9 / 2048, "2.00"}, {Millis, 3e6, "3.00"}, {Seconds, 2.5e9, "2.50"}, {Bytes, 423, "423"}, {Times, 1.5, "1.50"}, {Count, 1234, "1234"}} {
		if got := c.unit.Format(c.value); got != c.want {
			t.Errorf("%v as %s is %s, want %s", c.value, c.unit, got, c.want)
		}
	}
}
