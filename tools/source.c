/* The data that a command line names. */
#include "tools/tool.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEST_PERCENT = 20 };

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* PATH/NAME in `out`; whether something is there. */
static bool within(const char *path, const char *name, char out[PATH_BYTES])
{
    struct stat s;
    return snprintf(out, PATH_BYTES, "%s/%s", path, name) < PATH_BYTES && stat(out, &s) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* The last part of a path, without what follows a dot. */
static void shorten(const char *path, char out[NAME_BYTES])
{
    const char *end = path + strlen(path);
    while (end > path && end[-1] == '/')
        end--;
    const char *begin = end;
    while (begin > path && begin[-1] != '/')
        begin--;
    snprintf(out, NAME_BYTES, "%.*s", (int)(end - begin < NAME_BYTES ? end - begin : NAME_BYTES - 1), begin);
    char *dot = strchr(out, '.');
    if (dot && dot > out)
        *dot = 0;
}

/* A fifth of the samples is for testing; the same ones every time. */
static bool split(source *s, cairn_dataset *all)
{
    return all && !cairn_split(all, TEST_PERCENT / 100.0, 0, &s->train, &s->test);
}

static bool same_classes(const source *s, const char *name)
{
    const cairn_dataset_spec *a = cairn_dataset_spec_of(s->train), *b = cairn_dataset_spec_of(s->test);
    bool same = a->classes == b->classes;
    for (int64_t i = 0; same && a->class_names && b->class_names && i < a->classes; i++)
        same = !strcmp(a->class_names[i], b->class_names[i]);
    if (!same)
        fprintf(stderr, "cairn: %s: the folders train and test have different classes\n", name);
    return same;
}

/* Images: FOLDER/train/CLASS and FOLDER/test/CLASS, or FOLDER/CLASS. */
static bool open_images(source *s, const char *name, const cairn_shape *shape)
{
    char train[PATH_BYTES], test[PATH_BYTES];
    cairn_folder_options o = {0};
    if (shape)
        o = (cairn_folder_options){
            .channels = (int)shape->size[0], .height = shape->size[1], .width = shape->size[2]};
    s->slow = s->mirror = true;
    if (!within(name, "train", train) || !within(name, "test", test) || !is_folder(train) || !is_folder(test))
        return split(s, cairn_image_folder(name, &o));
    s->train = cairn_image_folder(train, &o);
    if (s->train && !shape) {
        const cairn_shape *x = &cairn_dataset_spec_of(s->train)->x_shape;
        o = (cairn_folder_options){.channels = (int)x->size[0], .height = x->size[1], .width = x->size[2]};
    }
    s->test = s->train ? cairn_image_folder(test, &o) : NULL;
    return s->test && same_classes(s, name);
}

static bool open_known(source *s, cairn_dataset *(*open)(const char *part, const char *folder), const char *folder)
{
    s->train = open("train", folder);
    s->test = s->train ? open("test", folder) : NULL;
    return s->test != NULL;
}

static bool open_named(source *s, const char *folder, const char *label, const cairn_shape *shape)
{
    char path[PATH_BYTES];
    if (!strcmp(s->name, "fashion-mnist")) {
        s->mirror = true;
        return open_known(s, cairn_fashion_mnist, folder);
    }
    if (!strcmp(s->name, "digits"))
        return open_known(s, cairn_digits, folder);
    if (ends_with(s->name, ".csv") || ends_with(s->name, ".csv.gz"))
        return split(s, cairn_csv(s->name, &(cairn_csv_options){.label = label}));
    if (!is_folder(s->name)) {
        fprintf(stderr, "cairn: %s: is neither fashion-mnist, digits, a folder nor a .csv file\n", s->name);
        return false;
    }
    bool idx =
        within(s->name, "train-images-idx3-ubyte", path) || within(s->name, "train-images-idx3-ubyte.gz", path);
    return idx ? open_known(s, cairn_digits, s->name) : open_images(s, s->name, shape);
}

bool source_open(source *s, const char *name, const char *folder, const char *label, const cairn_shape *shape)
{
    *s = (source){0};
    if (!strcmp(name, "fashion-mnist") && !folder && !cairn_fashion_mnist_found(NULL)) {
        printf("Fashion-MNIST is not here (Debian has it as the package dataset-fashion-mnist): going on with the "
               "small digits.\n");
        name = "digits";
    }
    snprintf(s->name, sizeof s->name, "%s", name);
    shorten(name, s->short_name);
    if (!open_named(s, folder, label, shape)) {
        source_close(s);
        return false;
    }
    if (cairn_dataset_spec_of(s->train)->classes < 2) {
        fprintf(stderr, "cairn: %s: has fewer than two classes\n", name);
        source_close(s);
        return false;
    }
    return true;
}

void source_close(source *s)
{
    cairn_dataset_free(s->train);
    cairn_dataset_free(s->test);
    s->train = s->test = NULL;
}
