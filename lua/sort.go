package lua

// sorter is quicksort as the original has it: the same comparisons in the same order, so that what a function that
// is no order does to a table is the same, and found out at the same place.
type sorter struct {
	l  *State
	t  *Table
	by bool // compare with the function in argument 2
}

func tabSort(l *State) int {
	t := l.CheckTable(1)
	n := t.border()
	by := !l.Arg(2).IsNil()
	if by {
		l.checkFunction(2)
	}
	l.CheckStack(40, "")
	s := sorter{l: l, t: t, by: by}
	s.sort(1, n)
	return 0
}

func (s *sorter) less(a, b Value) bool {
	l := s.l
	if !s.by {
		if a.isNum() && b.isNum() {
			l.Steps(1)
			return a.num() < b.num()
		}
		l.Steps(1)
		return l.less(&a, &b)
	}
	l.Push(l.Arg(2))
	l.Push(a)
	l.Push(b)
	if l.g.steps--; l.g.steps < 0 {
		l.hook()
	}
	l.call(l.top-3, 1)
	l.top--
	return l.stack[l.top].Truthy()
}

func (s *sorter) get(i int) Value { return *s.t.getInt(i) }
func (s *sorter) set(i int, v Value) {
	s.l.checkWritable(s.t)
	s.t.slotInt(s.l, i).store(&v)
}

func (s *sorter) invalid() { s.l.Errorf("invalid order function for sorting") }

func (s *sorter) sort(low, up int) {
	for low < up {
		if a, b := s.get(low), s.get(up); s.less(b, a) {
			s.set(low, b)
			s.set(up, a)
		}
		if up-low == 1 {
			return
		}
		mid := (low + up) / 2
		if m, a := s.get(mid), s.get(low); s.less(m, a) {
			s.set(mid, a)
			s.set(low, m)
		} else if b := s.get(up); s.less(b, m) {
			s.set(mid, b)
			s.set(up, m)
		}
		if up-low == 2 {
			return
		}
		pivot := s.get(mid)
		before := s.get(up - 1)
		s.set(mid, before)
		s.set(up-1, pivot)
		i := s.partition(low, up, pivot)
		if i-low < up-i {
			s.sort(low, i-1)
			low = i + 1
		} else {
			s.sort(i+1, up)
			up = i - 1
		}
	}
}

// partition puts what is less than the pivot before it, and returns where it ends up.
func (s *sorter) partition(low, up int, pivot Value) int {
	i, j := low, up-1
	for {
		i++
		a := s.get(i)
		for s.less(a, pivot) {
			if i > up {
				s.invalid()
			}
			i++
			a = s.get(i)
		}
		j--
		b := s.get(j)
		for s.less(pivot, b) {
			if j < low {
				s.invalid()
			}
			j--
			b = s.get(j)
		}
		if j < i {
			break
		}
		s.set(i, b)
		s.set(j, a)
	}
	a, b := s.get(up-1), s.get(i)
	s.set(up-1, b)
	s.set(i, a)
	return i
}
