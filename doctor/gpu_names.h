/* GPUs as people name them. */
#ifndef DOCTOR_GPU_NAMES_H
#define DOCTOR_GPU_NAMES_H
#include "doctor/rules.h"

typedef enum gpu_match { GPU_FOUND, GPU_UNKNOWN, GPU_AMBIGUOUS } gpu_match;

/* "RTX 4090", "10de:2684", "0x2684", "8.9", "sm_89". A name that fits several products is ambiguous only
 * where they differ in capability or in their last driver branch: `candidates` then lists them. */
gpu_match gpu_find(const cairn_doctor_data *data, arena *memory, const char *name, gpu_info *out,
                   cairn_texts *candidates);

#endif
