package resp

// SplitWords cuts a line into words as an inline command is; ok is false when its quotes do not balance.
func SplitWords(line []byte) (words [][]byte, ok bool) { return splitInline(nil, line) }

// splitInline appends the words of an inline command to args; ok is false when its quotes do not balance.
//
// Words are separated by blanks. "..." understands \n \r \t \b \a \xHH and \ before any other byte; '...' understands
// only \'. A closing quote must end the word. Words without quotes alias line.
func splitInline(args [][]byte, line []byte) (_ [][]byte, ok bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		begin := i
		for i < len(line) && !endsWord(line[i]) && line[i] != '"' && line[i] != '\'' {
			i++
		}
		if i == len(line) || endsWord(line[i]) {
			args = append(args, line[begin:i:i])
			continue
		}
		word, next, ok := quotedWord(line, begin, i)
		if !ok {
			return args, false
		}
		args = append(args, word)
		i = next
	}
}

// quotedWord reads the word of line that starts at begin and has its first quote at i.
func quotedWord(line []byte, begin, i int) (word []byte, next int, ok bool) {
	word = append(make([]byte, 0, len(line)-begin), line[begin:i]...)
	quote := line[i]
	for i++; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			// Only a blank may follow: a quote ends its word.
			i++
			return word, i, i == len(line) || isSpace(line[i])
		case c == '\\' && quote == '"' && i+1 < len(line):
			var width int
			c, width = unescape(line[i+1:])
			i += width
		case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			c = '\''
			i++
		}
		word = append(word, c)
	}
	return nil, 0, false
}

// unescape decodes what follows a backslash and returns the byte meant and the bytes it took.
func unescape(s []byte) (c byte, width int) {
	if s[0] == 'x' && len(s) >= 3 {
		high, ok1 := hexDigit(s[1])
		low, ok2 := hexDigit(s[2])
		if ok1 && ok2 {
			return high<<4 | low, 3
		}
	}
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return (c | 0x20) - 'a' + 10, true
	}
	return 0, false
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// endsWord is narrower than isSpace: a vertical tab or a form feed inside a word belongs to it, as in Redis. Whatever
// ends a word must be a space, or splitInline would not get past it.
func endsWord(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
