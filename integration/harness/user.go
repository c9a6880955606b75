package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestUser is the account that stands for an ordinary user. It has a second
// group so that supplementary groups can be seen to survive.
const (
	TestUser  = "vanishtest"
	TestGroup = "vanishtest2"
)

// A User is whom a command runs as.
type User struct {
	UID, GID int
	Groups   []int
	Home     string
}

// Root says that this process may mount, change user and so on.
func Root() bool { return os.Geteuid() == 0 }

// Ordinary is the test user, or the caller where the tests do not run as root.
func Ordinary(t testing.TB) User {
	t.Helper()
	name := TestUser
	if !Root() {
		name = strconv.Itoa(os.Getuid())
	}
	u, err := lookupUser(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Current is whom this process runs as.
func Current() User {
	groups, _ := os.Getgroups()
	return User{UID: os.Getuid(), GID: os.Getgid(), Groups: groups, Home: os.Getenv("HOME")}
}

// As makes cmd run as u, with an environment that names no other user.
func (u User) As(cmd *exec.Cmd) *exec.Cmd {
	if u.UID == os.Getuid() {
		return cmd
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	groups := make([]uint32, 0, len(u.Groups))
	for _, g := range u.Groups {
		groups = append(groups, uint32(g))
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: groups}
	cmd.Env = append(cmd.Environ(), "HOME="+u.Home, "USER="+TestUser, "LOGNAME="+TestUser, "PATH="+publicPath())
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	return cmd
}

// publicPath is $PATH without what is in root's home, which nobody else may search.
func publicPath() string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	dirs = slices.DeleteFunc(dirs, func(d string) bool { return strings.HasPrefix(d, "/root/") })
	return strings.Join(dirs, string(filepath.ListSeparator))
}

func lookupUser(name string) (User, error) {
	var acc *user.User
	var err error
	if _, numErr := strconv.Atoi(name); numErr == nil {
		acc, err = user.LookupId(name)
	} else {
		acc, err = user.Lookup(name)
	}
	if err != nil {
		return User{}, err
	}
	uid, err1 := strconv.Atoi(acc.Uid)
	gid, err2 := strconv.Atoi(acc.Gid)
	ids, err3 := acc.GroupIds()
	if err := errors.Join(err1, err2, err3); err != nil {
		return User{}, err
	}
	u := User{UID: uid, GID: gid, Home: acc.HomeDir}
	for _, id := range ids {
		g, err := strconv.Atoi(id)
		if err != nil {
			return User{}, err
		}
		u.Groups = append(u.Groups, g)
	}
	return u, nil
}

// prepareMachine makes what only root can: the test user, and a /dev/fuse that
// it may open, as udev makes it on every distribution.
func prepareMachine() error {
	if !Root() {
		return nil
	}
	if err := os.Chmod("/dev/fuse", 0o666); err != nil {
		return err
	}
	// Several test packages start at once, and the password file is locked by the first.
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := makeUser()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		pause()
	}
}

func makeUser() error {
	if u, err := lookupUser(TestUser); err == nil && len(u.Groups) > 1 {
		return nil
	}
	if _, err := user.LookupGroup(TestGroup); err != nil {
		if out, err := exec.Command("groupadd", "-f", TestGroup).CombinedOutput(); err != nil {
			return fmt.Errorf("groupadd %s: %w: %s", TestGroup, err, out)
		}
	}
	args := []string{"useradd", "--create-home", "--shell", "/bin/bash", "--groups", TestGroup, TestUser}
	if _, err := user.Lookup(TestUser); err == nil {
		args = []string{"usermod", "--append", "--groups", TestGroup, TestUser}
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", args[0], TestUser, err, out)
	}
	return nil
}
