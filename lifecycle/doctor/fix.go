package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vanishfs/fs/transport"
)

// Where settings for the next boot go. A module takes its parameters from
// modprobe; a kernel that has fuse built in does not, there it is systemd's
// tmpfiles that writes the parameter at boot.
const (
	modprobeConf = "/etc/modprobe.d/vanishfs.conf"
	modprobeText = "# written by vanishfs doctor --fix\noptions fuse enable_uring=1\n"
	tmpfilesConf = "/etc/tmpfiles.d/vanishfs.conf"
	tmpfilesText = "# written by vanishfs doctor --fix\nw- " + transport.EnableUring + " - - - - Y\n"
)

// Fix switches FUSE over io_uring on, in the running kernel and for the next
// boot, and says what it did, one line each. It is the only thing that changes a setting.
func Fix() ([]string, error) {
	return fixIn("/")
}

// fixIn is Fix with the paths below root.
func fixIn(root string) (did []string, err error) {
	parameter := filepath.Join(root, transport.EnableUring)
	value, err := os.ReadFile(parameter)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: this kernel has no FUSE over io_uring (Linux 6.14 has), or the module is not loaded (modprobe fuse)", transport.EnableUring)
	}
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(value)) != "Y" {
		if err := os.WriteFile(parameter, []byte("Y"), 0o644); err != nil {
			return nil, fmt.Errorf("%w; it takes root", err)
		}
		did = append(did, "wrote Y to "+transport.EnableUring)
	}
	files := map[string]string{modprobeConf: modprobeText}
	if builtIn(root) {
		files[tmpfilesConf] = tmpfilesText
	}
	for _, path := range []string{modprobeConf, tmpfilesConf} {
		wrote, err := writeOnce(filepath.Join(root, path), files[path])
		if err != nil {
			return did, err
		}
		if wrote {
			did = append(did, "wrote "+path+" for the next boot")
		}
	}
	return did, nil
}

// builtIn says whether fuse is part of the kernel: only a module has a state.
func builtIn(root string) bool {
	_, err := os.Stat(filepath.Join(root, "/sys/module/fuse/initstate"))
	return errors.Is(err, fs.ErrNotExist)
}

// writeOnce leaves a file alone that says so already.
func writeOnce(path, text string) (wrote bool, err error) {
	if text == "" {
		return false, nil
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	return true, os.WriteFile(path, []byte(text), 0o644)
}
