/* What the doctor reads from ELF files: notes, and the GPU architectures of a fat binary. Everything is
 * read with bounds from the file itself, which may be anything. */
#ifndef DOCTOR_ELF_H
#define DOCTOR_ELF_H
#include "doctor/arena.h"

/* "x86_64", "aarch64", NULL for anything else or no ELF file. */
const char *elf_machine(int fd);

/* The architectures that code of the file is for, from the headers of .nv_fatbin: "sm_80", "sm_90a",
 * "compute_120". Those that only few of its parts have (a kernel for one special GPU) do not count. */
void elf_gpu_archs(int fd, arena *memory, cairn_texts *archs);

/* The branches ("535") that cuda-compat's libcuda lists in .note.cuda.fwd_compatibility; false when the
 * file has no such note. */
bool elf_forward_compat(int fd, arena *memory, cairn_texts *drivers);

#endif
