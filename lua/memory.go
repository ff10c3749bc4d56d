package lua

// Memory is counted when something is made: tables and their parts, strings, closures, upvalues, stacks, coroutines.
// Go's collector doesn't say what it frees, so the count only grows until it passes the limit. Then everything that
// can be reached is counted, which also forgets what dead slots of the stacks still point to. If that is over the
// limit, or would be with what is asked for, the script gets the error "not enough memory"; otherwise it may make
// another eighth of the limit before the next counting. So no more than the limit is ever alive and counted, and the
// countings cost a bounded share of the making.
//
// Strings of 32 bytes or more are counted once however often they are referred to, shorter ones at each place. What
// Compile made is not counted, since states share it; what a script had compiled is.

type accounts struct {
	limit   int64
	used    int64 // alive at the last counting, and what was made since
	next    int64 // when used passes this, it is time to count
	peak    int64
	setup   int64 // used, when the setup was done
	globals *Table
	epoch   uint32
}

// MemoryUsed is the count of bytes, of which some may be garbage.
func (l *State) MemoryUsed() int64 { return l.g.memory.used }

// SetMemoryLimit changes the limit; 0 is none.
func (l *State) SetMemoryLimit(bytes int64) {
	l.g.memory.limit, l.g.memory.next = bytes, bytes
}

// charge counts n bytes that are about to be made.
func (l *State) charge(n int64) {
	m := &l.g.memory
	m.used += n
	if m.used > m.next && m.limit > 0 {
		m.used -= n
		l.recount(n)
	}
}

func (l *State) recount(n int64) {
	m := &l.g.memory
	if n <= m.limit {
		l.collect()
		if m.used+n <= m.limit {
			m.used += n
			return
		}
	}
	panic(&thrown{kind: throwMemory, value: String("not enough memory")})
}

// collect counts what is alive, as the original's full collection would leave it.
func (l *State) collect() {
	m := &l.g.memory
	m.used = l.g.walk(nil)
	m.next = max(m.limit, m.used+m.limit/8)
	l.g.steps -= int(m.used >> 10)
}

// walker visits everything that can be reached without recursion.
type walker struct {
	epoch   uint32
	size    int64
	tables  []*Table
	closes  []*Closure
	threads []*State
	strings map[uintptr]struct{}
	protos  map[*Proto]struct{}
	weak    []weakTable
	visit   func(*Table)
}

type weakTable struct {
	t          *Table
	keys, vals bool
}

// walk returns the bytes of all that is alive, and empties weak tables of what is not.
func (g *shared) walk(visit func(*Table)) int64 {
	g.memory.epoch++
	w := &walker{epoch: g.memory.epoch, strings: map[uintptr]struct{}{}, protos: map[*Proto]struct{}{},
		visit: visit}
	w.table(g.strMeta)
	w.table(g.registry)
	w.table(g.memory.globals)
	w.thread(g.main)
	w.thread(g.chainUp)
	for {
		switch {
		case len(w.tables) > 0:
			t := w.tables[len(w.tables)-1]
			w.tables = w.tables[:len(w.tables)-1]
			w.insideTable(t)
		case len(w.closes) > 0:
			c := w.closes[len(w.closes)-1]
			w.closes = w.closes[:len(w.closes)-1]
			w.insideClosure(c)
		case len(w.threads) > 0:
			l := w.threads[len(w.threads)-1]
			w.threads = w.threads[:len(w.threads)-1]
			w.insideThread(l)
		default:
			w.clearWeak()
			g.memory.peak = max(g.memory.peak, w.size)
			return w.size
		}
	}
}

func (w *walker) value(v *Value) {
	if !v.refers() {
		v.p = nil
		return
	}
	switch v.n {
	case kindTable:
		w.table(v.tab())
	case kindClosure:
		w.closure(v.closure())
	case kindGo:
		if f := v.goFunction(); f.mark != w.epoch {
			f.mark = w.epoch
			w.size += sizeClosure + int64(len(f.up))*sizeValue
			for i := range f.up {
				w.value(&f.up[i])
			}
		}
	case kindThread:
		w.thread(v.thread())
	case kindUserdata:
		if u := v.userdata(); u.mark != w.epoch {
			u.mark = w.epoch
			w.size += sizeClosure
			w.table(u.meta)
			w.table(u.env)
		}
	default:
		n := v.strLen()
		if n >= 32 {
			if _, seen := w.strings[v.address()]; seen {
				return
			}
			w.strings[v.address()] = struct{}{}
		}
		w.size += sizeString + int64(n)
	}
}

