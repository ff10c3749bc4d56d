// Package transfer sends keys to another server, as MIGRATE does: it connects, says who it is, selects the database,
// and sends what each key is to become there.
//
// It knows no data and no lock: node/command says which keys, and what becomes of them here. The network is handed in.
//
// Begin with Target.
package transfer
