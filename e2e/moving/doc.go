// Package moving tests holdfast import with real servers on both sides: what was brought has the digest of what it came
// from. Everything is in its tests: begin with moving_test.go; refused_test.go has what must not be brought,
// server_test.go how servers are started.
package moving
