package hyperloglog

// Union is the highest value of each register of several values.
type Union [registers]uint8

// Add takes a value's registers in.
func (u *Union) Add(v []byte) error {
	if IsDense(v) {
		eachDense(v, func(first int, r uint64) {
			eight := u[first : first+8 : first+8]
			for i := range eight {
				eight[i] = max(eight[i], uint8(r&registerMax))
				r >>= registerBits
			}
		})
		return nil
	}
	at := 0
	for p := headerSize; p < len(v); p++ {
		b := v[p]
		n := int(lengths[b])
		if b&valued != 0 {
			if at+n > registers {
				break
			}
			value := b>>2&(maxValue-1) + 1
			for i := at; i < at+n; i++ {
				u[i] = max(u[i], value)
			}
		} else if n == 0 {
			n = runAt(v, p).len
			p++
		}
		at += n
	}
	if at != registers {
		return ErrCorrupted
	}
	return nil
}

// Count estimates how many different elements were added to any of the values.
func (u *Union) Count() uint64 {
	var h histogram
	h.addUnion(u)
	return h.estimate()
}

// Into raises the registers of a value, which must be one of those that were added, or empty.
func (u *Union) Into(v []byte, limit int) ([]byte, error) {
	var from cursor
	var err error
	for i, count := range u {
		e := Element{uint16(i), count}
		switch {
		case count == 0:
		case IsDense(v):
			setDense(v, e)
		default:
			if v, _, err = setSparse(v, e, limit, &from); err != nil {
				return v, err
			}
		}
	}
	Forget(v)
	return v, nil
}
