#!/bin/sh
# Times kernels without checks and with each, and prints how many times slower they are.
#
#     bench/cuda/checks.sh BUILD_FOLDER [KERNEL...]
set -eu
here=$(dirname "$0") build=$1 out=$1/bench-cuda
shift
[ $# -gt 0 ] || set -- black_scholes matmul reduction stencil nbody
mkdir -p "$out"
"$build"/runtime/cairn-cc -std=c++17 -O3 "$here"/checks.cu -o "$out"/bench_checks
for checks in off memory race init memory,race,init; do
    CAIRN_CUDA_CHECK=$checks "$out"/bench_checks "$@" 2>/dev/null | sed "s/^/$checks /"
done | awk '
    { if (!($2 in name)) { name[$2]; order[++kernels] = $2 } time[$1, $2] = $3 }
    END {
        print "kernel               off, ms  memory    race    init     all"
        for (i = 1; i <= kernels; i++) {
            k = order[i]; off = time["off", k]
            printf "%-18s %9.3f %7.1f %7.1f %7.1f %7.1f\n", k, off, time["memory", k] / off, time["race", k] / off,
                   time["init", k] / off, time["memory,race,init", k] / off
        }
    }'
