/* What the probe says: lines "key value" on its standard output, each sent as soon as it is known, so
 * that a hang or a crash loses only what comes after.
 *
 *   path /usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15    where the library was loaded from
 *   cuda 12040                                             cuDriverGetVersion
 *   init 0                                                 cuInit or nvmlInit
 *   driver 550.54.15                                       nvmlSystemGetDriverVersion
 *   count 1                                                GPUs
 *   gpu 0 8 9 0000:01:00.0 NVIDIA GeForce RTX 4090         index, capability, slot, name
 *   proof ok                                               a small kernel's result, or what went wrong
 *   end
 *
 * Its first argument is "cuda", "init" (only cuInit) or "nvml". */
#ifndef DOCTOR_PROBE_H
#define DOCTOR_PROBE_H

enum { PROBE_MOST_GPUS = 64, PROBE_LONGEST_LINE = 1024 };

#endif
