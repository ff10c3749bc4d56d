package lua

// OpenTable opens the library table.
func (l *State) OpenTable() { l.Register("table", tableFunctions) }

var tableFunctions = map[string]Function{
	"concat": tabConcat, "foreach": tabForeach, "foreachi": tabForeachi, "getn": tabGetn, "insert": tabInsert,
	"maxn": tabMaxn, "remove": tabRemove, "setn": tabSetn, "sort": tabSort,
}

func tabGetn(l *State) int {
	l.PushNumber(float64(l.CheckTable(1).border()))
	return 1
}

func tabSetn(l *State) int {
	l.CheckTable(1)
	return l.Errorf("'setn' is obsolete")
}

func tabMaxn(l *State) int {
	t := l.CheckTable(1)
	most := 0.0
	for i := len(t.arr); i > 0; i-- {
		if t.arr[i-1].n != kindNil {
			most = float64(i)
			break
		}
	}
	for i := range t.nodes {
		if n := &t.nodes[i]; n.val.n != kindNil && n.key.isNum() {
			most = max(most, n.key.num())
		}
	}
	l.Steps((len(t.arr) + len(t.nodes)) >> 4)
	l.PushNumber(most)
	return 1
}

func tabForeachi(l *State) int {
	t := l.CheckTable(1)
	n := t.border()
	l.checkFunction(2)
	for i := 1; i <= n; i++ {
		l.Push(l.Arg(2))
		l.PushNumber(float64(i))
		l.Push(*t.getInt(i))
		l.Call(2, 1)
		if !l.Top().IsNil() {
			return 1
		}
		l.Pop(1)
	}
	return 0
}

func tabForeach(l *State) int {
	t := l.CheckTable(1)
	l.checkFunction(2)
	var key, val Value
	for {
		more, ok := t.next(&key, &val)
		l.stepsOfNext(t)
		if !ok {
			l.throw(String("invalid key to 'next'"))
		}
		if !more {
			return 0
		}
		l.Push(l.Arg(2))
		l.Push(key)
		l.Push(val)
		l.Call(2, 1)
		if !l.Top().IsNil() {
			return 1
		}
		l.Pop(1)
	}
}

func tabInsert(l *State) int {
	t := l.CheckTable(1)
	e := t.border() + 1
	pos := e
	switch l.NArgs() {
	case 2:
	case 3:
		pos = l.checkInt(2)
		e = max(e, pos)
		l.Steps(max(e-pos, 0) >> 4)
		l.checkWritable(t)
		t.shiftUp(l, pos, e)
	default:
		return l.Errorf("wrong number of arguments to 'insert'")
	}
	l.checkWritable(t)
	t.slotInt(l, pos).store(&l.stack[l.top-1])
	return 0
}

// shiftUp moves the items from pos to e-1 up by one.
func (t *Table) shiftUp(l *State, pos, e int) {
	if e > pos && e > len(t.arr) {
		v := *t.getInt(e - 1)
		t.slotInt(l, e).store(&v)
		e--
	}
	if pos >= 1 && e <= len(t.arr) && pos < e {
		copy(t.arr[pos:e], t.arr[pos-1:e-1])
		return
	}
	for i := e; i > pos; i-- {
		l.Steps(1)
		v := *t.getInt(i - 1)
		t.slotInt(l, i).store(&v)
	}
}

func tabRemove(l *State) int {
	t := l.CheckTable(1)
	e := t.border()
	pos := l.optInt(2, e)
	if pos < 1 || pos > e {
		return 0
	}
	l.checkWritable(t)
	l.Steps((e - pos) >> 4)
	l.Push(*t.getInt(pos))
	if e <= len(t.arr) {
		copy(t.arr[pos-1:e-1], t.arr[pos:e])
	} else {
		for ; pos < e; pos++ {
			v := *t.getInt(pos + 1)
			t.slotInt(l, pos).store(&v)
		}
	}
	*t.slotInt(l, e) = Value{}
	return 1
}

func tabConcat(l *State) int {
	sep := l.OptString(2, "")
	t := l.CheckTable(1)
	i := l.optInt(3, 1)
	var last int
	if l.Arg(4).IsNil() {
		last = t.border()
	} else {
		last = l.checkInt(4)
	}
	l.Steps(max(min(last, t.border())-i, 0) >> 4)
	var b builder
	for ; i <= last; i++ {
		v := t.getInt(i)
		switch {
		case v.isStr():
			b.add(l, v.str())
		case v.isNum():
			b.b = appendNumber(b.b, v.num())
		default:
			return l.Errorf("invalid value (%s) at index %d in table for 'concat'", v.Type(), i)
		}
		if i < last {
			b.add(l, sep)
		}
	}
	l.Push(b.value())
	return 1
}
