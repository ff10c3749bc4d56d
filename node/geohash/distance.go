package geohash

import "math"

const (
	// earthRadius is the quadratic mean of the earth's radius, in metres.
	earthRadius = 6372797.560856
	radian      = 0.017453292519943295
)

// Farthest is how far two places can be from each other, in metres.
const Farthest = math.Pi * earthRadius

func radians(degrees float64) float64 { return degrees * radian }
func degrees(radians float64) float64 { return radians / radian }

// Distance is how far it is from a to b on a sphere, in metres. It is not a number if rounding has put two opposite
// places farther apart than can be.
func Distance(a, b Point) float64 {
	o := newOrigin(a)
	return o.to(b)
}

// origin is a place that distances are measured from, with what is the same for all of them.
type origin struct{ lon, lat, cosLat float64 }

func newOrigin(p Point) origin {
	lat := radians(p.Lat)
	return origin{radians(p.Lon), lat, cos(lat)}
}

// to is the haversine formula.
func (o *origin) to(p Point) float64 {
	v := sin((radians(p.Lon) - o.lon) / 2)
	if v == 0 {
		return earthRadius * math.Abs(radians(p.Lat)-o.lat)
	}
	lat := radians(p.Lat)
	u := sin((lat - o.lat) / 2)
	a := float64(u*u) + float64(float64(float64(o.cosLat*cos(lat))*v)*v)
	return 2 * earthRadius * asin(math.Sqrt(a))
}

func latDistance(a, b float64) float64 { return earthRadius * math.Abs(radians(b)-radians(a)) }
