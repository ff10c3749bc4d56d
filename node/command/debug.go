package command

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	"holdfast/node/store"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// debugRows is DEBUG.
var debugRows = []Command{{
	Name: "debug", Arity: -2, Flags: resp.Admin | resp.NoScript | always | resp.Protected, Group: "server",
	Since:      "1.0.0",
	Complexity: "that of the subcommand", Summary: "Helps to test the server.", SysCmd: true, Run: debugCommand,
}}

const errNoDebug = resp.Error(
	"ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", " +
		"you can run it from a local connection, otherwise you need to set this option in the configuration file, " +
		"and " +
		"then restart the server.")

// debugSub is a subcommand of DEBUG: they are no rows of the table, as in Redis.
type debugSub struct {
	name     string
	min, max int // arguments after the name; max -1: any number
	run      handler
}

var debugSubs = []debugSub{
	{"change-repl-id", 0, 0, debugChangeReplID},
	{"digest", 0, 0, debugDigest},
	{"digest-programs", 0, 0, debugDigestPrograms},
	{"digest-value", 0, -1, debugDigestValue},
	{"error", 1, 1, debugError},
	{"help", 0, 0, debugHelp},
	{"htstats", 1, 1, debugHTStats},
	{"htstats-key", 1, 1, debugHTStatsKey},
	{"listpack", 1, 1, debugListpack},
	{"loadaof", 0, 0, debugLoadAOF},
	{"log", 1, 1, debugLog},
	{"object", 1, 1, debugObject},
	{"pause-cron", 1, 1, debugPauseCron},
	{"populate", 1, 3, debugPopulate},
	{"protocol", 1, 1, debugProtocol},
	{"quicklist", 1, 2, debugQuicklist},
	{"quicklist-packed-threshold", 1, 1, debugPackedThreshold},
	{"reload", 0, -1, debugReload},
	{"replybuffer", 2, 2, debugReplyBuffer},
	{"set-active-expire", 1, 1, debugSetActiveExpire},
	{"set-disable-deny-scripts", 1, 1, debugDenyScripts},
	{"sleep", 1, 1, debugSleep},
	{"stringmatch-test", 0, 0, debugStringMatch},
}

func debugCommand(c *Context, args [][]byte, w *resp.Writer) error {
	for _, s := range debugSubs {
		if n := len(args) - 2; isWord(args[1], s.name) && n >= s.min && (n <= s.max || s.max < 0) {
			return s.run(c, args, w)
		}
	}
	return badSubcommand(args)
}

// debugSleep stops all clients of the server: that is what it is for. Everything that executes waits for the execution
// lock, which is held here on purpose.
func debugSleep(_ *Context, args [][]byte, w *resp.Writer) error {
	seconds, _ := strconv.ParseFloat(cText(args[2]), 64) // what is no number is no time
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	w.OK()
	return nil
}

func debugSetActiveExpire(c *Context, args [][]byte, w *resp.Writer) error {
	n, _ := strconv.Atoi(cText(args[2]))
	c.activeExpireOff = n == 0
	w.OK()
	return nil
}

func debugDenyScripts(c *Context, args [][]byte, w *resp.Writer) error {
	n, _ := strconv.Atoi(cText(args[2]))
	c.scripts.mayDebug = n != 0
	w.OK()
	return nil
}

func debugPauseCron(c *Context, args [][]byte, w *resp.Writer) error {
	n, _ := strconv.Atoi(cText(args[2]))
	c.cronPaused = n != 0
	w.OK()
	return nil
}

// debugReplyBuffer says how long a client must be idle for its reply buffer to shrink.
func debugReplyBuffer(c *Context, args [][]byte, w *resp.Writer) error {
	switch {
	case !isWord(args[2], "peak-reset-time"):
		return badSubcommand(args)
	case isWord(args[3], "never"):
		c.RepliesIdle = math.MaxInt64
	case isWord(args[3], "reset"):
		c.RepliesIdle = server.RepliesIdle
	default:
		ms, err := intArgument(args[3])
		if err != nil {
			return err
		}
		c.RepliesIdle = time.Duration(ms) * time.Millisecond
	}
	w.OK()
	return nil
}

func debugLog(c *Context, args [][]byte, w *resp.Writer) error {
	c.Logger.Warn("DEBUG LOG", "message", string(args[2]))
	w.OK()
	return nil
}

// debugError writes an error reply that is not counted, as in Redis.
func debugError(_ *Context, args [][]byte, w *resp.Writer) error {
	w.Error(resp.Error(args[2]))
	return nil
}

func debugDigest(c *Context, _ [][]byte, w *resp.Writer) error {
	sum := c.Store.Digest()
	w.Simple(hex.EncodeToString(sum[:]))
	return nil
}

// debugDigestPrograms answers a digest of the libraries of functions, and one of the scripts that are kept.
func debugDigestPrograms(c *Context, _ [][]byte, w *resp.Writer) error {
	libraries, scripts := c.Store.Programs.Digest()
	w.Array(2)
	w.BulkString(libraries)
	w.BulkString(scripts)
	return nil
}

// debugDigestValue answers for each key a digest of its value that doesn't depend on its name.
func debugDigestValue(c *Context, args [][]byte, w *resp.Writer) error {
	w.Array(len(args) - 2)
	for _, key := range args[2:] {
		var sum [sha1.Size]byte
		if it, ok := c.DB.Get(key); ok {
			sum = it.ValueDigest()
		}
		w.Simple(hex.EncodeToString(sum[:]))
	}
	return nil
}

