# Instruction sets: every file of primitives/isa/ is compiled once for each, with ISA_<NAME> defined and
# KERNEL(name) giving name_<suffix> (see primitives/simd.h).
# Sets that only old machines fall back to are compiled for size: the kernels spell out their vectors, so the level
# matters little to them, and all sets are installed.
foreach(isa generic v2)
  set(CAIRN_ISA_LEVEL_${isa} -Os)
endforeach()
foreach(isa avx2 avx512 neon)
  set(CAIRN_ISA_LEVEL_${isa} -O3)
endforeach()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(CAIRN_ISAS generic v2 avx2 avx512)
  set(CAIRN_ISA_FLAGS_generic "")
  set(CAIRN_ISA_FLAGS_v2 -march=x86-64-v2)
  set(CAIRN_ISA_FLAGS_avx2 -march=x86-64-v3 -mprefer-vector-width=256)
  set(CAIRN_ISA_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(CAIRN_ISAS generic neon)
  set(CAIRN_ISA_FLAGS_generic "")
  set(CAIRN_ISA_FLAGS_neon "")
else()
  set(CAIRN_ISAS generic)
  set(CAIRN_ISA_FLAGS_generic "")
endif()

# Sanitizers watch what differs between the sets: the vectors' widths. Races are the same in all of them, and the
# thread sanitizer is slow.
if(CAIRN_SANITIZE)
  list(REMOVE_ITEM CAIRN_ISAS v2)
endif()
if(CAIRN_SANITIZE STREQUAL "thread")
  list(REMOVE_ITEM CAIRN_ISAS avx512)
endif()
