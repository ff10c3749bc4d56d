package listpack

import "slices"

// AppendRow puts the elements of a row at the end: they are of one width, and stand there one after the other with
// nothing between them.
func AppendRow(lp, row []byte, width int) []byte {
	at, more := len(lp)-1, len(row)/width
	size := stringHead(width) + width
	size += backSize(size) // of an integer it is less
	lp = slices.Grow(lp, more*size)
	lp = lp[:cap(lp)]
	for ; len(row) > 0; row = row[width:] {
		val := row[:width]
		if first := val[0]; width >= 1<<6 || first == '-' || first-'0' <= 9 {
			s := shapeOf(val)
			s.put(lp[at:], val)
			at += s.size + backSize(s.size)
			continue
		}
		if width <= 16 && len(row) >= 16 && at+17 <= len(lp) { // what is too much is written over
			*(*[16]byte)(lp[at+1:]) = *(*[16]byte)(row)
		} else {
			copy(lp[at+1:], val)
		}
		lp[at], lp[at+size-1] = tagStr6|byte(width), byte(width+1)
		at += size
	}
	lp[at] = tagEnd
	lp = lp[:at+1]
	settle(lp, more)
	return lp
}

// RowOf makes a row of the elements of a listpack, and tells how many they are. The row is nil if they are not all
// strings of one width, or are none.
func RowOf(lp []byte) (row []byte, count int) {
	first := First(lp)
	if first < 0 {
		return nil, 0
	}
	s, _ := Read(lp, first)
	width, count := len(s), Len(lp)
	if width == 0 || len(lp) != emptyLen+count*(skip(lp, first)-first) {
		return nil, 0
	}
	row = make([]byte, 0, count*width)
	if width < 1<<6 { // what nearly all are
		return shortRow(row, lp[first:len(lp)-1], width), count
	}
	for at := first; at >= 0; at = Next(lp, at) {
		s, _ := Read(lp, at)
		if len(s) != width {
			return nil, 0
		}
		row = append(row, s...)
	}
	return row, count
}

// shortRow puts into row what elements are, if all of them are strings of a width below 64.
func shortRow(row, elements []byte, width int) []byte {
	row = row[:cap(row)]
	n, size, head := 0, width+2, tagStr6|byte(width)
	for ; len(elements) >= size; elements = elements[size:] {
		if elements[0] != head {
			return nil
		}
		if len(elements) > 16 && n+16 <= len(row) && width <= 16 { // what is too much is written over
			*(*[16]byte)(row[n:]) = *(*[16]byte)(elements[1:])
		} else {
			copy(row[n:n+width], elements[1:])
		}
		n += width
	}
	return row[:n]
}
