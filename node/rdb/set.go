package rdb

// A set is its members, or, packed, an intset or a listpack of them.
var setLayouts = map[int]layout{
	TypeSet: {as: TypeSet, read: (*Reader).count, element: (*Reader).member, write: (*Writer).members},
	TypeSetIntset: {as: TypeSetIntset, write: (*Writer).run,
		read: checked(func(_ *Reader, b []byte) error { return checkIntset(b) })},
	TypeSetListpack: {as: TypeSetListpack, write: (*Writer).run,
		read: checked(func(r *Reader, b []byte) error { return r.names.check(b, 1) })},
}

// member reads a member of a set, or the name of something else.
func (r *Reader) member() (el Element, err error) {
	r.name, err = r.string(r.name)
	el.Name = r.name
	return el, err
}

func (w *Writer) members(e Entry) {
	w.length(uint64(e.Len))
	w.each(e, func(el Element) { w.string(el.Name) })
}
