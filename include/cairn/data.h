/* Data sets and the loader that makes batches of them.
 *
 *     cairn_loader *batches = cairn_loader_new(cairn_fashion_mnist("train", NULL), &(cairn_loader_options){
 *         .batch = 64, .shuffle = true, .seed = 1});
 *     for (int epoch = 0; epoch < 3; epoch++)
 *         for (cairn_batch b; cairn_loader_next(batches, &b);)
 *             train(b.x, b.y);
 *     cairn_loader_free(batches);
 *
 * A data set is a number of samples (x, y), all x of one shape and type, all y too. A loader draws them in an order that
 * depends on seed and epoch alone, so the same options give the same batches, whatever the number of workers. */
#ifndef CAIRN_DATA_H
#define CAIRN_DATA_H
#include <cairn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Data sets ---------------------------------------------------------------------------------------
 * Counted by references. What takes a data set (a loader, a subset) takes over the caller's reference, on failure too,
 * so that calls nest; cairn_dataset_keep(d) gives another one. A NULL data set gives NULL. */
typedef struct cairn_dataset cairn_dataset;

/* How samples look and where they come from: fill it to define a data set of one's own. */
typedef struct cairn_dataset_spec {
    int64_t count;
    cairn_shape x_shape, y_shape;               /* of one sample; a class index is a CAIRN_SCALAR */
    cairn_dtype x_type, y_type;
    int64_t classes;                            /* y is an i64 in 0 ... classes - 1; 0: y is something else */
    const char *const *class_names;             /* copied; or NULL */
    /* Writes sample 0 <= index < count, row-major, to x and y. Called from several threads at a time. */
    cairn_status (*get)(void *context, int64_t index, void *x, void *y);
    void (*release)(void *context);             /* or NULL; called when cairn_dataset_new fails, too */
    void *context;
} cairn_dataset_spec;
CAIRN_API cairn_dataset *cairn_dataset_new(const cairn_dataset_spec *spec);
CAIRN_API cairn_dataset *cairn_dataset_keep(cairn_dataset *d);
CAIRN_API void cairn_dataset_free(cairn_dataset *d);
/* Valid as long as d lives; class_names is NULL when classes have no names. NULL when d is. */
CAIRN_API const cairn_dataset_spec *cairn_dataset_spec_of(const cairn_dataset *d);
/* One sample. E_RANGE unless 0 <= index < count. */
CAIRN_API cairn_status cairn_dataset_get(const cairn_dataset *d, int64_t index, void *x, void *y);

/* Row i of x and of y is sample i; both are held. y of integers are classes, which are counted (E_RANGE when one is
 * negative). E_SHAPE unless both have the same size along axis 0, E_ARGUMENT when that is 0. */
CAIRN_API cairn_dataset *cairn_tensor_dataset(cairn_tensor *x, cairn_tensor *y);
/* Samples index[0 ... count - 1] of d; the list is copied. */
CAIRN_API cairn_dataset *cairn_subset(cairn_dataset *d, int64_t count, const int64_t *index);
/* Two parts, `second` of them (0 < second < 1) rounded up to the second, drawn by seed. Both NULL on error. */
CAIRN_API cairn_status cairn_split(cairn_dataset *d, double second, uint64_t seed, cairn_dataset **a, cairn_dataset **b);

/* A pair of IDX files (.gz or not), as MNIST and its relatives come: images (n, height, width) -> x u8
 * (1, height, width); labels (n) -> classes. E_RANGE when a label is not in 0 ... classes - 1 (0: not checked). */
CAIRN_API cairn_dataset *cairn_idx_dataset(const char *images, const char *labels, int64_t classes);

/* "train" (60,000) or "test" (10,000) of Fashion-MNIST: from `folder`, or, when it is NULL, from where Debian's package
 * dataset-fashion-mnist puts it. E_MISSING names the package when it is not there. */
CAIRN_API cairn_dataset *cairn_fashion_mnist(const char *part, const char *folder);
CAIRN_API bool cairn_fashion_mnist_found(const char *folder);
/* "train" (1,437) or "test" (360) of the UCI digits, 8 x 8 pixels, which Cairn brings along: from `folder`, or, when it is
 * NULL, from $CAIRN_DATA/digits or beside the running program's installation. */
CAIRN_API cairn_dataset *cairn_digits(const char *part, const char *folder);

