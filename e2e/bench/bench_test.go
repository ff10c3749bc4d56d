package main

import "testing"

func TestReadRate(t *testing.T) {
	const out = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"123456.78\",\"0.2\"\n"
	if got, err := readRate(out, "SET"); err != nil || got != 123456.78 {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := readRate(out, "GET"); err == nil {
		t.Fatal("a figure for a command that was not measured")
	}
}

func TestMedianRatioIsTakenWithinRounds(t *testing.T) {
	// The second round found a machine half as fast: the ratio must not notice.
	same := func(f float64) float64 { return f }
	if got := medianRatio([]float64{200, 100, 210}, []float64{100, 50, 105}, same); got != 2 {
		t.Fatal(got)
	}
	if got := medianOf([]float64{4, 1, 3, 2}, same); got != 2.5 {
		t.Fatal(got)
	}
	if got := median(nil); got != 0 {
		t.Fatal(got)
	}
}

func TestPutDigits(t *testing.T) {
	b := []byte("xxxxx")
	putDigits(b, 307)
	if string(b) != "00307" {
		t.Fatal(string(b))
	}
}
