#!/bin/sh
# Runs the programs of Debian's package libblas-test on libcairn-blas: tests/blas/libblas_test.sh FOLDER, which has our
# libblas.so.3. Their verdicts are sentences: all of them must be there, and say PASS.
set -u
library=$(cd "$1" && pwd)
folder=$(dirname "$(find /usr/lib -name xblat1s 2>/dev/null | head -1)")
[ -x "$folder/xblat1s" ] || { echo "skipped: the package libblas-test is not here"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

# verdict NAME FILE NUMBER: how many PASSes the program prints when all is well.
verdict() {
    passes=$(grep -c -i -w -E 'PASS|PASSED' "$2")
    if [ "$passes" -ne "$3" ] || grep -q -i -E 'fail|\*\*\*|suspect|symbol lookup error' "$2"; then
        echo "$1: $passes of $3 passed"
        cat "$2"
        failed=1
    fi
}

run() { # NAME NUMBER [INPUT [OUTPUT]]
    LD_LIBRARY_PATH=$library "$folder/$1" <"${3:-/dev/null}" >"$1.txt" 2>&1 || { echo "$1 ended with $?"; failed=1; }
    [ -z "${4:-}" ] || cat "$4" >>"$1.txt"
    verdict "$1" "$1.txt" "$2"
}

LD_LIBRARY_PATH=$library ldd "$folder/xblat1s" | grep -q "$library/libblas.so.3" || { echo "another libblas.so.3 is loaded"; exit 1; }
for p in s d; do
    run xblat1$p 13
    run xblat2$p 33 "$folder/${p}blat2.in" ${p}blat2.out
    run xblat3$p 13 "$folder/${p}blat3.in" ${p}blat3.out
    run x${p}cblat1 10
    run x${p}cblat2 49 "$folder/${p}in2"
    run x${p}cblat3 19 "$folder/${p}in3"
done
for p in c z; do
    run xblat1$p 10
    run xblat2$p 35 "$folder/${p}blat2.in" ${p}blat2.out
    run xblat3$p 19 "$folder/${p}blat3.in" ${p}blat3.out
    run x${p}cblat1 10
    run x${p}cblat2 52 "$folder/${p}in2"
    run x${p}cblat3 28 "$folder/${p}in3"
done
[ $failed = 0 ] && echo "all programs of libblas-test pass"
exit $failed
