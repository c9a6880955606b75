package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"vanishfs/integration/bench/system"
)

// build puts the programs to measure into bin. Whatever is missing there is
// left out of the run; only vanishfs has to be there.
func build(p *plan, bin string) error {
	if p.vanishfs != "" {
		if err := copyProgram(p.vanishfs, filepath.Join(bin, system.Program)); err != nil {
			return err
		}
	} else if err := goBuild(p.source, bin, system.Program, "./cmd/vanishfs"); err != nil {
		return err
	}
	if p.against != "" {
		return copyProgram(p.against, filepath.Join(bin, system.OlderProgram))
	}
	if err := goBuild(p.source, bin, "loopback", "github.com/hanwen/go-fuse/v2/example/loopback"); err != nil {
		progress("%v", err)
	}
	if err := buildLibfuse(p, bin); err != nil {
		progress("no example of libfuse's: %v", err)
	}
	return nil
}

func goBuild(module, bin, name, source string) error {
	out, err := exec.Command("go", "build", "-C", module, "-o", filepath.Join(bin, name), source).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return nil
}

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}
