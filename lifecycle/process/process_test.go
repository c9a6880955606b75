package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// childVariable makes the test binary the child of TestDropInherited.
const childVariable = "PROCESS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		dropAndList()
		return
	}
	os.Exit(m.Run())
}

// dropAndList writes what is left open to standard error.
func dropAndList() {
	if err := DropInherited(2); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	for fd := range 10 {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", fmt.Sprint(fd))); err == nil && (fd < 2 || strings.HasPrefix(target, "pipe:")) {
			fmt.Fprintf(os.Stderr, "%d=%s ", fd, strings.SplitN(target, ":", 2)[0])
		}
	}
}

func TestDropInherited(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stdin, cmd.Stdout = r, w
	cmd.ExtraFiles = []*os.File{r, w}
	var said strings.Builder
	cmd.Stderr = &said // a pipe as well, and kept
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := said.String(), "0=/dev/null 1=/dev/null 2=pipe "; got != want {
		t.Errorf("left open are %q, want %q", got, want)
	}
}

func TestLetter(t *testing.T) {
	type letter struct {
		Text []byte
		N    int
	}
	for _, want := range []letter{{}, {[]byte("\xff\xfe not UTF-8"), 1}, {make([]byte, 3<<20), 2}} {
		fd, err := WriteLetter(want)
		if err != nil {
			t.Fatal(err)
		}
		var got letter
		if err := ReadLetter(fd, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d bytes came back as %d: %v", len(want.Text), len(got.Text), err)
		}
		if err := ReadLetter(fd, &got); err == nil {
			t.Error("the descriptor of a letter that was read is still open")
		}
	}
}
