#!/bin/sh
# CAIRN_CUDA_PROFILE and `cairn top`: profile.sh CAIRN_CC CAIRN WAITS.cu
set -eu
cc=$1 cairn=$2 source=$3
command -v "${CAIRN_CLANG:-clang++-19}" >/dev/null || { echo "skipped: clang-19 is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

"$cc" -O2 "$source" -o "$folder/waits"
CAIRN_CUDA_PROFILE=$folder/trace.json "$folder/waits" </dev/null >"$folder/out" 2>"$folder/table"
cat "$folder/table"
# three launches of 1024 threads, each reading and writing four bytes, all lanes at work
grep -q ' 3 .* 3.07k .* 32.0  twice(float\*)' "$folder/table" || fail "the table lacks the kernel"
[ "$(grep -c '"name":"twice(float\*)".*"bytes":8192' "$folder/trace.json")" = 3 ] || fail "the trace lacks its launches"

mkfifo "$folder/input"
CAIRN_CUDA_PROFILE=live "$folder/waits" <"$folder/input" >"$folder/live" 2>/dev/null &
process=$!
exec 3>"$folder/input"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q ran "$folder/live" 2>/dev/null && break
    sleep 0.5
done
"$cairn" top $process --once | grep -q 'twice(float\*)' || fail "top does not show the kernel"
exec 3>&-
wait $process
[ ! -e /dev/shm/cairn-cuda-$process ] || fail "the table stays behind"
if "$cairn" top $process --once 2>/dev/null; then fail "top shows a process that is gone"; fi
echo "profile: passed"
