package fs

import (
	"os"
	"testing"

	"vanishfs/fs/process"
)

func TestMain(m *testing.M) {
	process.Become() // an ordinary user's memory store comes from this program again
	os.Exit(m.Run())
}
