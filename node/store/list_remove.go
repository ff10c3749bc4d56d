package store

import (
	"bytes"
	"strconv"

	"holdfast/node/listpack"
)

// remove takes out up to n elements equal to val, in the direction; 0 is all of them. It returns how many there were.
func (l *list) remove(val []byte, n int, backwards bool) (removed int) {
	want := matching(val)
	i := 0
	if backwards {
		i = l.nodes.len() - 1
	}
	for i >= 0 && i < l.nodes.len() && (n == 0 || removed < n) {
		gone := l.removeInNode(i, &want, n-removed, backwards)
		removed += gone
		if dropped := gone > 0 && l.nodes.at(i).count == 0; dropped {
			l.removeNodes(i, i+1)
			if backwards {
				i--
			}
			continue
		}
		if gone > 0 && i > 0 && !backwards {
			before := l.nodes.len()
			l.merge(i)
			i -= before - l.nodes.len()
		} else if gone > 0 && backwards && i+1 < l.nodes.len() {
			l.merge(i + 1)
		}
		if backwards {
			i--
		} else {
			i++
		}
	}
	return removed
}

// removeInNode takes out up to n elements of one node, all if n is not positive. It may leave an empty node.
func (l *list) removeInNode(i int, want *match, n int, backwards bool) (removed int) {
	node, matches := l.nodes.at(i), 0
	for at := node.end(false); at >= 0; at = node.step(at, false) {
		if want.equals(node, at) {
			matches++
		}
	}
	if matches == 0 {
		return 0
	}
	from, to := 0, matches // which of them go
	if n > 0 && n < matches {
		if to = n; backwards {
			from, to = matches-n, matches
		}
	}
	seen := 0
	rest := l.own(i).deleteFunc(func(at int) bool {
		if !want.equals(node, at) {
			return false
		}
		seen++
		return seen > from && seen <= to
	})
	if l.changed(i, rest, int(node.count)-(to-from)); node.count > 0 {
		l.shrunk(i)
	}
	return to - from
}

// match is an element looked for.
type match struct {
	text  []byte
	n     int64
	isInt bool
}

func matching(val []byte) match {
	m := match{text: val, isInt: isCanonicalInt(val)}
	if m.isInt {
		m.n, _ = strconv.ParseInt(string(val), 10, 64)
	}
	return m
}

// equals compares with the element of a node at an offset.
func (m *match) equals(n *listNode, at int) bool {
	if n.kind != listpackNode {
		return bytes.Equal(n.get(at, nil), m.text)
	}
	s, i := listpack.Read(n.bytes(), at)
	if s == nil {
		return m.isInt && i == m.n
	}
	return bytes.Equal(s, m.text)
}

// is compares with the element at a place.
func (m *match) is(l *list, p listPlace) bool { return m.equals(l.nodes.at(p.node), p.at) }
