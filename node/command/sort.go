package command

import (
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

const sortSyntax = "key [BY pattern:pattern#1] [LIMIT (offset count)] ([GET pattern:pattern#1])... order=[ASC|DESC] " +
	"[sorting=ALPHA]"

// sortRows are SORT and its variant that only reads.
var sortRows = []Command{
	{
		Name: "sort", Arity: -2, Flags: resp.Write | resp.DenyOOM,
		Categories: resp.CatSet | resp.CatSortedSet | resp.CatList | resp.CatDangerous,
		Keys: append(sortedKeys, resp.KeySpec{
			Find: findSortStore, Flags: resp.OW | resp.Update,
			Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere " +
				"in the argument array",
		}),
		Group: "generic", Since: "1.0.0", Complexity: "O(N+M*log(M)) in the elements to sort and those answered",
		Summary: "Sorts the elements of a list, a set or a sorted set.", Syntax: sortSyntax + " [STORE destination#2]",
		Run: sortCommand,
	},
	{
		Name: "sort_ro", Arity: -2, Flags: resp.ReadOnly,
		Categories: resp.CatSet | resp.CatSortedSet | resp.CatList | resp.CatDangerous,
		Keys:       sortedKeys,
		Group:      "generic", Since: "7.0.0", Complexity: "O(N+M*log(M)) in the elements to sort and those answered",
		Summary: "Sorts the elements of a list, a set or a sorted set, and stores nothing.", Syntax: sortSyntax,
		Run: sortCommand,
	},
}

var sortedKeys = []resp.KeySpec{
	{First: 1, Last: 1, Flags: resp.RO | resp.Access},
	{
		Flags: resp.RO | resp.Access,
		Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the " +
			"content of the key we sort",
	},
}

// findSortStore finds the key after the last STORE.
func findSortStore(args [][]byte) (found []int, err error) {
	for i := 2; i < len(args); i++ {
		switch {
		case isWord(args[i], "limit"):
			i += 2
		case isWord(args[i], "get"), isWord(args[i], "by"):
			i++
		case isWord(args[i], "store") && i+1 < len(args):
			found = []int{i + 1}
		}
	}
	return found, nil
}

// sorting is what a SORT is asked for.
type sorting struct {
	desc, alpha   bool
	offset, count int64 // count: -1 for all
	by            *sortPattern
	keepsOrder    bool // whoever asks for it wants the same order of a set each time: a script
	unsorted      bool // BY a pattern that is the same for all elements
	get           []sortPattern
	store         []byte
	stores        bool
}

func (s *sorting) parse(args [][]byte, readOnly bool) (err error) {
	for len(args) > 0 {
		used := 1
		switch left := len(args) - 1; {
		case isWord(args[0], "asc"):
			s.desc = false
		case isWord(args[0], "desc"):
			s.desc = true
		case isWord(args[0], "alpha"):
			s.alpha = true
		case isWord(args[0], "limit") && left >= 2:
			if s.offset, err = intArgument(args[1]); err == nil {
				s.count, err = intArgument(args[2])
			}
			if err != nil {
				return err
			}
			used = 3
		case !readOnly && isWord(args[0], "store") && left >= 1:
			s.store, s.stores, used = args[1], true, 2
		case isWord(args[0], "by") && left >= 1:
			p := parseSortPattern(args[1])
			s.by, used = &p, 2
			s.unsorted = s.unsorted || !p.found
		case isWord(args[0], "get") && left >= 1:
			s.get, used = append(s.get, parseSortPattern(args[1])), 2
		default:
			return ErrSyntax
		}
		args = args[used:]
	}
	return nil
}

// limits cuts LIMIT to n elements: from to below to.
func (s *sorting) limits(n int) (from, to int) {
	from = int(min(max(s.offset, 0), int64(n)))
	to = n
	if s.count >= 0 {
		to = from + int(min(s.count, int64(n-from)))
	}
	return from, to
}

// sortPattern is the argument of BY or GET: the name of a key, or of a field of one, with a * where the element goes.
type sortPattern struct {
	element       bool // "#": the element itself
	found         bool // there is a *
	before, after []byte
	field         []byte // nil: the key holds a string

	key    []byte // the last element's
	number [20]byte
}

// parseSortPattern reads a pattern. A zero byte ends what is looked at, but not what is taken.
func parseSortPattern(arg []byte) sortPattern {
	text := cText(arg)
	if text == "#" {
		return sortPattern{element: true}
	}
	star := strings.IndexByte(text, '*')
	if star < 0 {
		return sortPattern{}
	}
	p := sortPattern{found: true, before: arg[:star], after: arg[star+1:]}
	if arrow := strings.Index(text[star+1:], "->"); arrow >= 0 && star+1+arrow+2 < len(text) {
		p.field = p.after[arrow+2:]
		p.after = p.after[:arrow]
	}
	return p
}

// lookUp answers what the pattern names for an element, in memory that lasts until the next look or change.
func (c *Context) lookUp(p *sortPattern, element []byte) (value []byte, found bool) {
	if p.element {
		return element, true
	}
	if !p.found {
		return nil, false
	}
	p.key = append(append(append(p.key[:0], p.before...), element...), p.after...)
	if c.Engine.Gated() {
		c.gate = max(c.gate, c.Engine.LastChange(c.DB.Index(), p.key))
	}
	it, there := c.Read(p.key)
	switch {
	case !there:
		return nil, false
	case p.field == nil && it.Type() == store.TypeString:
		return it.Bytes(), true
	case p.field != nil && it.Type() == store.TypeHash:
		value, at, ok := it.Hash().Get(p.field, p.number[:])
		if !ok || c.passed(at) {
			return nil, false
		}
		return value, true
	}
	return nil, false
}

func sortCommand(c *Context, args [][]byte, w *resp.Writer) error {
	s := sorting{count: -1, keepsOrder: c.scripted}
	if err := s.parse(args[2:], c.Cmd.Name == "sort_ro"); err != nil {
		return err
	}
	it, found := c.Read(args[1])
	elements, err := s.elements(it, found)
	if err != nil {
		return err
	}
	var order []ranked
	if s.unsorted {
		order = numbered(elements.len())
	} else if order, err = c.sortElements(&s, elements); err != nil {
		return err
	}
	if s.stores {
		c.storeSorted(&s, elements, order, w)
		return nil
	}
	w.Array(len(order) * max(len(s.get), 1))
	for _, e := range order {
		element := elements.at(e.at)
		if len(s.get) == 0 {
			w.Bulk(element)
		}
		for i := range s.get {
			if val, ok := c.lookUp(&s.get[i], element); ok {
				w.Bulk(val)
			} else {
				w.Null()
			}
		}
	}
	return nil
}

// storeSorted makes a list of the result.
func (c *Context) storeSorted(s *sorting, elements *texts, order []ranked, w *resp.Writer) {
	var vals [][]byte
	if len(s.get) == 0 {
		vals = make([][]byte, len(order))
		for i, e := range order {
			vals[i] = elements.at(e.at)
		}
	} else {
		var all texts
		for _, e := range order {
			for i := range s.get {
				val, _ := c.lookUp(&s.get[i], elements.at(e.at))
				all.add(val)
			}
		}
		vals = all.list()
	}
	_, found := c.Find(s.store)
	if found {
		c.DB.Delete(s.store)
	}
	switch {
	case len(vals) > 0:
		c.DB.ListPush(s.store, vals, false)
		if !found {
			c.Notify(NotifyNew, "new", s.store)
		}
		c.Notify(NotifyList, "sortstore", s.store)
		c.Dirty += len(vals)
	case found:
		c.Notify(NotifyGeneric, "del", s.store)
		c.Dirty++
	}
	w.Int(int64(len(vals)))
}
