/* Weights that stay the same for many evaluations, beside themselves in the order in which kernels read them.
 *
 * A buffer that wants it (cairn_optimize_for_inference) is packed by the first kernel that reads it as a weight, and keeps that until it is
 * freed or given to another value. One form a buffer: a kernel that wants another reads the weight itself. */
#ifndef FRAMEWORK_OPS_PACKED_H
#define FRAMEWORK_OPS_PACKED_H
#include "framework/graph/graph.h"

enum { PACKED_KEY_BYTES = 192, PACKED_ALIGNMENT = 64 };

typedef struct packed_weight {
    int64_t bytes;                           /* of all */
    uint8_t key[PACKED_KEY_BYTES];           /* all that decides the form */
} __attribute__((aligned(PACKED_ALIGNMENT))) packed_weight;

typedef struct packer {
    int64_t bytes;                           /* of the form */
    cairn_status (*pack)(const struct packer *self, void *to);
    const void *descriptor, *weight;
    void *workspace;
    int64_t workspace_bytes;
} packer;

/* The weight as `self` packs it, or NULL in *packed when there is none: the buffer does not want it, or has it in another form. `key` is
 * zero where it says nothing. E_MEMORY. */
cairn_status packed_weight_of(buffer *b, const void *key, size_t key_bytes, const packer *self, const void **packed);

#endif
