package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vanishfs/integration/bench/system"
)

// buildLibfuse compiles libfuse's fastest example, which distributions ship as
// documentation: passthrough_hp where it is there, else passthrough_ll.
func buildLibfuse(p *plan, bin string) error {
	for _, example := range system.LibfuseExamples {
		found, err := filepath.Glob("/usr/share/doc/*fuse3*/example*/" + example + ".c*")
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return compile(p, found[0], filepath.Join(bin, example))
		}
	}
	return errors.New("libfuse's development package brings no source of it")
}

// compile takes the source out of its archive first, if it is in one.
func compile(p *plan, source, program string) error {
	plain := p.below(strings.TrimSuffix(filepath.Base(source), ".gz"))
	if err := unpack(source, plain); err != nil {
		return err
	}
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "fuse3").Output()
	if err != nil {
		return fmt.Errorf("pkg-config fuse3: %w", err)
	}
	compiler := "cc"
	if filepath.Ext(plain) == ".cc" {
		compiler = "c++"
	}
	args := append([]string{"-O2", "-pthread", "-I", filepath.Dir(source), "-o", program, plain}, strings.Fields(string(flags))...)
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w: %.300s", source, err, out)
	}
	return nil
}

func unpack(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	var source io.Reader = f
	if strings.HasSuffix(from, ".gz") {
		if source, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	data, err := io.ReadAll(source)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
