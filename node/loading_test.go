package node

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/internal/servers"
	"holdfast/internal/simnet"
	"holdfast/replication/aof"
	"holdfast/resp"
	"holdfast/transport"
)

// slowFS has whoever reads a file wait at its last byte.
type slowFS struct {
	aof.FS
	at chan struct{} // a token lets one file's end be read
}

type slowFile struct {
	aof.File
	fs   *slowFS
	left int64
}

func (f *slowFS) Open(name string) (aof.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".rdb") && !strings.HasSuffix(name, ".aof") {
		return file, err
	}
	size, err := file.Size()
	return &slowFile{file, f, size}, err
}

func (f *slowFile) Read(p []byte) (int, error) {
	if f.left == 1 {
		<-f.fs.at
	} else if f.left > 1 {
		p = p[:min(int64(len(p)), f.left-1)]
	}
	n, err := f.File.Read(p)
	f.left -= int64(n)
	return n, err
}

// field is a field of INFO.
func field(c client, section, name string) string {
	_, value, _ := strings.Cut(c.do("INFO", section), "\r\n"+name+":")
	value, _, _ = strings.Cut(value, "\r\n")
	return value
}

// fields compares some of them: "name value".
func fields(c client, section string, want ...string) {
	c.t.Helper()
	for _, w := range want {
		name, value, _ := strings.Cut(w, " ")
		if got := field(c, section, name); got != value {
			c.t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

const loadingError = "-LOADING Redis is loading the dataset in memory"

// TestProgressOfTheLog: while base and log are loaded, INFO tells how far it is, the log has a line now and then, and
// clients are told to wait.
func TestProgressOfTheLog(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk, host := memfs.New(), net.Host("10.0.0.1")
		n := startOnDisk(t, host, disk, "10.0.0.1")
		c := dial(t, host, "10.0.0.1")
		allTypes(c)
		c.do("BGREWRITEAOF")
		time.Sleep(time.Second)
		c.do("SET", "after", "the base")
		size := func(name string) int64 {
			n, err := strconv.ParseInt(field(c, "persistence", name), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		base := size("aof_base_size")
		total := size("aof_current_size") + int64(len("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"))
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}

		slow, text := &slowFS{disk, make(chan struct{})}, &servers.Output{}
		n, err := New(Config{Settings: settingsOf(t, "bind 10.0.0.1", "appendonly yes"), Network: host, Files: slow,
			Logger: slog.New(slog.NewTextHandler(text, nil))})
		if err != nil {
			t.Fatal(err)
		}
		started := make(chan error)
		began := time.Now().Unix()
		go func() { started <- n.Start() }()
		time.Sleep(time.Second)
		c = dial(t, host, "10.0.0.1")
		fields(c, "persistence", "loading 1", "async_loading 0", fmt.Sprint("loading_start_time ", began),
			fmt.Sprint("loading_total_bytes ", total),
			fmt.Sprint("loading_loaded_bytes ", base-1),
			fmt.Sprintf("loading_loaded_perc %.2f", 100*float64(base-1)/float64(total)))
		if used, _ := strconv.Atoi(field(c, "persistence", "loading_rdb_used_mem")); used < 100 {
			t.Errorf("loading_rdb_used_mem is %d", used)
		}
		for _, command := range []string{"GET s", "SET s v", "PING", "MULTI", "DBSIZE", "BGREWRITEAOF", "KEYS *",
			"SAVE"} {
			want := loadingError
			if command == "MULTI" {
				want = "OK"
			}
			c.answers(command, want)
			if command == "MULTI" {
				c.answers("GET s", loadingError)
				c.answers("DISCARD", "OK")
			}
		}
		c.answers("CONFIG GET port", "[port 6379]")
		for range 5 { // clients come and leave meanwhile
			other := dial(t, host, "10.0.0.1")
			other.do("DEBUG", "LOG", "bla")
			_ = other.Close()
		}
		time.Sleep(time.Second)
		fields(c, "clients", "connected_clients 1")
		c.answers("SELECT 0", "OK")
		for _, file := range []int64{base, total} {
			time.Sleep(6 * time.Second)
			slow.at <- struct{}{}
			time.Sleep(time.Second)
			if line := fmt.Sprintf("msg=loading from=appendonlydir bytes=%d of=%d percent=%d", file, total,
				100*file/total); !strings.Contains(text.String(), line) {
				t.Errorf("no %q in\n%s", line, text)
			}
			if file == base {
				fields(c, "persistence", fmt.Sprint("loading_loaded_bytes ", total-1))
				eta, _ := strconv.Atoi(field(c, "persistence", "loading_eta_seconds"))
				if eta != 0 {
					t.Errorf("with one byte to go loading_eta_seconds is %d", eta)
				}
			}
		}
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		fields(c, "persistence", "loading 0", "async_loading 0", "loading_start_time ", "rdb_last_load_keys_loaded 8")
		c.answers("GET after", "the base")
		_ = n.Close()
	})
}

// TestProgressOfADump reads dump.rdb from a pipe, whose length is not known.
func TestProgressOfADump(t *testing.T) {
	dir, fifo := t.TempDir(), t.TempDir()
	network := transport.Host{}
	n := startIn(t, network, "127.0.0.1", dir, "port 0")
	c := connect(t, n)
	allTypes(c)
	c.answers("SAVE", "OK")
	_ = n.Close()
	dump, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(fifo, "dump.rdb")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	n, err = New(Config{Settings: settingsOf(t, "bind 127.0.0.1", "port 0"), Network: network, Dir: root,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	go func() { started <- n.Start() }()
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0) // waits until it is read
	if err != nil {
		t.Fatal(err)
	}
	half := len(dump) / 2
	if _, err := pipe.Write(dump[:half]); err != nil {
		t.Fatal(err)
	}
	c = connect(t, n)
	for field(c, "persistence", "loading_loaded_bytes") != strconv.Itoa(half) {
		time.Sleep(time.Millisecond)
	}
	used, err := strconv.Atoi(field(c, "persistence", "loading_rdb_used_mem"))
	if err != nil {
		t.Fatal(err)
	}
	fields(c, "persistence", "loading 1", "async_loading 0", "loading_total_bytes 0",
		fmt.Sprintf("loading_loaded_perc %.2f", min(100*float64(half)/float64(used), 99.99)))
	c.answers("GET s", loadingError)
	if _, err := pipe.Write(dump[half:]); err != nil {
		t.Fatal(err)
	}
	_ = pipe.Close()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	fields(c, "persistence", "loading 0", "loading_start_time ", "rdb_last_load_keys_loaded 8",
		"rdb_last_load_keys_expired 0")
	c.answers("GET s", "v")
	_ = n.Close()
}

// connect is a client of a node on a port of the machine.
func connect(t *testing.T, n *Node) client {
	t.Helper()
	n.engine.Lock() // its address is known by then
	addr := n.Addr()
	n.engine.Unlock()
	c, err := resp.Dial(t.Context(), transport.Host{}, addr)
	if err != nil {
		t.Fatal(err)
	}
	return client{t, c}
}

// TestProgressOfAFullCopy: a master sends a copy in two parts; the old data can be read meanwhile.
func TestProgressOfAFullCopy(t *testing.T) {
	for _, sized := range []bool{true, false} {
		world(t, func(t *testing.T, network *simnet.Network) {
			value := strings.Repeat("value", 40)
			dump := []byte("REDIS0010\xfe\x00\x00\x03new\x40\xc8" + value + "\xff\x00\x00\x00\x00\x00\x00\x00\x00")
			dump = append([]byte("REDIS0010\xfa\x08used-mem\xc2\x00\x00\x10\x00"), dump[9:]...) // 1 MiB
			// bytes, before the copy stops for a while
			const first = 130
			mark := strings.Repeat("m", 40)
			head, tail, total := fmt.Sprintf("$%d\r\n", len(dump)), "", len(dump)
			loaded, percent, sync := first, 100*first/float64(total), 100*first/float64(total)
			if !sized {
				head, tail, total = "$EOF:"+mark+"\r\n", mark, 0
				loaded = first - len(mark) + 1 // the rest may be the beginning of the mark
				percent, sync = 100*float64(loaded)/(1<<20), 0
			}
			l, err := network.Host("10.0.0.2").Listen("10.0.0.2:6379")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			more := make(chan struct{})
			go fakeMaster(l, func(conn net.Conn) {
				fmt.Fprintf(conn, "+FULLRESYNC %s 7\r\n%s%s", strings.Repeat("a", 40), head, dump[:first])
				<-more
				for _, b := range dump[first:] {
					_, _ = conn.Write([]byte{b})
					time.Sleep(time.Second)
				}
				_, _ = io.WriteString(conn, tail)
			})

			text := &servers.Output{}
			host := network.Host("10.0.0.1")
			n := start(t, Config{Network: host, Logger: slog.New(slog.NewTextHandler(text, nil))}, "bind 10.0.0.1")
			c := dial(t, host, "10.0.0.1")
			c.answers("SET old value", "OK")
			c.answers("REPLICAOF 10.0.0.2 6379", "OK")
			time.Sleep(3 * time.Second)
			fields(c, "replication", "master_link_status down", "master_sync_in_progress 1",
				fmt.Sprint("master_sync_total_bytes ", total), fmt.Sprint("master_sync_read_bytes ", first),
				fmt.Sprint("master_sync_left_bytes ", total-first), fmt.Sprintf("master_sync_perc %.2f", sync),
				"master_sync_last_io_seconds_ago 2")
			fields(c, "persistence", "loading 0", "async_loading 1", fmt.Sprint("loading_total_bytes ", total),
				"loading_rdb_used_mem 1048576", fmt.Sprint("loading_loaded_bytes ", loaded),
				fmt.Sprintf("loading_loaded_perc %.2f", percent))
			c.answers("GET old", "value")
			close(more)
			time.Sleep(time.Duration(len(dump)-first+5) * time.Second)
			if n := strings.Count(text.String(), "msg=loading from=10.0.0.2:6379"); n < (len(dump)-first)/3 {
				t.Errorf("%d lines about %d seconds of loading:\n%s", n, len(dump)-first, text)
			}
			fields(c, "replication", "master_link_status up", "master_sync_in_progress 0", "master_sync_total_bytes ")
			fields(c, "persistence", "async_loading 0", "loading_start_time ", "rdb_last_load_keys_loaded 1")
			c.answers("GET new", value)
			c.answers("GET old", "")
			_ = n.Close()
		})
	}
}

// fakeMaster takes one replica, answers its handshake as a Redis does, and PSYNC by send.
func fakeMaster(l net.Listener, send func(net.Conn)) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	r := resp.NewReader(conn)
	for {
		v, err := r.ReadValue()
		if err != nil {
			return
		}
		answer := "+OK\r\n"
		switch word := strings.ToLower(string(v.Elems[0].Str)); {
		case word == "ping":
			answer = "+PONG\r\n"
		case word == "psync":
			send(conn)
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}
