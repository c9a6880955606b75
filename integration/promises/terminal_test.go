package promises

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// The prompts are made of two words, so that what is typed is not taken for what is printed.

// TestShellInRun: an interactive shell inside, with job control.
func TestShellInRun(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		s := newSession(t, u, nil, "bash", "--norc", "--noprofile", "-i")
		s.Env = append(s.Env, "PS1=$((40+2))> ", "TERM=dumb")
		term := harness.StartTerminal(t, s.Cmd)
		term.Expect(t, "42> ")
		term.Type(t, "tty >/dev/null && echo is-a-$((1+1))-tty; ps -o stat= -p $$ | tr -d ' '\n")
		term.Expect(t, "is-a-2-tty")
		term.Expect(t, "42> ")

		term.Type(t, "sh -c 'echo run$((1+1))ning; sleep 1000'\n")
		term.Expect(t, "run2ning")
		term.Type(t, "\x03")
		term.Expect(t, "42> ")
		term.Type(t, "echo code $?\n")
		term.Expect(t, "code 130")

		term.Type(t, "sh -c 'echo run$((1+2))ning; sleep 1000; echo never'\n")
		term.Expect(t, "run3ning")
		term.Type(t, "\x1a")
		term.Expect(t, "Stopped")
		term.Expect(t, "42> ")
		term.Type(t, "fg\n")
		term.Expect(t, "sh -c")
		term.Type(t, "\x03")
		term.Expect(t, "42> ")
		term.Type(t, "sleep 1000 & jobs; kill %1; wait; exit 5\n")
		if code := term.Wait(t); code != 5 {
			t.Errorf("exit code %d, want 5", code)
		}
	})
}

// TestRunUnderShell: `vanishfs run` as a job of an interactive shell: Ctrl-Z stops all of it, fg goes on, Ctrl-C ends the command.
func TestRunUnderShell(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		outer := newSession(t, u, nil, "true") // for its mark and its check at the end
		if code := outer.runCode(t); code != 0 {
			t.Fatalf("exit code %d: %s", code, outer.errs.String())
		}
		cmd := u.As(exec.Command("bash", "--norc", "--noprofile", "-i"))
		cmd.Env = append(cmd.Environ(), outer.mark, "PS1=$((40+2))> ", "TERM=dumb", "VANISHFS="+harness.Program())
		term := harness.StartTerminal(t, cmd)
		term.Expect(t, "42> ")
		term.Type(t, `"$VANISHFS" run -- sh -c 'echo run$((1+1))ning; while read x; do echo got $x; done'`+"\n")
		term.Expect(t, "run2ning")
		term.Type(t, "before\n")
		term.Expect(t, "got before")
		term.Type(t, "\x1a")
		term.Expect(t, "Stopped")
		term.Expect(t, "42> ")
		term.Type(t, "fg\n")
		term.Type(t, "after\n")
		term.Expect(t, "got after")
		term.Type(t, "\x03")
		term.Expect(t, "42> ")
		term.Type(t, "echo code $?\n")
		term.Expect(t, "code 130")

		// The command may catch Ctrl-C and go on; vanishfs does not end before it.
		term.Type(t, `"$VANISHFS" run -- sh -c 'trap "echo caught \$((1+1))" INT; echo run$((1+2))ning; read x; read x; exit 6'`+"\n")
		term.Expect(t, "run3ning")
		term.Type(t, "\x03")
		term.Expect(t, "caught 2")
		term.Type(t, "\n\n")
		term.Expect(t, "42> ")
		term.Type(t, "echo code $?\n")
		term.Expect(t, "code 6")
		term.Type(t, "exit\n")
		term.Wait(t)
	})
}

// TestRunHangup: when the terminal goes, the command is hung up on and nothing stays.
func TestRunHangup(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		s := newSession(t, u, nil, "sh", "-c", "sleep 1000 & echo run$((1+1))ning; exec sleep 1000")
		term := harness.StartTerminal(t, s.Cmd)
		term.Expect(t, "run2ning")
		term.HangUp()
		if code := term.Wait(t); code != 128+int(unix.SIGHUP) {
			t.Errorf("exit code %d, want %d", code, 128+int(unix.SIGHUP))
		}
	})
}
