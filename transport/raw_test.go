package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"reflect"
	"testing"
	"time"
)

// rawPair is the two ends of a stream.
func rawPair(t *testing.T) (dialed, accepted net.Conn) {
	t.Helper()
	u := Raw{Host{}}
	l, err := u.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialed, err = u.Dial(t.Context(), l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dialed.Close(), accepted.Close() })
	return dialed, accepted
}

// TestRawCarriesBytes sends pieces of all sizes, more than the kernel holds at once, both ways at the same time.
func TestRawCarriesBytes(t *testing.T) {
	a, b := rawPair(t)
	type result struct {
		got []byte
		err error
	}
	results := make(chan result, 2)
	sent := make([][]byte, 2)
	for i, c := range []net.Conn{a, b} {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		data := make([]byte, 8<<20)
		for k := range data {
			data[k] = byte(rng.Uint32())
		}
		sent[i] = data
		go func() {
			for rest := data; len(rest) > 0; {
				n, err := c.Write(rest[:min(len(rest), 1+rng.IntN(400_000))])
				if err != nil {
					t.Error(err)
					break
				}
				rest = rest[n:]
			}
			if n, err := c.Write(nil); n != 0 || err != nil {
				t.Errorf("nothing is written as %d bytes, %v", n, err)
			}
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			var got bytes.Buffer
			_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{c}, make([]byte, 100_000))
			results <- result{got.Bytes(), err}
		}()
	}
	for range 2 {
		r := <-results
		if r.err != nil || !bytes.Equal(r.got, sent[0]) && !bytes.Equal(r.got, sent[1]) {
			t.Fatalf("read %d bytes, or others: %v", len(r.got), r.err)
		}
	}
}

// TestRawFails: what goes wrong is told as the machine's own connections tell it.
func TestRawFails(t *testing.T) {
	var pair, plain [2]net.Conn
	pair[0], pair[1] = rawPair(t)
	l, err := Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if plain[0], err = (Host{}).Dial(t.Context(), l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if plain[1], err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer plain[0].Close()
	defer plain[1].Close()
	// what is the error's kind, whatever it is wrapped in; who is where it happened
	kind := func(err error) []any {
		var op *net.OpError
		var broken net.Error
		if !errors.As(err, &op) {
			return []any{err}
		}
		return []any{op.Op, op.Net, op.Source != nil, op.Addr != nil, errors.As(err, &broken) && broken.Timeout(),
			errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded),
			errors.Unwrap(op.Err)}
	}
	full := make([]byte, 64<<20)
	for _, c := range []struct {
		what string
		do   func(a, b net.Conn) error
	}{
		{"reading for too long", func(a, _ net.Conn) error {
			_ = a.SetReadDeadline(time.Now().Add(-time.Second))
			_, err := a.Read(make([]byte, 1))
			_ = a.SetReadDeadline(time.Time{})
			return err
		}},
		{"writing for too long", func(a, _ net.Conn) error {
			_ = a.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			_, err := a.Write(full)
			return err
		}},
		{"reading when it is closed meanwhile", func(a, _ net.Conn) error {
			time.AfterFunc(10*time.Millisecond, func() { _ = a.Close() })
			_, err := a.Read(make([]byte, 1))
			return err
		}},
		{"reading when it is closed", func(a, _ net.Conn) error {
			_, err := a.Read(make([]byte, 1))
			return err
		}},
		{"writing when it is closed", func(a, _ net.Conn) error {
			_, err := a.Write([]byte("x"))
			return err
		}},
		{"reading to the end", func(_, b net.Conn) error {
			_, err := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{b})
			if err == nil {
				_, err = b.Read(make([]byte, 1))
			}
			return err
		}},
		{"writing to who has gone", func(_, b net.Conn) (err error) {
			for err == nil {
				_, err = b.Write([]byte("x"))
			}
			return err
		}},
	} {
		got, want := c.do(pair[0], pair[1]), c.do(plain[0], plain[1])
		if got == nil || !reflect.DeepEqual(kind(got), kind(want)) {
			t.Errorf("%s: %v (%v), want %v (%v)", c.what, got, kind(got), want, kind(want))
		}
	}
}

// TestRawPackets: datagrams go to and come from addresses of both kinds.
func TestRawPackets(t *testing.T) {
	u := Raw{Host{}}
	for _, c := range []struct{ from, to string }{
		{"127.0.0.1:0", "127.0.0.1:0"}, {"[::1]:0", "[::1]:0"}, {":0", "127.0.0.1:0"}, {"127.0.0.1:0", ":0"},
		{":0", "[::1]:0"}, {"0.0.0.0:0", "127.0.0.1:0"},
	} {
		from, err := u.ListenPacket(c.from)
		if err != nil {
			t.Log("no such addresses here:", err)
			continue
		}
		to, err := u.ListenPacket(c.to)
		if err != nil {
			t.Log("no such addresses here:", err)
			_ = from.Close()
			continue
		}
		dest := *to.LocalAddr().(*net.UDPAddr)
		if dest.IP.IsUnspecified() {
			dest.IP = net.IPv4(127, 0, 0, 1)
		}
		buf := make([]byte, 100)
		for _, text := range []string{"hello", "", "again"} {
			if n, err := from.WriteTo([]byte(text), &dest); n != len(text) || err != nil {
				t.Fatalf("%v: wrote %d bytes, %v", c, n, err)
			}
			n, who, err := to.ReadFrom(buf)
			if err != nil || string(buf[:n]) != text {
				t.Fatalf("%v: read %q, %v", c, buf[:n], err)
			}
			back := who.(*net.UDPAddr)
			if back.Port != from.LocalAddr().(*net.UDPAddr).Port || !back.IP.IsLoopback() {
				t.Fatalf("%v: it came from %v", c, who)
			}
			if n, err := to.WriteTo([]byte("back"), back); n != 4 || err != nil {
				t.Fatalf("%v: answered %d bytes, %v", c, n, err)
			}
			if n, _, err := from.ReadFrom(buf); err != nil || string(buf[:n]) != "back" {
				t.Fatalf("%v: read %q, %v", c, buf[:n], err)
			}
		}
		if _, err := from.WriteTo(make([]byte, 70_000), &dest); err == nil {
			t.Errorf("%v: a datagram that is too long was sent", c)
		}
		if _, err := from.WriteTo(nil, &net.TCPAddr{}); err == nil {
			t.Errorf("%v: a datagram was sent to a stream", c)
		}
		time.AfterFunc(10*time.Millisecond, func() { _ = to.Close() })
		if _, _, err := to.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v: reading what is closed: %v", c, err)
		}
		if _, err := to.WriteTo(nil, &dest); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v: writing to what is closed: %v", c, err)
		}
		_ = from.Close()
	}
	v4, err := u.ListenPacket("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer v4.Close()
	if _, err := v4.WriteTo([]byte("x"), &net.UDPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1}); err == nil {
		t.Error("a socket of IPv4 sent to an address of IPv6")
	}
}
