package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"vanishfs/quota"
)

// names stands for the user database.
func names(name string) (uint32, bool) {
	id, ok := map[string]uint32{"alice": 1001, "bob": 1002, "root": 0, "1003": 1003}[name]
	return id, ok
}

func TestPerson(t *testing.T) {
	path := filepath.Join(t.TempDir(), "subuid")
	write := func(text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	write("bob:200000:65536\nalice:100000:65536\n# no\n\nalice:10\nx:y:z\ngone:300000:10\nroot:400000:10\n1003:500000:10\nalice:600000:1\n"+
		"alice:4294967295:4294967295\nbob:1001:1\nalice:1002:1\n", time.Hour)
	s := newSubordinates(path, names)
	for uid, want := range map[uint32]uint32{
		0: 0, 10: 10, 1000: 1000, 99999: 99999, 100000: 1001, 165535: 1001, 165536: 165536, 200000: 1002, 265535: 1002,
		300005: 300005, 400005: 400005, 500009: 1003, 500010: 500010, 600000: 1001, 600001: 600001, 4294967295: 1001, 1001: 1002, 1002: 1001,
	} {
		if got := s.person(uid); got != want {
			t.Errorf("%d is %d's, want %d's", uid, got, want)
		}
	}
	write("bob:100000:65536\n", 0)
	if got := s.person(100000); got != 1001 {
		t.Errorf("without a look at the file 100000 is %d's", got)
	}
	s.refresh()
	if a, b := s.person(100000), s.person(200000); a != 1002 || b != 200000 {
		t.Errorf("after a change 100000 is %d's, 200000 is %d's", a, b)
	}
	if s := newSubordinates(path+".none", names); s.person(100000) != 100000 {
		t.Error("without the file an id is somebody's")
	}
}

// TestUserSizeOfPerson: whatever id somebody takes, he has one limit, in a session and out of one.
func TestUserSizeOfPerson(t *testing.T) {
	path := filepath.Join(t.TempDir(), "subuid")
	u := newUsers(quota.New(nil, "mount", quota.Limits{}), 3*page)
	u.ids = newSubordinates(path, names)
	before := u.own(100007)
	if err := os.WriteFile(path, []byte("alice:100000:65536\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if u.own(100007) != before {
		t.Error("a user who has files got another limit")
	}
	alice := u.own(1001)
	for _, uid := range []uint32{100000, 165535} {
		if u.own(uid) != alice || u.domain(uid) != alice.Domain || u.key(uid) != 1001 {
			t.Errorf("%d has another limit", uid)
		}
	}
	if u.own(165536) == alice || u.own(1002) == alice {
		t.Error("two persons have one limit")
	}
}
