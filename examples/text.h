/* Text as numbers, for the examples that learn to write: a character is its place among those that occur. */
#ifndef EXAMPLES_TEXT_H
#define EXAMPLES_TEXT_H
#include "options.h"

typedef struct text {
    int64_t *code;                       /* of each character */
    long length;
    int kinds;
    unsigned char letter[256];           /* of each code */
} text;

static const char *const some_text =
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.\n"
    "However little known the feelings or views of such a man may be on his first entering a neighbourhood, this truth is so "
    "well fixed in the minds of the surrounding families, that he is considered as the rightful property of some one or other "
    "of their daughters.\n";

static inline bool text_encode(text *t, const char *characters, long length)
{
    int code[256];
    *t = (text){.length = length, .code = malloc(sizeof(int64_t) * (size_t)(length + 1))};
    if (!t->code)
        return false;
    for (int i = 0; i < 256; i++)
        code[i] = -1;
    for (long i = 0; i < length; i++) {
        unsigned char c = (unsigned char)characters[i];
        if (code[c] < 0) {
            t->letter[t->kinds] = c;
            code[c] = t->kinds++;
        }
        t->code[i] = code[c];
    }
    return true;
}

/* The file, or some lines of Jane Austen when it is NULL. */
static inline bool text_read(text *t, const char *name)
{
    if (!name)
        return text_encode(t, some_text, (long)strlen(some_text));
    FILE *file = fopen(name, "rb");
    char *all = NULL;
    long length = 0;
    if (file && !fseek(file, 0, SEEK_END) && (length = ftell(file)) > 0 && !fseek(file, 0, SEEK_SET))
        all = malloc((size_t)length);
    bool whole = all && fread(all, 1, (size_t)length, file) == (size_t)length && text_encode(t, all, length);
    if (!whole)
        fprintf(stderr, "%s: cannot be read, or is empty\n", name);
    if (file)
        fclose(file);
    free(all);
    return whole;
}

/* `rows` pieces at random: x (rows, length), and y, the same one character later. False when the text is too short. */
static inline bool text_batch(const text *t, int rows, int length, unsigned *seed, cairn_tensor **x, cairn_tensor **y)
{
    if (t->length <= length) {
        fprintf(stderr, "the text has %ld characters; %d are needed\n", t->length, length + 1);
        return false;
    }
    int64_t *in = malloc(sizeof(int64_t) * (size_t)(2 * rows * length)), *out = in + rows * length;
    if (!in)
        return false;
    for (int r = 0; r < rows; r++) {
        *seed = *seed * 1664525u + 1013904223u;
        long start = (long)(*seed % (unsigned long)(t->length - length));
        memcpy(in + r * length, t->code + start, sizeof(int64_t) * (size_t)length);
        memcpy(out + r * length, t->code + start + 1, sizeof(int64_t) * (size_t)length);
    }
    *x = cairn_from(in, CAIRN_SHAPE(rows, length), CAIRN_I64);
    *y = cairn_from(out, CAIRN_SHAPE(rows, length), CAIRN_I64);
    free(in);
    return *x && *y;
}

/* The mean of -log p(next character), from logits (rows, length, kinds). */
static inline cairn_tensor *text_loss(cairn_tensor *logits, cairn_tensor *y)
{
    return cairn_cross_entropy(cairn_flatten(logits, 0, 1), cairn_flatten(y, 0, 1));
}

/* A character drawn by the last row of logits (1, length, kinds). */
static inline int64_t text_draw(cairn_tensor *logits)
{
    cairn_tensor *last = cairn_select(cairn_select(logits, 0, 0), 0, cairn_size(logits, 1) - 1);
    return cairn_item_i64(cairn_multinomial(cairn_softmax(last, -1), 1, true));
}

#endif
