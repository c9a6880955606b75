package session

import (
	"math"
	"os"
	"runtime"
	"testing"

	"vanishfs/fs"
	"vanishfs/quota"
)

const page = quota.PageSize

func TestLimits(t *testing.T) {
	m, _ := startManager(t, Options{Kind: "process", UserSize: 3 * page, SessionSize: 2 * page})
	self, child := uint32(os.Getpid()), sleeper(t, nil).pid
	one, other, root := m.scopeOf(self, 1000), m.scopeOf(child, 1000), m.scopeOf(self, 0)
	if root == one {
		t.Fatal("two users share a scope though each has a limit")
	}
	if n := one.Domain.ReserveUpTo(10 * page); n != 2*page {
		t.Errorf("a session got %d bytes", n)
	}
	if n := other.Domain.ReserveUpTo(10 * page); n != page {
		t.Errorf("the user's second session got %d bytes", n)
	}
	if n := m.scopeOf(0, 1000).Domain.ReserveUpTo(10 * page); n != 0 {
		t.Errorf("the user got %d bytes without a session", n)
	}
	if n := root.Domain.ReserveUpTo(10 * page); n != 2*page {
		t.Errorf("another user's session got %d bytes", n)
	}
}

func TestSessionSizeAlone(t *testing.T) {
	m, _ := startManager(t, Options{Kind: "process", SessionSize: 2 * page})
	one, other := m.scopeOf(uint32(os.Getpid()), 0), m.scopeOf(sleeper(t, nil).pid, 0)
	for range 2 {
		if n := one.Domain.ReserveUpTo(10 * page); n != 2*page {
			t.Errorf("a session got %d bytes", n)
		}
		one = other
	}
}

// A user is known as long as something of his is.
func TestUsersAreForgotten(t *testing.T) {
	mount := quota.New(nil, "mount", quota.Limits{})
	u := newUsers(mount, 3*page)
	kept := u.own(1)
	if err := kept.Domain.ReserveBytes(page); err != nil {
		t.Fatal(err)
	}
	for uid := range uint32(1000) {
		u.own(uid)
		u.domain(uid)
	}
	eventually(t, "only one user is known", func() bool {
		runtime.GC()
		u.mu.Lock()
		defer u.mu.Unlock()
		return len(u.owns) == 1 && len(u.domains) == 1
	})
	if u.own(1) != kept || u.domain(1) != kept.Domain {
		t.Error("a user who has something got another scope")
	}
	// The domain lives on when only a session's below it is left.
	session := quota.New(u.domain(2), "session", quota.Limits{})
	want := u.domain(2)
	for range 3 {
		runtime.GC()
	}
	if u.domain(2) != want {
		t.Error("a user with a session got another domain")
	}
	runtime.KeepAlive(session)
	runtime.KeepAlive(kept)
}

// TestUsersOfOneProcess: of a process that was one user after the other, only those are remembered who have something,
// and all of them end with it.
func TestUsersOfOneProcess(t *testing.T) {
	m, e := startManager(t, Options{Kind: "process", UserSize: 3 * page, SessionSize: 2 * page})
	p := sleeper(t, nil)
	first, kept := m.scopeOf(p.pid, 0), m.scopeOf(p.pid, 1)
	for uid := range uint32(1000) {
		m.scopeOf(p.pid, uid)
	}
	eventually(t, "only one more user is known", func() bool {
		runtime.GC()
		m.mu.RLock()
		defer m.mu.RUnlock()
		return len(m.sessions[uint64(p.pid)].scopes.others) == 1
	})
	if m.scopeOf(p.pid, 0) != first || m.scopeOf(p.pid, 1) != kept {
		t.Error("a user got another scope")
	}
	p.end()
	ended := map[*fs.Scope]bool{<-e: true, <-e: true}
	if !ended[first] || !ended[kept] {
		t.Errorf("%v ended, want %p and %p", ended, first, kept)
	}
	e.expectNone(t)
	runtime.KeepAlive(kept)
}

// TestCallerUnknown: a request that does not say whose it is belongs to the mount where users have limits.
func TestCallerUnknown(t *testing.T) {
	for _, size := range []int64{0, page} {
		m, _ := startManager(t, Options{Kind: "process", UserSize: size})
		scope, err := m.ScopeOf(uint32(os.Getpid()), math.MaxUint32)
		if (scope == nil) != (size > 0) || err != nil {
			t.Errorf("with a limit of %d for each user: scope %v, %v", size, scope, err)
		}
	}
}
