package transport

import (
	"errors"
	"fmt"
	"os"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	protocolMajor = 7
	// minMinor came with Linux 5.4; earlier kernels miss half of what a mount needs.
	minMinor = 31
	// maxMinor is the newest protocol whose structs are known here (Linux 6.14).
	maxMinor = 42

	maxBackground = 128 // requests the kernel keeps in flight without a caller: readahead, RELEASE

	// capabilities are taken where the kernel offers them. Not among them, on
	// purpose: POSIX_LOCKS and FLOCK_LOCKS (the kernel keeps locks itself),
	// WRITEBACK_CACHE (ENOSPC would come late), AUTO_INVAL_DATA (all changes
	// come through the mount), POSIX_ACL, DONT_MASK.
	capabilities = fuse.CAP_ASYNC_READ | fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_BIG_WRITES |
		fuse.CAP_PARALLEL_DIROPS | fuse.CAP_READDIRPLUS | fuse.CAP_READDIRPLUS_AUTO |
		fuse.CAP_ASYNC_DIO | fuse.CAP_MAX_PAGES | fuse.CAP_NO_OPENDIR_SUPPORT |
		fuse.CAP_EXPLICIT_INVAL_DATA
)

// Handshake reads the kernel's INIT, which it sends when the device is
// mounted, and answers it. It comes once, before Serve.
func (s *Server) Handshake() error {
	in, err := s.readInit()
	if err != nil {
		return fmt.Errorf("handshake with the kernel: %w", err)
	}
	want := s.wanted(in)
	if s.options.IDMapped && want&fuse.CAP_ALLOW_IDMAP == 0 {
		return errors.New("the kernel does not offer id-mapped mounts of such filesystems (Linux 6.12 and later do); mount without idmap")
	}
	out := initReply{OutHeader: fuse.OutHeader{Length: uint32(sizeOf[initReply]()), Unique: in.Unique}, InitOut: s.initOut(in, want)}
	if errno := writeMessage(s.fd, structBytes(&out), nil); errno != 0 {
		return fmt.Errorf("handshake with the kernel: write %s: %w", devicePath, errno)
	}
	s.features.Minor = in.Minor
	s.features.Transport = transportDev
	if want&fuse.CAP_OVER_IO_URING != 0 {
		s.features.Transport = transportUring
	}
	s.features.Passthrough = want&fuse.CAP_PASSTHROUGH != 0 && s.tryPassthrough()
	for _, reason := range s.features.Reasons {
		s.log.Info(reason)
	}
	return nil
}

// initReply is the whole reply to INIT.
type initReply struct {
	fuse.OutHeader
	fuse.InitOut
}

func (s *Server) readInit() (*fuse.InitIn, error) {
	buf := make([]byte, messageHeader+s.options.MaxWrite)
	n, err := s.readFirst(buf)
	if err != nil {
		return nil, err
	}
	in := new(fuse.InitIn)
	copy(structBytes(in), buf[:n])
	if n < inHeaderSize+8 || in.Opcode != opInit {
		return nil, errors.New("the first message is not INIT; the device is served already")
	}
	if in.Major != protocolMajor || in.Minor < minMinor {
		return nil, fmt.Errorf("the kernel speaks FUSE %d.%d, %d.%d (Linux 5.4) or later is needed", in.Major, in.Minor, protocolMajor, minMinor)
	}
	return in, nil
}

func (s *Server) readFirst(buf []byte) (int, error) {
	t := s.enterThread()
	defer s.exitThread(t)
	for {
		n, errno := readMessage(s.fd, buf)
		switch {
		case s.ended.Load():
			return 0, errors.New("aborted")
		case errno == 0 && n > 0:
			return n, nil
		case errno == unix.EINTR, errno == unix.EAGAIN, errno == unix.ENOENT:
		case errno == unix.EPERM:
			return 0, errors.New("the device is not mounted")
		case errno == unix.ENODEV:
			return 0, errors.New("the filesystem was unmounted")
		default:
			return 0, fmt.Errorf("read %s: %w", devicePath, errno)
		}
	}
}

// wanted is what to take of the kernel's offer; what is missing of what was
// asked for is noted.
func (s *Server) wanted(in *fuse.InitIn) uint64 {
	want := in.Flags64() & capabilities
	if s.options.NoPrivileges {
		want |= in.Flags64() & fuse.CAP_HANDLE_KILLPRIV_V2
	}
	if s.options.IDMapped {
		want |= in.Flags64() & fuse.CAP_ALLOW_IDMAP
	}
	if s.options.Passthrough {
		want |= in.Flags64() & fuse.CAP_PASSTHROUGH
		if want&fuse.CAP_PASSTHROUGH == 0 {
			s.without("passthrough is off: the kernel does not offer it (Linux 6.9 with CONFIG_FUSE_PASSTHROUGH does)")
		}
	}
	if s.options.Transport != transportDev {
		want |= s.wantUring(in)
	}
	return want
}

func (s *Server) without(reason string) { s.features.Reasons = append(s.features.Reasons, reason) }

func (s *Server) initOut(in *fuse.InitIn, want uint64) fuse.InitOut {
	out := fuse.InitOut{
		Major:               protocolMajor,
		Minor:               min(in.Minor, maxMinor),
		MaxReadAhead:        in.MaxReadAhead,
		Flags:               uint32(want) | fuse.CAP_INIT_EXT&in.Flags,
		Flags2:              uint32(want >> 32),
		MaxBackground:       maxBackground,
		CongestionThreshold: maxBackground * 3 / 4,
		MaxWrite:            uint32(s.options.MaxWrite),
		MaxPages:            uint16(min(s.options.MaxWrite/os.Getpagesize(), 1<<16-1)),
		TimeGran:            1, // nanosecond
	}
	if want&fuse.CAP_PASSTHROUGH != 0 {
		// The backing filesystem is not stacked itself (fs/fuse/backing.c).
		out.MaxStackDepth = 1
	}
	return out
}
