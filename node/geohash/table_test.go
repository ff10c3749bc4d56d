package geohash

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"math"
	"math/big"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the tables")

// TestTables calculates the tables with many digits, and compares.
func TestTables(t *testing.T) {
	for _, c := range []struct {
		file string
		make func() []byte
	}{{"angles.go", anglesFile}, {"arcs.go", arcsFile}} {
		text, err := format.Source(c.make())
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(c.file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, text) {
			t.Errorf("%s is not what it should be: go test -run TestTables -update ./node/geohash", c.file)
		}
	}
}

const writtenBy = "// Written by TestTables, which explains it: go test -run TestTables -update ./node/geohash\n\n" +
	"package geohash\n\n"

// num is a number with digits enough for all that is done here.
func num(f float64) *big.Float { return new(big.Float).SetPrec(256).SetFloat64(f) }

func add(a, b *big.Float) *big.Float { return num(0).Add(a, b) }
func sub(a, b *big.Float) *big.Float { return num(0).Sub(a, b) }
func mul(a, b *big.Float) *big.Float { return num(0).Mul(a, b) }
func div(a, b *big.Float) *big.Float { return num(0).Quo(a, b) }

func nearestFloat(a *big.Float) float64 {
	f, _ := a.Float64()
	return f
}

// sinCos sums up the series.
func sinCos(x *big.Float) (s, c *big.Float) {
	s, c = num(0), num(0)
	term := num(1)
	for i := range 60 {
		sum := c
		if i%2 == 1 {
			sum = s
		}
		if i%4 < 2 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
		term = div(mul(term, x), num(float64(i+1)))
	}
	return s, c
}

// arcSine is what the sine of is x, by Newton's method.
func arcSine(x *big.Float) *big.Float {
	y := num(math.Asin(nearestFloat(x)))
	for range 4 {
		s, c := sinCos(y)
		y = add(y, div(sub(x, s), c))
	}
	return y
}

// anglesFile has sine and cosine of every angle that nearest may find.
func anglesFile() []byte {
	var b bytes.Buffer
	b.WriteString(writtenBy + "// angles are those of k/128.\nvar angles = [...]angle{\n")
	for k := range 111 {
		s, c := sinCos(num(float64(k) / 128))
		sin, cos := nearestFloat(s), nearestFloat(c)
		fmt.Fprintf(&b, "{%x, %x, %x, %x},\n", sin, nearestFloat(sub(s, num(sin))), cos,
			nearestFloat(sub(c, num(cos))))
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// arcsFile has the polynomials for the arc sine, with more terms where it is more curved.
func arcsFile() []byte {
	const digits = 1 << 51 // high is a whole number of this part of 1
	var b bytes.Buffer
	b.WriteString(writtenBy + "// arcs are those from k/256 to (k+1)/256.\nvar arcs = [...]arc{\n")
	for i := firstArc; i < arcTableEnd*arcsPerUnit; i++ {
		middle := (float64(i) + 0.5) / arcsPerUnit
		degree := 6
		for _, end := range []float64{0.5, 0.75, 0.921875, 0.953125} {
			if middle > end {
				degree++
			}
		}
		p := nearestPolynomial(middle, 0.5/arcsPerUnit, degree)
		high := math.RoundToEven(nearestFloat(p[0])*digits) / digits
		fmt.Fprintf(&b, "{%v, %v, %v, []float64{", high, nearestFloat(sub(p[0], num(high))), nearestFloat(p[1]))
		for j, c := range p[2:] {
			if j == 1 || j == 6 { // as long as a line may be
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%v, ", nearestFloat(c))
		}
		b.Truncate(b.Len() - len(", "))
		b.WriteString("}},\n")
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// nearestPolynomial is the polynomial whose greatest distance from the arc sine, within half of middle, is the least:
// its coefficients, by Remez's algorithm.
func nearestPolynomial(middle, half float64, degree int) []*big.Float {
	n := degree + 2
	points := make([]*big.Float, n) // where the distance is to be the greatest, from -1 to 1
	for i := range points {
		points[i] = num(-math.Cos(math.Pi * float64(i) / float64(n-1)))
	}
	points[0], points[n-1] = num(-1), num(1)
	var p []*big.Float
	for range 6 {
		rows := make([][]*big.Float, n)
		for i, u := range points {
			row := make([]*big.Float, n+1)
			power := num(1)
			for j := range degree + 1 {
				row[j] = power
				power = mul(power, u)
			}
			row[n-1] = num(float64(1 - 2*(i%2)))
			row[n] = arcSine(add(num(middle), mul(u, num(half))))
			rows[i] = row
		}
		p = solve(rows)[:degree+1]
		for i := 1; i < n-1; i++ {
			points[i] = extremum(points[i], middle, half, p)
		}
	}
	scale := num(1)
	for i := range p {
		p[i] = div(p[i], scale)
		scale = mul(scale, num(half))
	}
	return p
}

// extremum is where the distance is greatest near u: where its derivative is zero.
func extremum(u *big.Float, middle, half float64, p []*big.Float) *big.Float {
	h := num(half)
	for range 5 {
		x := add(num(middle), mul(u, h))
		square := sub(num(1), mul(x, x))
		root := num(0).Sqrt(square)
		first := div(h, root)
		second := div(mul(mul(h, h), x), mul(square, root))
		power := num(1)
		for j := 1; j < len(p); j++ {
			first = sub(first, mul(mul(num(float64(j)), p[j]), power))
			if j+1 < len(p) {
				second = sub(second, mul(mul(num(float64(j*(j+1))), p[j+1]), power))
			}
			power = mul(power, u)
		}
		u = sub(u, div(first, second))
	}
	return u
}

// solve solves linear equations, the right side in the last column.
func solve(rows [][]*big.Float) []*big.Float {
	n := len(rows)
	for i := range n {
		pivot := i
		for r := i + 1; r < n; r++ {
			if num(0).Abs(rows[r][i]).Cmp(num(0).Abs(rows[pivot][i])) > 0 {
				pivot = r
			}
		}
		rows[i], rows[pivot] = rows[pivot], rows[i]
		for r := range n {
			if r == i {
				continue
			}
			f := div(rows[r][i], rows[i][i])
			for c := i; c <= n; c++ {
				rows[r][c] = sub(rows[r][c], mul(f, rows[i][c]))
			}
		}
	}
	x := make([]*big.Float, n)
	for i := range x {
		x[i] = div(rows[i][n], rows[i][i])
	}
	return x
}
