// Package steps names the steps of a change of the chain: those just before or after which a process may die. The code
// announces each where it takes it, to an observer that is handed in; in the program there is none. The simulation
// crashes processes there.
//
// Begin with steps.go, the list. What a step is called does not matter; where it is announced does.
package steps
