#!/bin/sh
# Builds and runs the CUDA benchmark: the CUDA side with cairn-cc, the OpenMP side with g++.
#
#     bench/cuda/run.sh BUILD_FOLDER [KERNEL...]
set -eu
here=$(dirname "$0") build=$1 out=$1/bench-cuda
shift
mkdir -p "$out"
"$build"/runtime/cairn-cc -std=c++17 -O3 -c "$here"/cuda.cu -o "$out"/cuda.o
g++ -std=c++17 -O3 -march=native -fopenmp -c "$here"/openmp.cpp -o "$out"/openmp.o
g++ -std=c++17 -O2 -c "$here"/main.cpp -o "$out"/main.o
g++ -fopenmp "$out"/main.o "$out"/openmp.o "$out"/cuda.o -L"$build"/runtime -Wl,-rpath,"$build"/runtime -lcairn-cuda -o "$out"/bench_cuda
# Threads that spin after their work would keep the other runtime from the cores.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
exec "$out"/bench_cuda "$@"
