package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Sizes of what the cases of big work on.
const (
	million     = 1_000_000
	bigMembers  = 100_000
	bigElements = 300_000
	bigChunk    = 10_000 // arguments of the commands that fill
	bigString   = 100 << 20
)

// bigGroups are what big measures.
var bigGroups = []bigGroup{
	{"sort", fillSorts, sortCases},
	{"sets", fillSets, setCases},
	{"zsets", fillSortedSets, sortedSetCases},
	{"lists", fillLists, listCases},
	{"hashes", fillHashes, hashCases},
	{"keyspace", fillKeyspace, keyspaceCases},
	{"strings", fillStrings, stringCases},
	{"manykeys", fillNothing, keyCases},
	{"manymembers", fillNothing, memberCases},
	{"manysets", fillNothing, nameCases},
	{"transactions", fillNothing, transactionCases},
	{"scripts", fillNothing, scriptCases},
}

func fillNothing(func(words ...string) error) error { return nil }

// inChunks sends a command with the words of n items behind it, a chunk at a time.
func inChunks(do func(words ...string) error, n int, item func(i int) []string, command ...string) error {
	for at := 0; at < n; at += bigChunk {
		words := slices.Clone(command)
		for i := at; i < min(at+bigChunk, n); i++ {
			words = append(words, item(i)...)
		}
		if err := do(words...); err != nil {
			return err
		}
	}
	return nil
}

// shuffled are the numbers below n in a random order that is always the same.
func shuffled(n int) []int { return rand.New(rand.NewPCG(1, uint64(n))).Perm(n) }

func member(i int) string { return "member:" + strconv.Itoa(i) }

func fillSorts(do func(words ...string) error) error {
	numbers, long := shuffled(bigMembers), shuffled(bigElements)
	for _, f := range []func() error{
		func() error {
			return inChunks(do, bigMembers, func(i int) []string { return []string{strconv.Itoa(numbers[i])} }, "SADD",
				"set")
		},
		func() error {
			return inChunks(do, bigMembers, func(i int) []string { return []string{member(numbers[i])} }, "SADD",
				"words")
		},
		func() error {
			return inChunks(do, bigElements, func(i int) []string { return []string{strconv.Itoa(long[i])} }, "RPUSH",
				"list")
		},
		func() error {
			return inChunks(do, bigElements,
				func(i int) []string { return []string{fmt.Sprintf("%d.%d", long[i]/8, long[i]%8*125)} }, "RPUSH",
				"fractions")
		},
		func() error {
			return inChunks(do, bigElements, func(i int) []string { return []string{strconv.Itoa(i % 10)} }, "RPUSH",
				"alike")
		},
		func() error {
			return inChunks(do, bigMembers,
				func(i int) []string { return []string{strconv.Itoa(i), strconv.Itoa(numbers[i])} }, "ZADD", "zset")
		},
		func() error {
			return inChunks(do, bigMembers,
				func(i int) []string { return []string{"weight:" + strconv.Itoa(i), strconv.Itoa(numbers[i])} }, "MSET")
		},
	} {
		if err := f(); err != nil {
			return err
		}
	}
	for i := range bigMembers {
		if err := do("HSET", "object:"+strconv.Itoa(i), "weight", strconv.Itoa(numbers[i]), "name",
			member(i)); err != nil {
			return err
		}
	}
	return nil
}

func sortCases() (cases []bigCase) {
	for _, command := range []string{
		"SORT set", "SORT set DESC LIMIT 0 10", "SORT set ALPHA", "SORT set STORE to", "SORT words ALPHA",
		"SORT words ALPHA DESC LIMIT 100 100",
		"SORT words ALPHA STORE to", "SORT list", "SORT list LIMIT 0 10", "SORT list ALPHA", "SORT list STORE to",
		"SORT fractions", "SORT alike",
		"SORT zset", "SORT zset DESC ALPHA", "SORT zset BY nosort LIMIT 50000 10", "SORT set BY weight:*",
		"SORT set BY weight:* ALPHA",
		"SORT set BY nosort GET weight:*", "SORT set BY object:*->weight GET object:*->name",
		"SORT set BY object:*->weight GET # GET object:*->name STORE to",
		"SORT_RO list DESC",
	} {
		cases = append(cases, bigCase{name: command, command: strings.Fields(command)})
	}
	return cases
}

