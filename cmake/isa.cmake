# Instruction sets: the files of primitives/isa/ are compiled once for each, with ISA_<NAME> defined and
# KERNEL(name) giving name_<suffix> (see primitives/simd.h).
# Sets that only old machines fall back to are compiled for size: the kernels spell out their vectors, so the level
# matters little to them, and all sets are installed.
# All sets, worst first: those of CPU_ISAS in base/cpu.h.
set(CAIRN_ALL_ISAS generic neon v2 avx2 avx512 avx512vnni avx512bf16 amx)
foreach(isa IN LISTS CAIRN_ALL_ISAS)
  set(CAIRN_ISA_LEVEL_${isa} $<IF:$<C_COMPILER_ID:Clang>,-O2,-O3>) # clang's -O3 is its -O2, unrolled further
endforeach()
foreach(isa generic v2)
  set(CAIRN_ISA_LEVEL_${isa} -Os)
endforeach()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(CAIRN_ISAS v2 avx2 avx512 avx512vnni avx512bf16 amx) # v2 is the least: processors since 2009
  set(CAIRN_ISA_FLAGS_v2 -march=x86-64-v2)
  set(CAIRN_ISA_FLAGS_avx2 -march=x86-64-v3 -mprefer-vector-width=256)
  set(CAIRN_ISA_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  set(CAIRN_ISA_FLAGS_avx512vnni ${CAIRN_ISA_FLAGS_avx512} -mavx512vnni)
  set(CAIRN_ISA_FLAGS_avx512bf16 ${CAIRN_ISA_FLAGS_avx512vnni} -mavx512bf16)
  set(CAIRN_ISA_FLAGS_amx ${CAIRN_ISA_FLAGS_avx512bf16} -mamx-tile -mamx-bf16 -mamx-int8)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(CAIRN_ISAS generic neon)
  set(CAIRN_ISA_FLAGS_generic "")
  set(CAIRN_ISA_FLAGS_neon "")
else()
  set(CAIRN_ISAS generic)
  set(CAIRN_ISA_FLAGS_generic "")
endif()

# Partial sets: only the files that their unit speeds up, and what a set is besides its own name. A kernel of theirs
# has a row X_IN(...) in kernels.def.
set(CAIRN_ISA_FILES_avx512vnni table gemm_int8 quantize)
set(CAIRN_ISA_FILES_avx512bf16 table gemm_bf16)
set(CAIRN_ISA_FILES_amx table gemm_amx)
set(CAIRN_ISA_UNIT_FILES gemm_bf16 gemm_amx) # not for the whole sets
set(CAIRN_ISA_ALSO_avx512vnni ISA_AVX512)
set(CAIRN_ISA_ALSO_avx512bf16 ISA_AVX512 ISA_AVX512VNNI)
set(CAIRN_ISA_ALSO_amx ISA_AVX512 ISA_AVX512VNNI ISA_AVX512BF16)

# Races are the same in all sets, and the thread sanitizer is slow.
if(CAIRN_SANITIZE STREQUAL "thread")
  list(FILTER CAIRN_ISAS EXCLUDE REGEX "avx512|amx")
endif()
