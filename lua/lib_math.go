package lua

import "math"

// OpenMath opens the library math.
func (l *State) OpenMath() {
	t := l.Register("math", mathFunctions)
	for _, name := range sortedNames(mathOfOne) {
		f := mathOfOne[name]
		t.SetString(l, name, l.NewFunction(func(l *State) int {
			x := l.CheckNumber(1)
			if x == x {
				x = f(x)
			} else if name == "abs" {
				x = math.Abs(x)
			}
			l.PushNumber(x)
			return 1
		}))
	}
	t.SetString(l, "pi", Number(math.Pi))
	t.SetString(l, "huge", Number(math.Inf(1)))
	t.SetString(l, "mod", t.GetString("fmod"))
}

var mathOfOne = map[string]func(float64) float64{
	"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil,
	"cos":  finite(math.Cos),
	"cosh": math.Cosh, "exp": math.Exp, "floor": math.Floor, "log": logarithm, "log10": math.Log10,
	"sin": finite(math.Sin), "sinh": math.Sinh, "sqrt": math.Sqrt, "tan": finite(math.Tan), "tanh": math.Tanh,
	"deg": func(f float64) float64 { return f / (math.Pi / 180) },
	"rad": func(f float64) float64 { return f * (math.Pi / 180) },
}

var mathFunctions = map[string]Function{
	"atan2": mathAtan2, "fmod": mathFmod, "frexp": mathFrexp, "ldexp": mathLdexp, "max": mathMax, "min": mathMin,
	"modf": mathModf, "pow": mathPow, "random": mathRandom, "randomseed": mathRandomseed,
}

// negativeNaN is what common machines make of an invalid operation.
func negativeNaN() float64 { return math.Float64frombits(0xFFF8000000000000) }

// finite makes f of an infinity an invalid operation.
func finite(f func(float64) float64) func(float64) float64 {
	return func(x float64) float64 {
		if math.IsInf(x, 0) {
			return negativeNaN()
		}
		return f(x)
	}
}

func logarithm(f float64) float64 {
	if f < 0 {
		return negativeNaN()
	}
	return math.Log(f)
}

// twoNumbers are the first two arguments, of which the original looks at the second first.
func (l *State) twoNumbers() (a, b float64) {
	b = l.CheckNumber(2)
	return l.CheckNumber(1), b
}

func mathAtan2(l *State) int {
	a, b := l.twoNumbers()
	switch {
	case a != a:
		l.PushNumber(a)
	case b != b:
		l.PushNumber(b)
	default:
		l.PushNumber(math.Atan2(a, b))
	}
	return 1
}

func mathFmod(l *State) int {
	a, b := l.twoNumbers()
	switch {
	case a != a:
		l.PushNumber(a)
	case b != b:
		l.PushNumber(b)
	case b == 0 || math.IsInf(a, 0):
		l.PushNumber(negativeNaN())
	default:
		l.PushNumber(math.Mod(a, b))
	}
	return 1
}

func mathModf(l *State) int {
	f := l.CheckNumber(1)
	whole := math.Trunc(f)
	part := math.Copysign(f-whole, f)
	if math.IsInf(f, 0) {
		part = math.Copysign(0, f)
	}
	l.PushNumber(whole)
	l.PushNumber(part)
	return 2
}

func mathPow(l *State) int {
	l.PushNumber(power(l.twoNumbers()))
	return 1
}

func mathFrexp(l *State) int {
	part, exp := math.Frexp(l.CheckNumber(1))
	l.PushNumber(part)
	l.PushNumber(float64(exp))
	return 2
}

func mathLdexp(l *State) int {
	e := l.checkInt(2)
	f := l.CheckNumber(1)
	l.PushNumber(math.Ldexp(f, min(max(e, -5000), 5000)))
	return 1
}

func mathMax(l *State) int {
	most := l.CheckNumber(1)
	for i := 2; i <= l.NArgs(); i++ {
		if f := l.CheckNumber(i); f > most {
			most = f
		}
	}
	l.PushNumber(most)
	return 1
}

func mathMin(l *State) int {
	least := l.CheckNumber(1)
	for i := 2; i <= l.NArgs(); i++ {
		if f := l.CheckNumber(i); f < least {
			least = f
		}
	}
	l.PushNumber(least)
	return 1
}

const randMax = 1<<31 - 1

func mathRandom(l *State) int {
	r := float64(l.g.random.next()%randMax) / randMax
	switch l.NArgs() {
	case 0:
		l.PushNumber(r)
	case 1:
		u := l.checkInt(1)
		if u < 1 {
			return l.ArgError(1, "interval is empty")
		}
		l.PushNumber(math.Floor(r*float64(u)) + 1)
	case 2:
		low, up := l.checkInt(1), l.checkInt(2)
		if low > up {
			return l.ArgError(2, "interval is empty")
		}
		l.PushNumber(math.Floor(r*float64(int32(up-low+1))) + float64(low))
	default:
		return l.Errorf("wrong number of arguments")
	}
	return 1
}

func mathRandomseed(l *State) int {
	l.g.random.seed(int32(l.checkInt(1)))
	return 0
}

// randomState is the generator of 48 bits that the lrand48 of C has.
type randomState uint64

func (r *randomState) seed(n int32) { *r = randomState(uint32(n))<<16 | 0x330E }

func (r *randomState) next() int32 {
	*r = (*r*0x5DEECE66D + 0xB) & (1<<48 - 1)
	return int32(*r >> 17)
}

// Seed starts the numbers of math.random anew.
func (l *State) Seed(n int32) { l.g.random.seed(n) }