/* A CSV file (RFC 4180: quoted fields, "" within them, CR LF), one sample a line. The label column becomes y; the other
 * columns, which must be numbers, become x, f32 (columns). Texts and integers as labels become classes, in the order
 * of the texts or numbers. Errors name line and column. */
typedef struct cairn_csv_options {
    const char *label;                          /* its column's name or number from 1; NULL: the last column */
    char separator;                             /* 0: ',' */
    bool no_header;                             /* the first line is a sample already */
    bool regression;                            /* y is an f32 number, not a class */
} cairn_csv_options;
CAIRN_API cairn_dataset *cairn_csv(const char *file, const cairn_csv_options *options);

/* Images in folders: FOLDER/CLASS/anything.png or .jpg; classes in the order of their names. x is u8
 * (channels, height, width), decoded when it is asked for, resized when needed. */
typedef struct cairn_folder_options {
    int64_t height, width;                      /* 0: those of the first image */
    int channels;                               /* 1, 3; 0: those of the first image */
} cairn_folder_options;
CAIRN_API cairn_dataset *cairn_image_folder(const char *folder, const cairn_folder_options *options);

/* ---- Loaders ------------------------------------------------------------------------------------------ */
typedef struct cairn_loader cairn_loader;

enum { CAIRN_MAX_CHANNELS = 16 };
/* What happens to each x of shape (channels, height, width), in this order; random choices depend on seed, epoch and the
 * sample's index alone. */
typedef struct cairn_augment {
    int64_t crop_padding;                       /* pad by so many zeros on each side and cut the old size out at random */
    bool flip;                                  /* mirror left and right, every second time */
} cairn_augment;

typedef struct cairn_loader_options {
    int64_t batch;                              /* 0: 32 */
    bool shuffle;
    bool drop_last;                             /* leave out a last batch that is not full */
    uint64_t seed;
    int workers;                                /* threads that make batches ahead; 0: made when asked for, by the pool */
    int prefetch;                               /* batches ahead with workers; 0: two a worker */
    bool raw;                                   /* x in the data set's type; else f32, with u8 scaled to 0 ... 1 */
    cairn_augment augment;
    /* x = (x - mean) / deviation, channel by channel (axis 0 of a sample); or, with one channel given, for all.
     * normalise is the number of channels given; 0: none. Not with raw. */
    int normalise;
    float mean[CAIRN_MAX_CHANNELS], deviation[CAIRN_MAX_CHANNELS];
} cairn_loader_options;

/* options may be NULL. Takes over the reference to d. */
CAIRN_API cairn_loader *cairn_loader_new(cairn_dataset *d, const cairn_loader_options *options);
CAIRN_API void cairn_loader_free(cairn_loader *l);

typedef struct cairn_batch {
    cairn_tensor *x, *y;                        /* (size, ...) each */
    int64_t size, epoch, number;                /* number counts from 0 within its epoch */
} cairn_batch;
/* The next batch; false at the end of an epoch (the next call begins the next one) and on error (cairn_error()).
 * x and y belong to the loader until the next call; cairn_keep holds them longer. */
CAIRN_API bool cairn_loader_next(cairn_loader *l, cairn_batch *b);
CAIRN_API int64_t cairn_loader_batches(const cairn_loader *l);      /* in an epoch */
CAIRN_API const cairn_dataset *cairn_loader_dataset(const cairn_loader *l);

/* Where a loader stands: what comes next. Restored into a loader of the same data and options, also in another process,
 * it goes on with the very same batches. E_STATE when count, batch, seed or shuffle differ. */
typedef struct cairn_position {
    int64_t epoch, batch;                       /* the next batch to come */
    int64_t count, batch_size;
    uint64_t seed;
    bool shuffle, drop_last;
} cairn_position;
CAIRN_API cairn_position cairn_loader_position(const cairn_loader *l);
CAIRN_API cairn_status cairn_loader_seek(cairn_loader *l, cairn_position p);

/* Mean and standard deviation of each channel (axis 0 of an x of three axes or more; one for everything else) over `most`
 * samples spread over d (0: all), after u8 has been scaled to 0 ... 1: what `normalise` wants. E_SHAPE with more than
 * CAIRN_MAX_CHANNELS channels. */
CAIRN_API cairn_status cairn_dataset_moments(const cairn_dataset *d, int64_t most, int *channels, float *mean, float *deviation);

#ifdef __cplusplus
}
#endif
#endif
