#!/bin/sh
# Lengths of functions and files, tests and comments apart from code, against the
# budget: function median <= 12 lines, 95th percentile <= 50, none over 80 without a
# reason; file median <= 200 lines, none over 600; comments 12-20 % of code; tests at
# least as long as code. Prints; judges nothing.
set -eu
cd "$(dirname "$0")/.."
files() { find . -name '*.go' -not -path './.*' -not -path '*/testdata/*' "$@" | sort; }
code=$(files -not -name '*_test.go')
spread() { sort -n | awk -v what="$1" '{v[NR]=$1} END {print what ": median " v[int((NR+1)/2)] ", 95th percentile " v[int(NR*0.95+0.5)] ", longest " v[NR]}'; }
awk 'FNR==1{f=0} /^func /{f=FNR} /^}/{if(f) print FNR-f+1; f=0} /^func .*}$/{if(f) print 1; f=0}' $code | spread "functions (lines)"
for f in $code; do wc -l <"$f"; done | spread "files (lines)"
awk '/^[ \t]*\/\//{c++; next} NF{n++} END{printf "comments: %d %% of code\n", 100*c/n}' $code
tests=$(cat $(files -name '*_test.go') | wc -l)
lines=$(cat $code | wc -l)
awk -v t="$tests" -v l="$lines" 'BEGIN{printf "tests: %.2f of code (%d of %d lines)\n", t/l, t, l}'
echo "functions over 80 lines:"
awk 'FNR==1{f=0} /^func /{f=FNR; n=$0} /^}/{if(f && FNR-f+1>80) print "  " FNR-f+1, FILENAME ": " substr(n,1,80); f=0}' $code
