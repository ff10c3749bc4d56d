package command

import "holdfast/resp"

// zsetRows are the commands on sorted sets.
var zsetRows = []Command{
	{
		Name: "bzmpop", Arity: -5, Flags: resp.Write | resp.Blocking, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 2, KeyNum: countedKeys, Flags: resp.RW | resp.Access | resp.Delete}},
		Group: "sorted-set", Since: "7.0.0", Complexity: "O(K) + O(M*log(N)) with K keys, N members and M of them removed",
		Summary: "Removes and answers members from an end of the first sorted set that has any, or waits for one.",
		Syntax:  "timeout:double numkeys key... where=(MIN|MAX) [COUNT count]", Run: bzMPop,
	},
	{
		Name: "bzpopmax", Arity: -3, Flags: resp.Write | resp.NoScript | resp.Fast | resp.Blocking, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, Last: -2, Flags: resp.RW | resp.Access | resp.Delete}},
		Group: "sorted-set", Since: "5.0.0", Complexity: "O(log(N)) in the number of members",
		Summary: "Removes and answers the last member of the first sorted set that has any, or waits for one.",
		Syntax:  "key... timeout:double", History: [][2]string{{"6.0.0", "Fractions of seconds."}}, Run: bzPopMax,
	},
	{
		Name: "bzpopmin", Arity: -3, Flags: resp.Write | resp.NoScript | resp.Fast | resp.Blocking, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, Last: -2, Flags: resp.RW | resp.Access | resp.Delete}},
		Group: "sorted-set", Since: "5.0.0", Complexity: "O(log(N)) in the number of members",
		Summary: "Removes and answers the first member of the first sorted set that has any, or waits for one.",
		Syntax:  "key... timeout:double", History: [][2]string{{"6.0.0", "Fractions of seconds."}}, Run: bzPopMin,
	},
	{
		Name: "zadd", Arity: -4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Update), Group: "sorted-set", Since: "1.2.0", Complexity: "O(log(N)) for each member",
		Summary: "Adds members with scores to a sorted set, which is created when it is absent, or changes their scores.",
		Syntax:  "key condition=[NX|XX]@3.0.2 comparison=[GT|LT]@6.2.0 [change=CH]@3.0.2 [increment=INCR]@3.0.2 (score:double member)...",
		History: [][2]string{
			{"2.4.0", "Several members."},
			{"3.0.2", "`XX`, `NX`, `CH` and `INCR`."},
			{"6.2.0", "`GT` and `LT`."},
		},
		Run: zAdd,
	},
	{
		Name: "zcard", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO), Group: "sorted-set", Since: "1.2.0", Complexity: "O(1)",
		Summary: "Answers the number of members of a sorted set.", Syntax: "key", Run: zCard,
	},
	{
		Name: "zcount", Arity: 4, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.0.0", Complexity: "O(log(N)) in the number of members",
		Summary: "Counts the members with scores in a range.", Syntax: "key min:double max:double", Run: zCount,
	},
	{
		Name: "zdiff", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, KeyNum: countedKeys, Flags: resp.RO | resp.Access}},
		Group: "sorted-set", Since: "6.2.0", Complexity: "O(N*K + M*log(M)) with N members in the first set, K sets and M members in the result",
		Summary: "Answers what is in the first sorted set and in none of the others.",
		Syntax:  "numkeys key... [WITHSCORES]", Run: zDiff,
	},
	{
		Name: "zdiffstore", Arity: -4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSortedSet,
		Keys: storeCountedKeys, Group: "sorted-set", Since: "6.2.0",
		Complexity: "O(N*K + M*log(M)) with N members in the first set, K sets and M members in the result",
		Summary:    "Stores what is in the first sorted set and in none of the others.",
		Syntax:     "destination numkeys key...", Run: zDiffStore,
	},
	{
		Name: "zincrby", Arity: 4, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "sorted-set", Since: "1.2.0", Complexity: "O(log(N)) in the number of members",
		Summary: "Adds a number to the score of a member, which is added when it is absent.", Syntax: "key increment member", Run: zIncrBy,
	},
	{
		Name: "zinter", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, KeyNum: countedKeys, Flags: resp.RO | resp.Access}},
		Group: "sorted-set", Since: "6.2.0", Complexity: "O(N*K + M*log(M)) with N members in the smallest set, K sets and M members in the result",
		Summary: "Answers what is in all of the sorted sets.",
		Syntax:  "numkeys key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM|MIN|MAX)] [WITHSCORES]", Run: zInter,
	},
	{
		Name: "zintercard", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, KeyNum: countedKeys, Flags: resp.RO | resp.Access}},
		Group: "sorted-set", Since: "7.0.0", Complexity: "O(N*K) in the members of the smallest set and the number of sets",
		Summary: "Counts what is in all of the sorted sets.", Syntax: "numkeys key... [LIMIT limit:integer]", Run: zInterCard,
	},
	{
		Name: "zinterstore", Arity: -4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSortedSet,
		Keys: storeCountedKeys, Group: "sorted-set", Since: "2.0.0",
		Complexity: "O(N*K + M*log(M)) with N members in the smallest set, K sets and M members in the result",
		Summary:    "Stores what is in all of the sorted sets.",
		Syntax:     "destination numkeys key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM|MIN|MAX)]", Run: zInterStore,
	},
	{
		Name: "zlexcount", Arity: 4, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.8.9", Complexity: "O(log(N)) in the number of members",
		Summary: "Counts the members in a range, where all scores are equal.", Syntax: "key min max", Run: zLexCount,
	},
	{
		Name: "zmpop", Arity: -4, Flags: resp.Write, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, KeyNum: countedKeys, Flags: resp.RW | resp.Access | resp.Delete}},
		Group: "sorted-set", Since: "7.0.0", Complexity: "O(K) + O(M*log(N)) with K keys, N members and M of them removed",
		Summary: "Removes and answers members from an end of the first sorted set that has any.",
		Syntax:  "numkeys key... where=(MIN|MAX) [COUNT count]", Run: zMPop,
	},
	{
		Name: "zmscore", Arity: -3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "6.2.0", Complexity: "O(N) in the number of members given",
		Summary: "Answers the scores of members.", Syntax: "key member...", Run: zMScore,
	},
	{
		Name: "zpopmax", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "sorted-set", Since: "5.0.0",
		Complexity: "O(log(N)*M) with N members and M of them removed",
		Summary:    "Removes and answers the last members of a sorted set.", Syntax: "key [count]", Run: zPopMax,
	},
	{
		Name: "zpopmin", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "sorted-set", Since: "5.0.0",
		Complexity: "O(log(N)*M) with N members and M of them removed",
		Summary:    "Removes and answers the first members of a sorted set.", Syntax: "key [count]", Run: zPopMin,
	},
	{
		Name: "zrandmember", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "6.2.0", Complexity: "O(N) in the number of members answered",
		Summary: "Answers random members of a sorted set.", Syntax: "key options=[count [WITHSCORES]]",
		Tips: []string{"nondeterministic_output"}, Run: zRandMember,
	},
	{
		Name: "zrange", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "1.2.0", Complexity: "O(log(N)+M) with N members and M of them answered",
		Summary: "Answers the members in a range of ranks, scores or names.",
		Syntax:  "key start stop sortby=[BYSCORE|BYLEX]@6.2.0 [REV]@6.2.0 [LIMIT (offset count)]@6.2.0 [WITHSCORES]",
		History: [][2]string{{"6.2.0", "`REV`, `BYSCORE`, `BYLEX` and `LIMIT`."}}, Run: zRange,
	},
	{
		Name: "zrangebylex", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.8.9", Complexity: "O(log(N)+M) with N members and M of them answered",
		Summary: "Answers the members in a range, where all scores are equal.", Syntax: "key min max [LIMIT (offset count)]",
		Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYLEX` argument", Run: zRangeByLex,
	},
	{
		Name: "zrangebyscore", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "1.0.5", Complexity: "O(log(N)+M) with N members and M of them answered",
		Summary: "Answers the members with scores in a range.",
		Syntax:  "key min:double max:double [WITHSCORES]@2.0.0 [LIMIT (offset count)]",
		History: [][2]string{{"2.0.0", "`WITHSCORES`."}}, Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYSCORE` argument", Run: zRangeByScore,
	},
	{
		Name: "zrangestore", Arity: -5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSortedSet,
		Keys: []resp.KeySpec{
			{First: 1, Last: 1, Flags: resp.OW | resp.Update},
			{First: 2, Last: 2, Flags: resp.RO | resp.Access},
		},
		Group: "sorted-set", Since: "6.2.0", Complexity: "O(log(N)+M) with N members and M of them stored",
		Summary: "Stores the members in a range of ranks, scores or names.",
		Syntax:  "dst:key src:key#1 min max sortby=[BYSCORE|BYLEX] [REV] [LIMIT (offset count)]", Run: zRangeStore,
	},
	{
		Name: "zrank", Arity: -3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.0.0", Complexity: "O(log(N)) in the number of members",
		Summary: "Answers how many members are before one.", Syntax: "key member [WITHSCORE]@7.2.0",
		History: [][2]string{{"7.2.0", "`WITHSCORE`."}}, Run: zRank,
	},
	{
		Name: "zrem", Arity: -3, Flags: resp.Write | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Delete), Group: "sorted-set", Since: "1.2.0", Complexity: "O(M*log(N)) with N members and M of them given",
		Summary: "Removes members from a sorted set.", Syntax: "key member...",
		History: [][2]string{{"2.4.0", "Several members."}}, Run: zRem,
	},
	{
		Name: "zremrangebylex", Arity: 4, Flags: resp.Write, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Delete), Group: "sorted-set", Since: "2.8.9", Complexity: "O(M*log(N)) with N members and M of them removed",
		Summary: "Removes the members in a range, where all scores are equal.", Syntax: "key min max", Run: zRemRangeByLex,
	},
	{
		Name: "zremrangebyrank", Arity: 4, Flags: resp.Write, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Delete), Group: "sorted-set", Since: "2.0.0", Complexity: "O(M*log(N)) with N members and M of them removed",
		Summary: "Removes the members in a range of ranks.", Syntax: "key start:integer stop:integer", Run: zRemRangeByRank,
	},
	{
		Name: "zremrangebyscore", Arity: 4, Flags: resp.Write, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RW | resp.Delete), Group: "sorted-set", Since: "1.2.0", Complexity: "O(M*log(N)) with N members and M of them removed",
		Summary: "Removes the members with scores in a range.", Syntax: "key min:double max:double", Run: zRemRangeByScore,
	},
	{
		Name: "zrevrange", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "1.2.0", Complexity: "O(log(N)+M) with N members and M of them answered",
		Summary: "Answers the members in a range of ranks, counted from the end.", Syntax: "key start:integer stop:integer [WITHSCORES]",
		Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` argument", Run: zRevRange,
	},
	{
		Name: "zrevrangebylex", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.8.9", Complexity: "O(log(N)+M) with N members and M of them answered",
		Summary: "Answers the members in a range from its end, where all scores are equal.", Syntax: "key max min [LIMIT (offset count)]",
		Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments", Run: zRevRangeByLex,
	},
	{
		Name: "zrevrangebyscore", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.2.0", Complexity: "O(log(N)+M) with N members and M of them answered",
		Summary: "Answers the members with scores in a range from its end.",
		Syntax:  "key max:double min:double [WITHSCORES] [LIMIT (offset count)]",
		History: [][2]string{{"2.1.6", "`min` and `max` may be excluded."}}, Deprecated: "6.2.0",
		ReplacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments", Run: zRevRangeByScore,
	},
	{
		Name: "zrevrank", Arity: -3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.0.0", Complexity: "O(log(N)) in the number of members",
		Summary: "Answers how many members are after one.", Syntax: "key member [WITHSCORE]@7.2.0",
		History: [][2]string{{"7.2.0", "`WITHSCORE`."}}, Run: zRevRank,
	},
	{
		Name: "zscan", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "2.8.0", Complexity: "O(1) for each call, O(N) for a whole iteration",
		Summary: "Iterates over the members and scores of a sorted set.", Syntax: "key cursor [MATCH pattern] [COUNT count]",
		Tips: []string{"nondeterministic_output"}, Run: zScan,
	},
	{
		Name: "zscore", Arity: 3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatSortedSet,
		Keys: oneKey(resp.RO | resp.Access), Group: "sorted-set", Since: "1.2.0", Complexity: "O(1)",
		Summary: "Answers the score of a member.", Syntax: "key member", Run: zScore,
	},
	{
		Name: "zunion", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatSortedSet,
		Keys:  []resp.KeySpec{{First: 1, KeyNum: countedKeys, Flags: resp.RO | resp.Access}},
		Group: "sorted-set", Since: "6.2.0", Complexity: "O(N + M*log(M)) with N members in all sets and M in the result",
		Summary: "Answers what is in any of the sorted sets.",
		Syntax:  "numkeys key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM|MIN|MAX)] [WITHSCORES]", Run: zUnion,
	},
	{
		Name: "zunionstore", Arity: -4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatSortedSet,
		Keys: storeCountedKeys, Group: "sorted-set", Since: "2.0.0",
		Complexity: "O(N + M*log(M)) with N members in all sets and M in the result",
		Summary:    "Stores what is in any of the sorted sets.",
		Syntax:     "destination numkeys key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM|MIN|MAX)]", Run: zUnionStore,
	},
}

// countedKeys is the spec of keys behind their number.
var countedKeys = &resp.KeyNum{Index: 0, First: 1, Step: 1}

// storeCountedKeys is the spec of a key that is overwritten and counted keys that are read.
var storeCountedKeys = []resp.KeySpec{
	{First: 1, Last: 1, Flags: resp.OW | resp.Update},
	{First: 2, KeyNum: countedKeys, Flags: resp.RO | resp.Access},
}
