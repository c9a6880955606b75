package load

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A program is something that people do with a temporary directory, measured
// in wall time. Its inputs lie on the disk, in the page cache; what it writes is in the
// filesystem that is measured.
type program struct {
	name, title string
	// prepare makes what is not to be timed in dir, which is empty. It may be nil.
	prepare func(j *Job, dir string) error
	command func(j *Job, dir string) *exec.Cmd
}

var programs = []Case{
	program{name: "go-build", title: "go build, GOCACHE and GOTMPDIR there", prepare: copyGoCache, command: goBuild}.asCase(),
	program{name: "make", title: "make -j2 of a C project", prepare: copyCProject, command: makeC}.asCase(),
	program{name: "git-clone", title: "git clone", command: gitClone}.asCase(),
	program{name: "tar", title: "tar -x of small files", command: untar}.asCase(),
	program{name: "sort", title: "sort -T", command: sortLines}.asCase(),
	program{name: "sqlite", title: "sqlite3, 100 rows a transaction", command: insertRows}.asCase(),
}

// programMemory is about what the largest of them needs, itself and in files.
func programMemory(Sizes) int64 { return 512 * mebi }

func (p program) asCase() Case {
	row := Row{Name: p.name, Title: p.title, Unit: Seconds}
	return Case{Name: p.name, Rows: []Row{row}, Kind: Ordinary, Long: true, memory: programMemory, run: p.run}
}

func (p program) run(j *Job) (map[string]float64, error) {
	dir, err := j.freshDir("work")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if p.prepare != nil {
		if err := p.prepare(j, dir); err != nil {
			return nil, err
		}
	}
	cmd := p.command(j, dir)
	if cmd.Dir == "" {
		cmd.Dir = dir
	}
	start := time.Now()
	out, err := cmd.CombinedOutput()
	elapsed := time.Since(start)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", p.name, err, lastBytes(out, 400))
	}
	return map[string]float64{p.name: float64(elapsed)}, nil
}

func lastBytes(p []byte, n int) []byte { return p[max(0, len(p)-n):] }

func withEnv(cmd *exec.Cmd, env ...string) *exec.Cmd {
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// copyGoCache gives the build a cache that knows the standard library, as a
// build's usually does; the program's own packages are to be compiled.
func copyGoCache(j *Job, dir string) error {
	return os.CopyFS(filepath.Join(dir, "cache"), os.DirFS(filepath.Join(j.Inputs, inputGoCache)))
}

func goBuild(j *Job, dir string) *exec.Cmd {
	cmd := withEnv(exec.Command("go", "build", "-o", filepath.Join(dir, "program"), "."), goEnv(filepath.Join(dir, "cache"), dir)...)
	cmd.Dir = filepath.Join(j.Inputs, inputGo)
	return cmd
}

func goEnv(cache, temporary string) []string {
	return []string{"GOCACHE=" + cache, "GOTMPDIR=" + temporary, "TMPDIR=" + temporary, "GOPATH=" + filepath.Join(temporary, "gopath"),
		"GOENV=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GOPROXY=off", "CGO_ENABLED=0"}
}

func copyCProject(j *Job, dir string) error {
	return os.CopyFS(dir, os.DirFS(filepath.Join(j.Inputs, inputC)))
}

func makeC(_ *Job, dir string) *exec.Cmd {
	return withEnv(exec.Command("make", "-s", "-j2"), "TMPDIR="+dir)
}

// gitClone copies the objects, as between filesystems: not even tmpfs is to get hard links.
func gitClone(j *Job, _ string) *exec.Cmd {
	return exec.Command("git", "clone", "-q", "--no-hardlinks", filepath.Join(j.Inputs, inputGit), "clone")
}

// untar does what it does for an ordinary user, as root too.
func untar(j *Job, _ string) *exec.Cmd {
	return exec.Command("tar", "-x", "--no-same-owner", "--no-same-permissions", "-f", filepath.Join(j.Inputs, inputTar))
}

func sortLines(j *Job, dir string) *exec.Cmd {
	return withEnv(exec.Command("sort", "-S", "8M", "-T", dir, "-o", filepath.Join(dir, "sorted"), filepath.Join(j.Inputs, inputLines)), "LC_ALL=C")
}

func insertRows(j *Job, _ string) *exec.Cmd {
	return exec.Command("sqlite3", "-batch", "-bail", "rows.db", ".read "+filepath.Join(j.Inputs, inputSQL))
}
