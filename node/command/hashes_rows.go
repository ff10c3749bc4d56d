package command

import "holdfast/resp"

// hashRows are the commands on hashes.
var hashRows = []Command{
	{
		Name: "hdel", Arity: -3, Flags: resp.Write | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Delete), Group: "hash", Since: "2.0.0",
		Complexity: "O(N) in the number of fields given",
		Summary:    "Removes fields from a hash.", Syntax: "key field...",
		History: [][2]string{{"2.4.0", "Several fields."}}, Run: hDel,
	},
	{
		Name: "hexists", Arity: 3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RO), Group: "hash", Since: "2.0.0", Complexity: "O(1)",
		Summary: "Says whether a hash has a field.", Syntax: "key field", Run: hExists,
	},
	{
		Name: "hget", Arity: 3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "2.0.0", Complexity: "O(1)",
		Summary: "Answers the value of a field.", Syntax: "key field", Run: hGet,
	},
	{
		Name: "hgetall", Arity: 2, Flags: resp.ReadOnly, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "2.0.0", Complexity: "O(N) in the number of fields",
		Summary: "Answers all fields of a hash with their values.", Syntax: "key",
		Tips: []string{"nondeterministic_output_order"}, Run: hGetAll,
	},
	{
		Name: "hincrby", Arity: 4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "hash", Since: "2.0.0", Complexity: "O(1)",
		Summary: "Adds a number to an integer in a field.", Syntax: "key field increment:integer", Run: hIncrBy,
	},
	{
		Name: "hincrbyfloat", Arity: 4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "hash", Since: "2.6.0", Complexity: "O(1)",
		Summary: "Adds a number to a decimal fraction in a field.", Syntax: "key field increment:double",
		Run: hIncrByFloat,
	},
	{
		Name: "hkeys", Arity: 2, Flags: resp.ReadOnly, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "2.0.0", Complexity: "O(N) in the number of fields",
		Summary: "Answers the fields of a hash.", Syntax: "key", Tips: []string{"nondeterministic_output_order"},
		Run: hKeys,
	},
	{
		Name: "hlen", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RO), Group: "hash", Since: "2.0.0", Complexity: "O(1)",
		Summary: "Answers the number of fields of a hash.", Syntax: "key", Run: hLen,
	},
	{
		Name: "hmget", Arity: -3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "2.0.0",
		Complexity: "O(N) in the number of fields given",
		Summary:    "Answers the values of several fields.", Syntax: "key field...", Run: hMGet,
	},
	{
		Name: "hmset", Arity: -4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Update), Group: "hash", Since: "2.0.0",
		Complexity: "O(N) in the number of fields given",
		Summary:    "Sets fields of a hash.", Syntax: "key field_value=(field value)...",
		Deprecated: "4.0.0", ReplacedBy: "`HSET` with multiple field-value pairs", Run: hSet,
	},
	{
		Name: "hrandfield", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "6.2.0",
		Complexity: "O(N) in the number of fields that are asked for", Summary: "Answers random fields of a hash.",
		Syntax: "key options=[count:integer [WITHVALUES]]", Tips: []string{"nondeterministic_output"}, Run: hRandField,
	},
	{
		Name: "hscan", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "2.8.0",
		Complexity: "O(1) for each call, O(N) for a whole iteration",
		Summary:    "Answers the fields of a hash, some with each call.",
		Syntax:     "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES@7.4.0]",
		Tips:       []string{"nondeterministic_output"}, Run: hScan,
	},
	{
		Name: "hset", Arity: -4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Update), Group: "hash", Since: "2.0.0",
		Complexity: "O(N) in the number of fields given",
		Summary:    "Sets fields of a hash, which is created when it is absent.",
		Syntax:     "key field_value=(field value)...",
		History:    [][2]string{{"4.0.0", "Several fields."}}, Run: hSet,
	},
	{
		Name: "hsetnx", Arity: 4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Insert), Group: "hash", Since: "2.0.0", Complexity: "O(1)",
		Summary: "Sets a field that is not there.", Syntax: "key field value", Run: hSetNX,
	},
	{
		Name: "hstrlen", Arity: 3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RO), Group: "hash", Since: "3.2.0", Complexity: "O(1)",
		Summary: "Answers the length of the value of a field.", Syntax: "key field", Run: hStrLen,
	},
	{
		Name: "hvals", Arity: 2, Flags: resp.ReadOnly, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "2.0.0", Complexity: "O(N) in the number of fields",
		Summary: "Answers the values of a hash.", Syntax: "key", Tips: []string{"nondeterministic_output_order"},
		Run: hVals,
	},
}
