package promises

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A mapping is a file that is mapped shared and writable.
type mapping struct {
	fd   int
	data []byte
}

func newMapping(path string, size int) (m mapping, err error) {
	if m.fd, err = unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600); err != nil {
		return m, fmt.Errorf("open: %w", err)
	}
	if err = unix.Ftruncate(m.fd, int64(size)); err != nil {
		return m, fmt.Errorf("truncate: %w", err)
	}
	if m.data, err = unix.Mmap(m.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return m, fmt.Errorf("mmap: %w", err)
	}
	return m, nil
}

// storeUntilFault stores to each page until SIGBUS comes and says how many pages were stored to.
func (m mapping) storeUntilFault() (pages int) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { recover() }()
	for ; pages*page < len(m.data); pages++ {
		m.data[pages*page] = byte(pages%255) + 1
	}
	return pages
}

// kept says how many pages have what storeUntilFault stored, past the page cache: it shows stores that got lost.
func kept(path string, size int) (pages int, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	data, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return 0, err
	}
	for done := 0; done < size; {
		n, err := unix.Pread(fd, data[done:], int64(done))
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%d bytes read at %d: %w", n, done, err)
		}
		done += n
	}
	for pages*page < size && data[pages*page] == byte(pages%255)+1 {
		pages++
	}
	return pages, nil
}

// mapUntilFault is what the helper of that name does: it stores to a mapping of args[1] MiB until SIGBUS and says how
// many pages were stored to and kept. With args[2] "hidden" nobody may look at this process; with "pressed" it says
// so once it has stored to some, and waits for its standard input to end.
func mapUntilFault(args []string) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	m, err := newMapping(args[0], size*mib)
	if err != nil {
		return err
	}
	if args[2] == "hidden" {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return err
		}
	}
	if args[2] == "pressed" {
		some := mapping{m.fd, m.data[:pressed]}
		some.storeUntilFault()
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadByte()
	}
	stored := m.storeUntilFault()
	if err := unix.Msync(m.data, unix.MS_SYNC); err != nil {
		return fmt.Errorf("msync: %w", err)
	}
	n, err := kept(args[0], size*mib)
	if err == nil {
		fmt.Println(stored, n)
	}
	return err
}

// mapLive stores to a mapping, says so, and goes on when its standard input ends. args[1] says what came before the stores.
func mapLive(args []string) error {
	const size = 8 * mib
	path := args[0]
	if args[1] == "read" {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(path, size); err != nil {
			return err
		}
		if _, err := os.ReadFile(path); err != nil {
			return err
		}
	}
	m, err := newMapping(path, size)
	if err != nil {
		return err
	}
	switch args[1] {
	case "reserved":
		err = unix.Fallocate(m.fd, 0, 0, size)
	case "read beside":
		if _, err = os.ReadFile(path); err == nil && !forgotten(m.data) {
			err = fmt.Errorf("holes that were read stay cached")
		}
	}
	if err != nil {
		return err
	}
	for i := range 200_000 {
		m.data[409_600+i] = byte(i) | 1
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte()
	return nil
}

// forgotten waits until no page of m is cached.
func forgotten(m []byte) bool {
	cached := make([]byte, len(m)/page)
	return harness.Within(harness.Patience, func() bool {
		if mincore(m, cached) != nil {
			return false
		}
		for _, c := range cached {
			if c&1 != 0 {
				return false
			}
		}
		return true
	})
}

// mapSparse stores one byte in each of args[1] new files of 256 KiB and says how many blocks each has.
func mapSparse(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for i := range n {
		m, err := newMapping(fmt.Sprintf("%s/%d", args[0], i), 256<<10)
		if err != nil {
			return err
		}
		m.data[100_000] = 1
		var st unix.Stat_t
		if err := unix.Fstat(m.fd, &st); err != nil {
			return err
		}
		if st.Blocks != 8 {
			return fmt.Errorf("file %d has %d blocks, want 8", i, st.Blocks)
		}
	}
	return nil
}

// readHoles reads a hole of args[1] MiB through a handle that could be mapped.
func readHoles(args []string) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(int64(size) * mib); err != nil {
		return err
	}
	buf := make([]byte, 10_000)
	total := 0
	for {
		n, err := f.Read(buf)
		if n == 0 {
			break
		}
		if err != nil {
			return err
		}
		for _, b := range buf[:n] {
			if b != 0 {
				return fmt.Errorf("a hole has %d in it", b)
			}
		}
		total += n
	}
	if total != size*mib {
		return fmt.Errorf("%d bytes read", total)
	}
	return nil
}

func init() {
	for name, f := range map[string]func([]string) error{
		"map-until-fault": mapUntilFault, "map-live": mapLive, "map-sparse": mapSparse, "read-holes": readHoles,
	} {
		harness.Helper(name, func(args []string) int {
			if err := f(args); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			return 0
		})
	}
}
