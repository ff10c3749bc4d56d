// Package upgrade rolls a group of real members from an earlier version to this one and back, under load. The earlier
// program is built from the repository's history (internal/servers); everything else is in its test.
package upgrade
