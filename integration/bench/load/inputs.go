package load

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Names of the inputs in their directory.
const (
	inputGo      = "go"
	inputGoCache = "go-cache"
	inputC       = "c"
	inputGit     = "repository.git"
	inputTar     = "files.tar"
	inputLines   = "lines"
	inputSQL     = "rows.sql"
)

// A Scope is how much the programs have to do.
type Scope struct {
	GoPackages int
	CFiles     int
	Commits    int // of the repository, each changes a few of its files
	GitFiles   int
	TarFiles   int
	Lines      int
	Rows       int // for sqlite3
}

// FullScope is what the bounds are about.
var FullScope = Scope{
	GoPackages: 40, CFiles: 60, Commits: 300, GitFiles: 5_000, TarFiles: 20_000, Lines: 2_000_000, Rows: 100_000,
}

// QuickScope is for a look.
var QuickScope = Scope{
	GoPackages: 3, CFiles: 4, Commits: 20, GitFiles: 500, TarFiles: 2_000, Lines: 100_000, Rows: 10_000,
}

var inputs = []struct {
	name string
	make func(path string, s Scope) error
}{
	{inputGo, makeGoInput}, {inputGoCache, makeGoCache}, {inputC, makeCInput}, {inputGit, makeGitInput},
	{inputTar, makeTarInput}, {inputLines, makeLinesInput}, {inputSQL, makeSQLInput},
}

// MakeInputs makes what the programs work on, the same every time.
func MakeInputs(dir string, s Scope) error {
	for _, input := range inputs {
		if err := input.make(filepath.Join(dir, input.name), s); err != nil {
			return fmt.Errorf("make input %s: %w", input.name, err)
		}
	}
	return nil
}

// fixedRandom is the same in every run.
func fixedRandom() *rand.Rand { return rand.New(rand.NewPCG(20, 26)) }

// text is readable, compressible, and never the same twice.
func text(r *rand.Rand, size int) []byte {
	p := make([]byte, 0, size+16)
	for len(p) < size {
		p = fmt.Appendf(p, "%x ", r.Uint32N(1<<20))
		if r.IntN(12) == 0 {
			p = append(p, '\n')
		}
	}
	return p[:size]
}

func writeTo(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