// after is a case of which something has to be done before it.
func after(before [][]string, name string, command ...string) bigCase {
	return bigCase{name: name, before: before, command: command}
}

// fillSets makes sets of words and of numbers: a, b and c overlap by halves.
func fillSets(do func(words ...string) error) error {
	for at, key := range []string{"a", "b", "c"} {
		from := at * bigElements / 2
		if err := inChunks(do, bigElements, func(i int) []string { return []string{member(from + i)} }, "SADD",
			key); err != nil {
			return err
		}
		if err := inChunks(do, bigElements, func(i int) []string { return []string{strconv.Itoa(from + i)} }, "SADD",
			"n"+key); err != nil {
			return err
		}
	}
	for k := range 10 {
		key := "small" + strconv.Itoa(k)
		if err := inChunks(do, bigMembers/10, func(i int) []string { return []string{member(k*bigMembers/20 + i)} },
			"SADD", key); err != nil {
			return err
		}
	}
	return nil
}

func setCases() (cases []bigCase) {
	small := " small0 small1 small2 small3 small4 small5 small6 small7 small8 small9"
	for _, command := range []string{
		"SMEMBERS a", "SINTER a b", "SINTER a b c", "SINTERCARD 2 a b", "SINTERSTORE to a b", "SUNION a b",
		"SUNION a b c", "SUNION na nb nc", "SUNION" + small,
		"SUNIONSTORE to a b c", "SDIFF a b", "SDIFF a b c", "SDIFF a" + small, "SDIFF na nb", "SDIFFSTORE to a b",
		"SINTER na nb", "SRANDMEMBER a 100000", "SRANDMEMBER a -100000",
		"SSCAN a 0 COUNT 300000", "SSCAN a 0 MATCH *77* COUNT 300000",
	} {
		name := command
		if strings.HasPrefix(command, "SRANDMEMBER") || strings.HasPrefix(command, "SSCAN") {
			name += answersDiffer
		}
		cases = append(cases, bigCase{name: name, command: strings.Fields(command)})
	}
	copied := [][]string{{"DEL", "to"}, {"COPY", "a", "to"}}
	return append(cases,
		after(copied[:1], "COPY of a set", "COPY", "a", "to"), after(copied, "DEL of a set", "DEL", "to"),
		after(copied, "UNLINK of a set", "UNLINK", "to"),
		after(copied, "SPOP to 150000"+answersDiffer, "SPOP", "to", "150000"),
		after(copied, "RENAME of a set", "RENAME", "to", "to2"), after(nil, "DUMP of a set"+answersDiffer, "DUMP", "a"),
		bigCase{name: "RESTORE of a set", before: copied[:1], command: []string{"RESTORE", "to", "0"}, restore: "a"},
		after(nil, "DEBUG DIGEST-VALUE of a set", "DEBUG", "DIGEST-VALUE", "a"))
}

func fillSortedSets(do func(words ...string) error) error {
	scores := shuffled(bigElements)
	for at, key := range []string{"a", "b"} {
		from := at * bigElements / 2
		err := inChunks(do, bigElements,
			func(i int) []string { return []string{strconv.Itoa(scores[i]), member(from + i)} }, "ZADD", key)
		if err != nil {
			return err
		}
	}
	return inChunks(do, bigMembers, func(i int) []string { return []string{member(i)} }, "SADD", "set")
}

