package load

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInputsAreTheSame shows that two runs work on the same things.
func TestInputsAreTheSame(t *testing.T) {
	var sums [2]map[string]string
	for i := range sums {
		dir := t.TempDir()
		for _, input := range inputs {
			// The cache is the compiler's work, and long.
			if input.name == inputGoCache {
				continue
			}
			if err := input.make(filepath.Join(dir, input.name), tinyScope); err != nil {
				t.Fatal(err)
			}
		}
		sums[i] = fingerprints(t, dir)
	}
	for name, sum := range sums[0] {
		if sums[1][name] != sum {
			t.Errorf("%s differs", name)
		}
	}
}

func fingerprints(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, name := range []string{inputTar, inputLines, inputSQL, filepath.Join(inputC, "part1.c"), filepath.Join(inputGo, "main.go")} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		sums[name] = string(sum[:])
	}
	head, err := exec.Command("git", "-C", filepath.Join(dir, inputGit), "rev-parse", "main").Output()
	if err != nil {
		t.Fatal(err)
	}
	sums[inputGit] = string(head)
	return sums
}