func (w *walker) table(t *Table) {
	if t != nil && t.mark != w.epoch {
		t.mark = w.epoch
		w.tables = append(w.tables, t)
		if w.visit != nil {
			w.visit(t)
		}
	}
}

func (w *walker) closure(c *Closure) {
	if c.mark != w.epoch {
		c.mark = w.epoch
		w.closes = append(w.closes, c)
	}
}

func (w *walker) thread(l *State) {
	if l != nil && l.mark != w.epoch {
		l.mark = w.epoch
		w.threads = append(w.threads, l)
	}
}

func (w *walker) insideTable(t *Table) {
	w.size += sizeTable + int64(len(t.arr))*sizeValue + int64(len(t.nodes))*sizeNode
	w.table(t.meta)
	weakKeys, weakVals := false, false
	if t.meta != nil {
		if mode := t.meta.getStr(&modeName); mode.isStr() {
			for _, c := range []byte(mode.str()) {
				weakKeys = weakKeys || c == 'k'
				weakVals = weakVals || c == 'v'
			}
		}
	}
	if weakKeys || weakVals {
		w.weak = append(w.weak, weakTable{t, weakKeys, weakVals})
	}
	for i := range t.arr {
		if !weakVals || t.arr[i].isStr() {
			w.value(&t.arr[i])
		}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.val.n == kindNil {
			continue
		}
		if !weakKeys || n.key.isStr() {
			w.value(&n.key)
		}
		if !weakVals || n.val.isStr() {
			w.value(&n.val)
		}
	}
}

func (w *walker) insideClosure(c *Closure) {
	w.size += sizeClosure + int64(len(c.up))*8
	w.table(c.env)
	if c.proto.owned {
		w.proto(c.proto)
	}
	for _, u := range c.up {
		if u != nil && u.mark != w.epoch {
			u.mark = w.epoch
			w.size += sizeUpvalue
			w.value(u.v)
		}
	}
}

// proto counts what a script compiled. Its depth is bounded by that of syntax.
func (w *walker) proto(p *Proto) {
	if _, seen := w.protos[p]; seen {
		return
	}
	w.protos[p] = struct{}{}
	w.size += p.memory()
	source := String(p.source)
	w.value(&source)
	for _, q := range p.protos {
		w.proto(q)
	}
}

func (w *walker) insideThread(l *State) {
	w.size += sizeState + int64(len(l.stack))*sizeValue + int64(cap(l.frames))*sizeFrame
	w.table(l.globals)
	w.thread(l.resumer)
	top := l.top
	for i := range l.frames {
		top = max(top, int(l.frames[i].top))
	}
	top = min(top, len(l.stack))
	for i := range l.stack[:top] {
		w.value(&l.stack[i])
	}
	clear(l.stack[top:])
}

func (w *walker) clearWeak() {
	for _, k := range w.weak {
		for i := range k.t.arr {
			if k.vals && w.dead(&k.t.arr[i]) {
				k.t.arr[i] = Value{}
			}
		}
		for i := range k.t.nodes {
			if n := &k.t.nodes[i]; k.keys && w.dead(&n.key) || k.vals && w.dead(&n.val) {
				n.val = Value{}
			}
		}
	}
}

func (w *walker) dead(v *Value) bool {
	if !v.refers() {
		return false
	}
	switch v.n {
	case kindTable:
		return v.tab().mark != w.epoch
	case kindClosure:
		return v.closure().mark != w.epoch
	case kindGo:
		return v.goFunction().mark != w.epoch
	case kindThread:
		return v.thread().mark != w.epoch
	case kindUserdata:
		return v.userdata().mark != w.epoch
	}
	return false
}
