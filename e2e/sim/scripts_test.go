package sim

import (
	"strings"
	"testing"
	"time"

	"holdfast/resp"
)

// longScript is how long a script runs that is slower than anything else may be.
const longScript = 3 * slowTimeout

// ended waits for how a script has ended, for a while.
func (g *group) ended(answer chan error, within time.Duration) (err error) {
	g.t.Helper()
	select {
	case err = <-answer:
	case <-time.After(within):
		g.t.Errorf("a script has not ended within %v", within)
	}
	return err
}

// busy waits until a machine says that a script holds it up.
func (g *group) busy(m *machine) {
	g.t.Helper()
	g.until(m.name+" says that it is busy", time.Second, func() bool {
		_, err := g.ask(m.addr(), "GET", "k")
		return err != nil && strings.HasPrefix(err.Error(), "BUSY ")
	})
}

// nothingOf says that nothing of a script is to be seen, and that its client was told nothing that it had done.
func (g *group) nothingOf(answer chan error) {
	g.t.Helper()
	if err := g.ended(answer, 2*longScript); err == nil {
		g.t.Error("a script was acknowledged that must not be")
	}
	before, err := g.ask(g.chain()[0].addr(), "MGET", "left", "right")
	if err != nil || before.Elems[0].String() != before.Elems[1].String() {
		g.t.Errorf("the half of a script is left: %v, %v", before, err)
	}
}

// TestSlowScript: a master whose script holds it up for longer than anything else may take stays the master, other
// clients are told, and who follows goes on answering.
func TestSlowScript(t *testing.T) {
	for _, fsync := range []string{"", "always"} {
		t.Run(fsync, func(t *testing.T) {
			scenarioOn(t, fsync, func(g *group, chain []*machine) {
				epoch := g.agreed().Epoch
				answer := g.slowly(chain[0], slowScript, longScript)
				g.busy(chain[0])
				g.sleep(longScript - 2*time.Second)
				g.busy(chain[0])
				if v, err := g.ask(chain[2].addr(), "EVAL_RO", twinsScript, "0"); err != nil ||
					v.Elems[0].String() != v.Elems[1].String() {
					t.Errorf("a slave answers %v, %v", v, err)
				}
				if err := g.ended(answer, 3*time.Second); err != nil {
					t.Error(err)
				}
				g.stillWriting()
				g.sameChain(epoch, chain...)
				g.settled()
				g.sameChain(epoch, chain...)
			})
		})
	}
}

// TestSlowScriptOnASlave: the others go on writing.
func TestSlowScriptOnASlave(t *testing.T) {
	const reads = "#!lua flags=no-writes\nlocal t = redis.call('TIME') repeat for i = 1, 10000 do end " +
		"local now = redis.call('TIME') until now[1] - t[1] >= 15 return redis.call('GET', 'counter')"
	scenario(t, func(g *group, chain []*machine) {
		epoch := g.agreed().Epoch
		answer := g.slowly(chain[1], reads, longScript)
		g.busy(chain[1])
		g.sleep(longScript - 5*time.Second)
		g.stillWriting()
		g.busy(chain[1])
		if err := g.ended(answer, 5*time.Second); err != nil {
			t.Error(err)
		}
		g.sameChain(epoch, chain...)
		g.settled()
	})
}

// TestSlowScriptAndTheMastersEnd: a master that dies, or is cut off, while a script runs that has written: nobody has
// the half of it, and nobody is told that it is done. Cut off, it comes to its end on a node that is no master any
// more, which then takes over what the others have.
func TestSlowScriptAndTheMastersEnd(t *testing.T) {
	for name, end := range map[string]func(g *group, m *machine) (back func()){
		"killed": func(g *group, m *machine) func() { g.kill(m); return func() { g.restart(m) } },
		"without its machine": func(g *group, m *machine) func() {
			g.crash(m)
			return func() { g.restart(m) }
		},
		"cut off": func(g *group, m *machine) func() { g.cut(m); return g.heal },
		"ended": func(g *group, m *machine) func() {
			if _, err := g.ask(m.addr(), "SHUTDOWN", "NOSAVE"); err == nil {
				g.t.Error("SHUTDOWN NOSAVE is answered")
			}
			<-m.n.Exit()
			g.closeNode(m)
			return func() { g.restart(m) }
		},
	} {
		for _, fsync := range []string{"", "always"} {
			t.Run(name+" "+fsync, func(t *testing.T) {
				scenarioOn(t, fsync, func(g *group, chain []*machine) {
					answer := g.slowly(chain[0], slowScript, longScript)
					g.busy(chain[0])
					back := end(g, chain[0])
					g.until("the next one leads", 2*promised, g.masterIs(chain[1]))
					g.sleep(100 * time.Millisecond)
					g.stillWriting()
					g.nothingOf(answer)
					back()
					g.settled()
					if err := g.answersAgain(chain[0]); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// answersAgain says why a node does not answer reads.
func (g *group) answersAgain(m *machine) error {
	_, err := g.askLong(m.addr(), "GET", "k")
	return err
}

// TestHandoverAndSlowScripts: a planned handover waits for a script. A node that is told to end hands over once the
// script has ended, by itself, or since it would take too long. If that had written, it goes without a handover.
func TestHandoverAndSlowScripts(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		lasts  time.Duration
		told   string // its client: what the error begins with
		gap    time.Duration
	}{
		"it ends in time":           {slowScript, 3 * time.Second, "", 3*time.Second + promised},
		"it has not written":        {thinkingScript, longScript, "ERR the script was ended with the node", promised},
		"it has written, and stays": {slowScript, longScript, "receive: ", 10*time.Second + 2*promised},
	} {
		t.Run(name, func(t *testing.T) {
			scenarioOn(t, "always", func(g *group, chain []*machine) {
				answer := g.slowly(chain[0], c.script, c.lasts)
				g.busy(chain[0])
				g.leave(chain[0])
				switch err := g.ended(answer, time.Second); {
				case c.told == "":
					if err != nil {
						t.Error(err)
					}
				case err == nil || !strings.HasPrefix(err.Error(), c.told):
					t.Errorf("its client is told %v", err)
				}
				g.until("the next one leads", promised, g.masterIs(chain[1]))
				g.stillWriting()
				g.pausedLess(c.gap)
				g.restart(chain[0])
				g.settled()
			})
		})
	}
}

// TestScriptsInLog: the checker sees the half of a script.
func TestScriptsInLog(t *testing.T) {
	whole := "MULTI|INCR left|INCR right|EXEC|SET k v|MULTI|INCR ta|EXEC"
	for log, want := range map[string]bool{
		whole: true, "INCR left": false, "MULTI|INCR left|EXEC": false, "INCR right": false,
		"MULTI|INCR left|INCR right|INCR left|EXEC": false, "MULTI|INCR left": true,
	} {
		var wire []byte
		for line := range strings.SplitSeq(log, "|") {
			var args [][]byte
			for word := range strings.FieldsSeq(line) {
				args = append(args, []byte(word))
			}
			wire = resp.AppendCommand(wire, args...)
		}
		var s scriptsInLog
		var err error
		for i := 0; i < len(wire) && err == nil; i += 7 {
			err = s.read(wire[i:min(i+7, len(wire))])
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", log, err)
		}
	}
}
