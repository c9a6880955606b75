// Package tempname makes files and directories with random names out of
// templates, by the rules of coreutils' mktemp(1). In a directory of a vanishfs
// the name comes from its magic path (DIR/.vanish/new/TEMPLATE), which also
// reserves it to the caller; anywhere else it comes from crypto/rand here. In
// both cases creation is exclusive, so that a name never leads to anything that
// was there before.
package tempname

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// minRun is the shortest run of X that is replaced (coreutils, mktemp.c).
const minRun = 3

var (
	// ErrTooFewX: the template has no run of three X where it is to be random.
	ErrTooFewX = errors.New("too few X's in the template")
	// ErrSuffix: the suffix has a slash in it.
	ErrSuffix = errors.New("the suffix contains a slash")
	// ErrEnd: with a suffix of its own, a template ends in X.
	ErrEnd = errors.New("with a suffix the template must end in X")
)

// A Template is a path whose last element has a run of X to replace.
type Template struct {
	dir            string // as written; "" is the current directory
	prefix, suffix string // of the last element, around the run
	run            int    // number of X
}

// Parse reads a template in which the last run of X is what becomes random.
func Parse(path string) (Template, error) {
	end := strings.LastIndexByte(path, 'X') + 1
	if end == 0 {
		end = len(path)
	}
	return split(path, end)
}

// ParseWithSuffix reads a template that ends in X and to which suffix is appended as it is.
func ParseWithSuffix(path, suffix string) (Template, error) {
	if !strings.HasSuffix(path, "X") {
		return Template{}, fmt.Errorf("%w: %s", ErrEnd, path)
	}
	return split(path+suffix, len(path))
}

// split takes the run of X that ends at end.
func split(path string, end int) (Template, error) {
	start := end
	for start > 0 && path[start-1] == 'X' {
		start--
	}
	switch {
	case strings.ContainsRune(path[end:], '/'):
		return Template{}, fmt.Errorf("%w: %s", ErrSuffix, path)
	case end-start < minRun:
		return Template{}, fmt.Errorf("%w %s", ErrTooFewX, path)
	}
	dir, prefix := filepath.Split(path[:start])
	return Template{dir: dir, prefix: prefix, run: end - start, suffix: path[end:]}, nil
}

// In is the template below dir, which may have X in its name.
func (t Template) In(dir string) Template {
	t.dir = strings.TrimRight(dir, "/") + "/" + t.dir
	return t
}

// String is the template as it was written.
func (t Template) String() string {
	return t.dir + t.base()
}

func (t Template) base() string {
	return t.prefix + strings.Repeat("X", t.run) + t.suffix
}
