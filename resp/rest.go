package resp

// Rest returns the bytes that follow the last command handed out, for whoever takes the connection over. The parser must
// not be used afterwards.
func (p *Parser) Rest() []byte { return p.buf[p.start:p.end] }
