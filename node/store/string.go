package store

// stringKind: a string is its bytes, in one piece whatever its size.
var stringKind = kind{
	name:   "string",
	len:    func(Item) int { return 0 },
	digest: func(it Item, d *digest) { d.chain(it.val) },
	check:  func(Item) error { return nil },
}

// embstrLimit is the longest string Redis keeps in one allocation with its object header.
const embstrLimit = 44

// TryEncode returns the encoding that Redis gives to a freshly set string: int when the text is
// exactly how a signed 64-bit integer prints, embstr when it is short, raw otherwise.
func TryEncode(val []byte) Encoding {
	if isCanonicalInt(val) {
		return EncInt
	}
	if len(val) <= embstrLimit {
		return EncEmbstr
	}
	return EncRaw
}

// isCanonicalInt reports whether val is what strconv.FormatInt prints for some int64.
func isCanonicalInt(val []byte) bool {
	digits := val
	negative := len(val) > 0 && val[0] == '-'
	if negative {
		digits = val[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return false
	}
	if digits[0] == '0' {
		return len(val) == 1
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + uint64(c-'0')
	}
	if negative {
		return n <= 1<<63
	}
	return n < 1<<63
}
