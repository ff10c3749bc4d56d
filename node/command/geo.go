package command

import (
	"math"
	"strconv"
	"strings"

	"holdfast/node/geohash"
	"holdfast/node/store"
	"holdfast/resp"
)

const (
	geoUnit   = "unit=(m=m|km=km|ft=ft|mi=mi)"
	geoWith   = "[WITHCOORD] [WITHDIST] [WITHHASH]"
	geoOrder  = "order=[ASC|DESC]"
	geoCount  = "count=[COUNT count:integer [ANY]]"
	geoCount6 = "count=[COUNT count:integer [ANY]@6.2.0]"
	geoFrom   = "from=(FROMMEMBER member|FROMLONLAT longitude_latitude=(longitude:double latitude:double))"
	geoBy     = "by=(circle=(BYRADIUS radius:double " + geoUnit + ")|box=(BYBOX width:double height:double " +
		geoUnit + "))"
	geoRadiusCost = "O(N+log(M)) with N members in the box around the circle and M in the index"
	geoSearchCost = "O(N+log(M)) with N members in the cells around the shape and M in it"
)

// geoRows are the commands on sorted sets whose scores are places.
var geoRows = []Command{
	{
		Name: "geoadd", Arity: -5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatGeo,
		Keys: oneKey(resp.RW | resp.Update), Group: "geo", Since: "3.2.0", Complexity: "O(log(N)) for each member",
		Summary: "Adds members with their places to a sorted set, or moves them.",
		Syntax: "key condition=[NX|XX]@6.2.0 [change=CH]@6.2.0 " +
			"longitude_latitude_member=(longitude:double latitude:double member)...",
		History: [][2]string{{"6.2.0", "`CH`, `NX` and `XX`."}}, Run: geoAdd,
	},
	{
		Name: "geodist", Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatGeo, Keys: oneKey(resp.RO | resp.Access),
		Group: "geo", Since: "3.2.0", Complexity: "O(log(N))",
		Summary: "Answers how far it is from one member to another.",
		Syntax:  "key member1 member2 unit=[m=m|km=km|ft=ft|mi=mi]", Run: geoDist,
	},
	{
		Name: "geohash", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatGeo, Keys: oneKey(resp.RO | resp.Access),
		Group: "geo", Since: "3.2.0", Complexity: "O(log(N)) for each member given",
		Summary: "Answers the places of members as geohash.org writes them.", Syntax: "key member...", Run: geoHash,
	},
	{
		Name: "geopos", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatGeo, Keys: oneKey(resp.RO | resp.Access),
		Group: "geo", Since: "3.2.0", Complexity: "O(N) in the number of members given",
		Summary: "Answers longitude and latitude of members.", Syntax: "key member...", Run: geoPos,
	},
	{
		Name: "georadius", Arity: -6, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatGeo,
		Keys: geoStoreKeys(6), Group: "geo", Since: "3.2.0", Complexity: geoRadiusCost,
		Summary: "Answers, or stores, the members within a circle around a place.",
		Syntax: "key longitude:double latitude:double radius:double " + geoUnit + " " + geoWith + " " + geoCount6 +
			" " + geoOrder + " [STORE key#1] [STOREDIST key#2]",
		History: [][2]string{
			{"6.2.0", "`ANY` for `COUNT`."},
			{"7.0.0", "Units in upper case."},
		},
		Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
		Run: geoRadius,
	},
	{
		Name: "georadius_ro", Arity: -6, Flags: resp.ReadOnly, Categories: resp.CatGeo,
		Keys: oneKey(resp.RO | resp.Access), Group: "geo", Since: "3.2.10", Complexity: geoRadiusCost,
		Summary: "Answers the members within a circle around a place, and stores nothing.",
		Syntax: "key longitude:double latitude:double radius:double " + geoUnit + " " + geoWith + " " + geoCount6 +
			" " + geoOrder,
		History: [][2]string{{"6.2.0", "`ANY` for `COUNT`."}}, Deprecated: "6.2.0",
		ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` argument", Run: geoRadiusRO,
	},
	{
		Name: "georadiusbymember", Arity: -5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatGeo,
		Keys: geoStoreKeys(5), Group: "geo", Since: "3.2.0", Complexity: geoRadiusCost,
		Summary: "Answers, or stores, the members within a circle around another one.",
		Syntax: "key member radius:double " + geoUnit + " " + geoWith + " " + geoCount + " " + geoOrder +
			" [STORE key#1] [STOREDIST key#2]",
		History: [][2]string{{"7.0.0", "Units in upper case."}}, Deprecated: "6.2.0",
		ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
		Run:        geoRadiusByMember,
	},
	{
		Name: "georadiusbymember_ro", Arity: -5, Flags: resp.ReadOnly, Categories: resp.CatGeo,
		Keys: oneKey(resp.RO | resp.Access), Group: "geo", Since: "3.2.10", Complexity: geoRadiusCost,
		Summary:    "Answers the members within a circle around another one, and stores nothing.",
		Syntax:     "key member radius:double " + geoUnit + " " + geoWith + " " + geoCount + " " + geoOrder,
		Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
		Run: geoRadiusByMemberRO,
	},
	{
		Name: "geosearch", Arity: -7, Flags: resp.ReadOnly, Categories: resp.CatGeo,
		Keys: oneKey(resp.RO | resp.Access), Group: "geo", Since: "6.2.0", Complexity: geoSearchCost,
		Summary: "Answers the members within a circle or a box.",
		Syntax:  "key " + geoFrom + " " + geoBy + " " + geoOrder + " " + geoCount + " " + geoWith,
		History: [][2]string{{"7.0.0", "Units in upper case."}}, Run: geoSearch,
	},
	{
		Name: "geosearchstore", Arity: -8, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatGeo,
		Keys: []resp.KeySpec{
			{First: 1, Last: 1, Flags: resp.OW | resp.Update},
			{First: 2, Last: 2, Flags: resp.RO | resp.Access},
		},
		Group: "geo", Since: "6.2.0", Complexity: geoSearchCost,
		Summary: "Stores the members within a circle or a box.",
		Syntax:  "destination source " + geoFrom + " " + geoBy + " " + geoOrder + " " + geoCount + " [STOREDIST]",
		History: [][2]string{{"7.0.0", "Units in upper case."}}, Run: geoSearchStore,
	},
}

// geoStoreKeys are the keys of a command that may store: its options begin at that argument.
func geoStoreKeys(options int) []resp.KeySpec {
	return []resp.KeySpec{
		{First: 1, Last: 1, Flags: resp.RO | resp.Access},
		{First: options, Keyword: "STORE", Flags: resp.OW | resp.Update},
		{First: options, Keyword: "STOREDIST", Flags: resp.OW | resp.Update},
	}
}

const (
	errGeoMember = resp.Error("ERR could not decode requested zset member")
	errGeoUnit   = resp.Error("ERR unsupported unit provided. please use M, KM, FT, MI")
)

// place reads a longitude and a latitude.
func place(lon, lat []byte) (p geohash.Point, err error) {
	var okLon, okLat bool
	p.Lon, okLon = resp.ParseFloat(lon)
	p.Lat, okLat = resp.ParseFloat(lat)
	switch {
	case !okLon || !okLat:
		return p, ErrNotFloat
	case !p.Valid():
		return p, resp.Error("ERR invalid longitude,latitude pair " + cFixed(p.Lon) + "," + cFixed(p.Lat))
	}
	return p, nil
}

// cFixed is f as C's "%f" prints it.
func cFixed(f float64) string {
	if math.IsInf(f, 0) {
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'f', 6, 64), "+"))
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// metres is what a unit has of them.
func metres(unit []byte) (float64, error) {
	switch {
	case isWord(unit, "m"):
		return 1, nil
	case isWord(unit, "km"):
		return 1000, nil
	case isWord(unit, "ft"):
		return 0.3048, nil
	case isWord(unit, "mi"):
		return 1609.34, nil
	}
	return 0, errGeoUnit
}

// geoAdd is ZADD with places for scores, and that is what replicas are told.
func geoAdd(c *Context, args [][]byte, w *resp.Writer) error {
	var o zAddOptions
	effect := append(make([][]byte, 0, len(args)), wordGeoAdd, args[1])
	triples := args[2:]
	for ; len(triples) > 0; triples = triples[1:] {
		switch {
		case isWord(triples[0], "nx"):
			o.NX = true
		case isWord(triples[0], "xx"):
			o.XX = true
		case isWord(triples[0], "ch"):
			o.changed = true
		default:
			return c.geoAdd(triples, o, effect, w)
		}
		effect = append(effect, triples[0])
	}
	return ErrSyntax
}

func (c *Context) geoAdd(triples [][]byte, o zAddOptions, effect [][]byte, w *resp.Writer) error {
	if len(triples)%3 != 0 || o.NX && o.XX {
		return ErrSyntax
	}
	members := make([]store.ZMember, len(triples)/3)
	for i := range members {
		t := triples[3*i:]
		p, err := place(t[0], t[1])
		if err != nil {
			return err
		}
		score := geohash.Encode(p)
		members[i] = store.ZMember{Member: t[2], Score: float64(score)}
		effect = append(effect, strconv.AppendUint(nil, score, 10), t[2])
	}
	if err := c.zAddMembers(effect[1], o, members, w); err != nil {
		return err
	}
	if c.Dirty > 0 {
		c.Replicate(effect...)
	}
	return nil
}

func geoHash(c *Context, args [][]byte, w *resp.Writer) error {
	return c.eachScore(args, w, func(score float64) {
		text := geohash.Text(score)
		w.Bulk(text[:])
	}, w.Null)
}

func geoPos(c *Context, args [][]byte, w *resp.Writer) error {
	return c.eachScore(args, w, func(score float64) { writePlace(w, geohash.Decode(score)) }, w.NullArray)
}

func writePlace(w *resp.Writer, p geohash.Point) {
	w.Array(2)
	for _, f := range [2]float64{p.Lon, p.Lat} {
		var scratch [32]byte
		text := geohash.AppendCoordinate(scratch[:0], f)
		if w.Proto != 3 {
			w.Bulk(text)
			continue
		}
		w.Raw([]byte{','})
		w.Raw(append(text, '\r', '\n'))
	}
}

func writeDistance(w *resp.Writer, d float64) {
	var scratch [32]byte
	w.Bulk(geohash.AppendDistance(scratch[:0], d))
}

func geoDist(c *Context, args [][]byte, w *resp.Writer) error {
	unit := 1.0
	if len(args) == 5 {
		var err error
		if unit, err = metres(args[4]); err != nil {
			return err
		}
	} else if len(args) > 5 {
		return ErrSyntax
	}
	z, _, err := c.zsetForRead(args[1])
	if err != nil {
		return err
	}
	a, okA := z.Score(args[2])
	b, okB := z.Score(args[3])
	if okA && okB {
		writeDistance(w, geohash.Distance(geohash.Decode(a), geohash.Decode(b))/unit)
	} else {
		w.Null()
	}
	return nil
}
