package resp

import "holdfast/internal/bulk"

const (
	readSize      = 16 << 10  // free space offered when the caller does not ask for more
	keepSize      = 64 << 10  // a buffer of this size is never given back
	burstSize     = 256 << 10 // a larger one is given back as soon as it is empty
	keepArgs      = 4 << 10   // arguments: more than a full buffer has, unless they are tiny
	trustedGrowth = 16        // by how much a buffer may grow for an argument of which only the length has come
	shrinkTurn    = 128       // how many times a buffer in between must go mostly unused before it is given back
)

// Space returns free space at the end of the buffer to read into: at least room bytes, 16 KiB when room is 0, or as
// many as a command with a long last argument lacks, if these are less. It may move the buffer, so it ends the life of
// all arguments handed out before.
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
	if p.begun && p.known && p.left == 1 && p.bulk >= keepSize {
		room = min(room, p.pos+p.bulk+2-p.end) // a long argument is not copied for what may come behind it
	}
	if len(p.buf)-p.end < room {
		p.makeRoom(room)
	}
	return p.buf[p.end:]
}

// Free returns how much of the buffer holds nothing.
func (p *Parser) Free() int {
	if p.given {
		return 0
	}
	return len(p.buf) - (p.end - p.start)
}

// Give gives an argument of the command handed out last to the caller for good, if nearly all of the buffer is that
// argument and the buffer would be given back anyway: a large value need not be copied.
func (p *Parser) Give(arg []byte) bool {
	if p.start != p.end || len(p.buf) <= burstSize || len(arg) < len(p.buf)-len(p.buf)/8 {
		return false
	}
	for _, s := range p.spans {
		if at := p.rawAt + s.from; s.to-s.from == len(arg) && at < p.rawEnd && &p.buf[at] == &arg[0] {
			p.given = true
			return true
		}
	}
	return false
}

// Release gives the buffer back if nothing is in it; the next Space makes a new one.
func (p *Parser) Release() bool {
	if p.start != p.end {
		return false
	}
	p.buf, p.args, p.spans, p.given = nil, nil, nil, false
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

// dropArgs forgets the arguments handed out.
func (p *Parser) dropArgs() {
	p.args, p.first = p.args[:0], 0
	if cap(p.args) > keepArgs {
		p.args = nil
	}
}

// makeRoom moves the command in progress to the front of the buffer, and into a larger buffer when that is not enough.
// A buffer at least doubles when it grows, so bytes are copied a bounded number of times, unless it is known what the
// command needs: an argument of a known length gets that, but no more than sixteen times as much as has been received,
// as a length may be a lie.
func (p *Parser) makeRoom(room int) {
	used := p.end - p.start
	buf := p.buf
	if len(buf)-used < room {
		size := max(2*len(buf), used+room, readSize)
		// Of what came since a look at it nothing is known: it may be many commands more.
		if whole := p.pos - p.start + p.bulk + 2; p.begun && p.known && whole > used {
			if p.left > 1 {
				whole += readSize // mostly there is little behind a long one
			}
			if whole > trustedGrowth*used {
				size = max(used+room, min(whole/trustedGrowth+2*room, trustedGrowth/2*used))
			} else if p.left == 1 || whole > size {
				size = max(whole, used+room)
			}
		}
		buf = make([]byte, size)
	}
	bulk.Copy(buf, p.buf[p.start:p.end])
	p.buf = buf
	p.pos = max(p.pos-p.start, 0)
	p.start, p.end = 0, used
}

// shrink gives back a buffer that a large command or pipeline left behind. It is called when the buffer is empty.
func (p *Parser) shrink() {
	if len(p.buf) <= keepSize {
		return
	}
	if len(p.buf) > burstSize {
		p.buf, p.given, p.idle, p.peak = nil, false, 0, 0
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
