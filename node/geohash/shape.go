package geohash

import "math"

// Shape is what a search looks in, around a place: a circle or a box.
type Shape struct {
	Center Point
	Unit   float64 // metres in what the sizes are given in
	Radius float64
	// Box says that it is one, whose sides run north and east.
	Box           bool
	Width, Height float64
}

// Search tells which places lie in a shape.
type Search struct {
	Shape
	from   origin
	radius float64 // metres
	// surely is a distance between latitudes that is beyond the shape whatever is rounded. There is none where a place
	// on the other side of the earth, whose distance is not a number, may be asked about.
	surely float64
}

// NewSearch makes a search in a shape.
func NewSearch(s Shape) *Search {
	q := &Search{Shape: s, from: newOrigin(s.Center), radius: s.Radius * s.Unit}
	if q.surely = math.Inf(1); q.radius < 500e3 {
		q.surely = q.radius * (1 + 1e-9)
	}
	return q
}

// Find reports whether a place lies in the shape, and how far it is from its middle, in metres.
func (q *Search) Find(p Point) (distance float64, ok bool) {
	if !q.Box {
		if latDistance(p.Lat, q.Center.Lat) > q.surely {
			return 0, false // not even a place due north or south would be within the circle
		}
		distance = q.from.to(p)
		return distance, !(distance > q.radius)
	}
	if latDistance(p.Lat, q.Center.Lat) > q.Height*q.Unit/2 ||
		Distance(p, Point{q.Center.Lon, p.Lat}) > q.Width*q.Unit/2 {
		return 0, false
	}
	return q.from.to(p), true
}

// Range is a range of scores. Its end does not belong to it.
type Range struct{ Min, Max float64 }

// Ranges are where the scores of what lies in the shape are: those of the cell around its middle, and of the eight
// around that one, in the order in which Redis goes through them. In a search half around the world some occur twice.
func (s *Shape) Ranges() []Range {
	low, high := s.bounds()
	steps := s.steps()
	cell := encode(s.Center, MaxLon, MaxLat, steps)
	if steps > 1 && tooNarrow(cell, steps, low, high) {
		steps--
		cell = encode(s.Center, MaxLon, MaxLat, steps)
	}
	var without struct{ south, north, west, east bool }
	if steps >= 2 {
		a := decodeArea(cell, steps)
		without.south, without.north = a.min.Lat < low.Lat, a.max.Lat > high.Lat
		without.west, without.east = a.min.Lon < low.Lon, a.max.Lon > high.Lon
	}
	ranges := make([]Range, 0, len(around))
	var last uint64
	for _, d := range around {
		if d.north < 0 && without.south || d.north > 0 && without.north || d.east < 0 && without.west ||
			d.east > 0 && without.east {
			continue
		}
		at := neighbor(cell, steps, d)
		if len(ranges) > 1 && at == last { // nobody looks whether it is the one in the middle
			continue
		}
		last = at
		shift := 2 * (maxSteps - steps)
		ranges = append(ranges, Range{float64(at << shift), float64((at + 1) << shift)})
	}
	return ranges
}

// direction is a step to a neighbouring cell.
type direction struct{ east, north int }

var around = [9]direction{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}

// bounds are the corners of a rectangle in degrees that has the shape in it.
func (s *Shape) bounds() (low, high Point) {
	height, width := s.Unit*s.Radius, s.Unit*s.Radius
	if s.Box {
		height, width = s.Unit*float64(s.Height/2), s.Unit*float64(s.Width/2)
	}
	dLat := degrees(height / earthRadius)
	lat := s.Center.Lat + dLat
	if s.Center.Lat < 0 { // a degree of longitude is shorter where it is farther from the equator
		lat = s.Center.Lat - dLat
	}
	dLon := degrees(width / earthRadius / cos(radians(lat)))
	return Point{s.Center.Lon - dLon, s.Center.Lat - dLat}, Point{s.Center.Lon + dLon, s.Center.Lat + dLat}
}

// steps is how often to halve the world for cells of which nine cover the shape, mostly.
func (s *Shape) steps() uint8 {
	const mercatorMax = 20037726.37
	radius := s.Radius
	if s.Box {
		w, h := s.Width/2, s.Height/2
		radius = math.Sqrt(float64(w*w) + float64(h*h))
	}
	radius *= s.Unit
	if radius == 0 {
		return maxSteps
	}
	n := -1
	for ; radius < mercatorMax; radius *= 2 {
		n++
	}
	if lat := math.Abs(s.Center.Lat); lat > 80 { // towards the poles cells are narrower
		n -= 2
	} else if lat > 66 {
		n--
	}
	return uint8(max(min(n, maxSteps), 1))
}

// tooNarrow reports whether the shape reaches beyond the cells around the one in the middle.
func tooNarrow(cell uint64, steps uint8, low, high Point) bool {
	at := func(d direction) area { return decodeArea(neighbor(cell, steps, d), steps) }
	return at(direction{0, 1}).max.Lat < high.Lat || at(direction{0, -1}).min.Lat > low.Lat ||
		at(direction{1, 0}).max.Lon < high.Lon || at(direction{-1, 0}).min.Lon > low.Lon
}

// neighbor is the cell beside another one; at the edge of the world the one at its other edge.
func neighbor(cell uint64, steps uint8, d direction) uint64 {
	const lats, lons = 0x5555555555555555, 0xaaaaaaaaaaaaaaaa
	all := uint64(1)<<(2*steps) - 1
	// The bits of the other coordinate between are set, or clear, so that what is carried, or borrowed, goes past them.
	move := func(cell uint64, ours, others uint64, by int) uint64 {
		a, rest := cell&ours, cell&others
		between := others & all
		switch {
		case by > 0:
			a += between + 1
		case by < 0:
			a = (a | between) - (between + 1)
		default:
			return cell
		}
		return a&ours&all | rest
	}
	return move(move(cell, lons, lats, d.east), lats, lons, d.north)
}
