package process

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Role is what this program can be started as beside what its user calls: argv[0] says which, and it has a
// main function of its own.
type Role struct{ name string }

// roles are the main functions by name; written while packages are initialised, and never again.
var roles = make(map[string]func(*Child) (exitCode int))

// NewRole is for the initialisation of a package's variable: Become has to know all roles.
func NewRole(name string, main func(*Child) (exitCode int)) Role {
	if _, exists := roles[name]; exists {
		panic("two roles are called " + name)
	}
	roles[name] = main
	return Role{name}
}

// A Start is what a process is started with.
type Start struct {
	Letter any      // what it is told, as JSON; nobody else sees it
	FDs    []int    // stay open there, at the same numbers
	Args   []string // are shown to people, behind the name
	Attr   syscall.SysProcAttr
}

// Start starts this program in the role r. What this process itself was started with, environment and descriptors, the
// new one has as well. The error is that of the system call alone.
func (r Role) Start(s Start) (pid int, err error) {
	letter, err := writeLetter(s.Letter)
	if err != nil {
		return 0, err
	}
	defer unix.Close(letter)
	handed := append([]int{letter}, s.FDs...)
	argv := append([]string{r.name, joinNumbers(handed)}, s.Args...)
	return syscall.ForkExec(Self, argv, &syscall.ProcAttr{Files: filesWith(handed), Env: syscall.Environ(), Sys: &s.Attr})
}

// filesWith are the descriptors that a new process is to have up to the last of handed, each at its own number: those, and
// what this process has inherited. They are close-on-exec here all the while, so that no other process gets them that
// is started at the same time; in the new one, a number that is given as itself is not (syscall, forkAndExecInChild1).
func filesWith(handed []int) []uintptr {
	const none = ^uintptr(0)
	last := 2
	for _, fd := range handed {
		last = max(last, fd)
	}
	files := make([]uintptr, last+1)
	for fd := range files {
		files[fd] = none
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			files[fd] = uintptr(fd)
		}
	}
	for _, fd := range handed {
		files[fd] = uintptr(fd)
	}
	return files
}

// A Child is this process in a role.
type Child struct {
	Name string
	FDs  []int // close-on-exec
	Args []string

	letter int
}

// Become plays the role that this process was started in, and ends with it; in a process that was not, it returns at once. It
// comes first thing in main, and in TestMain.
func Become() {
	if len(os.Args) < 2 {
		return
	}
	main, ok := roles[os.Args[0]]
	if !ok {
		return
	}
	fds, err := splitNumbers(os.Args[1])
	if err != nil {
		return // somebody gave a program's link that name
	}
	keepBack(fds)
	SetName(os.Args[0])
	os.Exit(main(&Child{Name: os.Args[0], letter: fds[0], FDs: fds[1:], Args: os.Args[2:]}))
}

// Read reads the letter into v. It can be read once.
func (c *Child) Read(v any) error { return readLetter(c.letter, v) }

func joinNumbers(list []int) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

func splitNumbers(text string) (list []int, err error) {
	for _, digits := range strings.Split(text, ",") {
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return nil, errors.New("not a list of descriptors")
		}
		list = append(list, int(n))
	}
	return list, nil
}
