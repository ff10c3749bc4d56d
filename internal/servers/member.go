package servers

import (
	"cmp"
	"fmt"
	"path/filepath"
	"testing"

	"holdfast/internal/process"
)

// Member is a node or a sentinel of a group, a process of its own that may be started again, at another address or as
// another version.
type Member struct {
	Kind string // node or sentinel
	Path string // of the program
	IP   string // of the loopback
	Port int    // for clients
	Dir  string
	Args []string // beside those that follow from the other fields
	Env  []string // beside the test's own

	GossipPort   int // 0: the usual one for Port
	AnnouncePort int // where clients find it, if that is not Port
	Files        int // how many descriptors it may have; 0: as many as the test

	*process.Process // the last one; nil before the first Start
}

// Addr is where clients reach it.
func (m *Member) Addr() string { return fmt.Sprintf("%s:%d", m.IP, cmp.Or(m.AnnouncePort, m.Port)) }

// Gossip is where others find it.
func (m *Member) Gossip() string { return fmt.Sprintf("%s:%d", m.IP, m.gossipPort()) }

func (m *Member) gossipPort() int {
	if m.Kind == "sentinel" {
		return cmp.Or(m.GossipPort, m.Port+2000)
	}
	return cmp.Or(m.GossipPort, m.Port+10000)
}

// Start runs it, without waiting for anything.
func (m *Member) Start(t testing.TB, join string) {
	t.Helper()
	args := append([]string{
		m.Path, m.Kind, "--port", fmt.Sprint(m.Port), "--gossip-port", fmt.Sprint(m.gossipPort()), "--bind", m.IP,
		"--announce-ip", m.IP, "--dir", m.Dir, "--join", join,
	}, m.Args...)
	if m.Files > 0 {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, m.Files), "sh"}, args...)
	}
	var err error
	if m.Process, err = process.Start(process.Options{Args: args, Env: m.Env, Log: m.logFile()}); err != nil {
		t.Fatal(err)
	}
}

// KillAtEnd ends it with the test, and shows what it said if that has failed.
func (m *Member) KillAtEnd(t testing.TB) {
	t.Cleanup(func() {
		m.Kill()
		if t.Failed() {
			t.Logf("%s %s:\n%s", m.Kind, m.Addr(), m.Log())
		}
	})
}

// Kill ends it as kill -9 does, if it runs.
func (m *Member) Kill() {
	if m.Process != nil {
		m.Process.Kill()
	}
}

// Stop ends it as SIGTERM does.
func (m *Member) Stop(t testing.TB) {
	t.Helper()
	if err := m.Process.Stop(startTimeout); err != nil || !m.State().Success() {
		t.Errorf("%s %s did not end in order: %v, %v\n%s", m.Kind, m.Addr(), err, m.State(), m.Log())
	}
}

// Log is the end of what it said, over all its starts in this directory.
func (m *Member) Log() string { return process.Tail(m.logFile()) }

func (m *Member) logFile() string { return filepath.Join(m.Dir, "log") }
