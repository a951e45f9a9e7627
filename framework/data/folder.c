/* Images in folders, one folder a class, as a data set. Only the names are read at first; images when asked for. */
#include "framework/data/dataset.h"
#include "framework/io/formats.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OP "image_folder"

typedef struct image_file {
    char *path;
    int64_t class;
} image_file;

typedef struct image_list {
    image_file *file;
    int64_t count, capacity;
    char **class;
    int64_t classes;
    int64_t height, width;
    int channels;
} image_list;

static void list_free(void *context)
{
    image_list *l = context;
    for (int64_t i = 0; i < l->count; i++)
        mem_free(l->file[i].path);
    for (int64_t i = 0; i < l->classes; i++)
        mem_free(l->class[i]);
    mem_free(l->file);
    mem_free(l->class);
    mem_free(l);
}

static cairn_status get(void *context, int64_t index, void *x, void *y)
{
    const image_list *l = context;
    image m;
    cairn_status status = image_load(OP, l->file[index].path, l->channels, &m);
    if (status)
        return status;
    status = image_resize_planes(&m, l->height, l->width, x);
    mem_free(m.pixels);
    memcpy(y, &l->file[index].class, sizeof l->file[index].class);
    return status;
}

/* ---- Listing */

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* What is in a folder, but hidden things: sorted names, each an object, in a list that is an object. -1 on error. */
static int64_t read_folder(const char *path, char ***names)
{
    DIR *folder = opendir(path);
    *names = NULL;
    if (!folder)
        return error_set(CAIRN_E_IO, OP ": %s: %s", path, strerror(errno)), -1;
    int64_t count = 0;
    bool good = true;
    for (struct dirent *e; good && (e = readdir(folder));) {
        if (e->d_name[0] == '.')
            continue;
        if ((count & (count - 1)) == 0) {               /* full at each power of two */
            char **bigger = mem_resize(*names, (size_t)(count ? count * 2 : 1) * sizeof *bigger);
            good = bigger != NULL;
            *names = good ? bigger : *names;
        }
        good = good && ((*names)[count] = mem_copy_string(e->d_name));
        count += good;
    }
    closedir(folder);
    if (good && count)
        qsort(*names, (size_t)count, sizeof **names, by_text);
    if (good)
        return count;
    for (int64_t i = 0; i < count; i++)
        mem_free((*names)[i]);
    mem_free(*names);
    *names = NULL;
    return -1;
}

static void free_names(char **names, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}

static bool add_file(image_list *l, const char *folder, const char *name)
{
    if (l->count == l->capacity) {
        int64_t more = l->capacity * 2 + 64;
        image_file *bigger = mem_resize(l->file, (size_t)more * sizeof *bigger);
        if (!bigger)
            return false;
        l->file = bigger;
        l->capacity = more;
    }
    char *path = joined_path(folder, name);
    if (path)
        l->file[l->count++] = (image_file){path, l->classes - 1};
    return path != NULL;
}

/* The images of one class. */
static cairn_status list_class(image_list *l, const char *folder)
{
    char **names;
    int64_t count = read_folder(folder, &names), before = l->count;
    bool good = count >= 0;
    for (int64_t i = 0; i < count && good; i++)
        if (is_image(names[i]))
            good = add_file(l, folder, names[i]);
    free_names(names, count);
    if (!good)
        return cairn_error();
    return l->count > before ? CAIRN_OK : error_set(CAIRN_E_ARGUMENT, OP ": %s: has no .png or .jpg", folder);
}

static cairn_status list_classes(image_list *l, const char *folder)
{
    char **names;
    int64_t count = read_folder(folder, &names);
    cairn_status status = count < 0 ? cairn_error() : CAIRN_OK;
    if (!status && !(l->class = mem_array((size_t)count + 1, sizeof *l->class)))
        status = CAIRN_E_MEMORY;
    for (int64_t i = 0; i < count && !status; i++) {
        char *path = joined_path(folder, names[i]);
        if (path && is_folder(path)) {
            l->class[l->classes++] = names[i];
            names[i] = NULL;
            status = list_class(l, path);
        }
        status = path ? status : CAIRN_E_MEMORY;
        mem_free(path);
    }
    free_names(names, count);
    if (!status && !l->classes)
        return error_set(CAIRN_E_ARGUMENT, OP ": %s: has no folders of images (FOLDER/CLASS/image.png)", folder);
    return status;
}

/* What the options leave open is as in the first image. */
static cairn_status choose_size(image_list *l, const cairn_folder_options *o)
{
    image first;
    l->channels = o->channels;
    cairn_status status = image_load(OP, l->file[0].path, o->channels, &first);
    if (status)
        return status;
    l->channels = first.channels;
    l->height = o->height ? o->height : first.height;
    l->width = o->width ? o->width : first.width;
    mem_free(first.pixels);
    if (l->height < 1 || l->width < 1 || l->height > IMAGE_MOST_PIXELS / l->width)
        return error_set(CAIRN_E_ARGUMENT, OP ": images of %lld x %lld", (long long)l->height, (long long)l->width);
    return CAIRN_OK;
}

cairn_dataset *cairn_image_folder(const char *folder, const cairn_folder_options *options)
{
    cairn_folder_options o = options ? *options : (cairn_folder_options){0};
    if (!folder) {
        error_set(CAIRN_E_ARGUMENT, OP ": the folder is NULL");
        return NULL;
    }
    image_list *l = mem_new(sizeof *l);
    if (!l)
        return NULL;
    if (list_classes(l, folder) || choose_size(l, &o)) {
        list_free(l);
        return NULL;
    }
    return cairn_dataset_new(&(cairn_dataset_spec){.count = l->count,
                                                   .x_shape = CAIRN_SHAPE(l->channels, l->height, l->width),
                                                   .y_shape = CAIRN_SCALAR,
                                                   .x_type = CAIRN_U8,
                                                   .y_type = CAIRN_I64,
                                                   .classes = l->classes,
                                                   .class_names = (const char *const *)l->class,
                                                   .get = get,
                                                   .release = list_free,
                                                   .context = l});
}
