package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
)

// unlimitedBytes is the size= of a store without limit. It is not size=0, because tmpfs
// refuses to limit such an instance later (mm/shmem.c, shmem_reconfigure:
// "Cannot retroactively limit size").
const unlimitedBytes = int64(1) << 62

// tmpfsOptions are passed on to a child process as JSON.
type tmpfsOptions struct {
	Size     int64 // bytes, 0 unlimited
	Huge     string
	NoSwap   bool
	UID, GID int // 0: whoever makes it
}

// A tmpfs is one instance, attached to no path: it goes with its last descriptor.
type tmpfs struct {
	root int // descriptor of the root directory (O_PATH), immutable

	mu     sync.Mutex
	spares []int // reconfiguring contexts from the child process, guarded by mu
	noswap bool  // immutable
}

// newTmpfs makes an instance, here or, where this process may not, in a child
// process inside a user namespace of its own.
func newTmpfs(o tmpfsOptions, log *slog.Logger) (*tmpfs, error) {
	made, err := makeTmpfs(o)
	if errors.Is(err, unix.EPERM) {
		made, err = makeTmpfsInChild(o)
	}
	if err != nil {
		return nil, fmt.Errorf("memory store: %w", err)
	}
	for _, why := range made.Refused {
		log.Info("memory store: " + why)
	}
	return &tmpfs{root: made.root, spares: made.contexts, noswap: made.NoSwap}, nil
}

// adoptTmpfs uses the instance that dir is the root of.
func adoptTmpfs(dir *os.File) (*tmpfs, error) {
	root, err := unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("memory store: %s: %w", dir.Name(), err)
	}
	return &tmpfs{root: root}, nil
}

// madeTmpfs is the outcome of making an instance; the descriptors travel beside the JSON.
type madeTmpfs struct {
	NoSwap  bool
	Refused []string // options done without, and why

	root     int
	contexts []int
}

// makeTmpfs makes an instance in the namespaces this process is in.
func makeTmpfs(o tmpfsOptions) (made madeTmpfs, err error) {
	ctx, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return made, fmt.Errorf("fsopen tmpfs: %w", err)
	}
	defer unix.Close(ctx)
	for _, kv := range o.wanted() {
		if err := unix.FsconfigSetString(ctx, kv[0], kv[1]); err != nil {
			return made, fmt.Errorf("tmpfs %s=%s: %s: %w", kv[0], kv[1], contextLog(ctx), err)
		}
	}
	// tmpfs refuses these where they are parsed (mm/shmem.c, shmem_parse_one), which leaves the context usable.
	if err := unix.FsconfigSetString(ctx, "huge", o.Huge); err != nil {
		made.Refused = append(made.Refused, fmt.Sprintf("going without huge=%s: %s: %v", o.Huge, contextLog(ctx), err))
	}
	if o.NoSwap {
		if err := unix.FsconfigSetFlag(ctx, "noswap"); err != nil {
			made.Refused = append(made.Refused, fmt.Sprintf("going without noswap: %s: %v", contextLog(ctx), err))
		} else {
			made.NoSwap = true
		}
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return made, fmt.Errorf("create tmpfs: %s: %w", contextLog(ctx), err)
	}
	// Without an atime flag the mount is relatime, as /tmp usually is.
	attr := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	if made.root, err = unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, attr); err != nil {
		return made, fmt.Errorf("fsmount tmpfs: %w", err)
	}
	return made, nil
}

// wanted are the options without which there is no instance. Inodes are counted by the daemon.
func (o tmpfsOptions) wanted() [][2]string {
	kv := [][2]string{{"size", sizeOption(o.Size)}, {"nr_inodes", "0"}, {"mode", "0700"}}
	if o.UID != 0 {
		kv = append(kv, [2]string{"uid", strconv.Itoa(o.UID)})
	}
	if o.GID != 0 {
		kv = append(kv, [2]string{"gid", strconv.Itoa(o.GID)})
	}
	return kv
}

func sizeOption(size int64) string {
	if size == 0 {
		size = unlimitedBytes
	}
	return strconv.FormatInt(size, 10)
}

func checkSize(size int64) error {
	if size < 0 || size >= unlimitedBytes {
		return fmt.Errorf("memory store: size %d bytes: want 0 (unlimited) or a size below 4 EiB: %w", size, syscall.EINVAL)
	}
	return nil
}

// contextLog is what the kernel has to say about the last refusal.
func contextLog(ctx int) string { return cmp.Or(mounts.Why(ctx), "refused by this kernel") }

// resize changes the limit of the instance in use. EINVAL: below what is in use.
func (t *tmpfs) resize(size int64) error {
	if err := checkSize(size); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spares) > 0 {
		return t.resizeBySpareLocked(size)
	}
	ctx, err := unix.Fspick(t.root, "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("resize the memory store: fspick: %w; it can be resized by the user namespace that made it", err)
	}
	defer unix.Close(ctx)
	return t.reconfigure(ctx, size)
}

// resizeBySpareLocked uses a context that the child process left. To reconfigure, CAP_SYS_ADMIN
// over the instance's user namespace is wanted (fs/fsopen.c, vfs_cmd_reconfigure), and who made that
// namespace has it (security/commoncap.c, cap_capable); only fspick asks for more. A context serves
// any number of times until it fails once, so the last one is kept for what cannot fail: growing.
func (t *tmpfs) resizeBySpareLocked(size int64) error {
	u, err := t.usage()
	if err != nil {
		return err
	}
	if size != 0 && size < u.Used {
		return fmt.Errorf("resize the memory store to %d bytes: %d are in use: %w", size, u.Used, syscall.EINVAL)
	}
	last := len(t.spares) - 1
	shrinks := size != 0 && (u.Size == 0 || size < u.Size)
	if last == 0 && shrinks {
		return fmt.Errorf("resize the memory store: this process has no right left to shrink it: %w", syscall.EPERM)
	}
	ctx := t.spares[last]
	if err = t.reconfigure(ctx, size); err != nil {
		unix.Close(ctx)
		t.spares = t.spares[:last]
	}
	return err
}

func (t *tmpfs) reconfigure(ctx int, size int64) error {
	err := unix.FsconfigSetString(ctx, "size", sizeOption(size))
	if err == nil && t.noswap {
		// Said again, or it counts as asking for swap (mm/shmem.c, shmem_reconfigure).
		err = unix.FsconfigSetFlag(ctx, "noswap")
	}
	if err == nil {
		err = unix.FsconfigReconfigure(ctx)
	}
	if err != nil {
		return fmt.Errorf("resize the memory store to %d bytes: %s: %w", size, contextLog(ctx), err)
	}
	return nil
}

// usage is exact: tmpfs sums its counters over all CPUs (mm/shmem.c, shmem_statfs).
func (t *tmpfs) usage() (Usage, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(t.root, &st); err != nil {
		return Usage{}, fmt.Errorf("memory store: fstatfs: %w", err)
	}
	bsize := int64(st.Bsize)
	u := Usage{Used: int64(st.Blocks-st.Bfree) * bsize, Free: int64(st.Bavail) * bsize}
	if st.Blocks != 0 && int64(st.Blocks) < unlimitedBytes/bsize {
		u.Size = int64(st.Blocks) * bsize
		return u, nil
	}
	u.Free = availableMemory(!t.noswap)
	return u, nil
}

func (t *tmpfs) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, ctx := range t.spares {
		unix.Close(ctx)
	}
	t.spares = nil
	unix.Close(t.root)
}
