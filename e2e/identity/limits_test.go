package identity

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// crowd is more connections than a member with few descriptors can have.
const crowd = 100

// TestNoPlaceLeft: with few descriptors, and every place of every member taken by idle clients, the log has said so, a
// member comes back, another leads, and who administers on the machine is served.
func TestNoPlaceLeft(t *testing.T) {
	i := install(t, func(m *servers.Member) { m.Files = 64 })
	i.write("before")
	old, idle := map[*servers.Member]*raw{}, []*raw{}
	for _, m := range i.all() {
		i.await(m, "maxclients has been reduced to 16")
		old[m] = connect(t, m)
		if got := old[m].ask("PING"); got != "+PONG" {
			t.Fatalf("the first client of a %s is told %s", m.Kind, got)
		}
		for range crowd {
			idle = append(idle, connect(t, m))
		}
	}
	i.until("members that are full", func() bool {
		for _, m := range i.all() {
			if _, code := ping(t, m); code != 4 {
				return false
			}
		}
		return true
	})
	for _, m := range i.all() {
		i.until("a full "+m.Kind+" that is alive", func() bool {
			text, code := ping(t, m, "--alive")
			return code == 0 && text == "FULL: max number of clients reached\n"
		})
		i.until("an administrator of a full "+m.Kind, func() bool {
			admin := connect(t, m) // who is not heard soon enough is refused
			admin.say("HELLO 3\r\nCLIENT KILL ID 1000000")
			for {
				switch line, err := admin.in.ReadString('\n'); {
				case err != nil || strings.HasPrefix(line, "-"):
					return false
				case line == ":0\r\n": // what HELLO answers is long, and no matter here
					return true
				}
			}
		})
	}
	master := i.master()
	back := i.nodes[0]
	if back == master {
		back = i.nodes[1]
	}
	back.Kill()
	i.start(back)
	delete(old, back)
	i.whole()
	i.until("a write", func() bool { return old[master].ask("SET between v") == "+OK" })

	master.Kill()
	i.until("another master", func() bool { return i.master() != master })
	next := i.master()
	if old[next] == nil {
		old[next] = connect(t, next) // this one came back, and has places
	}
	i.until("a write by a client that was there before", func() bool { return old[next].ask("SET after v") == "+OK" })
	for _, c := range idle {
		_ = c.conn.Close()
	}
	i.start(master)
	i.whole()
	i.has("before", "between", "after")
}

// raw is a connection without a library, which says nothing of its own.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func connect(t *testing.T, m *servers.Member) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", m.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &raw{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (r *raw) say(line string) {
	r.t.Helper()
	if err := r.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := fmt.Fprint(r.conn, line+"\r\n"); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) line() string {
	r.t.Helper()
	line, err := r.in.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (r *raw) ask(line string) string {
	r.t.Helper()
	r.say(line)
	return r.line()
}

// ping is holdfast ping, and how it ended.
func ping(t *testing.T, m *servers.Member, also ...string) (string, int) {
	t.Helper()
	host, port, _ := net.SplitHostPort(m.Addr())
	args := append([]string{"ping", "--host", host, "--port", port}, also...)
	out, err := exec.Command(servers.Binary(t), args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return string(out), 0
}
