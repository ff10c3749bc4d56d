package cluster

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/hashicorp/memberlist"
)

// FuzzMessage: what others broadcast is taken apart without loss, told once, and never refers to memberlist's buffer.
func FuzzMessage(f *testing.F) {
	msg, err := newMessage("epoch", []byte("payload"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Add(msg[:9])
	f.Add([]byte("12345678\xffshort"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := parseMessage(b)
		if whole := len(b) > 8 && len(b) >= 9+int(b[8]); ok != whole {
			t.Fatalf("%q: %v", b, ok)
		}
		if !ok {
			return
		}
		again := append(append(append([]byte{}, m.id[:]...), byte(len(m.kind))), m.kind...)
		if again = append(again, m.payload...); !bytes.Equal(again, b) {
			t.Fatalf("%q became %q", b, again)
		}
		before := bytes.Clone(m.payload)
		for i := range b {
			b[i]++
		}
		if !bytes.Equal(m.payload, before) {
			t.Fatal("the payload changes with the buffer")
		}
		var seen seenMessages
		if !seen.add(m.id) || seen.add(m.id) {
			t.Fatal("told twice, or never")
		}
	})
}

// FuzzNodeMeta: what a member says of itself counts only under the name that it has.
func FuzzNodeMeta(f *testing.F) {
	meta, err := json.Marshal(Node{Kind: "node", Name: "n"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("node/n", meta)
	f.Add("sentinel/n", meta)
	f.Add("/", []byte("{}"))
	f.Fuzz(func(t *testing.T, name string, meta []byte) {
		e := newGossipEvents(Node{Kind: "node", Name: "self"}, "10.0.0.1:7946", nil)
		n := &memberlist.Node{Name: name, Meta: meta}
		e.NotifyJoin(n)
		m := e.alive[name]
		if m.ours && m.node.id() != name {
			t.Fatalf("%q is taken for %q", name, m.node.id())
		}
		if wire, err := json.Marshal(m.node); m.ours {
			var again Node
			if err != nil || json.Unmarshal(wire, &again) != nil || !reflect.DeepEqual(again, m.node) {
				t.Fatalf("%q: %+v became %+v, %v", meta, m.node, again, err)
			}
		}
		e.NotifyLeave(n)
		if len(e.alive) != 0 {
			t.Fatal("it left and is there")
		}
	})
}

// FuzzGroup: whatever chain a reply brings, it means the same to all who read it, and changed copies leave it as it is.
func FuzzGroup(f *testing.F) {
	g := Group{Name: "g", Epoch: 3, Chain: []Member{{Name: "a", Incarnation: "1"}, {Name: "b", Incarnation: "1"}},
		Learners: []Member{{Name: "c", Incarnation: "2"}}}
	text, err := json.Marshal(HeartbeatReply{Seq: 1, Accepted: true, Group: &g})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"group":{"chain":[{"name":"a"},{"name":"a"}],"learners":[{"name":"a"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var reply HeartbeatReply
		if json.Unmarshal(text, &reply) != nil || reply.Group == nil {
			return
		}
		g := *reply.Group
		before, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range g.Chain {
			if p := g.Position(m); p < 0 || p > i || !g.Chain[p].Is(m) {
				t.Fatalf("%+v is at %d of %+v", m, p, g.Chain)
			}
			if p, ok := g.Predecessor(m); ok && g.Position(m) == 0 {
				t.Fatalf("the head follows %+v", p)
			}
			if next, ok := g.Successor(m); ok && !g.Chain[g.Position(m)+1].Is(next) {
				t.Fatalf("%+v is before %+v", m, next)
			}
			if left := g.Without(m); left.Position(m) >= 0 || left.IsLearner(m) || left.Epoch != g.Epoch+1 {
				t.Fatalf("without %+v: %+v", m, left)
			}
		}
		for _, m := range g.Learners {
			if grown := g.WithTail(m); grown.IsLearner(m) || grown.Position(m) < 0 || len(grown.Chain) != len(g.Chain)+
				1 {
				t.Fatalf("with %+v: %+v", m, grown)
			}
			g.WithLearner(m)
		}
		if after, err := json.Marshal(g); err != nil || !bytes.Equal(after, before) {
			t.Fatalf("%s became %s, %v", before, after, err)
		}
	})
}
