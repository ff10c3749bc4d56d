package compat

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// defaultInteropSeconds is for how long TestInterop writes when INTEROP_SECONDS doesn't say.
const defaultInteropSeconds = 3

// TestInterop has either server follow the other one under a load of all commands, and then each start on the other's
// data: the digests are equal all the time, and each one's tools find nothing wrong with the other's files.
func TestInterop(t *testing.T) {
	lasts := time.Duration(knob(t, "INTEROP_SECONDS", defaultInteropSeconds)) * time.Second
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	t.Logf("COMPAT_SEED=%d INTEROP_SECONDS=%v", first, lasts.Seconds())
	kept := []string{"--appendonly", "yes"}
	for _, c := range []struct {
		name            string
		master, replica func(t testing.TB, dir string, args ...string) *servers.Server
	}{
		{"redis follows", servers.Holdfast, servers.Redis},
		{"holdfast follows", servers.Redis, servers.Holdfast},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			master, replica := c.master(t, "", kept...), c.replica(t, "", kept...)
			l := newLoad(t, master, replica)
			end := time.Now().Add(lasts)
			for seed := first; l.rounds == 0 || time.Now().Before(end); seed += clients {
				l.round(seed)
				l.sameDigest()
			}
			want := l.settled()
			t.Logf("%d rounds, %d commands, %d of them errors, %d keys; digest %s", l.rounds, l.commands, l.errors,
				l.keys(), want)
			l.save(master, replica)
			check(t, master.Dir)
			check(t, replica.Dir)
			// Each goes on with what the other has left.
			for _, s := range []struct {
				start func(t testing.TB, dir string, args ...string) *servers.Server
				dir   string
			}{{c.replica, master.Dir}, {c.master, replica.Dir}} {
				snapshot := t.TempDir()
				copyFile(t, filepath.Join(s.dir, "dump.rdb"), filepath.Join(snapshot, "dump.rdb"))
				log, dump := connectTo(t, s.start(t, s.dir, kept...)), connectTo(t, s.start(t, snapshot))
				for what, server := range map[string]*conn{"log": log, "snapshot": dump} {
					if got := digestOf(t, server); got != want {
						t.Errorf("started on the other's %s in %s: the digest is %s, not %s\n%s", what, s.dir, got,
							want, unequalKeys(log, dump))
					}
				}
			}
		})
	}
}

// amiss are commands that Redis makes a mistake of, after which what it has and what it follows or has written down
// differ. SORT makes a skiplist of any sorted set, which, unlike a listpack, then keeps a score of -0; and after a
// number out of range anywhere, no number will do for it. A BITFIELD that lengthens a string and then, as it would
// overflow, changes nothing, stands in no log.
func amiss(args []string) bool {
	switch commandName(args) {
	case "sort", "sort_ro":
		return true
	case "bitfield":
		return slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "fail") })
	default:
		return false
	}
}

// load is writers at a master, with a connection for each to its replica.
type load struct {
	t               *testing.T
	master, replica [clients]*conn

	mu                       sync.Mutex
	rounds, commands, errors int
}

func newLoad(t *testing.T, master, replica *servers.Server) *load {
	t.Helper()
	l := &load{t: t}
	for i := range clients {
		l.master[i], l.replica[i] = connectTo(t, master), connectTo(t, replica)
	}
	follow(t, l.replica[0], master.Addr)
	return l
}

func connectTo(t *testing.T, s *servers.Server) *conn {
	t.Helper()
	c, err := dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// round has all writers at work at the same time, each with a list of its own.
func (l *load) round(seed uint64) {
	l.t.Helper()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			if err := l.write(i, generate(seed+uint64(i), roundLength)); err != nil {
				l.t.Errorf("seed %d: %v", seed+uint64(i), err)
			}
		})
	}
	if wg.Wait(); l.t.Failed() {
		l.t.FailNow()
	}
	l.rounds++
}

