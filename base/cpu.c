/* What the processor has: instruction sets by cpuid and XGETBV, cache sizes. */
#include "base/cpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cpu_features features;

/* The names that users write and read. */
static const char *const isa_names[ISA_COUNT] = {
#define X(name, suffix, text) text,
    CPU_ISAS(X)
#undef X
};

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>

typedef struct registers { unsigned a, b, c, d; } registers;

static registers cpuid(unsigned leaf, unsigned subleaf)
{
    registers r = {0};
    __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d); /* leaves zeros past the last leaf */
    return r;
}

/* Which register states the operating system saves: a set is usable only with its registers. */
static uint64_t saved_state(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has(unsigned reg, unsigned bits)
{
    return (reg & bits) == bits;
}

enum { SAVES_AVX = 0x6, SAVES_AVX512 = 0xe6, SAVES_AMX = 0x60000 };

/* Tile registers are 8 KB of state, which Linux gives only to a process that asks for them. */
static bool may_use_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* Sets that the machine can run, as a mask of 1 << cpu_isa, whether compiled in or not. */
static unsigned detect(cpu_features *f)
{
    unsigned sets = 1u << ISA_GENERIC;
    registers one = cpuid(1, 0), seven = cpuid(7, 0), seven1 = cpuid(7, 1), extended = cpuid(0x80000001, 0);
    uint64_t saved = has(one.c, bit_OSXSAVE) ? saved_state() : 0;
    bool avx = (saved & SAVES_AVX) == SAVES_AVX && has(one.c, bit_AVX);
    bool avx512 = avx && (saved & SAVES_AVX512) == SAVES_AVX512 && has(seven.b, bit_AVX512F);
    bool amx = (saved & SAVES_AMX) == SAVES_AMX && has(seven.d, 1u << 24) && may_use_tiles();

    if (has(one.c, bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B))
        sets |= 1u << ISA_V2;
    if ((sets & 1u << ISA_V2) && avx && has(one.c, bit_FMA | bit_F16C | bit_MOVBE) &&
        has(seven.b, bit_AVX2 | bit_BMI | bit_BMI2) && has(extended.c, bit_LZCNT))
        sets |= 1u << ISA_AVX2;
    if ((sets & 1u << ISA_AVX2) && avx512 && has(seven.b, bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL))
        sets |= 1u << ISA_AVX512;

    f->f16c = avx && has(one.c, bit_F16C);
    f->avx512_vnni = avx512 && has(seven.c, bit_AVX512VNNI);
    f->avx512_bf16 = avx512 && has(seven1.a, 1u << 5);
    f->avx512_fp16 = avx512 && has(seven.d, 1u << 23);
    f->amx_bf16 = amx && has(seven.d, 1u << 22);
    f->amx_int8 = amx && has(seven.d, 1u << 25);

    if ((sets & 1u << ISA_AVX512) && f->avx512_vnni)
        sets |= 1u << ISA_AVX512VNNI;
    if ((sets & 1u << ISA_AVX512VNNI) && f->avx512_bf16)
        sets |= 1u << ISA_AVX512BF16;
    if ((sets & 1u << ISA_AVX512BF16) && f->amx_bf16 && f->amx_int8)
        sets |= 1u << ISA_AMX;
    return sets;
}
#elif defined(__aarch64__)
static unsigned detect(cpu_features *f)
{
    (void)f;
    return 1u << ISA_GENERIC | 1u << ISA_NEON; /* a part of every aarch64 */
}
#else
static unsigned detect(cpu_features *f)
{
    (void)f;
    return 1u << ISA_GENERIC;
}
#endif

/* Sets that this library holds kernels for. */
static unsigned compiled(void)
{
#define X(name, suffix, text) | (unsigned)HAVE_ISA_##name << ISA_##name
    return 0 CPU_ISAS(X);
#undef X
}

/* Without any set nothing can be computed; what would follow is a jump to NULL. */
static cpu_isa best(unsigned sets)
{
    if (!sets) {
        fprintf(stderr, "cairn: this processor has none of the instruction sets that the library was built for; the least is %s\n",
                HAVE_ISA_GENERIC ? isa_names[ISA_GENERIC] : isa_names[ISA_V2]);
        exit(1);
    }
    for (int isa = ISA_COUNT - 1; isa > ISA_GENERIC; isa--)
        if (sets & 1u << isa)
            return (cpu_isa)isa;
    return ISA_GENERIC;
}

/* CAIRN_ISA forces a set. One that is unknown or that the machine lacks is said once, then ignored:
 * a process that was asked for the impossible still computes. */
static cpu_isa choose(unsigned sets)
{
    const char *wanted = getenv("CAIRN_ISA");
    if (!wanted || !*wanted)
        return best(sets);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        bool named = !strcmp(wanted, isa_names[isa]) || (isa == ISA_V2 && !strcmp(wanted, "v2"));
        if (named && (sets & 1u << isa))
            return (cpu_isa)isa;
        if (named) {
            fprintf(stderr, "cairn: CAIRN_ISA=%s is not available here; using %s\n", wanted, isa_names[best(sets)]);
            return best(sets);
        }
    }
    fprintf(stderr, "cairn: CAIRN_ISA=%s is none of", wanted);
    for (int isa = 0; isa < ISA_COUNT; isa++)
        fprintf(stderr, "%s %s", isa ? "," : "", isa_names[isa]);
    fprintf(stderr, "; using %s\n", isa_names[best(sets)]);
    return best(sets);
}

/* One word of a file below cpu0's caches; false when there is none. */
static bool read_cache_word(int index, const char *name, char word[32])
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, name);
    FILE *f = fopen(path, "re");
    bool read = f && fscanf(f, "%31s", word) == 1;
    if (f)
        fclose(f);
    return read;
}

/* The size of the first CPU's data cache of a level, as the kernel shows it ("48K"); 0 when it does not. */
static int64_t cache_from_kernel(int level)
{
    char word[32], type[32], size[32], *unit;
    for (int index = 0; read_cache_word(index, "level", word) && read_cache_word(index, "type", type) &&
                        read_cache_word(index, "size", size); index++) {
        if (atoi(word) != level || !strcmp(type, "Instruction"))
            continue;
        int64_t bytes = strtoll(size, &unit, 10);
        return *unit == 'M' ? bytes << 20 : *unit == 'K' ? bytes << 10 : bytes;
    }
    return 0;
}

/* The C library asks the processor on x86; elsewhere the kernel knows. */
static int64_t cache_bytes(int level, int name, int64_t otherwise)
{
    long bytes = sysconf(name);
    int64_t known = bytes > 0 ? bytes : cache_from_kernel(level);
    return known > 0 ? known : otherwise;
}

static void fill(void)
{
    features.isa = choose(detect(&features) & compiled());
    features.l1d_bytes = cache_bytes(1, _SC_LEVEL1_DCACHE_SIZE, 32 << 10);
    features.l2_bytes = cache_bytes(2, _SC_LEVEL2_CACHE_SIZE, 1 << 20);
    features.l3_bytes = cache_bytes(3, _SC_LEVEL3_CACHE_SIZE, 8 << 20);
}

const cpu_features *cpu(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &features;
}

const char *isa_name(cpu_isa isa)
{
    return isa_names[isa];
}

const char *cairn_isa(void)
{
    return isa_names[cpu()->isa];
}
