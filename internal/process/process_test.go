package process

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEnds(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	start := func(script string) *Process {
		t.Helper()
		p, err := Start(Options{Args: []string{"sh", "-c", script}, Env: []string{"WORD=heard"}, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	byItself := start("echo $WORD; exit 3")
	if code := byItself.State().ExitCode(); code != 3 {
		t.Errorf("it ended with %d", code)
	}
	if byItself.Kill(); !strings.Contains(byItself.Tail(), "heard") {
		t.Errorf("its log has %q", byItself.Tail())
	}
	asked := start("exec sleep 1000")
	if err := asked.Stop(time.Minute); err != nil {
		t.Error(err)
	}
	stubborn := start("trap '' TERM; echo ready; while :; do sleep 0.1; done")
	for !strings.Contains(stubborn.Tail(), "ready") {
		time.Sleep(time.Millisecond)
	}
	if err := stubborn.Stop(10 * time.Millisecond); err == nil {
		t.Error("who does not listen is not killed")
	}
}
