package run

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// A command is CMD.
type command struct {
	pid   int
	pidfd int // so that a signal never reaches another process of the same number
}

// signal is for as long as it lives; afterwards it does nothing.
func (c command) signal(s unix.Signal) { unix.PidfdSendSignal(c.pidfd, s, nil, 0) }

// startCommand executes argv as execvp(3) would, in the process group group, on a
// locked thread. Its errors are failures with the exit code that env(1) has for them.
func startCommand(argv []string, group int) (command, error) {
	path, err := findCommand(argv[0])
	if err != nil {
		return command{}, err
	}
	if signal.Ignored(unix.SIGINT) {
		// A background job of a shell without job control ignores both, but Go's
		// runtime takes over the second before anybody can look
		// (runtime/signal_unix.go, sigInstallGoHandler).
		signal.Ignore(unix.SIGQUIT)
	}
	c := command{pidfd: -1}
	attr := &syscall.ProcAttr{
		Files: []uintptr{0, 1, 2}, Env: os.Environ(),
		Sys: &syscall.SysProcAttr{Setpgid: group != 0, Pgid: group, Pdeathsig: unix.SIGKILL, PidFD: &c.pidfd},
	}
	c.pid, err = syscall.ForkExec(path, argv, attr)
	if errors.Is(err, unix.ENOEXEC) { // a script without #!
		c.pid, err = syscall.ForkExec("/bin/sh", append([]string{"sh", path}, argv[1:]...), attr)
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		return c, &failure{ExitNotFound, fmt.Errorf("%s: its interpreter does not exist", path)}
	case err != nil:
		return c, &failure{ExitNotExecutable, fmt.Errorf("%s: %w", path, err)}
	}
	return c, nil
}

// defaultPath is used where PATH is not set, as in glibc (sysdeps/unix/confstr.h).
const defaultPath = "/bin:/usr/bin"

// findCommand looks for name in PATH. A directory that may not be searched is passed over: what is
// nowhere else is then not found, as in a shell. env(1) says "not executable" there, since all that
// execvp(3) tells it is that something was EACCES, be it a file or a directory that may have none.
func findCommand(name string) (string, error) {
	if filepath.Base(name) != name || name == "" || name == "." || name == ".." {
		if err := checkExecutable(name); err != nil {
			return "", commandError(name, err)
		}
		return name, nil
	}
	list, ok := os.LookupEnv("PATH")
	if !ok {
		list = defaultPath
	}
	result := error(unix.ENOENT)
	for _, dir := range filepath.SplitList(list) {
		path := dir + "/" + name
		if dir == "" {
			path = "./" + name
		}
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil {
			continue // ENOENT, or EACCES of the directory
		}
		if result = checkExecutable(path); result == nil {
			return path, nil
		}
	}
	return "", commandError(name, result)
}

func checkExecutable(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}

func commandError(name string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return &failure{ExitNotFound, fmt.Errorf("%s: command not found", name)}
	case errors.Is(err, unix.EACCES):
		return &failure{ExitNotExecutable, fmt.Errorf("%s: is not an executable file", name)}
	}
	return &failure{ExitNotExecutable, fmt.Errorf("%s: %w", name, err)}
}
