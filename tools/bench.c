/* `cairn bench --machine`: the peaks that figures are compared with. */
#include "tools/tool.h"
#include <string.h>

static const char usage[] =
    "usage: cairn bench --machine\n\n"
    "  --machine   measure this machine: arithmetic and memory bandwidth of all threads together\n";

int bench_main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return fputs(usage, stdout), EXIT_FINE;
    if (argc != 2 || strcmp(argv[1], "--machine"))
        return fputs(usage, stderr), EXIT_ARGUMENTS;
    const cairn_machine *p = cairn_machine_measure();
    printf("instruction set   %s\n", cairn_isa());
    printf("threads           %d\n", cairn_threads());
    printf("f32 multiply-add  %.1f GFLOP/s\n", p->f32_flops * 1e-9);
    printf("f64 multiply-add  %.1f GFLOP/s\n", p->f64_flops * 1e-9);
    printf("memory, reading   %.1f GB/s\n", p->read_bytes * 1e-9);
    printf("memory, triad     %.1f GB/s\n", p->triad_bytes * 1e-9);
    printf("caches            %lld KiB, %lld KiB, %lld KiB\n", (long long)p->l1d_bytes >> 10,
           (long long)p->l2_bytes >> 10, (long long)p->l3_bytes >> 10);
    return EXIT_FINE;
}
