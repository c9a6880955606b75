package process

import "os"

// Self is this program's file, also after it was replaced or removed.
const Self = "/proc/self/exe"

// Name is what this program is called.
const Name = "vanishfs"

// SetName gives this process a name in the kernel (ps -C, pgrep): what is
// executed through Self is called "exe".
func SetName(name string) { os.WriteFile("/proc/self/comm", []byte(name), 0) }
