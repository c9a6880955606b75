package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
)

// Why something could not be mounted, for errors.Is. The text of an error of
// this package is complete without them.
var (
	ErrConfig     = errors.New("wrong configuration")
	ErrNoDevice   = errors.New("no FUSE device")
	ErrPermission = errors.New("not permitted")
	ErrMountPoint = errors.New("unusable mount point")
	ErrBusy       = errors.New("mount point is in use")
	ErrSpill      = errors.New("unusable spill directory")
)

// ErrNotMountPoint: no vanishfs is mounted exactly there.
var ErrNotMountPoint = errors.New("not the mount point of a vanishfs")

// kinds are the sentinels above, in the order in which they travel between processes: only ever appended to.
var kinds = []error{ErrConfig, ErrNoDevice, ErrPermission, ErrMountPoint, ErrBusy, ErrSpill}

// An Error is an error and which of the sentinels it is.
type Error struct {
	Kind error // one of the sentinels above, or nil
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap makes both Kind and Err match errors.Is.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// Classify gives err the kind that its cause suggests, if it has none yet.
func Classify(err error) error {
	var known *Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, unix.EMFILE):
		return &Error{nil, fmt.Errorf("%w; raise the limit of open files with: ulimit -n", err)}
	case errors.Is(err, transport.ErrNoDevice):
		return &Error{ErrNoDevice, err}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, transport.ErrDevicePermission),
		errors.Is(err, transport.ErrRefused):
		return &Error{ErrPermission, err}
	}
	return err
}
