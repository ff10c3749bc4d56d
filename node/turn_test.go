package node

import (
	"net"
	"os"
	"testing"
	"time"

	"holdfast/node/command"
	"holdfast/transport"
)

// followTCP has a node follow another one, and waits until it has what that one has.
func followTCP(t *testing.T, n, master *Node) {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Addr())
	p := dialTCP(t, n)
	p.send("replicaof " + host + " " + port)
	p.expect("OK")
	awaitSame(t, n, master)
}

func awaitSame(t *testing.T, n, master *Node) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); n.log.Position() != master.log.Position(); time.Sleep(
		time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the one is at %v, the other at %v", n.log.Position(), master.log.Position())
		}
	}
}

// TestLeadsWithinATurn: what comes behind REPLICAOF NO ONE in the same pipeline, or transaction, is in the log.
func TestLeadsWithinATurn(t *testing.T) {
	for _, lines := range [][]string{
		{"replicaof no one", "set k 1"},
		{"multi", "replicaof no one", "set k 1", "exec"},
		{"multi", "replicaof no one", "bgsave", "set k 1", "exec"},
	} {
		a, b, c := startReal(t), startReal(t, "replica-read-only no"), startReal(t)
		followTCP(t, b, a)
		followTCP(t, c, b)
		p := dialTCP(t, b)
		p.send(lines...)
		for range lines {
			if _, err := p.r.ReadValue(); err != nil {
				t.Fatal(err)
			}
		}
		awaitSame(t, c, b)
		if got := dataOf(c, "k"); got != "1" {
			t.Errorf("%q: a replica has %q", lines, got)
		}
	}
}

// TestFollowsWithinATurn: what came before REPLICAOF in the same transaction is in the log, as it is in the data.
func TestFollowsWithinATurn(t *testing.T) {
	a, b := startReal(t), startReal(t)
	followTCP(t, b, a)
	end := a.log.End()
	p := dialTCP(t, a)
	p.send("multi", "set k 1", "replicaof 127.0.0.1 1", "exec") // where nobody is who has another log
	p.expect("OK", "QUEUED", "QUEUED")
	for until := time.Now().Add(10 * time.Second); a.log.End() == end; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("the log ends at %d still", end)
		}
	}
}

// TestTransactionSeesOneState: a transaction on a replica that has the log end where the data does, as what looks at
// both needs it, sees nothing happen meanwhile that its master did.
func TestTransactionSeesOneState(t *testing.T) {
	for _, line := range []string{"replicaof no one", "debug reload", "bgsave"} {
		h := &holder{command: "keys", held: make(chan string, 1), release: make(chan struct{})}
		a := startReal(t)
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		b := start(t, Config{Network: transport.Host{}, Dir: root, OnLong: h.of("b")}, "bind 127.0.0.1", "port 0",
			"enable-debug-command yes")
		defer b.Close()
		p := dialTCP(t, a)
		p.send("set k 1")
		p.expect("OK")
		followTCP(t, b, a)
		h.on.Store(true)
		reader := dialTCP(t, b)
		reader.send("multi", "get k", "keys *", line, "get k", "exec")
		<-h.held
		h.on.Store(false)
		p.send("set k 2")
		p.expect("OK")
		time.Sleep(50 * time.Millisecond) // so that it comes there, if nothing keeps it
		close(h.release)
		reader.expect("OK", "QUEUED", "QUEUED", "QUEUED", "QUEUED")
		v, err := reader.r.ReadValue()
		if err != nil || len(v.Elems) != 4 || v.Elems[2].Kind == '-' {
			t.Fatalf("%s: %q, %v", line, v.String(), err)
		}
		if first, last := v.Elems[0].String(), v.Elems[3].String(); first != "1" || last != first {
			t.Errorf("%s: it sees %s, and then %s", line, first, last)
		}
		if line == "replicaof no one" {
			continue
		}
		awaitSame(t, b, a)
		if got := dataOf(b, "k"); got != "2" {
			t.Errorf("%s: k is %s after it", line, got)
		}
	}
}

// TestSavesOfATransaction: as in Redis, what a transaction asks to be saved is what there is behind it.
func TestSavesOfATransaction(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	n := start(t, Config{Network: transport.Host{}, Dir: root, Process: command.Process{Stat: os.Stat}},
		"bind 127.0.0.1", "port 0", "enable-protected-configs yes", "dir "+dir)
	defer n.Close()
	p := dialTCP(t, n)
	p.send("multi", "bgsave", "bgsave", "bgrewriteaof", "config set appendonly yes", "set a 1",
		"config set appendonly no", "exec")
	p.expect("OK", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED",
		"[Background saving scheduled Background saving scheduled Background append only file rewriting scheduled OK "+
			"OK OK]")
	for _, line := range []string{"save", "shutdown nosave", "shutdown abort"} {
		p.send("multi", line, "exec")
		p.expect("OK", "ERR Command not allowed inside a transaction",
			"EXECABORT Transaction discarded because of previous errors.")
	}
	const failed = "ERR CONFIG SET failed (possibly related to argument 'dir') - "
	p.send("config set dir "+dir, "config set dir /nonexistent", "config set dir /etc/passwd", "config set dir /",
		"config get dir")
	p.expect("OK", failed+"No such file or directory", failed+"Not a directory", failed+string(errDirFixed.Error()),
		"[dir "+dir+"]")
}
