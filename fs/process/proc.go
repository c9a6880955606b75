package process

import (
	"os"
	"strconv"
)

// Numbers are the entries of a directory of /proc that are numbers, in its order: of /proc itself the
// processes that can be seen, ascending (fs/proc/base.c, proc_pid_readdir).
func Numbers(dir string) ([]int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, 0, len(names))
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
