package conformance

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var execCases = map[string]harness.Case{
	"ExecBinary":   execBinary,
	"ExecScript":   execScript,
	"ExecTextBusy": execTextBusy,
}

func installed(t *testing.T, path, program string) {
	t.Helper()
	from, err := exec.LookPath(program)
	ok(t, "look for "+program, err)
	data, err := os.ReadFile(from)
	ok(t, "read", err)
	ok(t, "install", os.WriteFile(path, data, 0o755))
}

func execBinary(t *testing.T, tree harness.Tree) {
	bin := tree.Dir + "/prog"
	installed(t, bin, "echo")
	out, err := exec.Command(bin, "hello").CombinedOutput()
	if err != nil || string(out) != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
	ok(t, "chmod", os.Chmod(bin, 0o600))
	wantErrno(t, "without x", exec.Command(bin).Run(), unix.EACCES)
	ok(t, "chmod", os.Chmod(bin, 0o755))
	ok(t, "with x again", exec.Command(bin).Run())
}

func execScript(t *testing.T, tree harness.Tree) {
	s := tree.Dir + "/script"
	ok(t, "write", os.WriteFile(s, []byte("#!/bin/sh\necho \"$0 $1\"\n"), 0o755))
	out, err := exec.Command(s, "arg").CombinedOutput()
	if err != nil || string(out) != s+" arg\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func execTextBusy(t *testing.T, tree harness.Tree) {
	bin := tree.Dir + "/prog"
	installed(t, bin, "cat")
	cmd := exec.Command(bin)
	in, err := cmd.StdinPipe()
	ok(t, "pipe", err)
	out, err := cmd.StdoutPipe()
	ok(t, "pipe", err)
	ok(t, "start", cmd.Start())
	_, err = in.Write([]byte("x"))
	ok(t, "write", err)
	_, err = out.Read(make([]byte, 1)) // it runs
	ok(t, "read", err)
	_, err = unix.Open(bin, unix.O_WRONLY, 0)
	wantErrno(t, "write to a running program", err, unix.ETXTBSY)
	wantErrno(t, "truncate a running program", unix.Truncate(bin, 0), unix.ETXTBSY)
	ok(t, "unlink a running program", unix.Unlink(bin))
	in.Close()
	ok(t, "program", cmd.Wait())

	installed(t, bin, "true")
	fd := open(t, bin, unix.O_WRONLY, 0)
	wantErrno(t, "run what is open for writing", exec.Command(bin).Run(), unix.ETXTBSY)
	unix.Close(fd)
}