func sortedSetCases() (cases []bigCase) {
	for _, command := range []string{
		"ZRANGE a 0 -1", "ZRANGE a 0 -1 WITHSCORES", "ZRANGE a 0 -1 REV", "ZRANGE a 1000 200000 BYSCORE",
		"ZRANGESTORE to a 0 -1", "ZRANGESTORE to a 1000 200000 BYSCORE",
		"ZUNION 2 a b", "ZINTER 2 a b WITHSCORES", "ZDIFF 2 a b", "ZUNIONSTORE to 2 a b",
		"ZUNIONSTORE to 2 a set WEIGHTS 2 3 AGGREGATE MAX", "ZINTERSTORE to 2 a b", "ZDIFFSTORE to 2 a b",
		"ZINTERCARD 2 a b", "ZUNION 2 a b WITHSCORES", "ZRANGE a - + BYLEX", "ZLEXCOUNT a - +", "ZRANK a member:150000",
		"ZCOUNT a 1000 200000", "ZRANDMEMBER a 100000 WITHSCORES", "ZSCAN a 0 COUNT 300000",
	} {
		name := command
		if strings.HasPrefix(command, "ZRANDMEMBER") || strings.HasPrefix(command, "ZSCAN") {
			name += answersDiffer
		}
		cases = append(cases, bigCase{name: name, command: strings.Fields(command)})
	}
	copied := [][]string{{"DEL", "to"}, {"COPY", "a", "to"}}
	return append(cases,
		after(copied[:1], "COPY of a sorted set", "COPY", "a", "to"), after(copied, "DEL of a sorted set", "DEL", "to"),
		after(copied, "ZREMRANGEBYRANK of half", "ZREMRANGEBYRANK", "to", "0", "150000"),
		after(copied, "ZREMRANGEBYSCORE of half", "ZREMRANGEBYSCORE", "to", "75000", "225000"),
		after(copied, "ZPOPMIN to 100000", "ZPOPMIN", "to", "100000"),
		after(copied, "ZPOPMAX to 300000", "ZPOPMAX", "to", "300000"),
		after(copied, "ZMPOP 1 to MIN COUNT 100000", "ZMPOP", "1", "to", "MIN", "COUNT", "100000"),
		after(copied, "UNLINK of a sorted set", "UNLINK", "to"),
		after(copied, "RENAME of a sorted set", "RENAME", "to", "to2"),
		after(nil, "DUMP of a sorted set"+answersDiffer, "DUMP", "a"),
		bigCase{name: "RESTORE of a sorted set", before: copied[:1], command: []string{"RESTORE", "to",
			"0"}, restore: "a"})
}

func fillLists(do func(words ...string) error) error {
	err := inChunks(do, bigElements, func(i int) []string { return []string{member(i)} }, "RPUSH", "list")
	if err != nil {
		return err
	}
	return inChunks(do, bigElements, func(i int) []string { return []string{strconv.Itoa(i % 100)} }, "RPUSH",
		"numbers")
}

func listCases() (cases []bigCase) {
	for _, command := range []string{
		"LRANGE list 0 -1", "LRANGE numbers 0 -1", "LRANGE list 150000 150010", "LINDEX list 150000",
		"LPOS list member:299999", "LPOS numbers 50 COUNT 0", "LPOS list none",
		"LPOS numbers none", "LREM list 0 none", "LREM numbers 0 none", "LREM numbers 0 1000",
	} {
		cases = append(cases, bigCase{name: command, command: strings.Fields(command)})
	}
	copied := [][]string{{"DEL", "to", "to2"}, {"COPY", "list", "to"}, {"COPY", "numbers", "to2"}}
	return append(cases,
		after(copied, "LINSERT in the middle", "LINSERT", "to", "BEFORE", "member:150000", "new"),
		after(copied, "LSET in the middle", "LSET", "to", "150000", "new"),
		after(copied, "LREM of 3000", "LREM", "to2", "0", "50"),
		after(copied, "LTRIM to the middle", "LTRIM", "to", "100000", "200000"),
		after(copied, "LPOP to 300000", "LPOP", "to", "300000"),
		after(copied[:1], "COPY of a list", "COPY", "list", "to"), after(copied, "DEL of a list", "DEL", "to"),
		after(copied, "RPOP to 300000", "RPOP", "to", "300000"),
		after(copied, "LMPOP 1 to LEFT COUNT 100000", "LMPOP", "1", "to", "LEFT", "COUNT", "100000"),
		after(copied, "UNLINK of a list", "UNLINK", "to"), after(copied, "RENAME of a list", "RENAME", "to", "to3"),
		after(nil, "DUMP of a list"+answersDiffer, "DUMP", "list"),
		bigCase{name: "RESTORE of a list", before: copied[:1], command: []string{"RESTORE", "to",
			"0"}, restore: "list"})
}

