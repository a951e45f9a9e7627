/* A strip: the input rows that some output rows see of one slice of the input, with zeros around, packed.
 *
 *   padded     (rows in, width in, channels)
 *   unfolded   (rows in, output columns, filter columns * channels): what each output pixel sees of a row. With strides or
 *              gaps between filter rows every filter row has rows of its own: (filter rows, output rows, ...). */
#ifndef PRIMITIVES_CONV_STRIP_H
#define PRIMITIVES_CONV_STRIP_H
#include "primitives/conv/conv.h"

typedef struct strip {
    const correlation *c;
    bool unfolded;
    bool shared_rows;                   /* a row of the strip serves all filter rows that see it */
    int64_t width, pixel;               /* pixels of a row, elements of a pixel */
    int64_t bytes;                      /* of an element */
} strip;

strip strip_of(const correlation *c, bool unfolded);
int64_t strip_elements(const strip *s, int64_t output_rows);
/* `slice` is a slice of the input at the first channel wanted, or NULL for zeros. */
void strip_fill(const strip *s, const char *slice, int64_t output_row0, int64_t output_rows, char *to);

#endif
