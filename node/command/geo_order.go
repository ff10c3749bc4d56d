package command

// The order of places that are equally far is seen by clients. It is that of the C library's qsort, a merge sort, if
// all places are wanted, and if not, of Redis's own pqsort, which sorts only what lies in front. Both are done here
// step by step, as also a distance that is not a number, and so is not in order with any other, is somewhere then.

// nearPlace is a place by its number.
type nearPlace struct {
	near float64
	at   int32
}

// placeOrder compares places.
type placeOrder struct{ farFirst bool }

func (o placeOrder) compare(a, b nearPlace) int {
	r := -1
	switch {
	case a.near > b.near:
		r = 1
	case a.near == b.near:
		r = 0
	}
	if o.farFirst {
		return -r
	}
	return r
}

// nearest are the first n places in the order of their distances.
func nearest(places []foundPlace, n int, farFirst bool) []foundPlace {
	list := make([]nearPlace, len(places), 2*len(places))
	for i := range places {
		list[i] = nearPlace{places[i].near, int32(i)}
	}
	o := placeOrder{farFirst}
	if n == len(places) {
		o.merge(list, list[n:2*n])
	} else {
		o.front(list, 0, n-1)
	}
	sorted := make([]foundPlace, n)
	for i := range sorted {
		sorted[i] = places[list[i].at]
	}
	return sorted
}

// merge sorts a, with room for as many.
func (o placeOrder) merge(a, room []nearPlace) {
	if len(a) <= 1 {
		return
	}
	left, right := a[:len(a)/2], a[len(a)/2:]
	o.merge(left, room)
	o.merge(right, room)
	copy(room, left)
	left = room[:len(left)]
	i := 0
	for len(left) > 0 && len(right) > 0 {
		if o.compare(left[0], right[0]) <= 0 {
			a[i], left = left[0], left[1:]
		} else {
			a[i], right = right[0], right[1:]
		}
		i++
	}
	copy(a[i:], left) // what is left of the right is in its place
}

const (
	fewPlaces  = 7  // are sorted by insertion
	manyPlaces = 40 // from more the middle of nine is taken, not of three
)

// front sorts a, which begins at place first of all, as far as it has any of the places up to last: quicksort, which
// puts what is equal to the middle at the ends first, and then between the two sides.
func (o placeOrder) front(a []nearPlace, first, last int) {
	for len(a) >= fewPlaces {
		n := len(a)
		m := o.pivot(a)
		a[0], a[m] = a[m], a[0]
		// Before lowEqual and behind highEqual is what is equal; below low less, above high more.
		lowEqual, low, high, highEqual := 1, 1, n-1, n-1
		for {
			for low <= high {
				r := o.compare(a[low], a[0])
				if r > 0 {
					break
				}
				if r == 0 {
					a[lowEqual], a[low] = a[low], a[lowEqual]
					lowEqual++
				}
				low++
			}
			for low <= high {
				r := o.compare(a[high], a[0])
				if r < 0 {
					break
				}
				if r == 0 {
					a[high], a[highEqual] = a[highEqual], a[high]
					highEqual--
				}
				high--
			}
			if low > high {
				break
			}
			a[low], a[high] = a[high], a[low]
			low++
			high--
		}
		swapRuns(a, 0, low, min(lowEqual, low-lowEqual))
		swapRuns(a, low, n, min(highEqual-high, n-highEqual-1))
		if less := low - lowEqual; less > 1 && first <= last {
			o.front(a[:less], first, last)
		}
		more := highEqual - high
		if more <= 1 || first+n-more > last {
			return
		}
		first += n - more
		a = a[n-more:]
	}
	for i := 1; i < len(a); i++ {
		for j := i; j > 0 && o.compare(a[j-1], a[j]) > 0; j-- {
			a[j], a[j-1] = a[j-1], a[j]
		}
	}
}

// swapRuns swaps n elements from a place on with the n before another one.
func swapRuns(a []nearPlace, from, end, n int) {
	for i := range n {
		a[from+i], a[end-n+i] = a[end-n+i], a[from+i]
	}
}

// pivot chooses the middle.
func (o placeOrder) pivot(a []nearPlace) int {
	n := len(a)
	low, middle, high := 0, n/2, n-1
	if n > manyPlaces {
		d := n / 8
		low = o.median(a, low, low+d, low+2*d)
		middle = o.median(a, middle-d, middle, middle+d)
		high = o.median(a, high-2*d, high-d, high)
	}
	if n > fewPlaces {
		middle = o.median(a, low, middle, high)
	}
	return middle
}

func (o placeOrder) median(a []nearPlace, i, j, k int) int {
	ij, jk := o.compare(a[i], a[j]), o.compare(a[j], a[k])
	switch {
	case ij < 0 && jk < 0, ij >= 0 && jk > 0:
		return j
	case (o.compare(a[i], a[k]) < 0) == (ij < 0):
		return k
	}
	return i
}