func fillHashes(do func(words ...string) error) error {
	return inChunks(do, bigElements, func(i int) []string {
		return []string{"field:" + strconv.Itoa(i),
			"value:" + strconv.Itoa(i)}
	}, "HSET", "hash")
}

func hashCases() (cases []bigCase) {
	for _, command := range []string{"HGETALL hash", "HKEYS hash", "HVALS hash", "HRANDFIELD hash 100000",
		"HSCAN hash 0 COUNT 300000", "HSCAN hash 0 MATCH *77* COUNT 300000"} {
		name := command
		if strings.HasPrefix(command, "HRANDFIELD") || strings.HasPrefix(command, "HSCAN") {
			name += answersDiffer
		}
		cases = append(cases, bigCase{name: name, command: strings.Fields(command)})
	}
	copied := [][]string{{"DEL", "to"}, {"COPY", "hash", "to"}}
	return append(cases,
		after(copied[:1], "COPY of a hash", "COPY", "hash", "to"), after(copied, "DEL of a hash", "DEL", "to"),
		after(nil, "DUMP of a hash"+answersDiffer, "DUMP", "hash"),
		after(copied, "UNLINK of a hash", "UNLINK", "to"),
		bigCase{name: "RESTORE of a hash", before: copied[:1], command: []string{"RESTORE", "to",
			"0"}, restore: "hash"})
}

func fillKeyspace(do func(words ...string) error) error {
	return inChunks(do, million, func(i int) []string {
		return []string{"key:" + strconv.Itoa(i),
			"value:" + strconv.Itoa(i)}
	}, "MSET")
}

func keyspaceCases() (cases []bigCase) {
	for _, command := range []string{"KEYS *", "KEYS key:*77*", "KEYS none*", "DBSIZE", "DEBUG DIGEST"} {
		cases = append(cases, bigCase{name: command, command: strings.Fields(command)})
	}
	for _, command := range []string{"SCAN 0 COUNT 1000000", "SCAN 0 MATCH *77* COUNT 1000000",
		"SCAN 0 TYPE hash COUNT 1000000"} {
		cases = append(cases, bigCase{name: command + answersDiffer, command: strings.Fields(command)})
	}
	mset := []string{"MSET"}
	for i := range million {
		mset = append(mset, "key:"+strconv.Itoa(i), "value:"+strconv.Itoa(i))
	}
	refilled := [][]string{mset} // before what empties it
	return append(cases, after(refilled, "FLUSHALL SYNC", "FLUSHALL", "SYNC"),
		after(refilled, "FLUSHDB ASYNC", "FLUSHDB", "ASYNC"))
}

func fillStrings(do func(words ...string) error) error {
	for i, key := range []string{"a", "b", "c"} {
		if err := do("SET", key, strings.Repeat(string(rune('a'+i)), bigString)); err != nil {
			return err
		}
	}
	text := func(seed uint64) string {
		rng, b := rand.New(rand.NewPCG(seed, 1)), make([]byte, 5000)
		for i := range b {
			b[i] = byte('a' + rng.IntN(4))
		}
		return string(b)
	}
	return do("MSET", "x", text(1), "y", text(2), "zeroes", strings.Repeat("\x00", bigString))
}

