/* BLAS against OpenBLAS, loaded by dlopen in the same run: time of both, and ratio. `blas FILTER` runs rows whose name has it.
 * CAIRN_BENCH_BLAS names another library than libopenblas.so.0. */
#include "measure.h"
#include <cairn/base.h>
#include <dlfcn.h>

typedef enum kind { GEMM, SYMM, SYRK, TRSM, TRMM, GEMV_N, GEMV_T, SYMV, TRSV, GER, DOT, AXPY, NRM2, AMAX } kind;

typedef struct row {
    const char *name;
    kind kind;
    char type;                          /* s, d, c, z */
    int m, n, k;
} row;

static const row rows[] = {
    {"sgemm 1024", GEMM, 's', 1024, 1024, 1024}, {"dgemm 1024", GEMM, 'd', 1024, 1024, 1024},
    {"cgemm 512", GEMM, 'c', 512, 512, 512},     {"zgemm 512", GEMM, 'z', 512, 512, 512},
    {"dgemm 64", GEMM, 'd', 64, 64, 64},         {"zgemm 64", GEMM, 'z', 64, 64, 64},
    {"dgemm 8", GEMM, 'd', 8, 8, 8},             {"dsymm 1024", SYMM, 'd', 1024, 1024, 0},
    {"dsyrk 1024", SYRK, 'd', 1024, 0, 1024},    {"zsyrk 512", SYRK, 'z', 512, 0, 512},
    {"dtrsm 1024", TRSM, 'd', 1024, 1024, 0},    {"dtrsm 64 x 1024", TRSM, 'd', 64, 1024, 0},
    {"ztrsm 512", TRSM, 'z', 512, 512, 0},       {"dtrmm 1024", TRMM, 'd', 1024, 1024, 0},
    {"sgemv 4096", GEMV_N, 's', 4096, 4096, 0},  {"dgemv 1024", GEMV_N, 'd', 1024, 1024, 0},
    {"dgemv T 1024", GEMV_T, 'd', 1024, 1024, 0}, {"dgemv 64", GEMV_N, 'd', 64, 64, 0},
    {"zgemv 1024", GEMV_N, 'z', 1024, 1024, 0},  {"dsymv 1024", SYMV, 'd', 1024, 0, 0},
    {"dtrsv 1024", TRSV, 'd', 1024, 0, 0},       {"dger 1024", GER, 'd', 1024, 1024, 0},
    {"ddot 1000", DOT, 'd', 1000, 0, 0},         {"ddot 1000000", DOT, 'd', 1000000, 0, 0},
    {"daxpy 1000", AXPY, 'd', 1000, 0, 0},       {"daxpy 1000000", AXPY, 'd', 1000000, 0, 0},
    {"dnrm2 1000", NRM2, 'd', 1000, 0, 0},       {"snrm2 1000", NRM2, 's', 1000, 0, 0},
    {"idamax 1000", AMAX, 'd', 1000, 0, 0},
};

static const char *const names[] = {"gemm", "symm", "syrk", "trsm", "trmm", "gemv", "gemv", "symv", "trsv", "ger", "dot", "axpy", "nrm2",
                                    "amax"};

typedef struct call {
    const row *r;
    void (*fn)(void);
    void *a, *b, *c;
} call;

/* Fortran's functions differ in their arguments alone, which are all addresses. */
typedef void (*f4)(const void *, ...);

static void run(void *context)
{
    const call *c = context;
    const row *r = c->r;
    static const double half_d[2] = {0.5, 0}, zero_d[2];
    static const float half_f[2] = {0.5f, 0}, zero_f[2];
    const bool wide = r->type == 'd' || r->type == 'z';
    const void *alpha = wide ? (const void *)half_d : half_f, *beta = wide ? (const void *)zero_d : zero_f;
    const int one = 1;
    f4 f = (f4)c->fn;
    switch (r->kind) {
    case GEMM: f("N", "N", &r->m, &r->n, &r->k, alpha, c->a, &r->m, c->b, &r->k, beta, c->c, &r->m); break;
    case SYMM: f("L", "L", &r->m, &r->n, alpha, c->a, &r->m, c->b, &r->m, beta, c->c, &r->m); break;
    case SYRK: f("L", "N", &r->m, &r->k, alpha, c->a, &r->m, beta, c->c, &r->m); break;
    case TRSM:
    case TRMM: f("L", "L", "N", "N", &r->m, &r->n, alpha, c->a, &r->m, c->c, &r->m); break;
    case GEMV_N:
    case GEMV_T: f(r->kind == GEMV_N ? "N" : "T", &r->m, &r->n, alpha, c->a, &r->m, c->b, &one, beta, c->c, &one); break;
    case SYMV: f("L", &r->m, alpha, c->a, &r->m, c->b, &one, beta, c->c, &one); break;
    case TRSV: f("L", "N", "N", &r->m, c->a, &r->m, c->c, &one); break;
    case GER: f(&r->m, &r->n, alpha, c->b, &one, c->c, &one, c->a, &r->m); break;
    case AXPY: f(&r->m, alpha, c->b, &one, c->c, &one); break;
    case DOT: f(&r->m, c->b, &one, c->c, &one); break;
    default: f(&r->m, c->b, &one);
    }
}

/* Diagonals that keep the solutions of triangular systems small. */
static void raise_diagonal(const row *r, void *a)
{
    const bool wide = r->type == 'd' || r->type == 'z';
    const int parts = r->type == 'c' || r->type == 'z' ? 2 : 1;
    for (int64_t i = 0; r->n && i < r->m; i++)
        if (wide)
            ((double *)a)[parts * i * (r->m + 1)] = 4 * r->m;
        else
            ((float *)a)[parts * i * (r->m + 1)] = 4 * (float)r->m;
}

static timing time_of(const row *r, void *library)
{
    char name[16];
    snprintf(name, sizeof name, r->kind == AMAX ? "i%c%s_" : "%c%s_", r->type, names[r->kind]);
    const int64_t most = (int64_t)r->m * (r->kind >= DOT ? 1 : r->m > r->k ? r->m > r->n ? r->m : r->n : r->k > r->n ? r->k : r->n);
    call c = {.r = r, .a = numbers(most * 16), .b = numbers(most * 16), .c = numbers(most * 16)};
    *(void **)&c.fn = dlsym(library, name);
    if (!c.fn) {
        printf("%s is not in the library\n", name);
        exit(1);
    }
    raise_diagonal(r, c.a);
    const timing t = measure(run, &c, 0.15);
    buffer_free(c.a, most * 16), buffer_free(c.b, most * 16), buffer_free(c.c, most * 16);
    return t;
}

int main(int argc, char **argv)
{
    const char *peer = getenv("CAIRN_BENCH_BLAS") ? getenv("CAIRN_BENCH_BLAS") : "libopenblas.so.0";
    void *ours = dlopen(CAIRN_BLAS_LIBRARY, RTLD_NOW | RTLD_LOCAL), *theirs = dlopen(peer, RTLD_NOW | RTLD_LOCAL);
    if (!ours || !theirs) {
        printf("blas: %s\n", dlerror());
        return theirs ? 1 : 0;          /* nothing to compare with is no failure */
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 1 && !strstr(rows[i].name, argv[1]))
            continue;
        const timing a = time_of(&rows[i], ours), b = time_of(&rows[i], theirs);
        printf("blas %-16s %10.2f us, OpenBLAS %10.2f us: ratio %5.2f\n", rows[i].name, a.best * 1e6, b.best * 1e6, b.best / a.best);
    }
    return 0;
}
