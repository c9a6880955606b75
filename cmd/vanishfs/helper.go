package main

import (
	"path/filepath"
	"strings"
)

// mount(8) starts a helper for filesystems that it cannot mount itself. For
// type fuse.vanishfs that is, whichever it finds first,
//
//	/sbin/mount.fuse.vanishfs SOURCE DIR [-sfnv] [-N namespace] [-o options] [-t type]
//
// which may be a link to this binary, or fuse3's /sbin/mount.fuse, which takes
// the name of the program from the type and runs
//
//	vanishfs [SOURCE] DIR -o options
//
// (util-linux, libmount/src/context_mount.c, exec_helper; libfuse, util/mount.fuse.c).

// helperCall is one such call.
type helperCall struct {
	source, dir string
	options     []string
	fake        bool // -f: check everything, mount nothing
	verbose     bool
	sloppy      bool  // -s: unknown options are no error
	err         error // in the call itself
}

// helperCallOf recognises both forms.
func helperCallOf(argv []string) (helperCall, bool) {
	if strings.HasPrefix(filepath.Base(argv[0]), "mount.") {
		return parseHelperCall(argv[1:]), true
	}
	// mount.fuse passes -o in any case, since there is always dev or suid or their opposite.
	args := argv[1:]
	n := len(args)
	if (n != 3 && n != 4) || args[n-2] != "-o" || strings.HasPrefix(args[0], "-") || isCommand(args[0]) {
		return helperCall{}, false
	}
	call := helperCall{source: "vanishfs", dir: args[n-3], options: args[n-1:]}
	if n == 4 {
		call.source = args[0]
	}
	return call, true
}

func parseHelperCall(args []string) helperCall {
	var call helperCall
	var operands []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if len(arg) < 2 || arg[0] != '-' {
			operands = append(operands, arg)
			continue
		}
		for i, letter := range arg[1:] {
			switch letter {
			case 'n': // write no mtab: there is none
			case 's':
				call.sloppy = true
			case 'f':
				call.fake = true
			case 'v':
				call.verbose = true
			case 'o', 't', 'N':
				value := arg[i+2:]
				if value == "" && len(args) > 0 {
					value, args = args[0], args[1:]
				}
				call.option(letter, value)
			default:
				call.err = usagef("unknown flag -%c from mount(8)", letter)
			}
			if strings.ContainsRune("otN", letter) {
				break
			}
		}
	}
	if len(operands) == 2 {
		call.source, call.dir = operands[0], operands[1]
	} else if call.err == nil {
		call.err = usagef("called as a mount helper, which needs SOURCE DIR [-o OPTIONS]; to mount by hand: vanishfs mount DIR")
	}
	return call
}

func (call *helperCall) option(letter rune, value string) {
	switch letter {
	case 'o':
		call.options = append(call.options, value)
	case 'N':
		call.err = usagef("mounting in another namespace is not supported; use nsenter --mount=%s vanishfs mount", value)
	}
}

// run mounts, or for a remount changes what is mounted.
func (call helperCall) run() error {
	if call.err != nil {
		return withHelperCode(call.err)
	}
	s := newSettings()
	s.source, s.verbose, s.Sloppy = call.source, call.verbose, call.sloppy
	if err := s.Parse(strings.Join(call.options, ",")); err != nil {
		return withHelperCode(err)
	}
	return withHelperCode(s.mountAt(call.dir, call.fake))
}

// withHelperCode translates our exit codes to the two that mount(8) knows.
func withHelperCode(err error) error {
	switch exitCode(err) {
	case exitOK:
		return nil
	case exitUsage, exitValue:
		return withCode(exitHelperUsage, err)
	}
	return withCode(exitHelperMount, err)
}
