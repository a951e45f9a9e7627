#!/bin/sh
# Compiles CUDA programs with cairn-cc and runs them; each checks itself. A program that needs libraries says so in its
# first line: "Linked with -lcublas."
#
#     programs.sh CAIRN_CC OUTPUT_FOLDER FILE.cu ...
set -u
cc=$1 out=$2
shift 2
command -v "${CAIRN_CLANG:-clang++-19}" >/dev/null || { echo "skipped: clang-19 is not installed"; exit 77; }
mkdir -p "$out" || exit 1
failed=0
for file in "$@"; do
    name=$(basename "$file" .cu)
    libraries=$(head -n 1 "$file" | grep -o -- ' -l[a-z]*' || true)
    if "$cc" -O2 ${CAIRN_CC_FLAGS:-} "$file" $libraries -o "$out/$name"; then
        "$out/$name" || { echo "$name: failed"; failed=1; }
    else
        echo "$name: does not compile"
        failed=1
    fi
done
exit $failed