func stringCases() (cases []bigCase) {
	for _, command := range []string{
		"BITCOUNT a", "BITPOS zeroes 1", "BITOP AND to a b c", "BITOP XOR to a b", "BITOP NOT to a", "GETRANGE a 0 -1",
		"GETRANGE a 50000000 50000100", "GET a", "STRLEN a", "BITCOUNT a 1 -2", "BITOP OR to a b c",
		"DUMP a" + answersDiffer,
		"LCS x y", "LCS x y LEN",
	} {
		cases = append(cases, bigCase{name: command,
			command: strings.Fields(strings.TrimSuffix(command, answersDiffer))})
	}
	copied := [][]string{{"DEL", "to"}, {"COPY", "a", "to"}}
	return append(cases,
		after(copied, "GETDEL of 100 MiB", "GETDEL", "to"), after(copied, "RENAME of 100 MiB", "RENAME", "to", "to2"),
		after(copied, "UNLINK of 100 MiB", "UNLINK", "to"),
		bigCase{name: "RESTORE of 100 MiB", before: copied[:1], command: []string{"RESTORE", "to", "0"}, restore: "a"},
		after(copied, "SETRANGE in 100 MiB", "SETRANGE", "to", "50000000", "new"),
		after(copied, "APPEND to 100 MiB", "APPEND", "to", "new"),
		after(copied, "SETBIT in 100 MiB", "SETBIT", "to", "400000000", "1"),
		after(copied[:1], "SETRANGE that makes 100 MiB", "SETRANGE", "to", strconv.Itoa(bigString), "new"),
		after(copied[:1], "COPY of 100 MiB", "COPY", "a", "to"), after(copied, "DEL of 100 MiB", "DEL", "to"),
		after(copied[:1], "SET of 100 MiB", "SET", "to", strings.Repeat("v", bigString)),
		after(copied[:1], "SET of 300 MiB", "SET", "to", strings.Repeat("v", 3*bigString)),
		after(copied, "APPEND of 100 MiB", "APPEND", "to", strings.Repeat("v", bigString)))
}

// many is a command of a million arguments, or pairs of them, behind its first words.
func many(command string, item func(i int) []string, more ...string) []string {
	words := strings.Fields(command)
	for i := range million {
		words = append(words, item(i)...)
	}
	return append(words, more...)
}

// named is another command with the same arguments.
func named(command string, words []string) []string {
	return append(strings.Fields(command), words[1:]...)
}

func keyName(i int) []string { return []string{"key:" + strconv.Itoa(i)} }
func keyAndValue(i int) []string {
	return []string{"key:" + strconv.Itoa(i), "value:" + strconv.Itoa(i)}
}

// flushed is before what needs an empty server, and then these commands.
func flushed(commands ...[]string) [][]string {
	return append([][]string{{"FLUSHALL", "SYNC"}}, commands...)
}

func keyCases() []bigCase {
	mset := many("MSET", keyAndValue)
	last := "key:" + strconv.Itoa(million-1)
	list, zset := flushed([]string{"RPUSH", last, "element"}), flushed([]string{"ZADD", last, "1", "member"})
	count := strconv.Itoa(million)
	return []bigCase{
		after(flushed(), "MSET", mset...), after(flushed(), "MSETNX", named("MSETNX", mset)...),
		after(flushed(mset), "MSET, keys exist", mset...),
		after(flushed(mset), "MGET", many("MGET", keyName)...), after(nil, "EXISTS", many("EXISTS", keyName)...),
		after(nil, "TOUCH", many("TOUCH", keyName)...),
		after(flushed(mset), "DEL", many("DEL", keyName)...),
		after(flushed(mset), "UNLINK", many("UNLINK", keyName)...),
		after(flushed(), "MGET, no keys", many("MGET", keyName)...),
		after(flushed(), "EXISTS, no keys", many("EXISTS", keyName)...),
		after(flushed(), "DEL, no keys", many("DEL", keyName)...), after(list, "BLPOP", many("BLPOP", keyName, "1")...),
		after(list, "LMPOP", many("LMPOP "+count, keyName, "LEFT")...),
		after(zset, "ZMPOP", many("ZMPOP "+count, keyName, "MIN")...),
		// redis-server compares each key with all that the client watches already: a million would take it an hour
		after(flushed([]string{"UNWATCH"}), "WATCH of 20000", many("WATCH", keyName)[:20_001]...),
	}
}

