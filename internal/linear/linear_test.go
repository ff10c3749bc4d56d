package linear

import (
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	type step struct {
		client  int
		op      Operation
		from    int64 // moments of the call and of the answer; 0 for an answer that never came
		to      int64
		outcome string
	}
	for name, c := range map[string]struct {
		steps []step
		wrong string // what the blame begins with
	}{
		"in order": {steps: []step{{0, Op("SET", "x", "1"), 1, 2, "OK"},
			{1, Op("GET", "x", ""), 3, 4, "1"}}},
		"a stale read": {steps: []step{{0, Op("SET", "x", "1"), 1, 2, "OK"},
			{1, Op("GET", "x", ""), 3, 4, Null}}, wrong: "x: of 2"},
		"a read meets a write": {steps: []step{{0, Op("SET", "x", "1"), 1, 4, "OK"},
			{1, Op("GET", "x", ""), 2, 3, Null}}},
		"seen and unseen": {steps: []step{{0, Op("SET", "x", "1"), 1, 6, "OK"},
			{1, Op("GET", "x", ""), 2, 3, "1"}, {1, Op("GET", "x", ""), 4, 5, Null}}, wrong: "x: of 3"},
		"no answer, done": {steps: []step{{0, Op("SET", "x", "1"), 1, 0, ""},
			{1, Op("GET", "x", ""), 3, 4, "1"}}},
		"no answer, not done": {steps: []step{{0, Op("SET", "x", "1"), 1, 0, ""},
			{1, Op("GET", "x", ""), 3, 4, Null}}},
		"no answer, done much later": {steps: []step{{0, Op("SET", "x", "1"), 1, 0, ""},
			{1, Op("SET", "x", "2"), 2, 3, "OK"}, {1, Op("GET", "x", ""), 4, 5, "1"}}},
		"no answer, done and undone": {steps: []step{{0, Op("SET", "x", "1"), 1, 0, ""},
			{1, Op("GET", "x", ""), 3, 4, "1"}, {1, Op("GET", "x", ""), 5, 6, Null}}, wrong: "x: of 3"},
		"no answer, seen too early": {steps: []step{{1, Op("GET", "x", ""), 1, 2, "1"},
			{0, Op("SET", "x", "1"), 3, 0, ""}}, wrong: "x: of 2"},
		"no answer, seen twice": {steps: []step{{0, Op("RPUSH", "l", "a"), 1, 0, ""},
			{1, Op("LPOP", "l", ""), 2, 3, "a"}, {1, Op("LPOP", "l", ""), 4, 5, "a"}}, wrong: "l: of 3"},
		"no answer, another's word": {steps: []step{{0, Op("SET", "x", "1"), 1, 0, ""},
			{1, Op("SET", "x", "1"), 2, 3, "OK"}, {1, Op("GET", "x", ""), 4, 5, "1"},
			{1, Op("SET", "x", "2"), 6, 7, "OK"}, {1, Op("GET", "x", ""), 8, 9, "1"}}},
		"a counter": {steps: []step{{0, Op("INCR", "k", ""), 1, 3, "2"},
			{1, Op("INCR", "k", ""), 2, 4, "1"}}},
		"a counter gives twice": {steps: []step{{0, Op("INCR", "k", ""), 1, 3, "1"},
			{1, Op("INCR", "k", ""), 2, 4, "1"}}, wrong: "k: of 2"},
		"keys know nothing of others": {steps: []step{{0, Op("SET", "x", "1"), 1, 2, "OK"},
			{1, Op("GET", "y", ""), 3, 4, Null}}},
		"what was deleted": {steps: []step{{0, Op("SET", "x", "1"), 1, 2, "OK"},
			{0, Op("DEL", "x", ""), 3, 4, "OK"},
			{0, Op("DEL", "x", ""), 5, 6, Null}, {0, Op("CLEAR", "x", ""), 7, 8, "OK"},
			{1, Op("GET", "x", ""), 9, 10, Null}}},
		"what was deleted comes back": {steps: []step{{0, Op("SET", "x", "1"), 1, 2, "OK"},
			{0, Op("CLEAR", "x", ""), 3, 4, "OK"}, {1, Op("GET", "x", ""), 5, 6, "1"}}, wrong: "x: of 3"},
		"no answer, deleted much later": {steps: []step{{1, Op("GET", "x", ""), 1, 2, Null},
			{0, Op("DEL", "x", ""), 3, 0, ""}, {0, Op("SET", "x", "1"), 4, 5, "OK"},
			{1, Op("GET", "x", ""), 6, 7, "1"},
			{1, Op("GET", "x", ""), 8, 9, Null}}},
		"no answer, and deleted": {steps: []step{{0, Op("SET", "x", "1"), 1, 0, ""},
			{1, Op("DEL", "x", ""), 2, 3, "OK"},
			{1, Op("GET", "x", ""), 4, 5, Null}}},
		"lists": {steps: []step{{0, Op("RPUSH", "l", "a"), 1, 2, "1"},
			{0, Op("RPUSH", "l", "b"), 3, 4, "2"}, {1, Op("LPOP", "l", ""), 5, 6, "b"}}, wrong: "l: of 3"},
		"sets": {steps: []step{{0, Op("SADD", "s", "b"), 1, 2, "1"},
			{0, Op("SADD", "s", "a"), 3, 4, "1"}, {0, Op("SREM", "s", "b"), 5, 6, "1"},
			{1, Op("SMEMBERS", "s", ""), 7, 8, "a"}}},
		"half a transfer": {steps: []step{{0, Op("transfer", "t", "3"), 1, 2, "-3 3"},
			{1, Op("balance", "t", ""), 3, 4, "-3 0"}}, wrong: "t: of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var r Recorder
			for _, s := range c.steps {
				r.clock.Store(s.from - 1)
				call := r.Begin()
				r.clock.Store(s.to - 1)
				r.Done(s.client, s.op, call, Outcome{Value: s.outcome, Unknown: s.to == 0})
			}
			v := r.Check(time.Minute)
			switch {
			case v.Operations != len(c.steps) || len(v.Undecided) > 0:
				t.Errorf("judged %d operations, could not decide on %v", v.Operations, v.Undecided)
			case (c.wrong != "") != (len(v.Broken) > 0), c.wrong != "" && !strings.HasPrefix(v.Broken[0], c.wrong):
				t.Errorf("broken: %q", v.Broken)
			}
			if again := r.Check(time.Minute); again.Operations != 0 {
				t.Errorf("%d operations are still there", again.Operations)
			}
		})
	}
}

func TestRefusedText(t *testing.T) {
	for reply, want := range map[string]bool{"READONLY You can't": true, "NOREPLICAS Not": true, "ERR unknown": false,
		"": false} {
		if got := RefusedText(reply); got != want {
			t.Errorf("RefusedText(%q) = %v", reply, got)
		}
	}
}
