package run

import (
	"errors"

	"vanishfs/fs/process"
	"vanishfs/lifecycle"
)

// Exit codes that are not the command's own, as env(1), timeout(1) and container tools have them; nor is 128+n, where signal n ended it.
const (
	ExitFailed        = 125 // vanishfs itself failed; the command was not started, or was killed for it
	ExitNotExecutable = 126 // the command was found but cannot be executed
	ExitNotFound      = 127 // the command was not found
)

// Options is one session.
type Options struct {
	// Config is the filesystem's. Where the caller is root it is shared (AllowOther)
	// whatever it says, since what CMD starts may become another user; elsewhere it is
	// private.
	Config lifecycle.Config
	// At are the directories to put it at; none is /tmp. With several, each is a tree
	// of its own under one quota.
	At []string
	// Expose are paths below At whose outer files stay visible.
	Expose []string
	// Wait waits for processes that outlive the command instead of ending them.
	Wait bool
	// Argv is the command with its arguments, at least one.
	Argv []string
}

// Main runs the session and returns the exit code of the process: the
// command's, 128+n where signal n ended it, or one of the codes above, with one line on
// standard error. The caller's process is the session's front afterwards: it
// has nothing to do but to exit.
func Main(o Options) (exitCode int) {
	before := process.LiftLimits()
	p, err := makePlan(o)
	if err == nil {
		p.Limits = before
		exitCode, err = new(front).run(p)
	}
	if err == nil {
		return exitCode
	}
	err = lifecycle.Classify(err)
	printError(err)
	var failed *failure
	if errors.As(err, &failed) {
		return failed.code
	}
	return ExitFailed
}
