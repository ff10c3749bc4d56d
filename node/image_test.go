package node

import (
	"bytes"
	"fmt"
	"testing"

	"holdfast/internal/simnet"
	"holdfast/node/store"
)

// meddler changes large values whenever something is written.
type meddler struct {
	bytes.Buffer
	n     *Node
	times int
}

func (m *meddler) Write(p []byte) (int, error) {
	m.n.mu.Lock()
	defer m.n.mu.Unlock()
	db := m.n.env.Store.DB(0)
	for i := range 200 {
		name := fmt.Appendf(nil, "member %d", (m.times*200+i*7)%6000)
		db.SetAdd([]byte("set"), name, append(name, '!'))
		db.SetRemove([]byte("set"), fmt.Appendf(nil, "member %d", (m.times*100+i)%6000))
		db.HashSet([]byte("hash"), store.NoExpiry, name, []byte("changed"))
		db.ZSetAdd([]byte("zset"), store.ZAddMode{}, []store.ZMember{{Member: name, Score: float64(i)}})
		db.ListSet([]byte("list"), i*11, name)
		db.ListDrop([]byte("list"), 1, 1)
	}
	db.SetString([]byte("text"), []byte("changed"), store.EncEmbstr, store.NoExpiry)
	m.times++
	return m.Buffer.Write(p)
}

// TestImageOfLargeValues: an image is of one moment, also where large values are written while they change.
func TestImageOfLargeValues(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		db := n.env.Store.DB(0)
		for i := range 6000 {
			name := fmt.Appendf(nil, "member %d", i)
			db.SetAdd([]byte("set"), name)
			db.HashSet([]byte("hash"), store.NoExpiry, name, name)
			db.ZSetAdd([]byte("zset"), store.ZAddMode{}, []store.ZMember{{Member: name, Score: float64(i)}})
			db.ListPush([]byte("list"), [][]byte{name, name, name, name, name}, false)
		}
		db.SetString([]byte("text"), bytes.Repeat([]byte("text "), 50000), store.EncRaw, store.NoExpiry)
		for range 2 { // the second image finds nothing frozen by the first
			want := n.env.Store.Digest()
			im, err := n.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			out := &meddler{n: n}
			size, err := im.WriteTo(out)
			if err != nil || size != int64(out.Len()) || out.times < 3 {
				t.Fatalf("%d bytes of %d in %d writes, %v", out.Len(), size, out.times, err)
			}
			if err := im.Close(); err != nil {
				t.Fatal(err)
			}
			fresh := n.newStore()
			if _, err := n.readDump(&out.Buffer, fresh); err != nil {
				t.Fatal(err)
			}
			if fresh.Digest() != want || n.env.Store.Digest() == want {
				t.Error("the image is not of the moment at which it was fixed")
			}
			if err := n.env.Store.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// closer gives an image up while it is written.
type closer struct {
	t  *testing.T
	im interface{ Close() error }
	n  *Node
}

func (c *closer) Write(p []byte) (int, error) {
	if err := c.im.Close(); err != nil {
		c.t.Error(err)
	}
	return len(p), nil
}

func TestImageClosedWhileItIsWritten(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		db := n.env.Store.DB(0)
		for i := range 6000 {
			db.SetAdd([]byte("set"), fmt.Appendf(nil, "member %d", i))
			db.SetAdd([]byte("other"), fmt.Appendf(nil, "member %d", i))
		}
		for range 3 {
			im, err := n.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := im.WriteTo(&closer{t, im, n}); err == nil {
				t.Error("an image that was closed is complete")
			}
			if err := im.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}
