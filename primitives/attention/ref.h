/* The scalar twin of attention: every score, in f64. For tests. */
#ifndef PRIMITIVES_ATTENTION_REF_H
#define PRIMITIVES_ATTENTION_REF_H
#include <cairn/dnn.h>

/* d as for cairn_attention_forward; false when it is not valid. logsumexp may be NULL. */
bool ref_attention_forward(const cairn_attention *d, const void *q, const void *k, const void *v, void *o, void *logsumexp);
bool ref_attention_gradient(const cairn_attention *d, const void *q, const void *k, const void *v, const void *d_o, void *dq, void *dk,
                            void *dv);
#endif
