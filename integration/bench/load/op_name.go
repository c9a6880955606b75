package load

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func statMissing(Sizes) (*work, error) {
	names, st := newNames(), new(unix.Stat_t)
	return &work{step: func() error {
		switch err := statName(names.fresh(), st); err {
		case syscall.ENOENT:
			return nil
		case nil:
			return errThere
		default:
			return err
		}
	}}, nil
}

func mkdirRmdir(Sizes) (*work, error) {
	names := newNames()
	return &work{step: func() error {
		name := names.fresh()
		if err := makeDir(name); err != nil {
			return err
		}
		return unlinkName(name, unix.AT_REMOVEDIR)
	}}, nil
}

func rename(s Sizes) (*work, error) {
	from, to := newNames(), newNames()
	old := from.fresh()
	if err := s.fill(old, 4096); err != nil {
		return nil, err
	}
	return &work{step: func() error {
		name := to.fresh()
		if err := renameName(old, name); err != nil {
			return err
		}
		old = append(old[:0], name...)
		return nil
	}}, nil
}