// write runs all of a list but what would leave nothing to compare.
func (l *load) write(client int, ops []op) error {
	c, sent, refused := l.master[client], 0, 0
	for _, o := range append(ops, op{args: []string{"DISCARD"}}, op{args: []string{"UNWATCH"}}) {
		args := o.args
		if name := commandName(args); name == "flushall" || name == "flushdb" || amiss(args) {
			continue
		}
		if len(args) > 3 && strings.HasPrefix(args[3], payloadOf) {
			r, err := l.replica[client].do("DUMP", strings.TrimPrefix(args[3], payloadOf))
			if err != nil {
				return err
			}
			args = append([]string{}, args...)
			args[3] = r.text
		}
		r, err := c.do(args...)
		if err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
		if sent++; r.kind == '-' {
			refused++
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands += sent
	l.errors += refused
	return nil
}

// sameDigest waits until the replica has what its master has, and answers their digest. What expires goes a little
// later there.
func (l *load) sameDigest() string {
	l.t.Helper()
	for end := time.Now().Add(replyTimeout); ; time.Sleep(20 * time.Millisecond) {
		a, b := digestOf(l.t, l.master[0]), digestOf(l.t, l.replica[0])
		if a == b {
			return a
		}
		if time.Now().After(end) {
			l.t.Fatalf("the digests of master and replica are %s and %s, round %d\n%s", a, b, l.rounds,
				unequalKeys(l.master[0], l.replica[0]))
		}
	}
}

// unequalKeys names the keys that two servers have different values of.
func unequalKeys(one, other *conn) string {
	text := ""
	for db := range 16 {
		seen := map[string]bool{}
		for _, c := range []*conn{one, other} {
			if _, err := c.do("SELECT", fmt.Sprint(db)); err != nil {
				return err.Error()
			}
			r, err := c.do("KEYS", "*")
			if err != nil {
				return err.Error()
			}
			for _, k := range r.elems {
				seen[k.text] = true
			}
		}
		for k := range seen {
			a, errA := one.do("DEBUG", "DIGEST-VALUE", k)
			b, errB := other.do("DEBUG", "DIGEST-VALUE", k)
			if x, y := expiry(one, k), expiry(other, k); errA != nil || errB != nil || string(a.raw) != string(b.raw) ||
				x != y {
				v, _ := one.do("DUMP", k)
				w, _ := other.do("DUMP", k)
				text += fmt.Sprintf("database %d key %q: %s %s, expires %s %s\n", db, k, clip(v), clip(w), x, y)
			}
		}
	}
	return text
}

func expiry(c *conn, key string) string {
	r, err := c.do("PEXPIRETIME", key)
	if err != nil {
		return err.Error()
	}
	return string(r.raw)
}

// settled is the digest when all that is past its time has been deleted, on both.
func (l *load) settled() string {
	l.t.Helper()
	time.Sleep(settle)
	for db := range 16 {
		for _, args := range [][]string{{"SELECT", fmt.Sprint(db)}, {"SCAN", "0", "COUNT", "1000000"}} {
			if r, err := l.master[0].do(args...); err != nil || r.kind == '-' {
				l.t.Fatalf("%q: %s %v", args, r.raw, err)
			}
		}
	}
	return l.sameDigest()
}

func (l *load) keys() (n int) {
	l.t.Helper()
	for db := range 16 {
		for _, args := range [][]string{{"SELECT", fmt.Sprint(db)}, {"DBSIZE"}} {
			r, err := l.master[0].do(args...)
			if err != nil {
				l.t.Fatal(err)
			}
			var size int
			if _, err := fmt.Sscan(r.text, &size); err == nil {
				n += size
			}
		}
	}
	return n
}

// save writes a dump.rdb on both and ends them.
func (l *load) save(master, replica *servers.Server) {
	l.t.Helper()
	for _, c := range []*conn{l.master[0], l.replica[0]} {
		if r, err := c.do("SAVE"); err != nil || r.text != "OK" {
			l.t.Fatalf("SAVE: %s %v", r.raw, err)
		}
	}
	replica.Stop(l.t) // first: what a master writes when it ends need not reach it
	master.Stop(l.t)
}

// check has the tools of both look at a directory.
func check(t *testing.T, dir string) {
	t.Helper()
	dump, manifest := filepath.Join(dir, "dump.rdb"), filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest")
	for _, args := range [][]string{
		{servers.Tool(t, "redis-check-rdb"), dump},
		{servers.Tool(t, "redis-check-aof"), manifest},
		{servers.Binary(t), "check-rdb", dump},
		{servers.Binary(t), "check-log", dir},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
