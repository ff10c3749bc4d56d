package resp

// Match says whether s matches a Redis glob pattern: * ? [abc] [^a-z] and \ to take a byte literally. It takes at most
// len(pattern)*len(s) steps. Two habits of Redis are kept: only the empty pattern matches an empty s, and ranges
// compare signed bytes.
func Match(pattern, s []byte, nocase bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	star, retry := -1, 0 // the last *, and where in s the text after it was tried last
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			for p < len(pattern) && pattern[p] == '*' {
				p++
			}
			if p == len(pattern) {
				return true
			}
			star, retry = p, i
			continue
		}
		if p < len(pattern) {
			if width, ok := matchOne(pattern[p:], s[i], nocase); ok {
				p += width
				i++
				continue
			}
		}
		// Let the last * swallow one byte more. An earlier * never needs to be reconsidered: whatever a longer match of
		// it leaves for the rest, the last * can skip as well.
		if star < 0 {
			return false
		}
		retry++
		p, i = star, retry
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches c against the element p begins with, which is not a *, and returns the element's width.
func matchOne(p []byte, c byte, nocase bool) (width int, ok bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(p, c, nocase)
	case '\\':
		if len(p) >= 2 {
			return 2, sameByte(p[1], c, nocase)
		}
	}
	return 1, sameByte(p[0], c, nocase)
}

// matchClass matches c against the [...] that p begins with. A class without its ] reaches to the end of the pattern.
func matchClass(p []byte, c byte, nocase bool) (width int, ok bool) {
	i := 1
	not := i < len(p) && p[i] == '^'
	if not {
		i++
	}
	match := false
	for ; i < len(p) && p[i] != ']'; i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			match = match || p[i] == c
		case i+2 < len(p) && p[i+1] == '-':
			match = match || inRange(p[i], p[i+2], c, nocase)
			i += 2
		default:
			match = match || sameByte(p[i], c, nocase)
		}
	}
	return min(i+1, len(p)), match != not
}

func inRange(from, to, c byte, nocase bool) bool {
	low, high, b := int8(from), int8(to), int8(c)
	if low > high {
		low, high = high, low
	}
	if nocase {
		low, high, b = int8(lower(byte(low))), int8(lower(byte(high))), int8(lower(c))
	}
	return b >= low && b <= high
}

func sameByte(a, b byte, nocase bool) bool { return a == b || nocase && lower(a) == lower(b) }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
