package pubsub

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"holdfast/resp"
)

type inbox struct{ w resp.Writer }

func (i *inbox) Push(write func(w *resp.Writer)) { write(&i.w) }

func (i *inbox) take() string {
	s := string(i.w.Buf)
	i.w.Buf = nil
	return s
}

func TestPublishReachesChannelsAndPatterns(t *testing.T) {
	h := NewHub()
	old, modern := &inbox{}, &inbox{w: resp.Writer{Proto: 3}}
	if !h.Subscribe(Channel, old, "news") || h.Subscribe(Channel, old, "news") {
		t.Fatal("the second subscription to the same channel must not count")
	}
	h.Subscribe(Channel, modern, "news")
	h.Subscribe(Pattern, old, "n*")
	h.Subscribe(Shard, modern, "news")

	delivered := slices.Clone(h.Publish([]byte("news"), []byte("hi")))
	want := "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n" +
		"$2\r\nhi\r\n"
	if got := old.take(); got != want {
		t.Errorf("RESP2 got %q", got)
	}
	if got := modern.take(); got != ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n" {
		t.Errorf("RESP3 got %q", got)
	}
	if !slices.Equal(delivered, []Subscriber{old, modern, old}) {
		t.Errorf("delivered to %v", delivered)
	}
	if n := h.PublishShard([]byte("news"), []byte("x")); len(n) != 1 ||
		modern.take() != ">3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n" {
		t.Errorf("shard deliveries: %v", n)
	}
}

func TestUnsubscribeForgetsWhatNobodyHears(t *testing.T) {
	h := NewHub()
	a, b := &inbox{}, &inbox{}
	for _, name := range []string{"z", "a", "m"} {
		h.Subscribe(Channel, a, name)
	}
	h.Subscribe(Channel, b, "a")
	h.Subscribe(Pattern, a, "*")
	if got := h.Of(Channel, a); !slices.Equal(got, []string{"z", "a", "m"}) {
		t.Errorf("order of subscription: %v", got)
	}
	if got := h.Active(Channel, []byte("[am]")); !slices.Equal(got, []string{"a", "m"}) {
		t.Errorf("active: %v", got)
	}
	if h.NumSub(Channel, []byte("a")) != 2 || h.Topics(Pattern) != 1 || h.Count(Channel, a) != 3 {
		t.Error("counts")
	}
	if h.Unsubscribe(Shard, a, "z") || !h.Unsubscribe(Channel, a, "z") || h.Unsubscribe(Channel, a, "z") {
		t.Error("unsubscribe reports whether there was anything to end")
	}
	h.Drop(a)
	h.Drop(b)
	if len(h.held) != 0 || len(h.patterns) != 0 || len(h.topics[Channel]) != 0 ||
		len(h.Publish([]byte("a"), nil)) != 0 {
		t.Errorf("left over: %+v", h)
	}
}

// TestPatternsKeepTheirOrder whatever goes between them.
func TestPatternsKeepTheirOrder(t *testing.T) {
	h, rng := NewHub(), rand.New(rand.NewPCG(1, 2))
	a := &inbox{}
	var want []string
	for i := range 2000 {
		if len(want) == 0 || rng.IntN(7) < 4-i/1000*3 {
			name := "news*" + strings.Repeat("*", i)
			h.Subscribe(Pattern, a, name)
			want = append(want, name)
		} else {
			gone := rng.IntN(len(want))
			h.Unsubscribe(Pattern, a, want[gone])
			want = slices.Delete(want, gone, gone+1)
		}
		if i%100 > 0 {
			continue
		}
		if n := len(h.Publish([]byte("news"), nil)); n != len(want) {
			t.Fatalf("step %d: %d deliveries, want %d", i, n, len(want))
		}
		r := resp.NewReader(strings.NewReader(a.take()))
		for _, name := range want {
			if v, err := r.ReadValue(); err != nil || string(v.Elems[1].Str) != name {
				t.Fatalf("step %d: %v, %v where %s is due", i, v, err, name)
			}
		}
	}
}
