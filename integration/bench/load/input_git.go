package load

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// makeGitInput feeds git fast-import: a first commit with all files, then small changes.
func makeGitInput(dir string, s Scope) error {
	if out, err := exec.Command("git", "init", "-q", "--bare", "--initial-branch=main", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("git init: %w: %s", err, out)
	}
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git fast-import: %w", err)
	}
	err = writeHistory(stdin, s)
	if closeErr := stdin.Close(); err == nil {
		err = closeErr
	}
	if waitErr := cmd.Wait(); waitErr != nil {
		return fmt.Errorf("git fast-import: %w", waitErr)
	}
	return err
}

func writeHistory(to io.Writer, s Scope) error {
	w, r := bufio.NewWriter(to), fixedRandom()
	for commit := range s.Commits {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter Bench <bench@example.org> %d +0000\ndata 7\ncommit\n\n", 1_700_000_000+commit)
		changed := 10
		if commit == 0 {
			changed = s.GitFiles
		}
		for i := range changed {
			file := i
			if commit > 0 {
				file = r.IntN(s.GitFiles)
			}
			content := text(r, 500+r.IntN(8000))
			fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n", nested("file", file), len(content))
			w.Write(content)
			w.WriteByte('\n')
		}
	}
	return w.Flush()
}

// nested spreads numbered files over directories of 50.
func nested(name string, i int) string {
	return filepath.Join(fmt.Sprintf("directory%d", i/50), fmt.Sprintf("%s%d", name, i))
}
