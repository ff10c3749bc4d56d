// Package dump carries values between the store and Redis's snapshot format: Entry describes an item of the store as an
// entry of a snapshot, Load puts an entry into a store. Snapshots, full synchronisation, DUMP and RESTORE go through
// it.
//
// A value that the store keeps packed is copied as it stands, in both directions. Others are streamed element by
// element.
package dump
