// Package compat holds Holdfast beside a real redis-server: what the two answer to the same commands is compared byte
// by byte.
//
// The way of the data: a seed grows into a list of operations (generate_test.go), whose keys, values and numbers are
// drawn from pools full of edge cases; a pair (pair_test.go) sends each operation to both servers over connections that
// speak RESP2 and RESP3, and judges the two replies by the rules of compare_test.go; at the end of a round both must
// give the same DEBUG DIGEST. A difference is shrunk before it is printed: shrink_test.go leaves out operations for as
// long as some difference remains. Besides replies, TestEvents compares keyspace events, and TestReplicas the data of a
// Redis and a Holdfast that follow Holdfast's log with that of their master.
//
// redis-server (7.0, as Debian packages it) must be on the PATH. Holdfast is built from this tree; HOLDFAST_ADDR names
// one that runs already instead, which must allow DEBUG. COMPAT_ROUNDS says how many rounds to run, COMPAT_SEED with
// which seed the first one begins: the seed that a failure prints repeats it. COMPAT_HUGE has many_test.go send a
// million arguments, and limits_test.go elements of 100 MB. COMPAT_SCRIPTS says how many generated scripts are run
// (scripts_generate_test.go). COMPAT_GEO and COMPAT_HLL say how many searches for places and how many HyperLogLogs
// geo_test.go compares.
//
// Invariants:
//   - what an operation does must not depend on when it runs: times to live are either long, and no two are alike, or
//     over before the next operation begins;
//   - neither server deletes expired keys by itself, so that both hold the same ones;
//   - only replies that can't be equal are compared by anything but their bytes: the list is in compare_test.go.
package compat
