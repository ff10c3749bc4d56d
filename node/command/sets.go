package command

import (
	"holdfast/node/store"
	"holdfast/resp"
)

// setRows are the commands on sets.
var setRows = []Command{
	{
		Name: "sadd", Arity: -3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatSet,
		Keys: oneKey(resp.RW | resp.Insert), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members given",
		Summary:    "Adds members to a set, which is created when it is absent.", Syntax: "key member...",
		History: [][2]string{{"2.4.0", "Several members."}}, Run: sAdd,
	},
	{
		Name: "scard", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSet,
		Keys: oneKey(resp.RO), Group: "set", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Answers the number of members of a set.", Syntax: "key", Run: sCard,
	},
	{
		Name: "sdiff", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: manyKeys(1, resp.RO|resp.Access), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members of all sets",
		Summary:    "Answers what is in the first set and in none of the others.", Syntax: "key...",
		Tips: []string{"nondeterministic_output_order"}, Run: sDiff,
	},
	{
		Name: "sdiffstore", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSet,
		Keys: storeKeys(resp.OW), Group: "set", Since: "1.0.0", Complexity: "O(N) in the number of members of all sets",
		Summary: "Stores what is in the first set and in none of the others.", Syntax: "destination key...",
		Run: sDiffStore,
	},
	{
		Name: "sinter", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: manyKeys(1, resp.RO|resp.Access), Group: "set", Since: "1.0.0",
		Complexity: "O(N*M) in the size of the smallest set and the number of sets",
		Summary:    "Answers what is in all of the sets.", Syntax: "key...",
		Tips: []string{"nondeterministic_output_order"}, Run: sInter,
	},
	{
		Name: "sintercard", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: []resp.KeySpec{{First: 1, KeyNum: &resp.KeyNum{Index: 0, First: 1, Step: 1},
			Flags: resp.RO | resp.Access}},
		Group: "set", Since: "7.0.0", Complexity: "O(N*M) in the size of the smallest set and the number of sets",
		Summary: "Counts what is in all of the sets.", Syntax: "numkeys key... [LIMIT limit:integer]", Run: sInterCard,
	},
	{
		Name: "sinterstore", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSet,
		Keys: storeKeys(resp.RW), Group: "set", Since: "1.0.0",
		Complexity: "O(N*M) in the size of the smallest set and the number of sets",
		Summary:    "Stores what is in all of the sets.", Syntax: "destination key...", Run: sInterStore,
	},
	{
		Name: "sismember", Arity: 3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSet,
		Keys: oneKey(resp.RO), Group: "set", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Says whether a set has a member.", Syntax: "key member", Run: sIsMember,
	},
	{
		Name: "smembers", Arity: 2, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "set", Since: "1.0.0", Complexity: "O(N) in the number of members",
		Summary: "Answers all members of a set.", Syntax: "key", Tips: []string{"nondeterministic_output_order"},
		Run: sInter,
	},
	{
		Name: "smismember", Arity: -3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "set", Since: "6.2.0",
		Complexity: "O(N) in the number of members given",
		Summary:    "Says which of several members a set has.", Syntax: "key member...", Run: sMIsMember,
	},
	{
		Name: "smove", Arity: 4, Flags: resp.Write | resp.Fast, Categories: resp.CatSet,
		Keys: []resp.KeySpec{
			{First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Delete},
			{First: 2, Last: 2, Flags: resp.RW | resp.Insert},
		},
		Group: "set", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Moves a member from one set to another.", Syntax: "source destination member", Run: sMove,
	},
	{
		Name: "spop", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatSet,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members that are asked for", Summary: "Takes random members out of a set.",
		Syntax: "key [count@3.2.0]", Tips: []string{"nondeterministic_output"},
		History: [][2]string{{"3.2.0", "`count`."}}, Run: sPop,
	},
	{
		Name: "srandmember", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members that are asked for", Summary: "Answers random members of a set.",
		Syntax: "key [count@2.6.0]", Tips: []string{"nondeterministic_output"},
		History: [][2]string{{"2.6.0", "`count`."}}, Run: sRandMember,
	},
	{
		Name: "srem", Arity: -3, Flags: resp.Write | resp.Fast, Categories: resp.CatSet,
		Keys: oneKey(resp.RW | resp.Delete), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members given",
		Summary:    "Removes members from a set.", Syntax: "key member...",
		History: [][2]string{{"2.4.0", "Several members."}}, Run: sRem,
	},
	{
		Name: "sscan", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "set", Since: "2.8.0",
		Complexity: "O(1) for each call, O(N) for a whole iteration",
		Summary:    "Answers the members of a set, some with each call.",
		Syntax:     "key cursor [MATCH pattern] [COUNT count]",
		Tips:       []string{"nondeterministic_output"}, Run: sScan,
	},
	{
		Name: "sunion", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatSet,
		Keys: manyKeys(1, resp.RO|resp.Access), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members of all sets",
		Summary:    "Answers what is in any of the sets.", Syntax: "key...",
		Tips: []string{"nondeterministic_output_order"}, Run: sUnion,
	},
	{
		Name: "sunionstore", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSet,
		Keys: storeKeys(resp.OW), Group: "set", Since: "1.0.0", Complexity: "O(N) in the number of members of all sets",
		Summary: "Stores what is in any of the sets.", Syntax: "destination key...", Run: sUnionStore,
	},
}

