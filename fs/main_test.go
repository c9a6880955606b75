package fs

import (
	"os"
	"testing"

	"vanishfs/fs/store"
)

func TestMain(m *testing.M) {
	store.ChildMain() // an ordinary user's memory store comes from this program again
	os.Exit(m.Run())
}
