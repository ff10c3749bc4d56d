package resp

// KeySpec says where some of a command's keys are among its arguments: where to begin and how to go on from there.
type KeySpec struct {
	// First is the index of the first key, counted from the command's name; 0 means the spec cannot be expressed:
	// Find knows, or nobody does and Notes says why. With a Keyword it is the index the search for the keyword starts
	// from, the first key follows the keyword; counted from the end, and searching backwards, when negative.
	First   int
	Keyword string

	// Last is the index of the last key, and Step the distance between keys (0 means 1). A negative Last counts from
	// the end of the arguments. With a Keyword, Last counts from the first key. Limit, with Last -1, says that only
	// the first 1/Limit of the remaining arguments are keys.
	Last, Step, Limit int

	// KeyNum, when set, replaces Last: an argument tells how many keys there are.
	KeyNum *KeyNum

	Flags KeyFlag
	Notes string

	// Find, when set, finds the keys instead, and FlagsOf what is done to them when Flags has VariableFlags.
	Find    func(args [][]byte) ([]int, error)
	FlagsOf func(args [][]byte) KeyFlag
}

// KeyNum describes an argument that holds a number of keys. Index and First count from where the spec begins.
type KeyNum struct{ Index, First, Step int }

// ErrNoKeys says that a command's arguments are too broken to tell its keys.
const ErrNoKeys = Error("ERR Invalid arguments specified for command")

// KeyAt is a key's place among the arguments and what the command does to it.
type KeyAt struct {
	Index int
	Flags KeyFlag
}

// KeyPositions returns the indexes of all keys in args, or ErrNoKeys.
func (c *Command[S]) KeyPositions(args [][]byte) ([]int, error) {
	keys, err := c.AppendKeys(nil, args)
	if err != nil {
		return nil, err
	}
	positions := make([]int, len(keys))
	for i, k := range keys {
		positions[i] = k.Index
	}
	return positions, nil
}

// AppendKeys appends all keys in args to dst, or fails with ErrNoKeys.
func (c *Command[S]) AppendKeys(dst []KeyAt, args [][]byte) ([]KeyAt, error) {
	for i := range c.Keys {
		k := &c.Keys[i]
		if k.Flags&NotKey != 0 {
			continue
		}
		var err error
		if dst, err = k.appendKeys(dst, args); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// HasKeys says whether the command may have keys at all.
func (c *Command[S]) HasKeys() bool {
	for _, k := range c.Keys {
		if k.Flags&NotKey == 0 {
			return true
		}
	}
	return false
}

func (k *KeySpec) appendKeys(dst []KeyAt, args [][]byte) ([]KeyAt, error) {
	flags := k.Flags
	if k.FlagsOf != nil {
		flags = k.FlagsOf(args)
	}
	if k.Find != nil {
		found, err := k.Find(args)
		for _, i := range found {
			dst = append(dst, KeyAt{i, flags})
		}
		return dst, err
	}
	if k.First == 0 {
		return dst, nil
	}
	first, last, step, ok := k.span(args)
	if !ok {
		return dst, ErrNoKeys
	}
	for i := first; i <= last; i += step {
		dst = append(dst, KeyAt{i, flags})
	}
	return dst, nil
}

// span returns where the keys begin and end. A keyword that is not there has no keys, which is fine; a span that leaves
// the arguments is not.
func (k *KeySpec) span(args [][]byte) (first, last, step int, ok bool) {
	first = k.First
	if k.Keyword != "" {
		if first = k.search(args); first == 0 {
			return 0, -1, 1, true
		}
	}
	step = max(k.Step, 1)
	switch {
	case k.KeyNum != nil:
		at := first + k.KeyNum.Index
		if at >= len(args) {
			return 0, 0, 1, false
		}
		n, ok := ParseInt(args[at])
		if !ok || n < 0 || n > int64(len(args)) {
			return 0, 0, 1, false
		}
		first += k.KeyNum.First
		step = max(k.KeyNum.Step, 1)
		last = first + int(n) - 1
	case k.Last < 0 && k.Limit > 0:
		last = first + (len(args)-first)/k.Limit - 1
	case k.Last < 0:
		last = len(args) + k.Last
	case k.Keyword != "":
		last = first + k.Last
	default:
		last = k.Last
	}
	return first, last, step, first < len(args) && last < len(args) && last >= first
}

// search returns the index after the keyword, or 0.
func (k *KeySpec) search(args [][]byte) int {
	from, to, by := k.First, len(args)-1, 1
	if from < 0 {
		from, to, by = len(args)+k.First, 1, -1
	}
	for i := from; i >= 1 && i < len(args) && i != to; i += by {
		if equalFold(string(args[i]), k.Keyword) {
			return i + 1
		}
	}
	return 0
}

// check panics on a malformed spec.
func (k *KeySpec) check(command string) {
	fixed := k.First > 0 && k.Keyword == ""
	switch {
	case k.First == 0 && k.Find == nil && k.Notes == "",
		fixed && k.KeyNum == nil && k.Last >= 0 && k.Last < k.First,
		k.Limit != 0 && k.Last != -1:
		panic("resp: command " + command + ": malformed key spec")
	}
}

// legacyKeys is what COMMAND INFO's first, last and step say: the one range that the specs amount to.
type legacyKeys struct {
	first, last, step int
	movable           bool // there are keys the range misses
}

// ranged says whether the spec is a plain range of arguments, complete or not.
func (k *KeySpec) ranged() bool { return k.First > 0 && k.Keyword == "" && k.KeyNum == nil }

func (c *Command[S]) legacyKeys() legacyKeys {
	if len(c.Keys) == 0 {
		return legacyKeys{}
	}
	if k := c.Keys[0]; len(c.Keys) == 1 && k.ranged() {
		return legacyKeys{k.First, k.Last, max(k.Step, 1), k.Flags&Incomplete != 0}
	}
	var l legacyKeys
	for _, k := range c.Keys {
		if !k.ranged() || max(k.Step, 1) != 1 || l.step != 0 && l.last != k.First-1 {
			l.movable = true
			continue
		}
		if k.Flags&Incomplete != 0 {
			l.movable = true
		}
		if l.step == 0 {
			l.first, l.step = k.First, 1
		}
		l.first = min(l.first, k.First)
		if k.Last < 0 || l.last >= 0 && k.Last > l.last {
			l.last = k.Last
		}
	}
	l.movable = l.movable || l.step == 0
	return l
}
