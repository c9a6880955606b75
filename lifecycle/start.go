package lifecycle

import (
	"fmt"
	"log/slog"
	"os"
	"sync"

	"vanishfs/fs"
	"vanishfs/fs/process"
	"vanishfs/fs/store"
	"vanishfs/fs/transport"
	"vanishfs/lifecycle/session"
	"vanishfs/quota"
)

// An Attacher mounts: it returns the device of a connection that is mounted with o.
type Attacher func(o transport.MountOptions) (dev *os.File, err error)

// A Mount is a filesystem that is being served. Its methods may be called from
// any goroutine, any number of times.
type Mount struct {
	// Immutable after Start.
	bytes    store.Store
	domain   *quota.Domain
	tree     *fs.FS
	sessions *session.Manager
	server   *transport.Server
	log      *slog.Logger

	mu     sync.Mutex // one change at a time; it is held when locks of sessions, domain, store and tree are taken
	config Config     // what holds; guarded by mu

	done chan struct{} // closed when serving has ended
	err  error         // why; written before done is closed
}

// What the transport looks for in a filesystem, and what makes it fast: without the compiler's word a method that changed would only be missed.
var _ interface {
	transport.ReadBuffer
	transport.Disk
	transport.Freer
} = (*fs.FS)(nil)

// Start makes store, quota and tree of c, mounts with attach and serves: requests are answered from when it
// returns, or a moment after.
//
// It lifts the limits of the process that a daemon would come to harm by (see process.LiftLimits), and that of open files.
//
// The bytes are made first, so that an error of theirs leaves nothing mounted;
// after a later error it is the caller's, who attached, to unmount.
func Start(c Config, attach Attacher) (*Mount, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	process.LiftLimits()
	liftDescriptorLimit()
	if err := c.CheckLimits(); err != nil {
		return nil, err
	}
	c.complainOfLimits()
	bytes, err := c.newStore()
	if err != nil {
		return nil, Classify(err)
	}
	m, err := start(c, bytes, attach)
	if err != nil {
		bytes.Close()
		return nil, Classify(err)
	}
	return m, nil
}

func start(c Config, bytes store.Store, attach Attacher) (m *Mount, err error) {
	m = &Mount{bytes: bytes, domain: quota.New(nil, "mount", c.limits()), log: c.Logger, config: c, done: make(chan struct{})}
	options := c.treeOptions(bytes, m.domain)
	options.Control = m
	if m.sessions, err = session.New(c.sessionOptions(bytes, m.domain)); err != nil {
		return nil, err
	}
	options.ScopeOf = m.sessions.ScopeOf
	if m.tree, err = fs.New(options); err == nil {
		err = m.connect(c, attach)
	}
	if err != nil {
		m.sessions.Close()
		return nil, err
	}
	go m.serve()
	return m, nil
}

// connect mounts and gets to know the kernel.
func (m *Mount) connect(c Config, attach Attacher) error {
	dev, err := attach(c.mountOptions())
	if err != nil {
		return err
	}
	options := c.serverOptions()
	options.Ended = m.empty
	if m.server, err = transport.NewServer(dev, m.tree, options); err != nil {
		dev.Close()
		return err
	}
	err = m.server.Handshake()
	if err == nil {
		err = checkDescriptors(m.server.Descriptors() + spareDescriptors)
	}
	if err != nil {
		m.server.Abort()
		return err
	}
	features := m.server.Features()
	c.complain(features)
	c.complainOfMemory(features.Passthrough)
	m.tree.Attach(m.server, fs.Features{Passthrough: features.Passthrough, Transport: features.Transport})
	m.sessions.Start(m.tree)
	return nil
}

// complain logs what was asked for by name and is not to be had; why it is not
// is in the server's own lines.
func (c *Config) complain(got transport.Features) {
	if c.countsBytes() && (c.Huge == "within_size" || c.Huge == "always") {
		c.Logger.Warn("no huge pages with user-size or session-size", "huge", c.Huge)
	}
	if c.Passthrough == "on" && c.Store == "tiered" {
		got.Reasons = append(got.Reasons, "with the tiered store the kernel would go round the encryption")
	}
	if c.Passthrough == "on" && !got.Passthrough {
		c.Logger.Warn("passthrough is not available; reads and writes go through the daemon", "why", got.Reasons)
	}
	if c.Transport == "uring" && got.Transport != c.Transport {
		c.Logger.Warn("io_uring is not available; requests come through /dev/fuse", "why", got.Reasons)
	}
}

func (m *Mount) serve() {
	err := m.server.Serve()
	m.sessions.Close() // first: what ends sessions uses the tree
	m.tree.Close()
	if cerr := m.bytes.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		m.err = fmt.Errorf("serve: %w", err)
	}
	close(m.done)
}

// Done is closed when the filesystem was unmounted or serving it failed, and everything is given back.
func (m *Mount) Done() <-chan struct{} { return m.done }

// Wait waits for Done and says why serving ended; nil is an unmount or Abort.
func (m *Mount) Wait() error {
	<-m.done
	return m.err
}

// Abort ends the connection: whoever waits for the filesystem gets an error, and whoever has a file open or mapped
// an empty one.
func (m *Mount) Abort() {
	m.empty()
	m.server.Abort()
}

// empty leaves nothing to who still has a file of this mount.
func (m *Mount) empty() {
	if !m.tree.Empty() {
		return
	}
	if memory, ok := m.bytes.(*store.Memory); ok {
		if err := memory.Empty(); err != nil {
			m.log.Warn("who has a file of this mount open can still write to it", "why", err)
		}
	}
}
