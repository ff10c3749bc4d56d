package lua

import "strings"

const (
	maxCaptures     = 32
	captureOpen     = -1
	capturePosition = -2
	maxMatchDepth   = 5000 // nested items of a pattern that is being matched
	matchSteps      = 64   // comparisons that cost as much as one step of a script
	maxUnspent      = 1 << 16
)

// matcher matches Lua patterns. It recurs once for each item of the pattern that may be given another length, never
// for the bytes of the subject. A pattern ends at a zero byte, as in the original.
type matcher struct {
	l        *State
	src      string
	pattern  string
	level    int // captures begun
	depth    int
	work     int
	captures [maxCaptures]struct{ at, size int }
}

// begin prepares for matching s, and says whether the pattern is anchored.
func (m *matcher) begin(l *State, s, p string) (anchor bool) {
	m.l, m.src, m.pattern = l, s, p
	m.work = len(p) >> 4
	if i := strings.IndexByte(p, 0); i >= 0 {
		m.pattern = p[:i]
	}
	if m.pattern != "" && m.pattern[0] == '^' {
		m.pattern = m.pattern[1:]
		return true
	}
	return false
}

// finish lets the step budget know what the matching cost.
func (m *matcher) finish() {
	if m.work >= matchSteps {
		m.l.Steps(m.work / matchSteps)
		m.work = 0
	}
}

// spend counts comparisons, so that a pattern that never ends is ended by the hook. Whatever is done over and over
// comes here: also each step of a pattern, and each look at a long set.
func (m *matcher) spend(n int) {
	m.work += n
	if m.work > maxUnspent {
		m.finish()
	}
}

// at is a byte of the pattern; 0 after its end.
func (m *matcher) at(p int) byte {
	if p < len(m.pattern) {
		return m.pattern[p]
	}
	return 0
}

// longSet is how many bytes a set may have to cost no more than one byte.
const longSet = 32

// classEnd is where the single-character class at p ends.
func (m *matcher) classEnd(p int) int {
	start := p
	c := m.pattern[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pattern) {
			m.l.Errorf("malformed pattern (ends with '%%')")
		}
		return p + 1
	case '[':
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p >= len(m.pattern) {
				m.l.Errorf("malformed pattern (missing ']')")
			}
			c := m.pattern[p]
			p++
			if c == '%' && p < len(m.pattern) {
				p++
			}
		}
		if n := p - start; n > longSet {
			m.spend(n)
		}
		return p + 1
	}
	return p
}

// Bits of charClass.
const (
	clAlpha = 1 << iota
	clControl
	clDigit
	clLower
	clPunct
	clSpace
	clUpper
	clHex
)

var charClass = func() (t [256]uint8) {
	for c := range 128 {
		switch {
		case 'a' <= c && c <= 'z':
			t[c] |= clAlpha | clLower
		case 'A' <= c && c <= 'Z':
			t[c] |= clAlpha | clUpper
		case '0' <= c && c <= '9':
			t[c] |= clDigit | clHex
		case c > 32 && c < 127:
			t[c] |= clPunct
		case c != 32:
			t[c] |= clControl
		}
		if 'a' <= c|32 && c|32 <= 'f' && c >= 'A' {
			t[c] |= clHex
		}
		if isSpace(c) {
			t[c] |= clSpace
		}
	}
	return t
}()

func matchClass(c, class byte) bool {
	var bit uint8
	switch class | 0x20 {
	case 'a':
		bit = clAlpha
	case 'c':
		bit = clControl
	case 'd':
		bit = clDigit
	case 'l':
		bit = clLower
	case 'p':
		bit = clPunct
	case 's':
		bit = clSpace
	case 'u':
		bit = clUpper
	case 'w':
		bit = clAlpha | clDigit
	case 'x':
		bit = clHex
	case 'z':
		if !isAlpha(int(class)) {
			return class == c
		}
		return (c == 0) == (class == 'z')
	default:
		return class == c
	}
	if !isAlpha(int(class)) {
		return class == c
	}
	return (charClass[c]&bit != 0) == (class >= 'a')
}

// matchSet matches a byte with the set from the [ at p to the ] at end.
func (m *matcher) matchSet(c byte, p, end int) bool {
	if n := end - p; n > longSet {
		m.spend(n >> 1)
	}
	positive := true
	if m.at(p+1) == '^' {
		positive = false
		p++
	}
	set := m.pattern
	for p++; p < end; p++ {
		switch {
		case set[p] == '%':
			p++
			if matchClass(c, set[p]) {
				return positive
			}
		case p+2 < end && set[p+1] == '-':
			p += 2
			if set[p-2] <= c && c <= set[p] {
				return positive
			}
		case set[p] == c:
			return positive
		}
	}
	return !positive
}

// single matches a byte with the class from p to end.
func (m *matcher) single(c byte, p, end int) bool {
	switch m.pattern[p] {
	case '.':
		return true
	case '%':
		return matchClass(c, m.pattern[p+1])
	case '[':
		return m.matchSet(c, p, end-1)
	}
	return m.pattern[p] == c
}

// match matches the pattern from p on with the subject from s on. It returns where the match ends, -1 for none.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxMatchDepth {
		m.l.Errorf("pattern too complex")
	}
	r := m.matchHere(s, p)
	m.depth--
	return r
}

