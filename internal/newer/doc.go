// Package newer checks that what a later version of Holdfast says is read.
//
// Members of several versions run beside each other, so fields are added and old readers must leave them out: give
// Reads the function that reads a message, and it fails if a field more, anywhere in it, or a feature level that is not
// known yet, keeps the rest from being read.
package newer
