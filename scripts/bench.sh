#!/bin/sh
# Runs every benchmark of bench/ that is built, one after the other: scripts/bench.sh BUILD
build=${1:-build}
[ -x "$build/cairn" ] && "$build/cairn" bench --machine
for program in "$build"/bench/*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    echo "==== $(basename "$program")"
    "$program" || exit 1
done
