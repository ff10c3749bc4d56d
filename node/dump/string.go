package dump

import (
	"holdfast/node/rdb"
	"holdfast/node/store"
)

// A string is in one piece whatever its size: entry and frozen value have it already.
var stringForm = form{
	codes:  []byte{rdb.TypeString},
	save:   func(e rdb.Entry, _ store.Item) rdb.Entry { return e },
	frozen: func(e rdb.Entry, _ *store.Frozen) rdb.Entry { return e },
	load:   loadString,
}

// loadString sets the time of expiry with the value.
func loadString(_ *store.Store, db *store.DB, e rdb.Entry) error {
	db.SetString(e.Key, e.Value, store.TryEncode(e.Value), e.ExpireAt)
	return nil
}
