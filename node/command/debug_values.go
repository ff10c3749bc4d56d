package command

import (
	"fmt"
	"strings"

	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/listpack"
	"holdfast/node/persist"
	"holdfast/node/store"
	"holdfast/resp"
)

// debugReload saves the data and loads it again, so that tests see whether anything is lost on the way.
func debugReload(c *Context, args [][]byte, w *resp.Writer) error {
	var o persist.ReloadOptions
	for _, a := range args[2:] {
		switch {
		case isWord(a, "merge"):
			o.Merge = true
		case isWord(a, "noflush"):
			o.NoFlush = true
		case isWord(a, "nosave"):
			o.NoSave = true
		default:
			return resp.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
		}
	}
	if err := c.Persist.Reload(o); err != nil {
		return err
	}
	c.DB = c.Store.DB(c.S.DB)
	c.Logger.Warn("the data was reloaded by DEBUG RELOAD")
	w.OK()
	return nil
}

// debugObject describes a value. Where it lies in memory is nobody's business and changes: the address is always 0.
func debugObject(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := c.DB.Get(args[2])
	if !ok {
		return ErrNoSuchKey
	}
	length, err := c.serializedLength(it)
	if err != nil {
		return err
	}
	w.Simple(fmt.Sprintf("Value at:0x0 refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d%s",
		it.Encoding(), length, it.Access(), engine.IdleSeconds(it.Access(), c.Now), c.nodesOf(it)))
	return nil
}

// payloadFrame is what a payload has besides the value: its type, version and checksum.
const payloadFrame = 1 + 2 + 8

// serializedLength is how long a value is in a snapshot.
func (c *Context) serializedLength(it store.Item) (int, error) {
	p, err := c.payload(it)
	return len(p) - payloadFrame, err
}

// nodesOf describes the nodes of a list.
func (c *Context) nodesOf(it store.Item) string {
	if it.Type() != store.TypeList {
		return ""
	}
	nodes, bytes, compressed := 0, 0, 0
	it.ListNodes(func(b []byte, _ bool) bool {
		nodes++
		bytes += len(b)
		return true
	})
	if c.Config.Int("list-compress-depth") != 0 {
		compressed = 1
	}
	return fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:%d ql_uncompressed_size:%d",
		nodes, float64(it.Len())/float64(nodes), c.Config.Int("list-max-listpack-size"), compressed, bytes)
}

// debugListpack writes the elements of a listpack to the log.
func debugListpack(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := c.Find(args[2])
	if !ok {
		return ErrNoSuchKey
	}
	if enc := it.Encoding(); enc != store.EncListpack && enc != store.EncListpackEx {
		return resp.Error("ERR Not a listpack encoded object.")
	}
	c.Logger.Info("DEBUG LISTPACK", "bytes", len(it.Bytes()), "elements", describeListpack(it.Bytes()))
	w.Simple("Listpack structure written to the log")
	return nil
}

func debugQuicklist(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := c.Find(args[2])
	if !ok {
		return ErrNoSuchKey
	}
	if it.Encoding() != store.EncQuicklist {
		return resp.Error("ERR Not a quicklist encoded object.")
	}
	it.ListNodes(func(b []byte, plain bool) bool {
		text := fmt.Sprintf("%q", b)
		if !plain {
			text = describeListpack(b)
		}
		c.Logger.Info("DEBUG QUICKLIST", "plain", plain, "bytes", len(b), "elements", text)
		return true
	})
	w.Simple("Quicklist structure written to the log")
	return nil
}

// describedElements bounds what is written to the log.
const describedElements = 100

func describeListpack(lp []byte) string {
	var b strings.Builder
	n := 0
	for at := listpack.First(lp); at >= 0 && n < describedElements; at = listpack.Next(lp, at) {
		fmt.Fprintf(&b, "%q ", listpack.Get(lp, at, nil))
		n++
	}
	if n < listpack.Len(lp) {
		b.WriteString("...")
	}
	return strings.TrimSuffix(b.String(), " ")
}

// maxPackedThreshold is Redis's.
const maxPackedThreshold = 1<<32 - 1<<20

// debugPackedThreshold sets from which size on an element of a list is kept as it stands; 0 is the default.
func debugPackedThreshold(c *Context, args [][]byte, w *resp.Writer) error {
	n, ok := config.ParseMemory(cText(args[2]))
	if !ok || n > maxPackedThreshold {
		return resp.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
	}
	c.listPlain = int(n)
	c.Store.Limits = c.limits()
	w.OK()
	return nil
}

func debugChangeReplID(c *Context, _ [][]byte, w *resp.Writer) error {
	if err := c.Replication.ChangeReplicationID(); err != nil {
		return err
	}
	c.Logger.Warn("the replication id was changed by DEBUG CHANGE-REPL-ID")
	w.OK()
	return nil
}

// stringMatches is how many patterns debugStringMatch tries; Redis tries ten times as many.
const stringMatches = 1_000_000

// debugStringMatch has the matcher of patterns meet whatever bytes there are.
func debugStringMatch(c *Context, _ [][]byte, w *resp.Writer) error {
	var text, pattern [31]byte
	for range stringMatches {
		resp.Match(c.randomText(pattern[:]), c.randomText(text[:]), false)
	}
	w.Simple("Apparently Redis did not crash: test passed")
	return nil
}

// randomText fills a part of p with ASCII.
func (c *Context) randomText(p []byte) []byte {
	p = p[:c.Rand.IntN(len(p)+1)]
	for i := range p {
		p[i] = byte(c.Rand.IntN(128))
	}
	return p
}
