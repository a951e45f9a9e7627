/* Data sets that are known by name: pairs of IDX files, Fashion-MNIST, the digits that Cairn brings along. */
#include "framework/data/dataset.h"
#include "framework/io/file.h"
#include <cairn/io.h>
#include <cairn/ops.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char fashion_folder[] = "/usr/share/datasets/fashion-mnist";
static const char *const fashion_names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
static const char *const digit_names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

/* x with an axis for its one channel. */
static cairn_tensor *with_channel(const char *op, const char *file, cairn_tensor *x)
{
    cairn_shape s = cairn_shape_of(x);
    if (x && (s.rank != 3 || cairn_dtype_of(x) != CAIRN_U8)) {
        error_set(CAIRN_E_SHAPE, "%s: %s: images should be u8 (n, height, width), this is %s %s", op, file,
                  cairn_dtype_name(cairn_dtype_of(x)), SHAPE(&s));
        return NULL;
    }
    return cairn_reshape(x, CAIRN_SHAPE(s.size[0], 1, s.size[1], s.size[2]));
}

static cairn_dataset *pair(const char *op, const char *images, const char *labels, int64_t classes,
                           const char *const *names)
{
    if (!images || !labels || classes < 0) {
        error_set(CAIRN_E_ARGUMENT, "%s: a file's name is NULL, or a negative number of classes", op);
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *x = with_channel(op, images, cairn_load_idx(images)), *y = x ? cairn_load_idx(labels) : NULL;
    cairn_shape s = cairn_shape_of(y);
    cairn_dataset *d = NULL;
    if (y && (s.rank != 1 || !type_is_integer(cairn_dtype_of(y))))
        error_set(CAIRN_E_SHAPE, "%s: %s: labels should be integers (n), this is %s %s", op, labels,
                  cairn_dtype_name(cairn_dtype_of(y)), SHAPE(&s));
    else if (y)
        d = dataset_of_tensors(op, x, y, classes, names);
    cairn_scope_pop(m, NULL);
    return d;
}

cairn_dataset *cairn_idx_dataset(const char *images, const char *labels, int64_t classes)
{
    return pair("idx_dataset", images, labels, classes, NULL);
}

/* FOLDER/PART-KIND, with or without .gz, as a new object; with .gz when neither is there. */
static char *idx_path(const char *folder, const char *part, const char *kind)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%s", part, kind);
    char *plain = joined_path(folder, name);
    if (plain && file_exists(plain))
        return plain;
    mem_free(plain);
    snprintf(name, sizeof name, "%s-%s.gz", part, kind);
    return joined_path(folder, name);
}

static cairn_dataset *from_folder(const char *op, const char *folder, const char *part, const char *const *names)
{
    char *images = idx_path(folder, part, "images-idx3-ubyte"),
         *labels = idx_path(folder, part, "labels-idx1-ubyte");
    cairn_dataset *d = images && labels ? pair(op, images, labels, 10, names) : NULL;
    mem_free(images);
    mem_free(labels);
    return d;
}

static bool part_known(const char *op, const char *part)
{
    if (part && (!strcmp(part, "train") || !strcmp(part, "test")))
        return true;
    error_set(CAIRN_E_ARGUMENT, "%s: the part is \"train\" or \"test\", not \"%s\"", op, part ? part : "(null)");
    return false;
}

/* ---- Fashion-MNIST */

bool cairn_fashion_mnist_found(const char *folder)
{
    char *path = idx_path(folder ? folder : fashion_folder, "train", "images-idx3-ubyte");
    bool found = path && file_exists(path);
    mem_free(path);
    return found;
}

cairn_dataset *cairn_fashion_mnist(const char *part, const char *folder)
{
    if (!part_known("fashion_mnist", part))
        return NULL;
    if (!folder && !cairn_fashion_mnist_found(NULL)) {
        error_set(CAIRN_E_MISSING,
                  "fashion_mnist: there is no %s (Debian's package dataset-fashion-mnist brings it)",
                  fashion_folder);
        return NULL;
    }
    return from_folder("fashion_mnist", folder ? folder : fashion_folder, strcmp(part, "test") ? part : "t10k",
                       fashion_names);
}

/* ---- Digits */

/* The folder of the digits relative to the running program: the source tree's, or an installation's. */
static char *beside_program(const char *relative)
{
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return NULL;
    program[n] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    return joined_path(program, relative);
}

static char *digits_folder(void)
{
    const char *data = getenv("CAIRN_DATA");
    if (data && *data)
        return joined_path(data, "digits");
    static const char *const places[] = {"../data/digits", "../../data/digits", "../share/cairn/digits"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *folder = beside_program(places[i]);
        if (folder && file_exists(folder))
            return folder;
        mem_free(folder);
    }
    return mem_copy_string(file_exists("data/digits") ? "data/digits" : "/usr/share/cairn/digits");
}

cairn_dataset *cairn_digits(const char *part, const char *folder)
{
    if (!part_known("digits", part))
        return NULL;
    char *found = folder ? mem_copy_string(folder) : digits_folder();
    cairn_dataset *d = found ? from_folder("digits", found, part, digit_names) : NULL;
    mem_free(found);
    return d;
}
