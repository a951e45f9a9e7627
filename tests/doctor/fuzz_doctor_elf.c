/* ELF files, fat binaries and notes: any bytes as a file. */
#define _GNU_SOURCE /* memfd_create */
#include "doctor/elf.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("fuzz", 0);
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, bytes, size, 0) != (ssize_t)size)
        return 0;
    arena *memory = arena_new();
    cairn_texts archs = {0}, drivers = {0};
    if (memory) {
        elf_machine(fd);
        elf_gpu_archs(fd, memory, &archs);
        elf_forward_compat(fd, memory, &drivers);
    }
    arena_free(memory);
    cairn_error_clear();
    return 0;
}
