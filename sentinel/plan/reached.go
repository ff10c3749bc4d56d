package plan

// Later is the further of two places in the history that began in that epoch; one of a history before it does not
// count.
func (r Reached) Later(o Reached, began uint64) Reached {
	switch {
	case o.Epoch < began:
		return r
	case r.Epoch < began:
		return o
	}
	return Reached{Epoch: max(r.Epoch, o.Epoch), Offset: max(r.Offset, o.Offset)}
}
