package command

import (
	"math"
	"strconv"

	"holdfast/node/geohash"
	"holdfast/node/store"
	"holdfast/resp"
)

// geoKind is which of the commands a search is.
type geoKind struct {
	search   bool // GEOSEARCH, or GEOSEARCHSTORE: where to look is in the options
	byMember bool // of the others: around a member
	stores   bool // it has an argument, or may have an option, that says where to
	event    string
}

// geoQuery is what a search asks for.
type geoQuery struct {
	geoKind
	name  []byte // of the command, as the client wrote it
	shape geohash.Shape

	withCoord, withDist, withHash bool

	fromMember, fromPlace, byRadius, byBox bool

	order     int // 0: none, -1: from near to far, 1: the other way
	count     int64
	any       bool
	storing   bool // the reply is not the answer, but how much it is
	store     []byte
	storeDist bool
}

func geoRadius(c *Context, args [][]byte, w *resp.Writer) error {
	return c.geoRadius(geoKind{stores: true, event: "georadiusstore"}, args, w)
}

func geoRadiusRO(c *Context, args [][]byte, w *resp.Writer) error {
	return c.geoRadius(geoKind{}, args, w)
}

func geoRadiusByMember(c *Context, args [][]byte, w *resp.Writer) error {
	return c.geoRadius(geoKind{byMember: true, stores: true, event: "georadiusstore"}, args, w)
}

func geoRadiusByMemberRO(c *Context, args [][]byte, w *resp.Writer) error {
	return c.geoRadius(geoKind{byMember: true}, args, w)
}

func geoSearch(c *Context, args [][]byte, w *resp.Writer) error {
	z, found, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	return c.geoFind(geoQuery{geoKind: geoKind{search: true}, name: args[0]}, z, found, args[2:], w)
}

func geoSearchStore(c *Context, args [][]byte, w *resp.Writer) error {
	z, found, err := c.zsetForRead(args[2])
	if err != nil {
		return err
	}
	k := geoKind{search: true, stores: true, event: "geosearchstore"}
	return c.geoFind(geoQuery{geoKind: k, name: args[0], storing: true, store: args[1]}, z, found, args[3:], w)
}

func (c *Context) geoRadius(k geoKind, args [][]byte, w *resp.Writer) error {
	z, found, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	q := geoQuery{geoKind: k, name: args[0]}
	size := args[3:]
	switch {
	case !k.byMember:
		if q.shape.Center, err = place(args[2], args[3]); err != nil {
			return err
		}
		size = args[4:]
	case found:
		score, ok := z.Score(args[2])
		if !ok {
			return errGeoMember
		}
		q.shape.Center = geohash.Decode(score)
	}
	if found || !k.byMember { // else nobody looks at the radius
		if err := q.circle(size[0], size[1]); err != nil {
			return err
		}
	}
	return c.geoFind(q, z, found, size[2:], w)
}

// geoFind reads the options, and searches.
func (c *Context) geoFind(q geoQuery, z store.ZSet, found bool, options [][]byte, w *resp.Writer) error {
	for len(options) > 0 {
		n, err := q.option(options, z, found)
		if err != nil {
			return err
		}
		options = options[n:]
	}
	if err := q.check(); err != nil {
		return err
	}
	if !found {
		if !q.storing {
			w.Array(0)
		} else {
			c.storePlaces(&q, nil, w)
		}
		return nil
	}
	if q.count != 0 && q.order == 0 && !q.any {
		q.order = -1 // of some places the nearest are wanted
	}
	places := q.places(z)
	if !q.storing {
		q.answer(places, w)
	} else {
		c.storePlaces(&q, places, w)
	}
	return nil
}

func (q *geoQuery) circle(radius, unit []byte) (err error) {
	r, ok := resp.ParseFloat(radius)
	switch {
	case !ok:
		return resp.Error("ERR need numeric radius")
	case r < 0:
		return resp.Error("ERR radius cannot be negative")
	}
	q.shape.Radius, q.shape.Box = r, false
	q.shape.Unit, err = metres(unit)
	return err
}

func (q *geoQuery) box(width, height, unit []byte) (err error) {
	w, ok := resp.ParseFloat(width)
	if !ok {
		return resp.Error("ERR need numeric width")
	}
	h, ok := resp.ParseFloat(height)
	switch {
	case !ok:
		return resp.Error("ERR need numeric height")
	case h < 0 || w < 0:
		return resp.Error("ERR height or width cannot be negative")
	}
	q.shape.Width, q.shape.Height, q.shape.Box = w, h, true
	q.shape.Unit, err = metres(unit)
	return err
}

// option reads an option at the beginning of args, and says how many of them it takes.
func (q *geoQuery) option(args [][]byte, z store.ZSet, found bool) (n int, err error) {
	word, more := args[0], args[1:]
	mayStore := q.stores && !q.search
	switch {
	case isWord(word, "withdist"):
		q.withDist = true
	case isWord(word, "withhash"):
		q.withHash = true
	case isWord(word, "withcoord"):
		q.withCoord = true
	case isWord(word, "any"):
		q.any = true
	case isWord(word, "asc"):
		q.order = -1
	case isWord(word, "desc"):
		q.order = 1
	case isWord(word, "count") && len(more) > 0:
		if q.count, err = intArgument(more[0]); err == nil && q.count <= 0 {
			err = resp.Error("ERR COUNT must be > 0")
		}
		return 2, err
	case isWord(word, "store") && len(more) > 0 && mayStore:
		q.storing, q.store, q.storeDist = true, more[0], false
		return 2, nil
	case isWord(word, "storedist") && len(more) > 0 && mayStore:
		q.storing, q.store, q.storeDist = true, more[0], true
		return 2, nil
	case isWord(word, "storedist") && q.search && q.stores:
		q.storeDist = true
	case !q.search:
		return 0, ErrSyntax
	default:
		return q.where(word, more, z, found)
	}
	return 1, nil
}

