/* One axis of a resampling: which pixels an output lies between, and with what weights. */
#ifndef PRIMITIVES_RESAMPLE_AXIS_H
#define PRIMITIVES_RESAMPLE_AXIS_H
#include <cairn/dnn.h>

typedef struct resample_axis {
    cairn_resample_mode mode;
    bool corners;
    int64_t from, to;                   /* sizes */
} resample_axis;

typedef struct resample_taps {          /* of one output, in ascending order; at an edge one may stand there twice */
    int count;
    int64_t at[4];
    double weight[4];
} resample_taps;

resample_axis resample_axis_of(cairn_resample_mode mode, bool corners, int64_t from, int64_t to);
resample_taps resample_taps_of(const resample_axis *a, int64_t output);

#endif