func memberCases() []bigCase {
	scores, count := shuffled(million), strconv.Itoa(million)
	one := func(i int) []string { return []string{member(i)} }
	number := func(i int) []string { return []string{strconv.Itoa(scores[i])} }
	sadd, hset, rpush := many("SADD set", one), many("HSET hash", keyAndValue), many("RPUSH list", one)
	zadd := many("ZADD zset", func(i int) []string { return []string{strconv.Itoa(scores[i]), member(i)} })
	return []bigCase{
		after(flushed(), "SADD", sadd...), after(flushed(), "SADD, numbers", many("SADD set", number)...),
		after(flushed(sadd), "SMISMEMBER", many("SMISMEMBER set", one)...),
		after(nil, "SMEMBERS", "SMEMBERS", "set"), after(flushed(sadd), "SPOP of all", "SPOP", "set", count),
		after(flushed(sadd), "SREM", many("SREM set", one)...),
		after(flushed(), "ZADD", zadd...), after(flushed(zadd), "ZMSCORE", many("ZMSCORE zset", one)...),
		after(nil, "ZRANGE", "ZRANGE", "zset", "0", "-1", "WITHSCORES"),
		after(nil, "ZADD, members exist", zadd...), after(flushed(zadd), "ZREM", many("ZREM zset", one)...),
		after(flushed(), "HSET", hset...), after(flushed(), "HMSET", named("HMSET", hset)...),
		after(flushed(hset), "HMGET", many("HMGET hash", keyName)...),
		after(nil, "HGETALL", "HGETALL", "hash"), after(nil, "HKEYS", "HKEYS", "hash"),
		after(nil, "HVALS", "HVALS", "hash"),
		after(nil, "HSET, fields exist", hset...), after(flushed(hset), "HDEL", many("HDEL hash", keyName)...),
		after(flushed(), "RPUSH", rpush...), after(flushed(), "LPUSH", named("LPUSH", rpush)...),
		after(nil, "LRANGE", "LRANGE", "list", "0", "-1"),
	}
}

// nameCases are commands of a million sets, of which there are ten.
func nameCases() []bigCase {
	names := many("SUNION", func(i int) []string { return []string{"small:" + strconv.Itoa(i%10)} })
	sets, zsets, texts, count := flushed(), flushed(), flushed(), strconv.Itoa(million)
	for k := range 10 {
		key := "small:" + strconv.Itoa(k)
		sets = append(sets, []string{"SADD", key, member(k), member(k + 1), member(k + 2)})
		zsets = append(zsets, []string{"ZADD", key, "1", member(k), "2", member(k + 1), "3", member(k + 2)})
		texts = append(texts, []string{"SET", key, member(k)})
	}
	other := many("SUNION", func(i int) []string { return []string{"set:" + strconv.Itoa(i)} })
	absent := []string{"SADD", other[1], member(0)}
	cases := []bigCase{
		after(texts, "BITOP", named("BITOP OR to", names)...), after(flushed(absent), "SUNION, one set", other...),
		after(flushed(absent), "SDIFF, one set", named("SDIFF", other)...),
		after(flushed(absent), "SINTER, one set", named("SINTER", other)...),
		after(flushed(absent), "ZUNION, one set", named("ZUNION "+count, other)...),
	}
	for _, command := range []string{"SUNION", "SINTER", "SDIFF", "SUNIONSTORE to", "SINTERSTORE to", "SDIFFSTORE to",
		"SINTERCARD " + count} {
		cases = append(cases, after(sets, strings.Fields(command)[0], named(command, names)...))
	}
	for _, command := range []string{"ZUNION ", "ZINTER ", "ZDIFF ", "ZUNIONSTORE to ", "ZINTERSTORE to ",
		"ZDIFFSTORE to ", "ZINTERCARD "} {
		cases = append(cases, after(zsets, strings.Fields(command)[0], named(command+count, names)...))
	}
	return cases
}

func transactionCases() (cases []bigCase) {
	for _, t := range []struct {
		name, end string
		command   func(i int) []string
		before    [][]string
	}{
		{"EXEC of 100000 SET",
			"EXEC", func(i int) []string { return append([]string{"SET"}, keyAndValue(i)...) }, flushed()},
		{"EXEC of 100000 GET", "EXEC", func(i int) []string { return append([]string{"GET"}, keyName(i)...) }, nil},
		{"EXEC of 100000 INCR", "EXEC", func(int) []string { return []string{"INCR", "counter"} }, flushed()},
		{"DISCARD of 100000 SET",
			"DISCARD", func(i int) []string { return append([]string{"SET"}, keyAndValue(i)...) }, nil},
	} {
		queued := [][]string{{"MULTI"}}
		for i := range bigMembers {
			queued = append(queued, t.command(i))
		}
		cases = append(cases, bigCase{name: t.name, before: t.before, queued: queued, command: []string{t.end}})
	}
	return cases
}
