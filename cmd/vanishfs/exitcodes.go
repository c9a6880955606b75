package main

import (
	"fmt"
	"strings"

	"vanishfs/lifecycle/run"
)

// An exitMeaning is what --help and the manual say of an exit code.
type exitMeaning struct {
	code    int
	meaning string
}

var exitMeanings = []exitMeaning{
	{exitOK, "done"},
	{exitFailure, "failed"},
	{exitUsage, "wrong usage"},
	{exitValue, "wrong value"},
	{exitNoDevice, "no /dev/fuse"},
	{exitNotPermitted, "not permitted"},
	{exitMountPoint, "mount point missing, no directory or not writable"},
	{exitBusy, "mount point or mount busy, or a limit below what is in use"},
	{exitNotVanishfs, "not on a vanishfs"},
	{exitSpill, "spill directory missing, not writable or full"},
}

// runExitMeanings are those of run, whose other codes are its command's.
var runExitMeanings = []exitMeaning{
	{run.ExitFailed, "vanishfs itself failed, whatever the reason"},
	{run.ExitNotExecutable, "the command was found but cannot be executed"},
	{run.ExitNotFound, "the command was not found"},
}

// helperExitMeanings are those of mount.fuse.vanishfs, as mount(8) has them.
var helperExitMeanings = []exitMeaning{
	{exitOK, "mounted"},
	{exitHelperUsage, "wrong usage, or a wrong value of an option"},
	{exitHelperMount, "the mount failed"},
}

// exitCodeList is for instance "0 done; 1 failed."
func exitCodeList() string {
	var list []string
	for _, m := range exitMeanings {
		list = append(list, fmt.Sprintf("%d %s", m.code, m.meaning))
	}
	return strings.Join(list, "; ") + ". run has its own, see run --help."
}
