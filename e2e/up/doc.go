// Package up runs the program as a user does: holdfast up, real clients, real signals.
//
// Everything is in its tests: begin with up_test.go, which also starts the program. killed_test.go kills members,
// quorum_test.go does without sentinels, return_test.go has members come back, operator_test.go is who runs holdfast's
// other subcommands, acceptance_test.go runs scripts from outside (build tag acceptance).
package up
