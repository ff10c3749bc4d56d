package command

import "holdfast/resp"

// hashExpiryRows are the commands on the expiry of fields.
var hashExpiryRows = []Command{
	fieldExpireRow("hexpire", "seconds", "Gives fields a time to live in seconds.", hExpire),
	fieldExpireRow("hexpireat", "unix-time-seconds", "Has fields expire at a unix time.", hExpireAt),
	fieldTTLRow("hexpiretime", "Answers the unix times at which fields expire.", hExpireTime),
	{
		Name: "hgetdel", Arity: -5, Flags: resp.Write | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "hash", Since: "8.0.0",
		Complexity: "O(N) in the number of fields given", Summary: "Answers the values of fields and removes them.",
		Syntax: "key " + fieldsSyntax, Run: hGetDel,
	},
	{
		Name: "hgetex", Arity: -5, Flags: resp.Write | resp.Fast, Categories: resp.CatHash,
		Keys: []resp.KeySpec{{First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Update,
			Notes: "RW and UPDATE because it changes the TTL"}},
		Group: "hash", Since: "8.0.0",
		Complexity: "O(N) in the number of fields given",
		Summary:    "Answers the values of fields and changes their expiry.",
		Syntax: "key expiration=[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT " +
			"unix-time-milliseconds|PERSIST] " + fieldsSyntax,
		Run: hGetEx,
	},
	{
		Name: "hpersist", Arity: -5, Flags: resp.Write | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Update), Group: "hash", Since: "7.4.0",
		Complexity: "O(N) in the number of fields given", Summary: "Takes the expiry of fields away.",
		Syntax: "key " + fieldsSyntax, Run: hPersist,
	},
	fieldExpireRow("hpexpire", "milliseconds", "Gives fields a time to live in milliseconds.", hPExpire),
	fieldExpireRow("hpexpireat", "unix-time-milliseconds", "Has fields expire at a unix time in milliseconds.",
		hPExpireAt),
	fieldTTLRow("hpexpiretime", "Answers the unix times in milliseconds at which fields expire.", hPExpireTime),
	fieldTTLRow("hpttl", "Answers how many milliseconds fields have left.", hPTTL, "nondeterministic_output"),
	{
		Name: "hsetex", Arity: -6, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Update), Group: "hash", Since: "8.0.0",
		Complexity: "O(N) in the number of fields given", Summary: "Sets fields and their expiry.",
		Syntax: "key condition=[FNX|FXX] expiration=[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT " +
			"unix-time-milliseconds|KEEPTTL] " +
			"fields=(FIELDS (numfields:integer data=(field value)...))",
		Run: hSetEx,
	},
	fieldTTLRow("httl", "Answers how many seconds fields have left.", hTTL, "nondeterministic_output"),
}

const fieldsSyntax = "fields=(FIELDS (numfields:integer field...))"

func fieldExpireRow(name, unit, summary string, run func(*Context, [][]byte, *resp.Writer) error) Command {
	return Command{
		Name: name, Arity: -6, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RW | resp.Update), Group: "hash", Since: "7.4.0",
		Complexity: "O(N) in the number of fields given", Summary: summary,
		Syntax: "key " + unit + " condition=[NX|XX|GT|LT] " + fieldsSyntax, Run: run,
	}
}

func fieldTTLRow(name, summary string, run func(*Context, [][]byte, *resp.Writer) error, tips ...string) Command {
	return Command{
		Name: name, Arity: -5, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatHash,
		Keys: oneKey(resp.RO | resp.Access), Group: "hash", Since: "7.4.0",
		Complexity: "O(N) in the number of fields given", Summary: summary,
		Syntax: "key " + fieldsSyntax, Tips: tips, Run: run,
	}
}
