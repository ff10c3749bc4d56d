package sim

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"holdfast/node"
	"holdfast/replication"
	"holdfast/resp"
)

// lookEvery is how often the members' logs are looked at: every instant at which something can have arrived.
const lookEvery = 5 * time.Millisecond

// prefixes watches the members' logs, byte by byte: what the master of an epoch has committed stays, in every later
// epoch, where it is, in the log of every member of the chain; and no member's log is longer than its predecessor's.
type prefixes struct {
	g         *group
	begins    int64  // the offset of the first byte of committed
	committed []byte // by any master, in order
	whole     scriptsInLog
	began     bool
	epoch     uint64            // the newest in which something was committed
	masters   map[uint64]string // who was seen to lead an epoch
	seen      map[string]*member
}

// member is what was read of one start of a node.
type member struct {
	name   string
	log    *replication.Log
	reader *replication.Reader
	from   int64 // the offset of the first byte of held
	held   []byte
	bad    bool // it was told already
}

// startPrefixes looks until the clients stop. What it misses between two looks it finds in the bytes.
func (g *group) startPrefixes() {
	p := &prefixes{g: g, masters: map[uint64]string{}, seen: map[string]*member{}}
	g.work.Go(func() {
		defer p.close()
		for {
			select {
			case <-time.After(lookEvery):
			case <-g.running.Done():
				return
			}
			p.look()
		}
	})
}

func (p *prefixes) close() {
	for _, m := range p.seen {
		m.reader.Close()
	}
}

// process is one start of a node, and where it stands.
type process struct {
	name, incarnation string
	node.ChainStatus
}

// processes are the nodes that are up, from the tail's end on: where one follows another it is looked at first, so that
// it can't have got ahead only because time went on.
func (p *prefixes) processes() (list []process) {
	type running struct {
		name string
		n    *node.Node
	}
	var up []running
	p.g.up.Lock()
	for _, m := range p.g.nodes {
		if m.n != nil {
			up = append(up, running{m.name, m.n})
		}
	}
	p.g.up.Unlock()
	slices.SortFunc(up, func(a, b running) int { return b.n.ChainStatus().Position - a.n.ChainStatus().Position })
	for _, r := range up {
		list = append(list, process{r.name, r.n.RunID(), r.n.ChainStatus()})
	}
	return list
}

func (p *prefixes) look() {
	before, epoch := p.end(), p.epoch
	all := p.processes()
	for i, x := range all {
		for _, y := range all[i+1:] {
			if x.Epoch == y.Epoch && y.Position >= 0 && x.Position == y.Position+1 && x.End > y.End {
				p.g.story.violated("prefix", "in epoch %d %s has the log up to %d, its predecessor %s only to %d",
					x.Epoch, x.name, x.End, y.name, y.End)
			}
		}
	}
	for _, x := range all {
		if x.Position < 0 || x.Epoch == 0 {
			p.drop(x.incarnation) // a learner may hold what it is about to drop
			continue
		}
		if p.began && x.Epoch >= epoch && x.End < before {
			p.g.story.violated("prefix", "%s is in the chain of epoch %d and has the log up to %d, %d was committed",
				x.name, x.Epoch, x.End, before)
		}
		m := p.read(x)
		if m == nil || m.bad {
			continue
		}
		if x.Position == 0 {
			p.lead(x, m)
		}
		p.compare(x, m)
	}
}

// lead takes what a master has newly committed for what everybody is to have.
func (p *prefixes) lead(x process, m *member) {
	if was, ok := p.masters[x.Epoch]; ok && was != x.incarnation {
		p.g.story.violated("one master", "%s and another one lead epoch %d", x.name, x.Epoch)
	}
	p.masters[x.Epoch] = x.incarnation
	if upTo := min(x.Commit, m.end()); upTo > p.end() {
		// after the loss of all nodes the log goes on, and what lies between is nowhere in memory
		if !p.began || m.from > p.end() {
			p.begins, p.committed, p.began, p.whole = m.from, nil, true, scriptsInLog{}
		}
		fresh := m.held[p.end()-m.from : upTo-m.from]
		p.committed = append(p.committed, fresh...)
		if err := p.whole.read(fresh); err != nil {
			p.g.story.violated("scripts", "before offset %d of what %s has committed: %v", upTo, x.name, err)
		}
		p.epoch = max(p.epoch, x.Epoch)
	}
}

func (p *prefixes) end() int64 { return p.begins + int64(len(p.committed)) }

// compare says that a member has the committed bytes where it has any. Who has not learned of the newest epoch is not
// compared, as the chain may go on without it.
func (p *prefixes) compare(x process, m *member) {
	from, upTo := max(m.from, p.begins), min(m.end(), p.end())
	if !p.began || x.Epoch < p.epoch || from >= upTo {
		return
	}
	has, want := m.held[from-m.from:upTo-m.from], p.committed[from-p.begins:upTo-p.begins]
	if !bytes.Equal(has, want) {
		at := 0
		for has[at] == want[at] {
			at++
		}
		m.bad = true
		p.g.story.violated("prefix", "in epoch %d the log of %s differs at offset %d from what was committed: %q "+
			"instead of %q", x.Epoch, x.name, from+int64(at),
			has[at:min(at+40, len(has))], want[at:min(at+40, len(want))])
	}
	m.forget(upTo)
}

func (p *prefixes) drop(incarnation string) {
	if m := p.seen[incarnation]; m != nil {
		m.reader.Close()
		delete(p.seen, incarnation)
	}
}

// kept is how much of what was compared is kept, for who is behind.
const kept = 4096

// forget drops bytes that were compared.
func (m *member) forget(upTo int64) {
	if drop := upTo - kept - m.from; drop > 0 {
		m.held = slices.Clone(m.held[drop:])
		m.from += drop
	}
}

func (m *member) end() int64 { return m.from + int64(len(m.held)) }

// read takes in what a member's log has got.
func (p *prefixes) read(x process) *member {
	m := p.seen[x.incarnation]
	if m == nil {
		from := x.Log.First()
		m = &member{name: x.name, log: x.Log, reader: x.Log.Tap(from), from: from}
		p.seen[x.incarnation] = m
	}
	for {
		chunks, err := m.reader.Poll()
		if err != nil { // another log has taken its place
			p.drop(x.incarnation)
			return nil
		}
		if len(chunks) == 0 {
			return m
		}
		for _, c := range chunks {
			m.held = append(m.held, c...)
		}
	}
}

// scriptsInLog reads a log: what a script did to the keys that all of them keep equal stands there together.
type scriptsInLog struct {
	in          resp.Parser
	within      bool // a transaction
	left, right int  // changes in it
}

var errHalf = errors.New("the half of a script")

func (s *scriptsInLog) read(b []byte) error {
	for len(b) > 0 {
		n := copy(s.in.Space(len(b)), b)
		s.in.Fill(n)
		b = b[n:]
		for {
			args, err := s.in.Next()
			if err != nil {
				return err
			}
			if args == nil {
				break
			}
			if err := s.command(args); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scriptsInLog) command(args [][]byte) error {
	switch word := string(args[0]); {
	case word == "MULTI":
		s.within, s.left, s.right = true, 0, 0
	case word == "EXEC":
		if s.within = false; s.left != s.right {
			return errHalf
		}
	case len(args) < 2 || string(args[1]) != "left" && string(args[1]) != "right":
	case !s.within:
		return errHalf
	case string(args[1]) == "left":
		s.left++
	default:
		s.right++
	}
	return nil
}
