//go:build !linux

package usage

// read reads the file's text.
func (m *Meter) read() (n int) {
	n, _ = m.statm.ReadAt(m.text[:], 0)
	return n
}
