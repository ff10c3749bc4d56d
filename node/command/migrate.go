package command

import (
	"fmt"
	"math"
	"time"

	"holdfast/node/transfer"
	"holdfast/resp"
)

// migrateRows is MIGRATE.
var migrateRows = []Command{{
	Name: "migrate", Arity: -6, Flags: resp.Write, Categories: resp.CatKeyspace | resp.CatDangerous,
	Keys: []resp.KeySpec{
		{First: 3, Last: 3, Flags: resp.RW | resp.Access | resp.Delete, Find: findMigrated},
		{
			First: -2, Keyword: "KEYS", Last: -1, Flags: resp.RW | resp.Access | resp.Delete | resp.Incomplete,
			Find: func([][]byte) ([]int, error) { return nil, nil }, // the first one finds them all
		},
	},
	Group: "generic", Since: "2.6.0",
	Complexity: "that of DUMP and DEL here and of RESTORE there, and O(N) for the transfer",
	Summary:    "Moves keys to another server.",
	Syntax: `host:string port:integer key_or_empty_string=(key|empty_string="") destination-db:integer ` +
		`timeout:integer [COPY]@3.0.0 [REPLACE]@3.0.0 ` +
		"authentication=[[AUTH password]@4.0.7|[AUTH2 (username password)]@6.0.0] [KEYS key#1...]@3.0.6",
	History: [][2]string{{"3.0.0", "`COPY` and `REPLACE`."}, {"3.0.6", "`KEYS`."}, {"4.0.7", "`AUTH`."},
		{"6.0.0", "`AUTH2`."}},
	Tips: []string{"nondeterministic_output"}, Run: migrate,
}}

const (
	errMigrateKeys = resp.Error(
		"ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
	errMigrateInExec   = resp.Error("ERR MIGRATE isn't allowed inside a transaction")
	errMigratesAlready = resp.Error("TRYAGAIN Another MIGRATE is moving the key")
)

// findMigrated finds the key, or those behind KEYS.
func findMigrated(args [][]byte) (found []int, err error) {
	for i := 6; i < len(args); i++ {
		switch {
		case isWord(args[i], "keys") && i+1 < len(args):
			if len(args[3]) > 0 {
				return nil, nil // MIGRATE will say what is wrong
			}
			for i++; i < len(args); i++ {
				found = append(found, i)
			}
			return found, nil
		case isWord(args[i], "auth"):
			i++
		case isWord(args[i], "auth2"):
			i += 2
		}
	}
	return []int{3}, nil
}

func migrate(c *Context, args [][]byte, w *resp.Writer) error {
	m := &migration{c: c, cmd: c.Cmd, db: c.DB.Index(), master: c.Engine.Master()}
	keys, err := m.parse(Copy(args)) // they are needed when the read buffer has moved on
	if err != nil {
		return err
	}
	if c.InExec || c.Apply {
		return errMigrateInExec // nothing waits for another server under the execution lock
	}
	var there [][]byte
	for _, key := range keys {
		if _, ok := c.Read(key); ok {
			there = append(there, key)
		}
	}
	if len(there) == 0 {
		w.Simple("NOKEY")
		return nil
	}
	if !m.copy {
		for _, key := range there {
			if c.departing[watchKey{m.db, string(key)}] != nil {
				return errMigratesAlready
			}
		}
	}
	for _, key := range there {
		if err := m.depart(&transfer.Key{Key: key, Replace: m.replace}); err != nil {
			m.abandon()
			return err
		}
	}
	c.startMigration(m)
	return nil
}

// parse reads the arguments, and answers the keys.
func (m *migration) parse(args [][]byte) (keys [][]byte, err error) {
	keys = args[3:4]
options:
	for i := 6; i < len(args); i++ {
		switch left := len(args) - 1 - i; {
		case isWord(args[i], "copy"):
			m.copy = true
		case isWord(args[i], "replace"):
			m.replace = true
		case isWord(args[i], "auth") && left >= 1:
			m.to.Auth = []any{args[i+1]}
			m.c.Redact(i + 1)
			i++
		case isWord(args[i], "auth2") && left >= 2:
			m.to.Auth = []any{args[i+1], args[i+2]}
			m.c.Redact(i + 1)
			m.c.Redact(i + 2)
			i += 2
		case isWord(args[i], "keys"):
			if len(args[3]) > 0 {
				return nil, errMigrateKeys
			}
			keys = args[i+1:]
			break options
		default:
			return nil, ErrSyntax
		}
	}
	timeout, err := intArgument(args[5])
	if err == nil {
		m.to.DB, err = intArgument(args[4])
	}
	if timeout <= 0 {
		timeout = 1000
	}
	m.to.Host, m.to.Port = string(args[1]), string(args[2])
	m.to.Timeout = time.Duration(min(timeout, int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
	return keys, err
}

// errMigratesOn says that a key would not stand still.
func errMigratesOn(key []byte) error {
	return resp.Error(fmt.Sprintf(
		"TRYAGAIN Key '%s' kept changing while it was sent: it stays here, and the target has an older copy", key))
}
