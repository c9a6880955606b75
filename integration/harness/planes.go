package harness

import (
	"os/exec"
	"strings"
	"testing"
)

// A Plane is a way to mount for tests of one promise: the program's defaults,
// on each plane that this user can have.
type Plane struct {
	Name  string
	User  User
	Flags []string
}

// Planes is {direct, mediated} for root and the ordinary user's own mount.
func Planes(t testing.TB) []Plane {
	t.Helper()
	ps := []Plane{{"user", Ordinary(t), nil}}
	if Root() {
		ps = append(ps, Plane{"direct", Current(), nil}, Plane{"mediated", Current(), []string{"--passthrough=off"}})
	} else {
		t.Log("not root: only an ordinary user's mount is tested")
	}
	return ps
}

// OnPlanes runs f on a new mount of each plane.
func OnPlanes(t *testing.T, flags []string, f func(t *testing.T, m *Mount)) {
	for _, p := range Planes(t) {
		t.Run(p.Name, func(t *testing.T) {
			f(t, Start(t, p.User, append(append([]string{}, p.Flags...), flags...)...))
		})
	}
}

// Do runs f on a thread that may reach the mount: see AsUser for what f may not do.
func (m *Mount) Do(t testing.TB, f func()) {
	t.Helper()
	AsUser(t, m.User, f)
}

// Sh runs a shell script as the mount's user, with the mount's directory as $D,
// and returns what it says. A script that fails fails the test.
func (m *Mount) Sh(t testing.TB, script string) string {
	t.Helper()
	cmd := m.ShCommand(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// ShCommand is the command that Sh runs.
func (m *Mount) ShCommand(script string) *exec.Cmd {
	cmd := exec.Command("sh", "-euc", script)
	cmd.Env = append(cmd.Environ(), "D="+m.Dir, "VANISHFS="+program, "LC_ALL=C")
	return m.User.As(cmd)
}

// Vanishfs is the program with these arguments, as u.
func Vanishfs(u User, args ...string) *exec.Cmd {
	return u.As(exec.Command(program, args...))
}

// Runners says who a test of `vanishfs run` runs it as: root, where the tests are, and the ordinary user.
func Runners(t testing.TB) map[string]User {
	t.Helper()
	rs := map[string]User{"user": Ordinary(t)}
	if Root() {
		rs["root"] = Current()
	}
	return rs
}

// VanishfsArgs is the same as an argument list, for use behind another command.
func VanishfsArgs(args ...string) []string { return append([]string{program}, args...) }
