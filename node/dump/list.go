package dump

import (
	"holdfast/node/rdb"
	"holdfast/node/store"
)

var listForm = form{codes: []byte{rdb.TypeList}, save: saveList, frozen: frozenList, load: loadList}

func saveList(e rdb.Entry, it store.Item) rdb.Entry {
	e.Type, e.Len = rdb.TypeList, it.ListNodeCount()
	e.Elements = func(yield func(rdb.Element) bool) {
		it.ListNodes(func(b []byte, plain bool) bool { return yield(rdb.Element{Value: b, Packed: !plain}) })
	}
	return e
}

func frozenList(e rdb.Entry, f *store.Frozen) rdb.Entry {
	e.Type, e.Len = rdb.TypeList, f.NodeCount()
	e.Elements = func(yield func(rdb.Element) bool) {
		f.Nodes(func(b []byte, plain bool) bool { return yield(rdb.Element{Value: b, Packed: !plain}) })
	}
	return e
}

func loadList(s *store.Store, db *store.DB, e rdb.Entry) error {
	b := s.NewList()
	came := 0
	for node := range e.Elements {
		came++
		if !node.Packed {
			b.Add(node.Value)
			continue
		}
		b.AddPacked(node.Value)
	}
	if err := whole(e, came); err != nil {
		return err
	}
	if b.Len() == 0 {
		return rdb.ErrEmpty
	}
	db.ListStore(e.Key, b)
	return nil
}
