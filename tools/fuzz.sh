#!/bin/sh
# Runs every fuzz target of the module for the given time each (default 30s).
set -eu
time=${1:-30s}
failed=0
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" || failed=1
	done
done
exit $failed
