package load

import (
	"fmt"
	"os"
	"testing"
)

// TestMain is also the worker that the agent under test starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == WorkerCommand {
		if err := Worker(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// tiny are sizes that take no time.
var tiny = Sizes{Stream: 4 << 20, Random: 1 << 20, Remove: 1 << 20, Few: 100, Many: 2000, Budget: 1 << 20, Beyond: 8 << 20}
