package resp

// IsWord compares an option without regard to case. As in Redis a zero byte ends the option.
func IsWord(arg []byte, word string) bool {
	if len(arg) > len(word) && arg[len(word)] == 0 {
		arg = arg[:len(word)]
	}
	if len(arg) != len(word) {
		return false
	}
	for i, b := range arg {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != word[i] {
			return false
		}
	}
	return true
}
