#!/bin/sh
# Installs a build into a scratch folder and uses it as a stranger does: tests/install/run.sh SOURCE BUILD CC
set -eu
source=$1 build=$2 cc=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
fail() { echo "FAILED: $*"; exit 1; }

cmake --install "$build" --prefix "$prefix" --strip >/dev/null
library=$(dirname "$(find "$prefix" -name libcairn.a)")

echo "-- installed size"
bytes=$(du -sb --apparent-size "$prefix" | cut -f1)
archive=$(stat -c %s "$library/libcairn.a")
echo "$bytes bytes, of which the static library $archive"
[ $((bytes - archive)) -lt 5000000 ] || fail "installed size is over 5 MB beside the static library"

echo "-- libcairn.so shows public names only"
others=$(nm -D --defined-only "$library/libcairn.so" | awk '{print $3}' | grep -v '^cairn_' || true)
[ -z "$others" ] || fail "libcairn.so shows $others"

echo "-- shared"
"$cc" "$source/tests/install/program.c" -I"$prefix/include" -L"$library" -lcairn -o "$scratch/shared"
LD_LIBRARY_PATH=$library "$scratch/shared"

echo "-- loaded while a program runs, as extensions of Python are"
cat >"$scratch/load.c" <<END
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!dlopen(argv[i], RTLD_NOW | RTLD_LOCAL))
            return printf("%s\n", dlerror());
    return argc == 1;
}
END
"$cc" "$scratch/load.c" -ldl -o "$scratch/load"
for name in cairn cairn-blas cairn-cuda; do
    [ ! -e "$library/lib$name.so" ] || "$scratch/load" "$library/lib$name.so" || fail "lib$name.so cannot be loaded"
done

echo "-- the program of the README"
sed -n '/^```c$/,/^```$/p' "$source/README.md" | sed '/^```/d' >"$scratch/first.c"
"$cc" "$scratch/first.c" -I"$prefix/include" -L"$library" -lcairn -o "$scratch/first"
(cd "$scratch" && LD_LIBRARY_PATH=$library CAIRN_DATA=$prefix/share/cairn ./first && [ -s net.safetensors ]) ||
    fail "the program of the README"

if [ -e "$library/libcairn-doctor.so" ]; then
    echo "-- the doctor's library"
    "$cc" "$source/tests/install/doctor.c" -I"$prefix/include" -L"$library" -lcairn-doctor -lcairn -o "$scratch/doctor"
    LD_LIBRARY_PATH=$library "$scratch/doctor"
    "$prefix/bin/cairn" doctor --help >/dev/null || fail "the installed tool does not find its libraries"
fi
"$prefix/bin/cairn" version >/dev/null || fail "the installed tool does not run"

if command -v pkg-config >/dev/null; then
    echo "-- pkg-config, static"
    # --define-prefix: the file names the prefix of `make install`, and this is another
    flags=$(PKG_CONFIG_PATH=$library/pkgconfig pkg-config --define-prefix --cflags --libs --static cairn)
    "$cc" "$source/tests/install/program.c" $(echo "$flags" | sed 's/-lcairn/-l:libcairn.a/') -o "$scratch/static"
    "$scratch/static"
fi

echo "-- CMake package"
mkdir "$scratch/user"
cat >"$scratch/user/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.18)
project(user C)
find_package(cairn REQUIRED)
foreach(library cairn cairn_shared)
  add_executable(with_\${library} $source/tests/install/program.c)
  target_link_libraries(with_\${library} cairn::\${library})
endforeach()
END
cmake -S "$scratch/user" -B "$scratch/user/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" >/dev/null
cmake --build "$scratch/user/build" >/dev/null
"$scratch/user/build/with_cairn"
"$scratch/user/build/with_cairn_shared"

if command -v g++ >/dev/null; then
    echo "-- headers are C++ too"
    for header in $(cd "$prefix/include" && find cairn -name '*.h'); do
        [ "$header" != cairn/lines.h ] || continue # a part of cairn.h
        printf '#include <%s>\n' "$header" |
            g++ -std=c++17 -Wall -Wextra -Werror -I"$prefix/include" -x c++ -fsyntax-only -
    done
fi

if [ -x "$prefix/bin/cairn-cc" ] && command -v "${CAIRN_CLANG:-clang++-19}" >/dev/null; then
    echo "-- a CUDA program, with the libraries beside the runtime"
    export CAIRN_CUDA_CACHE=off
    "$source/tests/runtime/programs.sh" "$prefix/bin/cairn-cc" "$scratch" "$source/tests/runtime/blas.cu" \
        "$source/tests/runtime/monte_carlo.cu" "$source/tests/runtime/run_time_compilation.cu"
    for name in libcuda.so.1 libcudart.so.12 libcublas.so.12 libcurand.so.10 libnvrtc.so.12; do
        "$scratch/load" "$library/cairn-cuda/$name" || fail "finished programs do not find $name"
    done
fi
