/* What the processor has. Filled once at start. */
#ifndef BASE_CPU_H
#define BASE_CPU_H
#include <cairn/base.h>

/* Instruction sets, worst first: X(NAME, suffix of its kernels, the name that users write). A kernel table is filled from
 * generic up. A machine that has a set has those before it, but for the other architecture's. All files of primitives/isa/ are
 * compiled for the whole sets; only those that a unit speeds up for the partial ones (cmake/isa.cmake). */
#define CPU_WHOLE_ISAS(X)            \
    X(GENERIC, generic, "generic")   \
    X(NEON, neon, "neon")            \
    X(V2, v2, "x86-64-v2")           \
    X(AVX2, avx2, "avx2")            \
    X(AVX512, avx512, "avx512")
#define CPU_PARTIAL_ISAS(X)                                                   \
    X(AVX512VNNI, avx512vnni, "avx512vnni") /* int8: Cascade Lake, Ice Lake */ \
    X(AVX512BF16, avx512bf16, "avx512bf16") /* Cooper Lake, Zen 4 */           \
    X(AMX, amx, "amx")                      /* tiles, bf16 and int8: Sapphire Rapids */
#define CPU_ISAS(X) CPU_WHOLE_ISAS(X) CPU_PARTIAL_ISAS(X)

typedef enum cpu_isa {
#define X(name, suffix, text) ISA_##name,
    CPU_ISAS(X)
#undef X
    ISA_COUNT
} cpu_isa;

static inline bool isa_is_whole(cpu_isa isa) { return isa <= ISA_AVX512; }
const char *isa_name(cpu_isa isa);

typedef struct cpu_features {
    cpu_isa isa;                       /* the best usable set, after CAIRN_ISA */
    /* What the processor and its operating system offer, whatever CAIRN_ISA says. */
    bool f16c, avx512_bf16, avx512_fp16, avx512_vnni, amx_bf16, amx_int8;
    int64_t l1d_bytes, l2_bytes, l3_bytes;
} cpu_features;

const cpu_features *cpu(void);

#endif
