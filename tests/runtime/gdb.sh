#!/bin/sh
# gdb stops in a kernel at its line: gdb.sh CAIRN_CC FILE.cu LINE
set -eu
cc=$1 source=$2 line=$3
command -v "${CAIRN_CLANG:-clang++-19}" >/dev/null || { echo "skipped: clang-19 is not installed"; exit 77; }
command -v gdb >/dev/null || { echo "skipped: gdb is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
gdb -q -nx -batch -ex run /bin/true 2>&1 | grep -q 'exited normally' || { echo "skipped: gdb cannot run programs here"; exit 77; }
"$cc" -O2 -lineinfo "$source" -o "$folder/program"
gdb -q -nx -batch -ex 'set breakpoint pending on' -ex "break $(basename "$source"):$line" -ex run -ex backtrace -ex delete -ex continue \
    "$folder/program" >"$folder/out" 2>&1 || true
grep "hit Breakpoint" "$folder/out" || { tail -20 "$folder/out"; echo "FAILED: gdb does not stop in the kernel"; exit 1; }
grep -q "^#0 .* at .*$(basename "$source"):$line" "$folder/out" || { tail -20 "$folder/out"; echo "FAILED: it stops elsewhere"; exit 1; }
grep -q "exited normally" "$folder/out" || { tail -20 "$folder/out"; echo "FAILED: the program does not go on"; exit 1; }
echo "gdb: passed"
