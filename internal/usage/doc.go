// Package usage tells how much memory and processor time the running process uses.
package usage
