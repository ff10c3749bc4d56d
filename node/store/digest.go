package store

import (
	"crypto/sha1"
	"encoding/binary"
)

// digest is a running value of Redis's DEBUG DIGEST, a hash of a data set that does not depend on the order of its
// keys.
type digest [sha1.Size]byte

// add mixes in data whose place among its siblings does not matter.
func (d *digest) add(data []byte) {
	for i, b := range sha1.Sum(data) {
		d[i] ^= b
	}
}

// chain mixes in data whose place matters.
func (d *digest) chain(data []byte) {
	d.add(data)
	*d = sha1.Sum(d[:])
}

// Digest returns what DEBUG DIGEST of Redis answers for the same data, also for keys that have expired but
// were not deleted. It reads everything.
func (s *Store) Digest() [20]byte {
	var total digest
	var number [4]byte
	for _, d := range s.dbs {
		if d.Len() == 0 {
			continue
		}
		binary.BigEndian.PutUint32(number[:], uint32(d.index))
		total.chain(number[:])
		d.Each(func(it Item) bool {
			one := it.digest()
			total.add(one[:])
			return true
		})
	}
	return total
}

// digest covers a key, its type and value, and whether, but not when, it expires.
func (it Item) digest() [sha1.Size]byte {
	var d digest
	d.chain(it.key)
	it.mixValue(&d)
	return d
}

// ValueDigest is a digest of all that but the key.
func (it Item) ValueDigest() [sha1.Size]byte {
	var d digest
	it.mixValue(&d)
	return d
}

func (it Item) mixValue(d *digest) {
	var typ [4]byte
	binary.BigEndian.PutUint32(typ[:], it.typ.inDigest())
	d.chain(typ[:])
	kinds[it.typ].digest(it, d)
	if it.expireAt >= 0 {
		d.add([]byte("!!expire!!"))
	}
}
