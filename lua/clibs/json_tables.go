package clibs

import "holdfast/lua"

// Texts mostly have many objects of the same keys, and arrays of the same length, at the same depth. What the last ones
// looked like is kept, so that the next ones are made at once, without growing.

const (
	shapeDepths = 8  // of objects that are remembered
	shapeKeys   = 16 // the most that such an object may have
	shapeKey    = 64 // the most bytes of one
	shapeItems  = 64 // the most that an array is given room for
)

// jsonShapes are the last object's and array's at each depth.
type jsonShapes struct {
	objects [shapeDepths]objectShape
	items   [shapeDepths]int
}

// objectShape is an object's keys in their order, and how a table looks that got them. It is nil when there is no such
// object.
type objectShape struct {
	keys  []lua.Value
	table *lua.Shape
}

func (d *jsonDecoder) object() {
	d.descend(3, 2)
	o := objectMaker{d: d}
	if d.depth < shapeDepths {
		o.shape = &d.objects[d.depth]
	}
	o.begin()
	d.likely = o.likely()
	d.next()
	if d.token != objectEnd {
		for {
			d.likely = lua.Nil
			if d.token != stringToken {
				d.expected("object key string")
			}
			o.key(d.text)
			d.next()
			if d.token != colonToken {
				d.expected("colon")
			}
			d.next()
			d.value()
			o.set()
			d.next()
			if d.token == objectEnd {
				break
			}
			if d.token != commaToken {
				d.expected("comma or object end")
			}
			d.likely = o.likely()
			d.next()
		}
	}
	d.likely = lua.Nil
	o.end()
	d.ascend(2)
}

// objectMaker makes one table, which is on the stack, of the keys and values of an object.
type objectMaker struct {
	d         *jsonDecoder
	t         *lua.Table
	shape     *objectShape // nil: it is not remembered
	following bool         // its keys so far are the first ones of shape, and t looks like that
	n         int          // of its keys
}

func (o *objectMaker) begin() {
	if o.shape != nil && o.shape.table != nil {
		o.following = true
		o.t = o.d.l.NewShaped(o.shape.table)
	} else {
		o.t = o.d.l.NewTable(0, 0)
		o.forget()
	}
	o.d.l.PushTable(o.t)
}

// likely is the key that comes next if this object is as the last one.
func (o *objectMaker) likely() lua.Value {
	if o.following && o.n < len(o.shape.keys) {
		return o.shape.keys[o.n]
	}
	return lua.Nil
}

// key pushes a key.
func (o *objectMaker) key(k lua.Value) {
	if o.following && (o.n == len(o.shape.keys) || !lua.Equal(o.shape.keys[o.n], k)) {
		o.leave()
	}
	if !o.following && o.shape != nil {
		if o.n < shapeKeys && len(k.AsString()) <= shapeKey {
			o.shape.keys = append(o.shape.keys, k)
		} else {
			o.forget()
			o.shape = nil
		}
	}
	o.n++
	o.d.l.Push(k)
}

// set takes a value and its key from the stack.
func (o *objectMaker) set() {
	l := o.d.l
	v := l.Top()
	l.Pop(1)
	o.t.Set(l, l.Top(), v)
	l.Pop(1)
}

// leave has the table be one that grew with the keys that it has: from here on they are others than the shape's.
func (o *objectMaker) leave() {
	l := o.d.l
	t := l.NewTable(0, 0)
	for _, k := range o.shape.keys[:o.n] {
		t.Set(l, k, o.t.Get(k))
	}
	l.Pop(1)
	l.PushTable(t)
	o.t, o.following = t, false
	o.shape.keys, o.shape.table = o.shape.keys[:o.n], nil
}

func (o *objectMaker) forget() {
	if o.shape != nil {
		clear(o.shape.keys)
		o.shape.keys, o.shape.table = o.shape.keys[:0], nil
	}
}

func (o *objectMaker) end() {
	if o.following && o.n < len(o.shape.keys) {
		o.leave()
	}
	if !o.following && o.shape != nil && o.n > 0 {
		o.shape.table = o.t.Shape()
	}
}

func (d *jsonDecoder) array() {
	d.descend(2, 1)
	room := 0
	if d.depth < shapeDepths {
		room = d.items[d.depth]
	}
	t := d.l.NewTable(room, 0)
	d.l.PushTable(t)
	d.next()
	n := 0
	if d.token != arrayEnd {
		for {
			d.value()
			n++
			t.SetInt(d.l, n, d.l.Top())
			d.l.Pop(1)
			d.next()
			if d.token == arrayEnd {
				break
			}
			if d.token != commaToken {
				d.expected("comma or array end")
			}
			d.next()
		}
	}
	t.Fit(n)
	if d.depth < shapeDepths {
		d.items[d.depth] = min(t.Room(), shapeItems)
	}
	d.ascend(1)
}
