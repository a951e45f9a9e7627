/* `cairn run -- PROGRAM [ARGUMENT...]`: runs a finished program on Cairn's libcuda and libcudart. */
#define _GNU_SOURCE
#include "tools/cc.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int run_main(int argc, char **argv);

/* The folder where the library has NVIDIA's names: apart from the library's own, so that it never shadows a real
 * driver. */
static char *cuda_folder(void)
{
    char *library = library_folder(), *installed = text_print("%s/cairn-cuda", library);
    char *built = text_print("%s/../lib-cuda", library), *probe = text_print("%s/libcuda.so.1", installed);
    bool found = access(probe, R_OK) == 0;
    free(probe);
    free(library);
    free(found ? built : installed);
    return found ? installed : built;
}

int run_main(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
    if (first >= argc || strcmp(argv[first], "--help") == 0) {
        fprintf(stderr, "usage: cairn run -- PROGRAM [ARGUMENT...]\n"
                        "Runs a program that was linked with libcuda or libcudart on Cairn's instead.\n");
        return first >= argc ? 2 : 0;
    }
    char *folder = cuda_folder(), *probe = text_print("%s/libcuda.so.1", folder);
    if (access(probe, R_OK)) {
        fprintf(stderr, "cairn run: %s is not there: this Cairn was built without the CUDA runtime\n", probe);
        return 1;
    }
    const char *before = getenv("LD_LIBRARY_PATH");
    char *path = text_print("%s%s%s", folder, before && *before ? ":" : "", before ? before : "");
    if (setenv("LD_LIBRARY_PATH", path, 1) == 0)
        execvp(argv[first], argv + first);
    fprintf(stderr, "cairn run: %s: %s\n", argv[first], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
