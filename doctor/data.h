/* The known versions: the CSV files as tables of texts, one struct a row. */
#ifndef DOCTOR_DATA_H
#define DOCTOR_DATA_H
#include "doctor/arena.h"
#include "doctor/version.h"

/* One row a column that the doctor uses: the column's name is the member's. */
#define TORCH_COLUMNS(X)                                                                                \
    X(torch) X(cuda_tag) X(cuda_minor) X(status) X(pypi_default_linux_x86_64) X(cudnn) X(python_min)     \
    X(python_max) X(python_experimental) X(arch_list_linux_x86_64) X(arch_list_windows)                  \
    X(arch_list_linux_aarch64) X(torchvision) X(torchaudio) X(channel) X(source) X(note)
#define GPU_COLUMNS(X)                                                                                  \
    X(product) X(pci_device_id) X(chip) X(architecture) X(compute_capability) X(segment)                 \
    X(last_driver_branch) X(first_driver_branch_for_cc_ptx_table) X(source)
#define DRIVER_COLUMNS(X)                                                                               \
    X(branch) X(native_cuda) X(designation) X(end_of_life) X(newest_architecture) X(change)              \
    X(newest_release_seen) X(source)
#define CUDA_DRIVER_COLUMNS(X)                                                                          \
    X(toolkit_version) X(cuda_minor) X(cuda_major) X(min_driver_linux_toolkit)                           \
    X(min_driver_windows_toolkit) X(min_driver_linux_minor_compat) X(min_driver_windows_minor_compat)    \
    X(source)
#define CUDA_ARCH_COLUMNS(X)                                                                            \
    X(cuda_minor) X(min_cc) X(max_cc) X(nvcc_target_ccs) X(ptx_isa) X(native_driver_branch)              \
    X(max_gcc_major_x86_64) X(max_clang_major_x86_64) X(source)
#define CUDNN_COLUMNS(X) \
    X(cudnn) X(package) X(cuda_min) X(cuda_max) X(min_driver_linux) X(compute_capabilities) X(source)

#define MEMBER(column) const char *column;
typedef struct torch_row { TORCH_COLUMNS(MEMBER) } torch_row;
typedef struct gpu_row { GPU_COLUMNS(MEMBER) } gpu_row;
typedef struct driver_row { DRIVER_COLUMNS(MEMBER) } driver_row;
typedef struct cuda_driver_row { CUDA_DRIVER_COLUMNS(MEMBER) } cuda_driver_row;
typedef struct cuda_arch_row { CUDA_ARCH_COLUMNS(MEMBER) } cuda_arch_row;
typedef struct cudnn_row { CUDNN_COLUMNS(MEMBER) } cudnn_row;
#undef MEMBER

/* One row a file: X(member, file, row type, columns). */
#define DATA_FILES(X)                                                         \
    X(torch, "torch.csv", torch_row, TORCH_COLUMNS)                           \
    X(gpus, "gpu_arch.csv", gpu_row, GPU_COLUMNS)                             \
    X(drivers, "driver_gpu.csv", driver_row, DRIVER_COLUMNS)                  \
    X(cuda_drivers, "cuda_driver.csv", cuda_driver_row, CUDA_DRIVER_COLUMNS)  \
    X(cuda_archs, "cuda_arch.csv", cuda_arch_row, CUDA_ARCH_COLUMNS)          \
    X(cudnn, "cudnn.csv", cudnn_row, CUDNN_COLUMNS)

/* What the rules ask again and again, worked out once. */
enum { MOST_CC = 1000 };
typedef struct cc_facts {
    bool tegra;                  /* of parts that are on no bus */
    int first_branch, last_branch;
    const char *architecture;
} cc_facts;
typedef struct torch_facts {
    const char *floor[2]; /* the lowest driver: Linux, Windows */
    int cudnn_floor;
} torch_facts;

struct cairn_doctor_data {
    arena *memory;
    const char *date, *origin; /* origin: the folder, or "built in" */
    cc_facts *by_cc;            /* MOST_CC of them */
    torch_facts *of_torch;      /* one for each row of torch.csv */
#define X(member, file, type, columns) CAIRN_LIST(type) member;
    DATA_FILES(X)
#undef X
};

/* Parses one CSV text into `list`. E_FORMAT with the line when it is not valid. */
typedef struct csv_column {
    const char *name;
    size_t offset;
} csv_column;
cairn_status csv_read(arena *memory, const char *text, size_t bytes, const char *name,
                      const csv_column *columns, int column_count, void *list, size_t row_bytes);

/* Fills by_cc and of_torch (rules.c). */
void data_derive(cairn_doctor_data *data);

/* Checks that the tables can be used by the rules; what is wrong goes to `problems`. */
void data_check(const cairn_doctor_data *data, arena *memory, cairn_texts *problems);

#endif
