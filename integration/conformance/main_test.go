// Package conformance holds what a POSIX filesystem owes its users as named
// cases, and runs them on every way to have a vanishfs. Each case runs on a
// tmpfs of the kernel's first (the native variants), which shows that the case
// is right; where vanishfs differs on purpose, differences.go says so.
package conformance

import (
	"maps"
	"os"
	"syscall"
	"testing"

	"vanishfs/integration/harness"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	harness.Main(m)
}

// TestTree runs our own cases.
func TestTree(t *testing.T) {
	harness.Conform(t, merged(t, createCases, dirCases, linkCases, symlinkCases, nameCases, renameCases,
		timeCases, statCases, dataCases, sparseCases, appendCases, truncateCases, mmapCases, execCases,
		tmpfileCases, unlinkedCases, lockCases, ipcCases, readdirCases, permissionCases, xattrCases,
		openCases, watchCases, modeCases, limitCases))
}

// TestSharedTree runs the cases that need two users.
func TestSharedTree(t *testing.T) {
	harness.ConformShared(t, merged(t, sharedCases, ownershipCases))
}

func merged(t *testing.T, groups ...map[string]harness.Case) map[string]harness.Case {
	t.Helper()
	all := map[string]harness.Case{}
	want := 0
	for _, g := range groups {
		want += len(g)
		maps.Copy(all, g)
	}
	if len(all) != want {
		t.Fatal("two cases have the same name")
	}
	if only := os.Getenv("VANISHFS_TEST_CASE"); only != "" {
		return map[string]harness.Case{only: all[only]}
	}
	return all
}
