#!/bin/sh
# Finds what is missing for a goal and installs it with apt when it may (root, or sudo without a question);
# else prints the one line to run.
#
#     scripts/setup.sh build|demo|test|long
#
# Without what is "needed" the goal is impossible. Without what is "wanted" Cairn is built with less, and
# says so where it matters.
set -u
goal=${1:-build}
needed="" wanted=""

have()   { command -v "$1" >/dev/null 2>&1; }
header() { printf '#include <stdio.h>\n#include <%s>\n' "$1" | cc -E - >/dev/null 2>&1; }
need()   { needed="$needed $1"; }
want()   { wanted="$wanted $1"; }

have cc && header stdlib.h || need "gcc libc6-dev"
have make  || need make
have cmake || need cmake
header zlib.h        || want zlib1g-dev
header cjson/cJSON.h || want libcjson-dev
header jansson.h     || want libjansson-dev
header png.h         || want libpng-dev
header jpeglib.h     || want libjpeg-dev

case $goal in demo | test | long)
    [ -e /usr/share/datasets/fashion-mnist ] || want dataset-fashion-mnist
esac
case $goal in test | long)
    header cmocka.h || need libcmocka-dev
    have ninja      || want ninja-build
    have llvm-config-19 || want llvm-19-dev
    have clang-19       || want clang-19
    [ -e "/usr/lib/$(uname -m)-linux-gnu/blas/xblat1s" ] || want libblas-test
esac
case $goal in long)
    have aarch64-linux-gnu-gcc || want gcc-aarch64-linux-gnu
    [ -e /usr/aarch64-linux-gnu/include/stdio.h ] || want libc6-dev-arm64-cross
    have qemu-aarch64 || want qemu-user
    [ -e "$(clang-19 -print-resource-dir 2>/dev/null)/lib/linux/libclang_rt.fuzzer-$(uname -m).a" ] || want libclang-rt-19-dev
esac

[ -n "$needed$wanted" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=""
elif have sudo && sudo -n true 2>/dev/null; then as_root="sudo"
else as_root="none"; fi

if have apt-get && [ "$as_root" != none ]; then
    echo "setup: installing$needed$wanted"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q >/dev/null || echo "setup: apt-get update failed; trying with the lists there are"
    install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >/dev/null; }
    if [ -n "$needed" ] && ! install $needed; then
        echo "setup: could not install$needed" >&2
        exit 1
    fi
    for package in $wanted; do
        install "$package" || echo "setup: could not install $package; going on without it"
    done
    exit 0
fi

echo "setup: please run:   sudo apt-get install -y --no-install-recommends$needed$wanted" >&2
[ -z "$needed" ] || exit 1
echo "setup: going on without these" >&2