// storeKeys are the specs of a command whose first key gets a result made of the others.
func storeKeys(destination resp.KeyFlag) []resp.KeySpec {
	return []resp.KeySpec{
		{First: 1, Last: 1, Flags: destination | resp.Update},
		{First: 2, Last: -1, Flags: resp.RO | resp.Access},
	}
}

// setForRead is the set at key, the empty one when the key is absent.
func (c *Context) setForRead(key []byte) (set store.Set, found bool, err error) {
	var it store.Item
	if found, err = c.readAs(store.TypeSet, key, &it); err != nil {
		return store.Set{}, false, err
	}
	return it.Set(), found, nil
}

// setForWrite is setForRead for a command that is about to change the set.
func (c *Context) setForWrite(key []byte) (set store.Set, found bool, err error) {
	var it store.Item
	if found, err = c.writeAs(store.TypeSet, key, &it); err != nil {
		return store.Set{}, false, err
	}
	return it.Set(), found, nil
}

func sAdd(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	var it store.Item
	found, err := c.writeAs(store.TypeSet, key, &it)
	if err != nil {
		return err
	}
	added := c.DB.SetAddTo(&it, key, args[2:]...)
	if added > 0 {
		c.created(key, found)
		c.Notify(NotifySet, "sadd", key)
	}
	c.Dirty += added
	w.Int(int64(added))
	return nil
}

func sRem(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	set, _, err := c.setForWrite(key)
	if err != nil {
		return err
	}
	size := set.Len()
	removed := c.DB.SetRemove(key, args[2:]...)
	if removed > 0 {
		c.Dirty += removed
		c.tookMembers("srem", key, removed == size)
	}
	w.Int(int64(removed))
	return nil
}

// tookMembers tells of members that were removed, and of the key that went with the last of them.
func (c *Context) tookMembers(event string, key []byte, all bool) {
	c.Notify(NotifySet, event, key)
	if all {
		c.Notify(NotifyGeneric, "del", key)
	}
}

func sMove(c *Context, args [][]byte, w *resp.Writer) error {
	from, to, member := args[1], args[2], args[3]
	it, found := c.Write(from)
	into, intoFound := c.Write(to)
	if !found {
		w.Int(0)
		return nil
	}
	if it.Type() != store.TypeSet || intoFound && into.Type() != store.TypeSet {
		return ErrWrongType
	}
	it, _ = c.Find(from) // where it is now, should the second look have deleted what it found
	set := it.Set()
	switch {
	case !set.Has(member):
		w.Int(0)
		return nil
	case string(from) == string(to):
		w.Int(1)
		return nil
	}
	size := set.Len()
	c.DB.SetRemove(from, member)
	c.tookMembers("srem", from, size == 1)
	c.Dirty++
	c.created(to, intoFound)
	if c.DB.SetAdd(to, member) > 0 {
		c.Dirty++
		c.Notify(NotifySet, "sadd", to)
	}
	w.Int(1)
	return nil
}

func sIsMember(c *Context, args [][]byte, w *resp.Writer) error {
	set, _, err := c.setForRead(args[1])
	if err != nil {
		return err
	}
	w.Int(oneIf(set.Has(args[2])))
	return nil
}

func sMIsMember(c *Context, args [][]byte, w *resp.Writer) error {
	set, _, err := c.setForRead(args[1])
	if err != nil {
		return err
	}
	w.Array(len(args) - 2)
	for _, member := range args[2:] {
		w.Int(oneIf(set.Has(member)))
	}
	return nil
}

func oneIf(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func sCard(c *Context, args [][]byte, w *resp.Writer) error {
	set, _, err := c.setForRead(args[1])
	if err != nil {
		return err
	}
	w.Int(int64(set.Len()))
	return nil
}

func sScan(c *Context, args [][]byte, w *resp.Writer) error {
	var set store.Set
	var p scanPage
	return scanElements(args, w, &p, func() (found bool, err error) {
		set, found, err = c.setForRead(args[1])
		return found, err
	}, func(cursor uint64) uint64 {
		return set.Scan(cursor, p.visits, func(member []byte) {
			if p.shows(member) {
				p.add(member)
			}
		})
	})
}
