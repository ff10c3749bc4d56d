package compat

import (
	"testing"
	"time"

	"holdfast/internal/servers"
)

// TestFunctionsAreCopied: either server gets the other's functions, with a full copy and in the log, and keeps them
// when all keys go.
func TestFunctionsAreCopied(t *testing.T) {
	type start func(t testing.TB, dir string, args ...string) *servers.Server
	kept := []string{"--appendonly", "yes"}
	for name, c := range map[string]struct{ master, replica start }{
		"redis follows":    {servers.Holdfast, servers.Redis},
		"holdfast follows": {servers.Redis, servers.Holdfast},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			master, replica := c.master(t, "", kept...), c.replica(t, "", kept...)
			m, r := connectTo(t, master), connectTo(t, replica)
			must := func(c *conn, args ...string) string {
				t.Helper()
				answer, err := c.do(args...)
				if err != nil || answer.kind == '-' {
					t.Fatalf("%.40q: %s %v", args, answer.raw, err)
				}
				return string(answer.raw)
			}
			// same waits until the replica has what the master has.
			same := func(when string) {
				t.Helper()
				want := must(m, "FUNCTION", "DUMP")
				until := time.Now().Add(replyTimeout)
				for ; must(r, "FUNCTION", "DUMP") != want; time.Sleep(time.Millisecond) {
					if time.Now().After(until) {
						t.Fatalf("%s: %q, not %q", when, must(r, "FUNCTION", "LIST"), must(m, "FUNCTION", "LIST"))
					}
				}
			}
			one := library("one", "redis.register_function{function_name='answer', flags={'no-writes'}, "+
				"callback=function() return 42 end}")
			must(m, "FUNCTION", "LOAD", one)
			payload, err := m.do("FUNCTION", "DUMP")
			if err != nil {
				t.Fatal(err)
			}
			follow(t, r, master.Addr)
			same("a full copy")
			must(m, "FUNCTION", "DELETE", "one")
			same("a deletion")
			must(m, "FUNCTION", "RESTORE", payload.text)
			same("a payload")
			must(m, "FUNCTION", "LOAD", "REPLACE", one+" -- again")
			must(m, "FLUSHALL")
			same("after FLUSHALL")
			if got, want := must(r, "FCALL_RO", "answer", "0"), must(m, "FCALL_RO", "answer", "0"); got != want {
				t.Errorf("the replica answers %q", got)
			}
			must(m, "FUNCTION", "RESTORE", payload.text, "FLUSH")
			same("a payload in place of all")
			must(m, "FUNCTION", "FLUSH")
			same("after FUNCTION FLUSH")
		})
	}
}
