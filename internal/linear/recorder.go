package linear

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// Operation is what a client asked of a key, in words of Redis; "transfer" and "balance" are transactions over two
// counters, whose key is t. DEL answers Null when there was nothing, and CLEAR always OK.
type Operation struct{ What, Key, Arg string }

// Op is an operation; arg is empty for one that takes none.
func Op(what, key, arg string) Operation { return Operation{What: what, Key: key, Arg: arg} }

// Outcome is what it was told; Unknown is a write that was not answered, which may have happened at any time since, or
// never.
type Outcome struct {
	Value   string
	Unknown bool
}

// Null is the outcome of reading what is not there.
const Null = "(nil)"

// Recorder keeps the history of operations of all clients; its zero value is ready. Its clock counts events, which
// orders them as they happened.
type Recorder struct {
	clock atomic.Int64
	mu    sync.Mutex
	list  []porcupine.Operation
}

// Begin is the moment before an operation is sent.
func (r *Recorder) Begin() (call int64) { return r.clock.Add(1) }

// Done notes an operation that began at call and has ended now, or of which nobody knows whether it has. Reads without
// an answer, and writes that were surely refused, are no part of a history.
func (r *Recorder) Done(client int, o Operation, call int64, out Outcome) {
	ended := r.clock.Add(1)
	if out.Unknown {
		ended = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, porcupine.Operation{ClientId: client, Input: o, Call: call, Output: out, Return: ended})
}

// Verdict is what a history came to.
type Verdict struct {
	Keys, Operations int
	Broken           []string // one text for each key whose operations have no order
	Undecided        []string // keys for which the search took too long
}

// Check judges everything that was recorded, and forgets it. The search for an order of one key's operations is given
// up after limit.
func (r *Recorder) Check(limit time.Duration) Verdict {
	r.mu.Lock()
	list := r.list
	r.list = nil
	r.mu.Unlock()
	parts := byKey(list)
	v := Verdict{Keys: len(parts), Operations: len(list)}
	for _, part := range parts {
		part = narrowed(part)
		switch porcupine.CheckOperationsTimeout(model, part, limit) {
		case porcupine.Illegal:
			_, info := porcupine.CheckOperationsVerbose(model, part, limit) // which costs more, to tell why
			v.Broken = append(v.Broken, blame(part, info))
		case porcupine.Unknown:
			v.Undecided = append(v.Undecided, part[0].Input.(Operation).Key)
		}
	}
	return v
}

// narrowed tells of a key's writes without an answer what follows from what others were told, which spares the search
// most of its ways: one whose word somebody saw had happened by then, and one that overwrites, whose word nobody ever
// saw, need not have happened, unless somebody may have seen that there was something.
func narrowed(part []porcupine.Operation) []porcupine.Operation {
	writers, seen, deletes := map[string]int{}, map[string]int64{}, false
	for _, o := range part {
		in, out := o.Input.(Operation), o.Output.(Outcome)
		switch in.What {
		case "SET", "GETSET", "RPUSH":
			writers[in.Arg]++
		case "DEL":
			deletes = true
		}
		switch in.What {
		case "GET", "GETSET", "LPOP", "LRANGE":
			for word := range strings.FieldsSeq(out.Value) {
				if at, ok := seen[word]; !ok || o.Return < at {
					seen[word] = o.Return
				}
			}
		}
	}
	list := make([]porcupine.Operation, 0, len(part))
	for _, o := range part {
		in := o.Input.(Operation)
		if o.Output.(Outcome).Unknown && writers[in.Arg] == 1 {
			at, ok := seen[in.Arg]
			switch {
			case ok && at > o.Call:
				o.Return = at
			case !ok && !deletes && in.What != "RPUSH":
				continue
			}
		}
		list = append(list, o)
	}
	return list
}

// byKey parts a history: no key knows of another.
func byKey(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	at := map[string]int{}
	for _, o := range history {
		key := o.Input.(Operation).Key
		i, ok := at[key]
		if !ok {
			i = len(parts)
			at[key] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], o)
	}
	return parts
}

// blame says how many of a key's operations the longest attempt could place, and shows those around the next one.
func blame(part []porcupine.Operation, info porcupine.LinearizationInfo) string {
	longest := 0
	for _, attempt := range info.PartialLinearizations()[0] {
		longest = max(longest, len(attempt))
	}
	return fmt.Sprintf("%s: of %d operations only %d have an order; around the next one %s",
		part[0].Input.(Operation).Key, len(part), longest, around(part, longest))
}

const shownAround = 8

// around are operations by the time of their calls.
func around(list []porcupine.Operation, at int) string {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var text []string
	for _, o := range list[max(0, at-shownAround):min(len(list), at+shownAround)] {
		text = append(text, describe(o))
	}
	return strings.Join(text, ", ")
}

// describe is an operation as "client [call-return]: what it did = what it was told".
func describe(o porcupine.Operation) string {
	in, out := o.Input.(Operation), o.Output.(Outcome)
	if out.Unknown {
		return fmt.Sprintf("%d [%d-]: %s %s = ?", o.ClientId, o.Call, in.What, in.Arg)
	}
	return fmt.Sprintf("%d [%d-%d]: %s %s = %s", o.ClientId, o.Call, o.Return, in.What, in.Arg, out.Value)
}
