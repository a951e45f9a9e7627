/* Primitives: connectionist temporal classification. */
#ifndef CAIRN_DNN_CTC_H
#define CAIRN_DNN_CTC_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Loss of each sequence: -log of the probability that log_probs, read step by step with repeats joined and blanks left out, gives its
 * target (Graves et al., 2006). log_probs (steps, batch, classes), f32 or f64, as log_softmax gives them; targets (batch, target) with
 * a row for each sequence. Sums are kept in f64 logarithms; the work is target * steps for each sequence. */
typedef struct cairn_ctc {
    cairn_dtype type;                       /* f32 or f64 */
    int64_t steps, batch, classes, target;  /* target: labels in a row of targets */
    int64_t blank;                          /* the class that is none */
} cairn_ctc;

CAIRN_API int64_t cairn_ctc_workspace_bytes(const cairn_ctc *d);
/* steps_of, targets_of: how many steps and labels each sequence has; NULL: all. loss (batch): infinite when no reading of the steps
 * gives the target. gradient: NULL, or that of each loss, as log_probs lie: d loss[n] / d log_probs[t, n, c], minus the probability of
 * class c at step t given the target; zeros behind a sequence's steps and where the loss is infinite. E_RANGE when a label is not
 * a class or is the blank, or a length is out of range; nothing is written then. */
CAIRN_API cairn_status cairn_ctc_run(const cairn_ctc *d, const void *log_probs, const int64_t *targets, const int64_t *steps_of,
                                     const int64_t *targets_of, void *loss, void *gradient, void *workspace, int64_t workspace_bytes);

#ifdef __cplusplus
}
#endif
#endif
