package resp

import "slices"

// groupCategories are the ACL categories that follow from a command's group. A group missing here implies none.
var groupCategories = map[string]Category{
	"string": CatString, "list": CatList, "set": CatSet, "sorted-set": CatSortedSet, "hash": CatHash,
	"bitmap": CatBitmap, "hyperloglog": CatHyperLogLog, "geo": CatGeo, "stream": CatStream,
	"transactions": CatTransaction, "scripting": CatScripting, "connection": CatConnection,
}

var groups = []string{
	"generic", "string", "list", "set", "sorted-set", "hash", "pubsub", "transactions", "connection", "server",
	"scripting", "hyperloglog", "cluster", "sentinel", "geo", "stream", "bitmap", "module",
}

func validGroup(group string) bool { return slices.Contains(groups, group) }

// groupCategory returns the ACL category a command's group implies. The generic commands work on keys, but those that
// declare to be about certain types of values (SORT) or about the connection (WAIT).
func groupCategory(group string, declared Category) Category {
	if group != "generic" {
		return groupCategories[group]
	}
	if declared&(CatSet|CatSortedSet|CatList|CatConnection) != 0 {
		return 0
	}
	return CatKeyspace
}

// flagCategories returns the ACL categories that follow from a command's flags; others are those it is in already.
func flagCategories(f Flag, others Category) (c Category) {
	for _, implied := range []struct {
		flag     Flag
		category Category
	}{
		{Write, CatWrite}, {ReadOnly, CatRead}, {Admin, CatAdmin | CatDangerous},
		{PubSub, CatPubSub}, {Fast, CatFast}, {Blocking, CatBlocking},
	} {
		if f&implied.flag != 0 {
			c |= implied.category
		}
	}
	if others&CatScripting != 0 {
		c &^= CatRead
	}
	if c&CatFast == 0 {
		c |= CatSlow
	}
	return c
}
