//go:build race

package token

// raceEnabled says that pools drop things on purpose, so that allocations cannot be counted.
const raceEnabled = true
