/* Files of tensors: NumPy's, safetensors, IDX, images; the weights of modules; checkpoints.
 *
 * Readers check everything that a format promises before they believe it: a damaged or hostile file gives one
 * sentence (cairn_error_message()), never a crash. Writers write beside the file and rename, so that a file is
 * at any moment the old one or the new one, and flush it to the disk before they say CAIRN_OK.
 * What needs a library that Cairn was built without gives E_MISSING and names the package. */
#ifndef CAIRN_IO_H
#define CAIRN_IO_H
#include <cairn/data.h>
#include <cairn/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- One tensor a file --------------------------------------------------------------------------------
 * Tensors belong to the current scope; NULL with the error set. */

/* IDX, the format of MNIST; gzip is seen by its first bytes, whatever the name. u8 i8 i16 i32 f32 f64. */
CAIRN_API cairn_tensor *cairn_load_idx(const char *file);

/* NumPy's .npy, of every type that Cairn has (bf16 as two-byte records, as the package ml_dtypes writes it), either byte
 * order; Fortran order gives a permuted view. */
CAIRN_API cairn_tensor *cairn_load_npy(const char *file);
CAIRN_API cairn_status cairn_save_npy(const char *file, cairn_tensor *x);

/* PNG or JPEG, told apart by their content -> u8 (channels, height, width). channels: 1 (grey), 3 (RGB), or 0 for what the
 * file has. Transparent pixels are laid over black. */
CAIRN_API cairn_tensor *cairn_load_image(const char *file, int channels);
/* The same, brought to height x width: bilinear, with a filter as wide as the step where it shrinks, as image folders do. */
CAIRN_API cairn_tensor *cairn_load_image_sized(const char *file, int channels, int64_t height, int64_t width);
/* Writes u8 (height, width), (1, height, width) or (3, height, width) as PNG. */
CAIRN_API cairn_status cairn_save_png(const char *file, cairn_tensor *x);

/* ---- Many tensors a file ------------------------------------------------------------------------------ */
typedef struct cairn_named {
    const char *name;
    cairn_tensor *tensor;
} cairn_named;
typedef struct cairn_metadata {
    const char *key, *value;
} cairn_metadata;

/* An open file of named tensors, in the order of their names. Tensors may outlive it. Threads may share it. */
typedef struct cairn_archive cairn_archive;

/* safetensors: mapped, so that opening costs the header alone and tensors are read when they are used (do not
 * shorten the file while tensors of it live). Checked against every rule of the format: header within the file and
 * below 100 MB, valid JSON in UTF-8, no name twice, offsets that cover the data without hole or overlap, bytes that
 * equal shape times type. Types that Cairn lacks are E_UNSUPPORTED. Tensors whose data is not aligned are copied. */
CAIRN_API cairn_archive *cairn_open_safetensors(const char *file);
/* NumPy's .npz; members are stored or deflated. Each reading unpacks and checks its checksum. */
CAIRN_API cairn_archive *cairn_open_npz(const char *file);
CAIRN_API void cairn_archive_close(cairn_archive *a);                               /* NULL is allowed */

CAIRN_API int64_t cairn_archive_count(const cairn_archive *a);
CAIRN_API const char *cairn_archive_name(const cairn_archive *a, int64_t i);        /* NULL out of range; valid until closed */
CAIRN_API bool cairn_archive_has(const cairn_archive *a, const char *name);
CAIRN_API cairn_tensor *cairn_archive_tensor(const cairn_archive *a, const char *name);
/* The text of a key of safetensors' "__metadata__"; NULL when there is none (no error). */
CAIRN_API const char *cairn_archive_metadata(const cairn_archive *a, const char *key);

/* Writes tensors by falling width of their types, then by name, so that each is aligned though the format forbids holes;
 * the same tensors give the same file. E_ARGUMENT when a name is NULL, is there twice, or is "__metadata__". */
CAIRN_API cairn_status cairn_save_safetensors(const char *file, int64_t count, const cairn_named *tensors,
                                              int64_t metadata_count, const cairn_metadata *metadata);
CAIRN_API cairn_status cairn_save_npz(const char *file, int64_t count, const cairn_named *tensors);

/* ---- Modules and training ----------------------------------------------------------------------------- */
/* Writes m's state dict (parameters and buffers under PyTorch's names) as safetensors, with metadata of one's own. */
CAIRN_API cairn_status cairn_save(cairn_module *m, const char *file);
CAIRN_API cairn_status cairn_save_with(cairn_module *m, const char *file, int64_t metadata_count, const cairn_metadata *metadata);
/* Gives m the tensors of a safetensors file, by name; types convert. E_ARGUMENT names what the file lacks and what it has
 * beyond m, E_SHAPE what has another shape; then m is as it was. */
CAIRN_API cairn_status cairn_load(cairn_module *m, const char *file);

/* A training at a moment between two steps. Parts that are NULL are not held. */
typedef struct cairn_training {
    cairn_module *module;
    cairn_optimizer *optimizer;
    cairn_scheduler *scheduler;
    cairn_loader *loader;                   /* its position */
    int64_t epoch, step;                    /* for the caller's own counting */
    int64_t metadata_count;                 /* texts of the caller's own; keys that begin with "cairn." are taken */
    const cairn_metadata *metadata;
} cairn_training;
/* Writes all of it and the state of the random numbers, as one safetensors file: "model.NAME", "optimizer.NAME",
 * "scheduler.NAME". Killed at any moment, also in this call, there is a whole file: the old one or the new one. */
CAIRN_API cairn_status cairn_save_checkpoint(const cairn_training *t, const char *file);
/* Gives the parts their state back, sets epoch and step (metadata is left alone) and the random numbers: training goes on
 * with the same bits as if it had not been interrupted. Parts that t lacks are left out: the module alone, to evaluate it.
 * What does not fit is said as by cairn_load; after an error the parts may have changed. */
CAIRN_API cairn_status cairn_load_checkpoint(cairn_training *t, const char *file);

#ifdef __cplusplus
}
#endif
#endif
