// Package bulk copies and clears memory of any length so that nobody has to stand still for it.
//
// The scheduler can't interrupt Go's copy, clear and append, and the collector waits for them. 300 MB of memory that
// the kernel has to provide first take half a second, on a busy machine several. A node that runs on one processor
// would not even be heard meanwhile. Here a long stretch is done piece by piece, and whoever else is ready to run has
// a turn in between.
package bulk
