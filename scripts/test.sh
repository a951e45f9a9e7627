#!/bin/sh
# The test runs behind `make test` and `make test-long`:
#
#     scripts/test.sh quick    the tests; under address + undefined; the threaded ones under thread
#     scripts/test.sh long     and all under thread, built by clang, the kernels on NEON under qemu, the fuzzers
#
# Each has its own build folder. All of them run, whatever fails; the last line counts their tests.
set -u
goal=${1:-quick}
build=${BUILD:-build}
jobs=${JOBS:-$(nproc)}
passed=0 failed=0 broken=""

have() { command -v "$1" >/dev/null 2>&1; }
have ninja && generator="-G Ninja" || generator=""

# run NAME SUFFIX "cmake options" "ctest options" [wrapper [target]]: configures, builds and tests in its own folder.
run() {
    name=$1 folder=$build$2 options=$3 selection=$4 wrapper=${5:-} target=${6:-all}
    echo "==== $name"
    started=$(date +%s)
    log=$folder/log.txt
    mkdir -p "$folder"
    [ -f "$folder/CMakeCache.txt" ] && use="" || use=$generator
    if ! cmake -S . -B "$folder" $use $options >"$log" 2>&1 || ! cmake --build "$folder" -j "$jobs" --target "$target" >>"$log" 2>&1; then
        grep -E -A 8 'error|FAILED|undefined' "$log" | head -60
        echo "==== $name: does not build"
        broken="$broken, $name does not build"
        failed=$((failed + 1))
        return
    fi
    $wrapper ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error $selection >"$log" 2>&1
    ended=$?
    # "97% tests passed, 1 tests failed out of 33"
    line=$(grep 'tests passed,' "$log" | tail -1)
    lost=$(echo "$line" | sed -n 's/.*passed, \([0-9]*\) tests* failed out of.*/\1/p')
    all=$(echo "$line" | sed -n 's/.*out of \([0-9]*\).*/\1/p')
    [ -n "$all" ] || { all=1; lost=1; broken="$broken, $name ran no tests"; tail -20 "$log"; }
    [ "$ended" = 0 ] || { sed -n '/Test #.*\(Failed\|Exception\|Timeout\)/,/^ *Start/p' "$log" | head -200; grep -A 50 'tests FAILED' "$log" | head -60; }
    passed=$((passed + all - lost)) failed=$((failed + lost))
    echo "==== $name: $((all - lost)) passed, $lost failed, $(($(date +%s) - started)) s"
}

# The thread sanitizer wants the address space as it was before newer kernels spread it more widely.
plain_addresses=""
setarch "$(uname -m)" -R true 2>/dev/null && plain_addresses="setarch $(uname -m) -R"

run "tests" "" "" ""
run "address and undefined-behaviour sanitizers" "-asan" "-DCAIRN_SANITIZE=address,undefined" ""
if [ "$goal" = quick ]; then
    # The kernels' longest tests take minutes there, and split their work as those that run.
    run "thread sanitizer" "-tsan" "-DCAIRN_SANITIZE=thread" "-L threads -E test_(conv|program)$" "$plain_addresses" threaded_tests
else
    run "thread sanitizer" "-tsan" "-DCAIRN_SANITIZE=thread" "" "$plain_addresses"
    if have clang-19; then
        run "clang" "-clang" "-DCMAKE_C_COMPILER=clang-19" ""
        run "fuzzers" "-fuzz" "-DCMAKE_C_COMPILER=clang-19 -DCAIRN_FUZZ=ON" "-L fuzz"
    else
        echo "==== clang, fuzzers: not run (clang-19 is not here)"
    fi
    if have aarch64-linux-gnu-gcc && have qemu-aarch64; then
        run "aarch64 under qemu" "-aarch64" "-DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake" "-L primitives"
    else
        echo "==== aarch64: not run (gcc-aarch64-linux-gnu or qemu-user is not here)"
    fi
fi

[ -z "$broken" ] || echo "broken: ${broken#, }"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
