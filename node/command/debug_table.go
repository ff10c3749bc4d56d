package command

import (
	"fmt"
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

// debugHTStats describes the index of a database's keys. Times of expiry have no index of their own.
func debugHTStats(c *Context, args [][]byte, w *resp.Writer) error {
	i, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if i < 0 || i >= int64(c.Store.Databases()) {
		return resp.Error("ERR Out of range database")
	}
	db := c.Store.DB(int(i))
	w.Verbatim("txt", fmt.Sprintf("[Dictionary HT]\n%s[Expires HT]\n%d keys of the dictionary expire\n",
		describeTable(db.TableStats()), db.Expires()))
	return nil
}

// debugHTStatsKey describes the index of a collection.
func debugHTStatsKey(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := c.Find(args[2])
	if !ok {
		return ErrNoSuchKey
	}
	stats, ok := it.TableStats()
	if !ok {
		return resp.Error("ERR The value stored at the specified key is not represented using an hash table")
	}
	w.Verbatim("txt", describeTable(stats))
	return nil
}

// describeTable uses Redis's names for what is alike: a chain is a bucket with what overflows from it.
func describeTable(s store.TableStats) string {
	if s.Entries == 0 {
		return "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n"
	}
	used := s.Buckets - s.Lengths[0]
	var b strings.Builder
	fmt.Fprintf(&b, "Hash table 0 stats (main hash table):\n table size: %d\n number of elements: %d\n different "+
		"slots: %d\n"+
		" max chain length: %d\n avg chain length (counted): %.2f\n overflow buckets: %d\n Chain length "+
		"distribution:\n",
		s.Buckets, s.Entries, used, len(s.Lengths)-1, float64(s.Entries)/float64(used), s.Overflow)
	for n, buckets := range s.Lengths {
		if buckets > 0 {
			fmt.Fprintf(&b, "   %d: %d (%.2f%%)\n", n, buckets, float64(buckets)/float64(s.Buckets)*100)
		}
	}
	return b.String()
}
