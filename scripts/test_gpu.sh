#!/bin/sh
# On a machine with an NVIDIA GPU and nvcc: holds what Cairn's CUDA is tested against up to the real thing.
#
#     scripts/test_gpu.sh [OUTPUT_FOLDER]
#
# The tests of PTX instructions, of what blocks do together and of matrix instructions use the driver API alone, so here
# they are linked with NVIDIA's libcuda: a row that fails shows where the model, and so Cairn, differs from the GPU. Then
# the examples and the test programs are compiled by nvcc; each checks itself. CFLAGS and LDFLAGS are for cmocka in
# an unusual place. Not part of `make test`: no such machine is needed to build or test Cairn.
set -u
out=${1:-build-gpu} failed=0
mkdir -p "$out" || exit 1
command -v nvcc >/dev/null || { echo "test_gpu.sh: nvcc is not on the PATH"; exit 77; }
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader || { echo "test_gpu.sh: nvidia-smi finds no GPU"; exit 77; }
libcuda=$(ldconfig -p | sed -n 's/.*libcuda\.so\.1 .*=> //p' | head -1)
[ -n "$libcuda" ] || libcuda=$(dirname "$(command -v nvcc)")/../lib64/stubs/libcuda.so

for test in test_instructions test_blocks test_matrix; do
    echo "==== $test on the driver"
    if cc -std=gnu17 -O1 -fno-builtin -frounding-math -I. -Iinclude ${CFLAGS:-} "tests/runtime/$test.c" -o "$out/$test" ${LDFLAGS:-} \
        "$libcuda" -lcmocka -lm; then
        timeout 300 "$out/$test" >"$out/$test.log" 2>&1 || failed=1
        grep -v '^\[ RUN\|^\[       OK' "$out/$test.log"
    else
        failed=1
    fi
done
for file in examples/cuda/*.cu tests/runtime/*.cu; do
    name=$(basename "$file" .cu)
    [ "$name" = blas_half ] && continue # products of kinds that cuBLAS refuses, and sums in f32 where it has f16
    libraries=$(head -n 1 "$file" | grep -o -- ' -l[a-z]*' || true)
    if nvcc -w -O2 -arch=native "$file" $libraries -o "$out/$name" && (cd "$out" && timeout 120 "./$name" >"$name.log" 2>&1); then
        echo "ok      $file: $(tail -1 "$out/$name.log")"
    else
        echo "FAILED  $file (does not compile, or:)"
        tail -5 "$out/$name.log" 2>/dev/null
        failed=1
    fi
done
exit $failed
