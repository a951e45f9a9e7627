/* Modules from the inside. What the layers in this folder share. */
#ifndef FRAMEWORK_NN_MODULE_H
#define FRAMEWORK_NN_MODULE_H
#include <cairn/nn.h>
#include "framework/graph/graph.h"
#include <cairn/dnn/quantize.h>

typedef enum entry_kind { ENTRY_PARAMETER, ENTRY_BUFFER, ENTRY_CHILD } entry_kind;

/* What a module holds under a name. */
typedef struct entry {
    char *name;
    entry_kind kind;
    cairn_tensor *tensor;          /* kept */
    cairn_module *child;           /* owned */
} entry;

/* The memory behind a cairn_tensor_list: it lasts until the same list is asked for again. */
typedef struct list_store {
    int count, capacity;
    cairn_tensor **tensors;
    char **names;                  /* owned, each */
    bool keeps;                    /* counts as an owner of the tensors */
} list_store;

struct cairn_module {
    char *kind;
    cairn_forward forward;
    void (*release)(cairn_module *self);
    void (*describe)(const cairn_module *self, FILE *file);     /* "in_features=16, bias=true", or NULL */
    void *state;
    entry *entries;
    int count, capacity;
    bool evaluating;               /* not training */
    bool failed;                   /* a part could not be made */
    list_store parameters, everything;
};

void list_clear(list_store *store);
/* `name` becomes the list's; it is freed when there is no room. */
bool list_append(list_store *store, cairn_tensor *x, char *name);
/* The list as it is read, keeping its tensors; cleared, with count -1, unless it is whole. */
cairn_tensor_list list_kept(list_store *store, bool whole);
/* Whether `from` has a tensor of the shape of each of `own`, and, if strict, the other way round. */
cairn_status list_matches(const char *op, cairn_tensor_list own, cairn_tensor_list from, bool strict);
/* The tensor of the name, which may be at `place` as in a list that was written alike; NULL without an error. */
cairn_tensor *list_find(cairn_tensor_list list, const char *name, int place);

/* Whether m is what cairn_linear makes. */
bool module_is_linear(const cairn_module *m);
/* Whether m is what cairn_multihead_attention makes, and what its "in_proj_weight" is from now on: packed, of d's 3 E rows. */
bool module_is_attention(const cairn_module *m);
void attention_take_packed(cairn_module *m, const cairn_quantized_weight *d, cairn_tensor *packed);
/* m when all its parts are there, else NULL, with m freed. */
cairn_module *module_whole(cairn_module *m);
entry *module_entry(const cairn_module *m, const char *name);

/* Gives x the elements of `from` and computes them: x stays the leaf that it is, in its own memory order. */
cairn_status tensor_assign(cairn_tensor *x, cairn_tensor *from);
/* Gives x another floating type, by conversion of its elements. */
cairn_status tensor_convert(cairn_tensor *x, cairn_dtype type);
/* y in x's memory order, when x lies channels last. */
cairn_tensor *in_order_of(cairn_tensor *x, cairn_tensor *y);

cairn_tensor *channels_last_zeros(cairn_shape shape, cairn_dtype type);
/* A new parameter of m, uniform in [-bound, bound). Rank-4 ones (of convolutions) lie channels last, as the primitive wants
 * them. NULL with the error set and m marked as failed. */
cairn_tensor *parameter_uniform(cairn_module *m, const char *name, cairn_shape shape, double bound);
cairn_tensor *parameter_full(cairn_module *m, const char *name, cairn_shape shape, double number);
/* For a layer that sees `fan_in` inputs each: PyTorch's default bound for weights and biases, 1 / sqrt(fan_in). */
double default_bound(int64_t fan_in);
/* All sizes positive; else E_ARGUMENT "NAME: SIZE must be positive, got ...". */
bool sizes_positive(const char *op, int count, const int64_t *sizes);

#endif
