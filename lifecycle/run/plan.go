package run

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
	"vanishfs/lifecycle"
)

// A plan is what the front tells the other processes. Paths and arguments are
// bytes, since they need not be UTF-8 and JSON strings must be.
type plan struct {
	Config   lifecycle.Config
	At       [][]byte // absolute, without symlinks
	Expose   []exposed
	Wait     bool
	Argv     [][]byte
	Front    int  // pid of the front
	Group    int  // process group of the front; 0 if it has no number here
	UserNS   bool // the daemon is in a user namespace of its own
	Bounding uint64
	Limits   []process.Limit // of the front, before it lifted them: those that CMD gets
}

// exposed is an outer path that stays visible.
type exposed struct {
	Path []byte // absolute; where it is inside, too
	At   int    // index of the directory it is below
}

// makePlan checks everything that can be checked before something is started.
func makePlan(o Options) (*plan, error) {
	if len(o.Argv) == 0 {
		return nil, errors.New("no command given")
	}
	p := &plan{Config: o.Config, Wait: o.Wait, Front: os.Getpid(), Group: unix.Getpgrp()}
	for _, arg := range o.Argv {
		if strings.ContainsRune(arg, 0) {
			return nil, errors.New("an argument contains a NUL byte")
		}
		p.Argv = append(p.Argv, []byte(arg))
	}
	caps, err := capabilities()
	if err != nil {
		return nil, err
	}
	p.UserNS = os.Geteuid() != 0 || caps.permitted&(1<<unix.CAP_SYS_ADMIN) == 0
	p.Bounding = caps.bounding
	if os.Geteuid() == 0 {
		p.Bounding &= caps.permitted
	}
	p.Config.AllowOther = !p.UserNS
	if err := p.Config.Validate(); err != nil {
		return nil, err
	}
	if err := p.Config.CheckLimits(); err != nil {
		return nil, err
	}
	if err := p.place(o.At); err != nil {
		return nil, err
	}
	return p, p.expose(o.Expose)
}

// place resolves the directories that the filesystem goes to.
func (p *plan) place(dirs []string) error {
	if len(dirs) == 0 {
		dirs = []string{"/tmp"}
	}
	for _, dir := range dirs {
		path, err := resolve(dir)
		if err != nil {
			return fmt.Errorf("--at %s: %w", dir, err)
		}
		switch info, err := os.Stat(path); {
		case err != nil:
			return fmt.Errorf("--at %s: %w", dir, errors.Unwrap(err))
		case !info.IsDir():
			return fmt.Errorf("--at %s: not a directory", dir)
		case path == "/":
			return fmt.Errorf("--at %s: the root directory cannot be covered", dir)
		}
		for _, other := range p.At {
			if below(path, string(other)) || below(string(other), path) {
				return fmt.Errorf("--at %s: overlaps --at %s", dir, other)
			}
		}
		p.At = append(p.At, []byte(path))
	}
	if len(p.At) > 1 {
		p.Config.Trees = len(p.At)
	}
	return nil
}

// expose resolves the outer paths that stay visible. The last element may be
// a symlink: what it points to is then visible under the link's name.
func (p *plan) expose(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("--expose %s: %w", path, errors.Unwrap(err))
		}
		if short := strings.TrimRight(path, "/"); short != "" {
			path = short // filepath.Dir takes what ends in a slash for its own parent
		}
		parent, err := resolve(filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("--expose %s: %w", path, err)
		}
		full := filepath.Join(parent, filepath.Base(path))
		at := p.owner(full)
		if at < 0 || full == string(p.At[at]) {
			return fmt.Errorf("--expose %s: is visible anyway, since it is not below a covered directory (%s)", path, p.covered())
		}
		p.Expose = append(p.Expose, exposed{[]byte(full), at})
	}
	return nil
}

// owner is the index of the directory of --at that path is in, or -1.
func (p *plan) owner(path string) int {
	for i, dir := range p.At {
		if below(path, string(dir)) {
			return i
		}
	}
	return -1
}

// logger is that of a process which knows no other.
func (p *plan) logger() *slog.Logger {
	return lifecycle.NewLogger(os.Stderr, p.Config.Verbose, p.Config.LogJSON)
}

func (p *plan) covered() string {
	var list []string
	for _, dir := range p.At {
		list = append(list, string(dir))
	}
	return strings.Join(list, ", ")
}

func (p *plan) argv() []string {
	argv := make([]string, len(p.Argv))
	for i, arg := range p.Argv {
		argv[i] = string(arg)
	}
	return argv
}

// resolve makes path absolute and free of symlinks.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			return "", pe.Err
		}
	}
	return real, err
}

// below says whether path is dir or in it; both are clean.
func below(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/' || dir == "/")
}