// debugPopulate makes keys, without telling replicas, as it is meant for a server on its own.
func debugPopulate(c *Context, args [][]byte, w *resp.Writer) error {
	prefix, size := "key", int64(0)
	count, err := positive(args[2])
	if err != nil {
		return err
	}
	if len(args) > 3 {
		prefix = string(args[3])
	}
	if len(args) > 4 {
		if size, err = positive(args[4]); err != nil {
			return err
		}
	}
	for i := range count {
		key := []byte(prefix + ":" + itoa(i))
		if _, ok := c.Find(key); ok {
			continue
		}
		value := []byte("value:" + itoa(i))
		if size > 0 {
			fixed := make([]byte, size)
			copy(fixed, value)
			value = fixed
		}
		c.DB.SetString(key, value, store.TryEncode(value), store.NoExpiry)
	}
	w.OK()
	return nil
}

func positive(arg []byte) (int64, error) {
	n, ok := resp.ParseInt(arg)
	if !ok {
		return 0, ErrNotInteger
	}
	if n < 0 {
		return 0, resp.Error("ERR value is out of range, must be positive")
	}
	return n, nil
}

func debugProtocol(_ *Context, args [][]byte, w *resp.Writer) error {
	switch kind := args[2]; {
	case isWord(kind, "string"):
		w.BulkString("Hello World")
	case isWord(kind, "integer"):
		w.Int(12345)
	case isWord(kind, "double"):
		w.Double(3.141)
	case isWord(kind, "bignum"):
		w.BigNumber("1234567999999999999999999999999999999")
	case isWord(kind, "null"):
		w.Null()
	case isWord(kind, "array"):
		w.Array(3)
		for i := range 3 {
			w.Int(int64(i))
		}
	case isWord(kind, "set"):
		w.Set(3)
		for i := range 3 {
			w.Int(int64(i))
		}
	case isWord(kind, "map"):
		w.Map(3)
		for i := range 3 {
			w.Int(int64(i))
			w.Bool(i == 1)
		}
	case isWord(kind, "attrib"):
		if w.Proto == 3 {
			w.Attr(1)
			w.BulkString("key-popularity")
			w.Array(2)
			w.BulkString("key:123")
			w.Int(90)
		}
		w.BulkString("Some real reply following the attribute")
	case isWord(kind, "push"):
		if w.Proto != 3 {
			return resp.Error("ERR RESP2 is not supported by this command")
		}
		w.Push(2)
		w.BulkString("server-cpu-usage")
		w.Int(42)
		w.BulkString("Some real reply following the push reply")
	case isWord(kind, "true"), isWord(kind, "false"):
		w.Bool(isWord(kind, "true"))
	case isWord(kind, "verbatim"):
		w.Verbatim("txt", "This is a verbatim\nstring")
	default:
		return resp.Error("ERR Wrong protocol type name. Please use one of the following: " +
			"string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
	}
	return nil
}

func debugHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "DEBUG",
		"CHANGE-REPL-ID",
		"    Give the log another replication id.",
		"DIGEST",
		"    Answer a digest of the whole data set.",
		"DIGEST-PROGRAMS",
		"    Output a digest of the libraries of functions, and one of the scripts that are known after a failover.",
		"DIGEST-VALUE <key> [<key> ...]",
		"    Answer a digest of each key's value.",
		"ERROR <text>",
		"    Answer <text> as an error.",
		"HTSTATS <db>",
		"    Describe the index of a database's keys.",
		"HTSTATS-KEY <key>",
		"    Describe the index of a collection.",
		"LISTPACK <key>",
		"    Write the elements of a listpack to the log.",
		"LOADAOF",
		"    Replace the data by what is in the log on disk.",
		"LOG <message>",
		"    Write <message> to the log.",
		"OBJECT <key>",
		"    Describe how a key's value is kept.",
		"PAUSE-CRON <0|1>",
		"    Let what happens by the clock go on, or stop it.",
		"POPULATE <count> [<prefix>] [<size>]",
		"    Make <count> keys called <prefix>:<number>. Replicas don't get them.",
		"PROTOCOL <type>",
		"    Answer a value of a type: string, integer, double, bignum, null, array, set, map,",
		"    attrib, push, verbatim, true, false.",
		"QUICKLIST <key>",
		"    Write the nodes of a list to the log.",
		"QUICKLIST-PACKED-THRESHOLD <size>",
		"    Keep elements of lists from that size on as they stand; 0 is the default, 1gb.",
		"RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
		"    Save the data to dump.rdb and load them again. MERGE lets keys of the dump replace",
		"    present ones, NOFLUSH leaves what is in memory, NOSAVE loads an old dump.",
		"REPLYBUFFER PEAK-RESET-TIME (NEVER|RESET|<milliseconds>)",
		"    Say how long a client must be idle for its reply buffer to shrink.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Switch the deletion of expired keys that nobody asks for off or on.",
		"SET-DISABLE-DENY-SCRIPTS <0|1>",
		"    Let scripts run DEBUG PROTOCOL and DEBUG SLEEP, or not.",
		"SLEEP <seconds>",
		"    Stop the whole server for a while.",
		"STRINGMATCH-TEST",
		"    Match many random patterns with random texts.",
	)
	return nil
}

// debugLoadAOF parks the client while the data is replaced by the log on disk.
func debugLoadAOF(c *Context, _ [][]byte, _ *resp.Writer) error {
	e, s, block := c.Env, c.S, &session.Block{Kind: "debug"}
	err := c.Persist.ReloadLog(c.Replication.Unlink, func(err error) {
		if s.Blocked() != block {
			return
		}
		e.endWait(s, func(w *resp.Writer) {
			if err != nil {
				w.Error(fmt.Errorf("Error trying to load the AOF files, check server logs: %w", err))
				return
			}
			w.OK()
		})
	})
	if err != nil {
		return err
	}
	c.Park(s, block, 0)
	return nil
}
