package resp

// Rest returns the bytes that follow the last command handed out, for whoever takes the connection over. The parser
// must not be used afterwards.
func (p *Parser) Rest() []byte { return p.buf[p.start:p.end] }

// Take returns a copy of those bytes and forgets them, for what is no command. None of a command may have been read of
// them.
func (p *Parser) Take() []byte {
	rest := append([]byte(nil), p.Rest()...)
	p.start, p.pos, p.end = 0, 0, 0
	return rest
}

// Peek returns the first byte that no command has been made of yet, if there is one.
func (p *Parser) Peek() (b byte, ok bool) {
	if p.start == p.end {
		return 0, false
	}
	return p.buf[p.start], true
}
