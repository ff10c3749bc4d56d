// Package setup tests the script that gets what the Makefile's targets need. The script is tools.sh; its tests give it
// a PATH of their own.
package setup
