package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// places are where the filesystem goes in the namespace of the session.
type places struct {
	plan    *plan
	cwd     string // "" if it has no name
	exposed []int  // outer paths, as detached mounts; in the plan's order
	temp    map[string]string
}

// takePlaces takes hold of what is about to be covered.
func takePlaces(p *plan) (*places, error) {
	// Nothing that is mounted here is to be seen outside. What is mounted outside comes
	// in, and above all what is unmounted there goes here too, instead of being kept
	// busy.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return nil, fmt.Errorf("make the namespace private: %w", err)
	}
	s := &places{plan: p}
	s.cwd, _ = syscall.Getwd()
	s.temp = tempVariables(p)
	for _, e := range p.Expose {
		fd, err := unix.OpenTree(unix.AT_FDCWD, string(e.Path), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return nil, fmt.Errorf("--expose %s: %w", e.Path, err)
		}
		s.exposed = append(s.exposed, fd)
	}
	return s, nil
}

// attach gives the mount a place, at which nobody is served yet. With one
// directory it is the final one. With several, it is where furnish finds it.
func (s *places) attach(mnt int) error { return move(mnt, string(s.plan.At[0])) }

func move(mnt int, path string) error {
	if err := unix.MoveMount(mnt, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount on %s: %w", path, err)
	}
	return nil
}

// furnish does what needs the filesystem to be served.
func (s *places) furnish(mnt int) error {
	if len(s.plan.At) > 1 {
		if err := s.split(mnt); err != nil {
			return err
		}
	}
	unix.Close(mnt)
	if s.plan.UserNS {
		if err := s.ask(); err != nil {
			return err
		}
	}
	for i, e := range s.plan.Expose {
		if err := s.expose(s.exposed[i], e); err != nil {
			return fmt.Errorf("--expose %s: %w", e.Path, err)
		}
	}
	if s.cwd != "" && s.plan.owner(s.cwd) >= 0 {
		// If it does not exist inside, the outer one stays.
		if err := unix.Chdir(s.cwd); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("change to directory %s: %w", s.cwd, err)
		}
	}
	return s.setTemp()
}

// ask makes the kernel ask for the attributes of the directories. Until somebody
// does, the root is uid 0's to it (fs/fuse/inode.c, fuse_get_root_inode), whom a
// user's namespace does not know, and every change in it is refused
// (fs/namei.c, inode_permission). Elsewhere CMD starts while the daemon still makes
// its rings: its first request waits for them (fs/fuse/dev_uring.c, is_ring_ready).
func (s *places) ask() error {
	for _, dir := range s.plan.At {
		var st unix.Stat_t
		if err := unix.Stat(string(dir), &st); err != nil {
			return fmt.Errorf("stat %s: %w", dir, err)
		}
	}
	return nil
}

// split gives each directory a tree of its own: a directory of the mount, whose root
// is then attached nowhere. One connection, one quota, and no way from one to the other.
func (s *places) split(mnt int) error {
	first := string(s.plan.At[0])
	var trees []int
	for i := range s.plan.At {
		name := filepath.Join(first, strconv.Itoa(i))
		tree, err := unix.OpenTree(unix.AT_FDCWD, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("take directory %d of the mount: %w", i, err)
		}
		trees = append(trees, tree)
	}
	if err := unix.Unmount(first, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount %s: %w", first, err)
	}
	for i, tree := range trees {
		if err := move(tree, string(s.plan.At[i])); err != nil {
			return err
		}
		unix.Close(tree)
	}
	return nil
}

// expose puts an outer path on an empty file or directory of the same name inside.
func (s *places) expose(tree int, e exposed) error {
	defer unix.Close(tree)
	path := string(e.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return err
	}
	var err error
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = unix.Mkdir(path, 0o777)
	} else {
		err = unix.Mknod(path, unix.S_IFREG|0o600, 0)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return move(tree, path)
}

// tempNames are the variables that name a directory for temporary files.
var tempNames = []string{"TMPDIR", "TMP", "TEMP", "TEMPDIR"}

// tempVariables resolves those that are set, while what they name can be seen.
func tempVariables(p *plan) map[string]string {
	temp := make(map[string]string)
	for _, name := range tempNames {
		value := os.Getenv(name)
		if !filepath.IsAbs(value) {
			continue
		}
		real, err := resolve(value)
		if err != nil {
			real = filepath.Clean(value)
		}
		temp[name] = real
	}
	return temp
}

// setTemp sees to it that each of them names a directory inside.
func (s *places) setTemp() error {
	for name, path := range s.temp {
		if s.plan.owner(path) < 0 {
			os.Setenv(name, string(s.plan.At[0]))
			continue
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
