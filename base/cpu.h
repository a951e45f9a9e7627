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

/* Measured once, on demand (takes about a second), and kept for the process. */
typedef struct machine_peaks {
    double f32_flops, f64_flops;       /* FMA peak of the pool's threads together, per second */
    double read_bytes, triad_bytes;    /* memory bandwidth, bytes per second */
} machine_peaks;
const machine_peaks *machine_measure(void);

#endif
