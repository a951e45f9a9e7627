/* What the processor has. Filled once at start. */
#ifndef BASE_CPU_H
#define BASE_CPU_H
#include <cairn/base.h>

/* In order of preference, worst first. A kernel table is filled from ISA_GENERIC up. */
typedef enum cpu_isa { ISA_GENERIC, ISA_V2, ISA_AVX2, ISA_AVX512, ISA_NEON, ISA_COUNT } cpu_isa;

typedef struct cpu_features {
    cpu_isa isa;                       /* the best usable set, after CAIRN_ISA */
    bool f16c, avx512_bf16, avx512_fp16, avx512_vnni, amx_bf16, amx_int8;
    int64_t l1d_bytes, l2_bytes, l3_bytes;
} cpu_features;

const cpu_features *cpu(void);

#endif
