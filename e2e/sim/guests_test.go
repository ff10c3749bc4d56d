package sim

import (
	"slices"
	"sync"
	"sync/atomic"

	"holdfast/sentinel"
)

// guest is a node that is none of the group's three: a copy of one of them, or one of another installation.
type guest struct {
	m       *machine
	of      *machine    // whose copy it is; nil: nobody's
	refused atomic.Bool // it must have no place: of a copy as long as whom it copies is there
}

// guests are those who run.
type guests struct {
	mu   sync.Mutex
	list []*guest
	seen map[string]*guest // by incarnation, also of those who have gone
}

// come notes a process of a guest.
func (x *guests) come(o *guest) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.list, o) {
		x.list = append(x.list, o)
	}
	if x.seen == nil {
		x.seen = map[string]*guest{}
	}
	x.seen[o.m.n.RunID()] = o
}

func (x *guests) gone(o *guest) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = slices.DeleteFunc(x.list, func(y *guest) bool { return y == o })
}

// there are the guests who run.
func (x *guests) there() []*guest {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

// who is the guest that a member of a chain is, nil for none.
func (x *guests) who(incarnation string) *guest {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen[incarnation]
}

// hasPlace says whether a guest is in the group, which it may be when whom it copies has gone.
func (x *guests) hasPlace(g *group) bool {
	if len(x.there()) == 0 {
		return false
	}
	now := g.agreed()
	return slices.ContainsFunc(append(now.Chain, now.Learners...),
		func(m sentinel.MemberStatus) bool { return x.who(m.Incarnation) != nil })
}

// leave ends all guests at once.
func (x *guests) leave(g *group) {
	for _, o := range x.there() {
		g.story.tell("FAULT", "%s goes", o.m.name)
		if o.m.n != nil {
			o.m.host.Kill()
		}
		g.closeNode(o.m)
		x.gone(o)
	}
}
