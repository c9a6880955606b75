package system

import (
	"fmt"
	"os"
	"os/exec"
	"slices"

	"vanishfs/integration/bench/load"
)

// A mount is vanishfs with these flags.
type mount struct {
	flags []string
	// want is the plane and the transport that it has to come up with, else it is left out; "" takes any.
	want string
	// session names the row of `vanishfs run` with the same flags; "" measures none.
	session string
	// ordinary is an ordinary user's own mount.
	ordinary bool
	// users is how many users are at work; 0 is the one that mounts.
	users int
}

// removeClose is the flag by which files vanish at their last close.
const removeClose = "--remove=close"

// plain is one of the planes over one of the transports.
func plain(plane, transport string) mount {
	passthrough := map[string]string{"direct": "on", "mediated": "off"}[plane]
	return mount{flags: []string{"--passthrough=" + passthrough, "--transport=" + transport}, want: plane + "+" + transport, session: load.SessionRoot}
}

// with is a mount with options, on the plane that they leave, over io_uring.
func with(flags ...string) mount { return mount{flags: append(flags, "--transport=uring")} }

func (m mount) byOrdinary() mount {
	m.ordinary = true
	return m
}

// byUsers lets users in, who work there at the same time.
func (m mount) byUsers(users int) mount {
	m.flags, m.users = append([]string{"--allow-other"}, m.flags...), users
	return m
}

// tiered has that much memory and the scratch directory's disk.
func tiered(memory string) func(*Env, System) (*Instance, error) {
	return func(e *Env, s System) (*Instance, error) {
		i, err := mount{flags: []string{"--store=tiered", "--memory", memory, "--spill-dir", e.Scratch, "--transport=uring"}, want: MediatedUring}.start(e, s)
		if err == nil {
			i.Note += ", " + memory + " of memory"
		}
		return i, err
	}
}

func (m mount) start(e *Env, s System) (*Instance, error) {
	d, err := m.mount(e, s, s.Name)
	if err != nil {
		return nil, err
	}
	agent := exec.Command(e.agentProgram(), AgentCommand)
	if m.ordinary {
		e.asOrdinary(agent)
	}
	i := &Instance{Dir: d.dir, Users: m.users, Vanish: slices.Contains(m.flags, removeClose)}
	if i.Agent, err = e.startAgent(agent); err != nil {
		return nil, err
	}
	return i, m.check(e, s, i)
}

// mount starts a daemon and returns when the mount is there.
func (m mount) mount(e *Env, s System, name string) (*daemon, error) {
	program, err := e.vanishfs(s)
	if err != nil {
		return nil, err
	}
	dir, err := e.mountPoint(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, append(append([]string{"mount", "--foreground"}, m.limits()...), dir)...)
	if m.ordinary && e.Root {
		e.asOrdinary(cmd)
		if err := os.Chown(dir, Ordinary, Ordinary); err != nil { // fusermount3 wants it so
			return nil, err
		}
	}
	return e.startDaemon(name, dir, cmd)
}

// limits are enough for every case.
func (m mount) limits() []string {
	return append([]string{"--size", tmpfsSize, "--inodes", "4000000"}, m.flags...)
}

// check finds out what came up, which is to be what was asked for, and fills in the rest of the instance.
func (m mount) check(e *Env, s System, i *Instance) error {
	st, err := statusInside(i.Agent, i.Dir)
	if err != nil {
		return fmt.Errorf("%w: %s", err, e.logOf(s.Name))
	}
	if m.want != "" && st.String() != m.want {
		return fmt.Errorf("asked for %s, got %s: %s", m.want, st, e.logOf(s.Name))
	}
	i.Daemon, i.Note = st.PID, st.String()
	return m.addOwn(e, s, i, st)
}
