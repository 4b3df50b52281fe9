//go:build race

package e2e

// raceDetector makes allocations that the program does not.
const raceDetector = true