// where reads one of the options that say where to look.
func (q *geoQuery) where(word []byte, more [][]byte, z store.ZSet, found bool) (n int, err error) {
	switch {
	case isWord(word, "frommember") && len(more) > 0 && !q.fromPlace:
		q.fromMember = true
		if !found {
			return 2, nil
		}
		score, ok := z.Score(more[0])
		if !ok {
			return 0, errGeoMember
		}
		q.shape.Center = geohash.Decode(score)
		return 2, nil
	case isWord(word, "fromlonlat") && len(more) > 1 && !q.fromMember:
		q.fromPlace = true
		q.shape.Center, err = place(more[0], more[1])
		return 3, err
	case isWord(word, "byradius") && len(more) > 1 && !q.byBox:
		q.byRadius = true
		return 3, q.circle(more[0], more[1])
	case isWord(word, "bybox") && len(more) > 2 && !q.byRadius:
		q.byBox = true
		return 4, q.box(more[0], more[1], more[2])
	}
	return 0, ErrSyntax
}

// check looks for options that don't go together.
func (q *geoQuery) check() error {
	switch {
	case q.storing && (q.withDist || q.withHash || q.withCoord):
		who := "STORE option in GEORADIUS"
		if q.search {
			who = "GEOSEARCHSTORE"
		}
		return resp.Error("ERR " + who + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	case q.search && !q.fromMember && !q.fromPlace:
		return resp.Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + string(q.name))
	case q.search && !q.byRadius && !q.byBox:
		return resp.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + string(q.name))
	case q.any && q.count == 0:
		return resp.Error("ERR the ANY argument requires COUNT argument")
	}
	return nil
}

// foundPlace is a member that lies where it was looked for.
type foundPlace struct {
	name  []byte
	at    geohash.Point
	score float64
	near  float64 // how far it is from the middle, in metres
}

// places searches: in the order asked for, and no more than that.
func (q *geoQuery) places(z store.ZSet) []foundPlace {
	var found []foundPlace
	var names []byte // of the members: they are valid only while they are passed
	enough := func() bool { return q.any && int64(len(found)) >= q.count }
	search := geohash.NewSearch(q.shape)
	for _, r := range q.shape.Ranges() {
		if enough() {
			break
		}
		lo, hi := z.ByScore(store.ScoreRange{Min: r.Min, Max: r.Max, MaxEx: true})
		if lo == hi {
			continue
		}
		n := hi - lo
		for name, score := range z.All(lo, false) {
			at := geohash.Decode(score)
			if d, ok := search.Find(at); ok {
				names = append(names, name...)
				found = append(found, foundPlace{names[len(names)-len(name):], at, score, d})
				if enough() {
					break
				}
			}
			if n--; n == 0 {
				break
			}
		}
	}
	n := len(found)
	if q.count > 0 {
		n = int(min(q.count, int64(n)))
	}
	if q.order != 0 {
		return nearest(found, n, q.order > 0)
	}
	return found[:n]
}

func (q *geoQuery) answer(places []foundPlace, w *resp.Writer) {
	w.Array(len(places))
	parts := 1
	for _, with := range [...]bool{q.withDist, q.withHash, q.withCoord} {
		if with {
			parts++
		}
	}
	for i := range places {
		p := &places[i]
		if parts > 1 {
			w.Array(parts)
		}
		w.Bulk(p.name)
		if q.withDist {
			writeDistance(w, p.near/q.shape.Unit)
		}
		if q.withHash {
			w.Int(geohash.AsInt(p.score))
		}
		if q.withCoord {
			writePlace(w, p.at)
		}
	}
}

// scoreText is a score as short as it can be read again.
func scoreText(score float64) []byte {
	if n := int64(score); float64(n) == score {
		return decimal(n)
	}
	return strconv.AppendFloat(nil, score, 'g', -1, 64)
}

// effectMembers is how many members the effect of a stored search names at a time.
const effectMembers = 1000

// storePlaces puts what was found in place of whatever the key holds. Replicas are told the members and not the search:
// earlier versions do not know it, and whoever calculates otherwise would find others.
func (c *Context) storePlaces(q *geoQuery, places []foundPlace, w *resp.Writer) {
	_, replaces := c.Find(q.store)
	b := c.Store.NewZSet()
	var effects [][][]byte
	for i := range places {
		p := &places[i]
		score := p.score
		if q.storeDist {
			score = p.near / q.shape.Unit
			if math.IsNaN(score) { // which no score may be
				score = geohash.Farthest / q.shape.Unit
			}
		}
		b.Set(p.name, score)
		if i%effectMembers == 0 {
			effects = append(effects, [][]byte{wordZAdd, q.store})
		}
		last := &effects[len(effects)-1]
		*last = append(*last, scoreText(score), p.name)
	}
	c.storeZSet(q.store, b, q.event, w)
	if c.Dirty == 0 {
		return
	}
	if replaces {
		c.Replicate(wordDel, q.store)
	}
	for _, e := range effects {
		c.Replicate(e...)
	}
}
