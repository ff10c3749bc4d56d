// Package transport is the one seam between Holdfast and a network: everything that listens, dials or resolves names is
// handed a Network. Host is the machine's own; tests hand in a simulated one.
//
// It imports nothing of Holdfast, as everything else may import it. Begin with transport.go; patient.go tries a port in
// use again for a while, bound.go limits how many connections of a listener are open at a time.
package transport
