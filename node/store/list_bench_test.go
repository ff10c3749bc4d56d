package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// benchList is a list of n elements: of one length each, or of many.
func benchList(n int, mixed bool) (*DB, [][]byte) {
	db := New(1, rand.New(rand.NewPCG(1, 1))).DB(0)
	vals := make([][]byte, 1)
	for i := range n {
		vals[0] = fmt.Appendf(nil, "element:%08d", i)
		if mixed {
			vals[0] = vals[0][:8+i*7%9]
		}
		db.ListPush(listKey, vals, false)
	}
	return db, vals
}

// benchLists runs f on lists of a hundred thousand elements, of one length and of many.
func benchLists(b *testing.B, f func(b *testing.B, db *DB, vals [][]byte)) {
	for _, mixed := range []bool{false, true} {
		name := "same"
		if mixed {
			name = "mixed"
		}
		b.Run(name, func(b *testing.B) {
			db, vals := benchList(100_000, mixed)
			b.ReportAllocs()
			f(b, db, vals)
		})
	}
}

func BenchmarkListPushPop(b *testing.B) {
	for _, length := range []int{1, 10, 100, 400, 10000} {
		b.Run(strconv.Itoa(length), func(b *testing.B) {
			db, vals := benchList(length, false)
			for b.Loop() {
				db.ListPush(listKey, vals, true)
				db.ListDrop(listKey, 0, 1)
			}
		})
	}
}

// BenchmarkListGrow pushes an element at the front; every ten thousand are popped again.
func BenchmarkListGrow(b *testing.B) {
	benchLists(b, func(b *testing.B, db *DB, vals [][]byte) {
		for i := 0; b.Loop(); i++ {
			it, _ := db.Get(listKey)
			if i/10_000%2 == 0 {
				db.ListPushTo(&it, listKey, vals, true)
			} else {
				db.ListDropFrom(&it, listKey, 1, 0)
			}
		}
	})
}

// BenchmarkListRange reads a hundred elements from somewhere.
func BenchmarkListRange(b *testing.B) {
	benchLists(b, func(b *testing.B, db *DB, _ [][]byte) {
		it, _ := db.Get(listKey)
		size := 0
		for i := 0; b.Loop(); i++ {
			it.ListEach(i*7919%(it.ListLen()-100), 100, false, func(val []byte) bool { size += len(val); return true })
		}
	})
}

func BenchmarkListIndex(b *testing.B) {
	benchLists(b, func(b *testing.B, db *DB, _ [][]byte) {
		it, _ := db.Get(listKey)
		var number [20]byte
		for i := 0; b.Loop(); i++ {
			it.ListIndex(i*7919%it.ListLen(), number[:])
		}
	})
}

func BenchmarkListSet(b *testing.B) {
	benchLists(b, func(b *testing.B, db *DB, vals [][]byte) {
		for i := 0; b.Loop(); i++ {
			db.ListSet(listKey, i*7919%100_000, vals[0])
		}
	})
}
