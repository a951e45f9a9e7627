/* The inside of data sets. */
#ifndef FRAMEWORK_DATA_DATASET_H
#define FRAMEWORK_DATA_DATASET_H
#include <cairn/data.h>
#include "framework/graph/graph.h"

struct cairn_dataset {
    _Atomic int64_t refs;
    cairn_dataset_spec spec;           /* class_names owned */
    int64_t x_bytes, y_bytes;          /* of one sample */
};

/* cairn_tensor_dataset with classes (0: counted) and their names (or NULL). `op` begins the messages. */
cairn_dataset *dataset_of_tensors(const char *op, cairn_tensor *x, cairn_tensor *y, int64_t classes,
                                  const char *const *names);

/* The parser behind cairn_csv, on memory. */
cairn_dataset *csv_parse(const char *text, int64_t size, const char *name, const cairn_csv_options *options);

/* order[i] for 0 <= i < count: the numbers below count, shuffled by (seed, epoch). */
void shuffled_order(uint64_t seed, int64_t epoch, int64_t count, int64_t *order);

/* Makes `count` samples of a batch: samples index[i], prepared as the options say, to rows of x and y. Any thread. */
cairn_status make_samples(const cairn_dataset *d, const cairn_loader_options *o, int64_t epoch, int64_t count,
                          const int64_t *index, uint8_t *x, uint8_t *y);

#endif
