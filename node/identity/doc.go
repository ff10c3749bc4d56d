// Package identity is what a node keeps about itself in its directory: its name, the installation that it belongs to,
// which of its starts have ended, and the feature level that its data need (holdfast.json). Features also knows what
// the group may use.
//
// Begin with Papers in identity.go.
package identity
