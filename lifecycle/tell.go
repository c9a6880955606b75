package lifecycle

import (
	"errors"
	"fmt"
	"iter"

	"vanishfs/fs"
	"vanishfs/lifecycle/session"
)

// What a mount tells of itself. Whatever it is asked, its requests do not wait for the answer: what is many comes one
// after the other, each as it is at its turn. .vanish/status is a front of Use and Options.

// Use is what the mount may use and uses.
func (m *Mount) Use() (fs.Use, error) { return m.tree.Use() }

// OpenFiles are the files of the mount that somebody has open.
func (m *Mount) OpenFiles() iter.Seq[fs.OpenFile] { return m.tree.OpenFiles() }

// Sessions are those in the mount that may have files; none where the mount is the session.
func (m *Mount) Sessions() iter.Seq[session.Session] { return m.sessions.Sessions() }

// ErrNoSession says that no session of the mount has that name.
var ErrNoSession = errors.New("no such session")

// EndSession removes what the session has created until now, as its end would. Its processes live on, and what they create
// from now on goes when they have ended.
func (m *Mount) EndSession(name string) error {
	if !m.sessions.End(name, m.tree) {
		return fmt.Errorf("end session %s: %w", name, ErrNoSession)
	}
	return nil
}
