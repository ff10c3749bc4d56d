package up

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// holdfast runs a command of an operator, and answers what it printed.
func holdfast(t *testing.T, args ...string) (text string, ok bool) {
	t.Helper()
	out, err := exec.Command(servers.Binary(t), args...).CombinedOutput()
	return string(out), err == nil
}

// TestSentinelRemove: a sentinel that is removed while all run stops, is listed no more, and does not start again; and
// the two left still replace a master that dies.
func TestSentinelRemove(t *testing.T) {
	sentinels, nodes := startMembers(t, 500*time.Millisecond)
	members := chain(t, nodes...)
	gone, left := sentinels[0], sentinels[1:]
	if text, ok := holdfast(t, "sentinel-remove", gone.addr, "--sentinel", left[0].addr); !ok || text != "removed "+
		gone.addr+"\n" {
		t.Fatalf("%v: %s", ok, text)
	}
	if state := gone.State(); !state.Success() {
		t.Errorf("the removed sentinel ends with %v", state)
	}
	for _, s := range left {
		waitFor(t, s.addr+" to know of two sentinels", func() bool {
			text, _ := holdfast(t, "status", "--sentinel", s.addr)
			return !strings.Contains(text, gone.addr) &&
				strings.Contains(text, "2 sentinels survive the loss of none, as 1 does: run three")
		})
	}
	gone.start()
	if gone.State().Success() {
		t.Error("the removed sentinel starts again")
	}
	log, err := os.ReadFile(filepath.Join(gone.Dir, "log"))
	if err != nil || !strings.Contains(string(log), "to have it join anew give it another, empty --dir") {
		t.Errorf("it does not say what to do: %v", err)
	}
	if text, ok := holdfast(t, "sentinel-remove", gone.addr, "--sentinel", left[0].addr); ok ||
		!strings.Contains(text, "No such sentinel") {
		t.Errorf("it is removed twice: %s", text)
	}
	members[0].Kill()
	chain(t, members[1:]...)
}

// TestFailoverForce: all nodes are gone, and only one without its data comes back: the group waits, says for whom and
// what to do, and goes on when it is told to. With members that live it is refused.
func TestFailoverForce(t *testing.T) {
	sentinels, nodes := startMembers(t, 500*time.Millisecond, "--appendonly", "yes")
	members := chain(t, nodes...)
	members[0].do("SET", "k", "v")
	force := func(m *member) (string, bool) {
		return holdfast(t, "failover", "mymaster", "--to", m.addr, "--force", "--sentinel", sentinels[0].addr)
	}
	if text, ok := force(members[1]); ok ||
		!strings.Contains(text, "is alive: SENTINEL FAILOVER without FORCE loses nothing") {
		t.Errorf("forced with all alive: %s", text)
	}
	if text, ok := holdfast(t, "failover", "mymaster", "--to", members[2].addr, "--sentinel", sentinels[1].addr); !ok ||
		!strings.Contains(text, members[2].addr) {
		t.Errorf("a planned handover to the one named: %s", text)
	}
	for _, m := range members {
		m.Kill()
	}
	empty := members[1]
	if err := os.RemoveAll(filepath.Join(empty.Dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	empty.start()
	var text string
	waitFor(t, "the status to say what to do", func() bool {
		text, _ = holdfast(t, "status", "--sentinel", sentinels[2].addr)
		return strings.Contains(text, empty.addr+" is back without its data. If they are gone for good: holdfast "+
			"failover mymaster --to "+empty.addr+" --force")
	})
	if text, ok := force(empty); !ok || !strings.HasPrefix(text, empty.addr+" leads. Lost for good may be: all data") {
		t.Fatalf("%s", text)
	}
	waitFor(t, "the chosen one to take writes",
		func() bool { return empty.c.Set(t.Context(), "k", "w", 0).Err() == nil })
	members[0].start()
	chain(t, empty, members[0])
	if v := members[0].do("GET", "k"); v != "w" {
		t.Errorf("the one that came back too late has %v", v)
	}
}
