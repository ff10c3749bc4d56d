package resp

const (
	readSize   = 16 << 10  // free space offered when the caller does not ask for more
	keepSize   = 64 << 10  // a buffer of this size is never given back
	burstSize  = 256 << 10 // a larger one is given back as soon as it is empty
	keepArgs   = 4 << 10   // arguments: more than a full buffer has, unless they are tiny
	shrinkTurn = 128       // how many times a buffer in between must go mostly unused before it is given back
)

// Space returns free space at the end of the buffer to read into: at least room bytes, 16 KiB when room is 0. It may move
// the buffer, so it ends the life of all arguments handed out before.
func (p *Parser) Space(room int) []byte {
	if room <= 0 {
		room = readSize
	}
	p.rawAt, p.rawEnd = 0, 0
	p.dropArgs()
	if p.start == p.end {
		p.shrink()
		p.start, p.pos, p.end = 0, 0, 0
	}
	if len(p.buf)-p.end < room {
		p.makeRoom(room)
	}
	return p.buf[p.end:]
}

// Free returns how much of the buffer holds nothing.
func (p *Parser) Free() int { return len(p.buf) - (p.end - p.start) }

// Release gives the buffer back if nothing is in it; the next Space makes a new one.
func (p *Parser) Release() bool {
	if p.start != p.end {
		return false
	}
	p.buf, p.args = nil, nil
	p.start, p.pos, p.end, p.first, p.rawAt, p.rawEnd = 0, 0, 0, 0, 0, 0
	p.idle, p.peak = 0, 0
	return true
}

// Fill says that n bytes were written into the slice Space returned.
func (p *Parser) Fill(n int) {
	if n < 0 || n > len(p.buf)-p.end {
		panic("resp: Fill beyond Space")
	}
	p.end += n
	p.peak = max(p.peak, p.end)
}

// dropArgs forgets the arguments handed out and keeps those of the command in progress.
func (p *Parser) dropArgs() {
	if p.first > 0 {
		n := copy(p.args, p.args[p.first:])
		p.args, p.first = p.args[:n], 0
	}
	if len(p.args) == 0 && cap(p.args) > keepArgs {
		p.args = nil
	}
}

// makeRoom moves the command in progress to the front of the buffer, and into a larger buffer when that is not enough.
// A buffer at least doubles when it grows, so bytes are copied a bounded number of times, unless it is known that the
// command needs less: an argument of a known length gets no more than it needs.
func (p *Parser) makeRoom(room int) {
	used := p.end - p.start
	buf := p.buf
	if len(buf)-used < room {
		size := max(2*len(buf), used+room, readSize)
		if p.begun && p.known && p.left == 1 {
			whole := p.pos - p.start + p.bulk + 2
			size = max(min(size, whole), used+room)
		}
		buf = make([]byte, size)
	}
	copy(buf, p.buf[p.start:p.end])
	p.buf = buf
	p.start, p.end = 0, used
	// Parse the command again: its arguments point to where it was.
	p.args = p.args[:p.first]
	p.pos, p.begun = 0, false
}

// shrink gives back a buffer that a large command or pipeline left behind. It is called when the buffer is empty.
func (p *Parser) shrink() {
	if len(p.buf) <= keepSize {
		return
	}
	if len(p.buf) > burstSize {
		p.buf, p.idle, p.peak = nil, 0, 0
		return
	}
	if p.idle++; p.idle < shrinkTurn {
		return
	}
	if p.peak < len(p.buf)/4 {
		p.buf = nil
	}
	p.idle, p.peak = 0, 0
}
