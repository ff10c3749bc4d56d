package compat

import (
	"fmt"
	"strconv"
	"strings"
)

// geoTemplates work on sorted sets of places, geo0 to geo2, and on those whose scores are anything.
var geoTemplates = []template{
	{14, func(g *generator) []string {
		return cmd("geoadd", g.geoKey(), g.maybe(g.pick([]string{"NX", "XX", "CH", "ch", "nx"})),
			g.geoPlaces(1+g.IntN(6)))
	}},
	{2, func(g *generator) []string { return cmd("geoadd", g.geoKey(), g.manyPlaces()) }},
	{2, func(g *generator) []string {
		return cmd("geoadd", g.geoKey(), g.maybe("NX"), g.maybe("XX"), g.maybe("CH"), g.maybe(g.geoPlaces(1)...),
			g.maybe(g.value()))
	}},
	{4, func(g *generator) []string { return cmd("geohash", g.geoKey(), g.maybe(g.zmembers()...)) }},
	{6, func(g *generator) []string { return cmd("geopos", g.geoKey(), g.maybe(g.zmembers()...)) }},
	{8, func(g *generator) []string {
		return cmd("geodist", g.geoKey(), g.zmember(), g.zmember(), g.maybe(g.unit()), g.maybe(g.maybe("x")...))
	}},
	{10, func(g *generator) []string {
		return cmd(g.pick([]string{"georadius", "georadius_ro"}), g.geoKey(), g.geoPlace(), g.radius(), g.unit(),
			g.geoOptions())
	}},
	{8, func(g *generator) []string {
		return cmd(g.pick([]string{"georadiusbymember", "georadiusbymember_ro"}), g.geoKey(), g.zmember(), g.radius(),
			g.unit(), g.geoOptions())
	}},
	{20, func(g *generator) []string {
		return cmd("geosearch", g.geoKey(), g.geoFrom(), g.geoBy(), g.geoOptions())
	}},
	{3, func(g *generator) []string {
		return cmd("geosearch", g.geoKey(), g.maybe(g.geoFrom()...), g.maybe(g.geoBy()...), g.geoOptions(),
			g.maybe(g.geoFrom()...), g.maybe(g.geoBy()...), g.maybe("ANY"))
	}},
	// What is stored is of a part of the world: of more, Redis may find the same member twice.
	{6, func(g *generator) []string {
		return cmd("georadius", g.geoKey(), g.geoPlace(), g.IntN(4000), "km", g.geoOrder(), g.geoStore())
	}},
	{6, func(g *generator) []string {
		return cmd("georadiusbymember", g.geoKey(), g.zmember(), g.IntN(4000), "km", g.geoOrder(), g.geoStore())
	}},
	{8, func(g *generator) []string {
		return cmd("geosearchstore", g.geoKey(), g.geoKey(), g.geoFrom(), g.smallGeoBy(), g.geoOrder(),
			g.maybe("STOREDIST"), g.maybe(g.maybe("WITHDIST")...))
	}},
}

// geoKey names mostly a set of places.
func (g *generator) geoKey() string {
	if g.IntN(12) == 0 {
		return g.zsetKey()
	}
	return fmt.Sprintf("geo%d", g.IntN(3))
}

func (g *generator) coordinate(limit float64) string {
	switch g.IntN(8) {
	case 0:
		return g.pick([]string{"0", "-0", "180", "-180", "85.05112878", "-85.05112878", "90", "1e-9", "179.99999999",
			"-179.99999999", "66", "80", "45"})
	case 1:
		return strconv.Itoa(g.IntN(360) - 180)
	case 2, 3, 4: // near one another
		return strconv.FormatFloat(10+g.NormFloat64()/10, 'f', -1, 64)
	}
	return strconv.FormatFloat((2*g.Float64()-1)*limit, 'g', -1, 64)
}

func (g *generator) geoPlace() []string {
	if g.IntN(40) == 0 {
		return []string{g.pick(edges), g.coordinate(85)}
	}
	return []string{g.coordinate(180), g.coordinate(85)}
}

func (g *generator) geoPlaces(n int) (list []string) {
	for range n {
		list = append(list, g.geoPlace()...)
		list = append(list, g.zmember())
	}
	return list
}

// manyPlaces are too many for a listpack; some are the same, so that they are equally far from any other.
func (g *generator) manyPlaces() (list []string) {
	first := g.IntN(200)
	for i := range 30 + g.IntN(150) {
		if i%4 == 0 || len(list) == 0 {
			list = append(list, g.coordinate(180), g.pick([]string{"10.5", "11", "60", "-80", "0", "-33.25"}))
		} else {
			list = append(list, list[len(list)-3], list[len(list)-2])
		}
		list = append(list, fmt.Sprintf("m%d", first+i))
	}
	return list
}

func (g *generator) unit() string {
	return g.pick([]string{"m", "km", "ft", "mi", "M", "KM", "km", "mi", "m", "parsec", ""})
}

// radius is of all sizes alike.
func (g *generator) radius() string {
	switch g.IntN(12) {
	case 0:
		return g.pick([]string{"0", "-1", "x", "", "inf", "nan", "1e300", "1e-300", "20037726.37"})
	case 1:
		return strconv.Itoa(g.IntN(1000))
	}
	return strconv.FormatFloat(float64(int64(1)<<g.IntN(25))*g.Float64(), 'f', -1, 64)
}

func (g *generator) geoFrom() []string {
	if g.IntN(3) == 0 {
		return cmd("FROMMEMBER", g.zmember())
	}
	return cmd(g.pick([]string{"FROMLONLAT", "fromlonlat"}), g.geoPlace())
}

func (g *generator) geoBy() []string {
	if g.IntN(2) == 0 {
		return cmd("BYBOX", g.radius(), g.radius(), g.unit())
	}
	return cmd("BYRADIUS", g.radius(), g.unit())
}

func (g *generator) smallGeoBy() []string {
	if g.IntN(2) == 0 {
		return cmd("bybox", g.IntN(4000), g.IntN(4000), "km")
	}
	return cmd("byradius", g.IntN(4000), "km")
}

func (g *generator) geoOrder() []string {
	return cmd(g.maybe(g.pick([]string{"ASC", "DESC", "asc"})), g.maybe(cmd("COUNT", g.geoCount(), g.maybe("ANY"))...))
}

func (g *generator) geoCount() string {
	if g.IntN(12) == 0 {
		return g.pick([]string{"0", "-1", "x", "", "9223372036854775807"})
	}
	return strconv.Itoa(1 + g.IntN(40))
}

func (g *generator) geoOptions() []string {
	with := strings.Fields(g.pick([]string{"", "", "WITHDIST", "WITHCOORD", "WITHHASH", "WITHDIST WITHHASH WITHCOORD",
		"withcoord withdist", "any", "x"}))
	if g.IntN(2) == 0 {
		return cmd(with, g.geoOrder())
	}
	return cmd(g.geoOrder(), with)
}

func (g *generator) geoStore() []string {
	list := cmd(g.pick([]string{"STORE", "STOREDIST", "store"}), g.geoKey())
	if g.IntN(8) == 0 {
		return append(list, cmd("STOREDIST", g.geoKey())...)
	}
	return append(list, g.maybe(g.maybe(g.pick([]string{"WITHDIST", "x", "STORE"}))...)...)
}