func (m *matcher) matchHere(s, p int) int {
	for {
		if m.work++; m.work > maxUnspent {
			m.finish()
		}
		if p >= len(m.pattern) {
			return s
		}
		switch c := m.pattern[p]; {
		case c == '(':
			if m.at(p+1) == ')' {
				return m.startCapture(s, p+2, capturePosition)
			}
			return m.startCapture(s, p+1, captureOpen)
		case c == ')':
			return m.endCapture(s, p+1)
		case c == '$' && p+1 == len(m.pattern):
			if s == len(m.src) {
				return s
			}
			return -1
		case c == '%':
			switch next := m.at(p + 1); {
			case next == 'b':
				if s = m.matchBalance(s, p+2); s < 0 {
					return -1
				}
				p += 4
				continue
			case next == 'f':
				end := m.frontier(s, p+2)
				if end < 0 {
					return -1
				}
				p = end
				continue
			case isDigit(int(next)):
				if s = m.matchCapture(s, next); s < 0 {
					return -1
				}
				p += 2
				continue
			}
		}
		end := m.classEnd(p)
		ok := s < len(m.src) && m.single(m.src[s], p, end)
		switch m.at(end) {
		case '?':
			if ok {
				if r := m.match(s+1, end+1); r >= 0 {
					return r
				}
			}
			p = end + 1
		case '*':
			return m.maxExpand(s, p, end)
		case '+':
			if !ok {
				return -1
			}
			return m.maxExpand(s+1, p, end)
		case '-':
			return m.minExpand(s, p, end)
		default:
			if !ok {
				return -1
			}
			s++
			p = end
		}
	}
}

func (m *matcher) maxExpand(s, p, end int) int {
	i := 0
	switch m.pattern[p] {
	case '.':
		i = len(m.src) - s
	default:
		for s+i < len(m.src) && m.single(m.src[s+i], p, end) {
			if i++; i&0xffff == 0 {
				m.spend(1 << 16)
			}
		}
	}
	m.spend(i & 0xffff)
	if end+1 >= len(m.pattern) {
		return s + i
	}
	for ; i >= 0; i-- {
		if r := m.match(s+i, end+1); r >= 0 {
			return r
		}
		m.spend(1)
	}
	return -1
}

func (m *matcher) minExpand(s, p, end int) int {
	for {
		if r := m.match(s, end+1); r >= 0 {
			return r
		}
		if s >= len(m.src) || !m.single(m.src[s], p, end) {
			return -1
		}
		s++
		m.spend(1)
	}
}

func (m *matcher) matchBalance(s, p int) int {
	if p+1 >= len(m.pattern) {
		m.l.Errorf("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pattern[p] {
		return -1
	}
	opens, closes := m.pattern[p], m.pattern[p+1]
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		switch m.src[i] {
		case closes:
			if depth--; depth == 0 {
				m.spend(i - s)
				return i + 1
			}
		case opens:
			depth++
		}
	}
	m.spend(len(m.src) - s)
	return -1
}

// frontier is where the pattern goes on when s is at the border of the set at p; -1 when it is not.
func (m *matcher) frontier(s, p int) int {
	if m.at(p) != '[' {
		m.l.Errorf("missing '[' after '%%f' in pattern")
	}
	end := m.classEnd(p)
	var before, here byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		here = m.src[s]
	}
	if m.matchSet(before, p, end-1) || !m.matchSet(here, p, end-1) {
		return -1
	}
	return end
}

func (m *matcher) startCapture(s, p, what int) int {
	if m.level >= maxCaptures {
		m.l.Errorf("too many captures")
	}
	m.captures[m.level].at = s
	m.captures[m.level].size = what
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) endCapture(s, p int) int {
	i := m.level - 1
	for ; i >= 0; i-- {
		if m.captures[i].size == captureOpen {
			break
		}
	}
	if i < 0 {
		m.l.Errorf("invalid pattern capture")
	}
	m.captures[i].size = s - m.captures[i].at
	r := m.match(s, p)
	if r < 0 {
		m.captures[i].size = captureOpen
	}
	return r
}

func (m *matcher) matchCapture(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].size == captureOpen {
		m.l.Errorf("invalid capture index")
	}
	c := m.captures[i]
	if c.size < 0 {
		return -1 // a position never equals what is there
	}
	m.spend(c.size)
	if len(m.src)-s >= c.size && m.src[c.at:c.at+c.size] == m.src[s:s+c.size] {
		return s + c.size
	}
	return -1
}

// capture is the i-th captured value; the whole match when there are none.
func (m *matcher) capture(i, at, end int) Value {
	if i >= m.level {
		if i != 0 {
			m.l.Errorf("invalid capture index")
		}
		return m.l.newString(m.src[at:end])
	}
	c := m.captures[i]
	switch c.size {
	case captureOpen:
		m.l.Errorf("unfinished capture")
	case capturePosition:
		return Number(float64(c.at + 1))
	}
	return m.l.newString(m.src[c.at : c.at+c.size])
}

func (m *matcher) pushCapture(i, at, end int) { m.l.Push(m.capture(i, at, end)) }

// pushCaptures pushes all captures, or the whole match when there are none and at is not below 0.
func (m *matcher) pushCaptures(at, end int) int {
	n := m.level
	if n == 0 && at >= 0 {
		n = 1
	}
	m.l.CheckStack(n, "too many captures")
	for i := range n {
		m.pushCapture(i, at, end)
	}
	return n
}
