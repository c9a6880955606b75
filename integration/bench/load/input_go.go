package load

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
)

// makeGoInput makes a program of several packages.
func makeGoInput(dir string, s Scope) error {
	var program bytes.Buffer
	program.WriteString("package main\n\nimport (\n")
	for i := range s.GoPackages {
		fmt.Fprintf(&program, "\t_ \"program/part%d\"\n", i)
		if err := writeTo(filepath.Join(dir, fmt.Sprintf("part%d/part.go", i)), goPart(i)); err != nil {
			return err
		}
	}
	program.WriteString(")\n\nfunc main() {}\n")
	if err := writeTo(filepath.Join(dir, "main.go"), program.Bytes()); err != nil {
		return err
	}
	return writeTo(filepath.Join(dir, "go.mod"), []byte("module program\n\ngo 1.24\n"))
}

// makeGoCache makes a build cache with what the program imports of the standard library.
func makeGoCache(dir string, _ Scope) error {
	cmd := withEnv(exec.Command("go", "build", "sort", "strconv"), goEnv(dir, filepath.Dir(dir))...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, lastBytes(out, 400))
	}
	return nil
}

func goPart(part int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package part%d\n\nimport (\n\t\"sort\"\n\t\"strconv\"\n)\n", part)
	for f := range 30 {
		fmt.Fprintf(&b, `
func F%d(m map[string]int) (names []string) {
	for name, n := range m {
		if n > %d {
			names = append(names, name+strconv.Itoa(n))
		}
	}
	sort.Slice(names, func(i, j int) bool { return m[names[i]] < m[names[j]] })
	return names
}
`, f, part*100+f)
	}
	return b.Bytes()
}
