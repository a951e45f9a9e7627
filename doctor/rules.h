/* The rules of compatibility, over the data: drivers and GPUs, wheels and GPUs, wheels and drivers.
 *
 * 1. The driver floor is per CUDA major, without an upper bound.
 * 2. The driver must know the GPU and must not have dropped it.
 * 3. A wheel runs with a cubin of the GPU's major and a lower or equal minor, or with older PTX; Tegra
 *    parts must match exactly.
 * 4. PTX must not be newer than what the driver compiles.
 * 5. cuDNN has a GPU floor of its own. */
#ifndef DOCTOR_RULES_H
#define DOCTOR_RULES_H
#include "doctor/data.h"

enum { BRANCH_UNKNOWN = 0, BRANCH_CURRENT = 1 << 20, CC_TURING = 75, CC_BLACKWELL = 100 };

/* A GPU as identified. */
typedef struct gpu_info {
    const char *pci, *name, *cc_text; /* NULL when not known */
    int cc;                           /* 89 for 8.9; 0 when not known */
    const char *segment, *architecture;
    int first_branch, last_branch; /* of the driver; BRANCH_CURRENT when none has dropped it */
    bool guessed;                  /* the data does not list it */
    int index;                     /* among the facts' GPUs */
} gpu_info;

void identify_gpu(const cairn_doctor_data *data, arena *memory, const cairn_gpu *gpu, gpu_info *out);
void identify_cc(const cairn_doctor_data *data, arena *memory, const char *cc, gpu_info *out);
void identify_row(const cairn_doctor_data *data, arena *memory, const gpu_row *row, gpu_info *out);
const char *cc_text(arena *memory, int cc);
bool is_tegra_cc(const cairn_doctor_data *data, int cc);

/* A driver as far as wheels see it. */
typedef struct driver_info {
    const char *version; /* NULL: free */
    const char *cuda;    /* what it calls its CUDA, "12.4"; NULL when not known */
    bool windows;        /* numbers are those of Windows */
    bool jetson;         /* numbers are those of L4T and say nothing */
} driver_info;

/* The branch of a version: 580 for 580.95.05, and for 581.42 of Windows. 0 when there is none. */
int branch_of(const cairn_doctor_data *data, const char *version);
const driver_row *branch_row(const cairn_doctor_data *data, int branch);
/* "12.4" for branch 550; NULL when not known. */
const char *cuda_of_branch(const cairn_doctor_data *data, int branch);
bool driver_predates(const cairn_doctor_data *data, const char *version, const gpu_info *gpu);
bool driver_dropped(const cairn_doctor_data *data, const char *version, const gpu_info *gpu);
/* The branch to install: at least `at_least`, known to serve all GPUs, supported for longest. 0: none. */
int best_branch(const cairn_doctor_data *data, const gpu_info *gpus, int count, int at_least);

/* The lowest driver for programs built with this CUDA, NULL when not known. */
const char *driver_floor(const cairn_doctor_data *data, const char *cuda, bool windows);
const cuda_arch_row *cuda_row(const cairn_doctor_data *data, const char *cuda);

/* A PyTorch build. */
enum { MOST_ARCHS = 32 };
typedef struct wheel {
    const char *torch; /* "2.7.1" */
    const char *tag;   /* "cu126"; NULL when not known */
    const char *cuda;  /* "12.6"; "" without CUDA; NULL when not known */
    const char *cudnn;
    arch archs[MOST_ARCHS];
    int arch_count; /* 0: not known */
    const char *archs_text;
    bool measured; /* the list comes from the wheel, not from the data */
    const torch_row *row;
} wheel;

/* The column of torch.csv for this platform; NULL when it has nothing to say. */
const char *row_archs(const torch_row *row, const char *platform, const char *machine);
const torch_row *find_torch(const cairn_doctor_data *data, const char *torch, const char *tag,
                            const char *cuda);
void wheel_from_row(const torch_row *row, const char *platform, const char *machine, wheel *out);
/* What a Python environment holds; false when it holds no torch. */
bool wheel_from_python(const cairn_doctor_data *data, arena *memory, const cairn_facts *facts,
                       const cairn_python *python, wheel *out);

typedef enum fit { FIT_UNKNOWN, FIT_CUBIN, FIT_PTX, FIT_PTX_TOO_NEW, FIT_TOOLKIT_PREDATES, FIT_NONE } fit;
/* How the wheel's code meets the GPU. */
fit wheel_fit(const cairn_doctor_data *data, const wheel *w, const gpu_info *gpu, const driver_info *driver);
/* It has PTX for the GPU that the driver is too old to compile (whether or not it has a cubin too). */
bool wheel_ptx_too_new(const cairn_doctor_data *data, const wheel *w, const gpu_info *gpu,
                       const driver_info *driver);
bool wheel_needs_newer_driver(const cairn_doctor_data *data, const wheel *w, const driver_info *driver);
/* The lowest capability that a cuDNN release serves, and the row that says so; 0 when not known. */
int cudnn_floor(const cairn_doctor_data *data, const char *cudnn, const cudnn_row **row);
int wheel_cudnn_floor(const cairn_doctor_data *data, const wheel *w);
bool wheel_takes_python(const torch_row *row, const char *python);

#endif
