/* Printing in NumPy's style: nested brackets, columns aligned by one format for all elements, the middle of long axes left out
 * above 1000 elements. Floats show as few digits as tell them from their neighbours, 8 after the point at most. */
#include "framework/graph/graph.h"
#include <cairn/ops.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { THRESHOLD = 1000, EDGE = 3, LINE = 75, DIGITS = 8, TEXT = 48 };

typedef struct printer {
    FILE *file;
    const char *data;
    const shape *shape;
    cairn_dtype type;
    bool summary, scientific;
    int before, after, exponent, word;       /* widths: before the point, after it, of the exponent, of nan and inf */
    int column, width;                       /* where on the line; of one element, once known */
} printer;

/* ---- One element */

static double half_to_double(uint16_t bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double size = exponent == 31 ? (mantissa ? NAN : INFINITY) : exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return bits >> 15 ? -size : size;
}

static double brain_to_double(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return (double)x;
}

static double float_at(const printer *p, int64_t i)
{
    switch (p->type) {
    case CAIRN_F16: return half_to_double(((const uint16_t *)p->data)[i]);
    case CAIRN_BF16: return brain_to_double(((const uint16_t *)p->data)[i]);
    case CAIRN_F32: return (double)((const float *)p->data)[i];
    default: return ((const double *)p->data)[i];
    }
}

static long long integer_at(const printer *p, int64_t i)
{
    switch (p->type) {
    case CAIRN_I8: return ((const int8_t *)p->data)[i];
    case CAIRN_I16: return ((const int16_t *)p->data)[i];
    case CAIRN_I32: return ((const int32_t *)p->data)[i];
    case CAIRN_I64: return ((const int64_t *)p->data)[i];
    default: return ((const uint8_t *)p->data)[i];
    }
}

/* Whether the text stands for x and no other number of the type. */
static bool tells(cairn_dtype type, const char *text, double x)
{
    double y = strtod(text, NULL), half_step = ldexp(1, ilogb(x) - (type == CAIRN_F16 ? 11 : 8));
    if (type == CAIRN_F32)
        return strtof(text, NULL) == (float)x;
    return type == CAIRN_F64 ? y == x : fabs(y - x) < half_step;
}

/* Digits after the first that x needs in scientific form. */
static int digits_needed(cairn_dtype type, double x)
{
    char text[TEXT];
    for (int n = 0; n < 17; n++) {
        snprintf(text, sizeof text, "%.*e", n, x);
        if (tells(type, text, x))
            return n;
    }
    return 17;
}

/* x without the zeros at its end: "1.", "0.25", "1.5e-05". */
static void float_text(const printer *p, double x, char *text)
{
    if (!isfinite(x)) {
        strcpy(text, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
        return;
    }
    int digits = x == 0 ? 0 : digits_needed(p->type, x), exponent = x == 0 ? 0 : (int)floor(log10(fabs(x)));
    if (p->scientific) {
        digits = digits > DIGITS ? DIGITS : digits > p->after ? digits : p->after;
        snprintf(text, TEXT, digits ? "%.*e" : "%#.*e", digits, x);
        return;
    }
    digits = digits - exponent > 0 ? digits - exponent : 0;
    snprintf(text, TEXT, "%#.*f", digits > DIGITS ? DIGITS : digits, x);
    char *end = text + strlen(text);
    while (end[-1] == '0' && strchr(text, '.'))
        *--end = 0;
}

static void element_text(const printer *p, int64_t i, char *text)
{
    if (p->type == CAIRN_BOOL)
        strcpy(text, integer_at(p, i) ? "true" : "false");
    else if (type_is_float(p->type))
        float_text(p, float_at(p, i), text);
    else
        snprintf(text, TEXT, "%lld", integer_at(p, i));
}

/* ---- All elements that are shown */

typedef void (*visit)(printer *p, int64_t element);

static void each(printer *p, int axis, int64_t at, visit see)
{
    if (axis == p->shape->rank) {
        see(p, at);
        return;
    }
    int64_t n = p->shape->size[axis];
    for (int64_t i = 0; i < n; i++) {
        if (p->summary && n > 2 * EDGE && i == EDGE)
            i = n - EDGE;
        each(p, axis + 1, at * n + i, see);
    }
}

/* Floats line up by their points. */
static void widen(printer *p, int64_t element)
{
    char text[TEXT];
    element_text(p, element, text);
    const char *point = strchr(text, '.'), *exponent = strchr(text, 'e');
    int length = (int)strlen(text), before = point ? (int)(point - text) : length;
    if (!point && type_is_float(p->type)) {
        p->word = length > p->word ? length : p->word;
        return;
    }
    int after = point ? (int)((exponent && p->scientific ? exponent : text + length) - point - 1) : 0;
    p->before = before > p->before ? before : p->before;
    p->after = after > p->after ? after : p->after;
    if (point && p->scientific && exponent && (int)strlen(exponent) > p->exponent)
        p->exponent = (int)strlen(exponent);
}

typedef struct range { double low, high; } range;

static void measure(printer *p, int64_t element, range *r)
{
    double x = fabs(float_at(p, element));
    if (x == 0 || !isfinite(x))
        return;
    r->low = x < r->low ? x : r->low;
    r->high = x > r->high ? x : r->high;
}

static void measure_each(printer *p, int axis, int64_t at, range *r)
{
    if (axis == p->shape->rank) {
        measure(p, at, r);
        return;
    }
    int64_t n = p->shape->size[axis];
    for (int64_t i = 0; i < n; i++) {
        if (p->summary && n > 2 * EDGE && i == EDGE)
            i = n - EDGE;
        measure_each(p, axis + 1, at * n + i, r);
    }
}

static void find_format(printer *p)
{
    range r = {INFINITY, 0};
    if (type_is_float(p->type)) {
        measure_each(p, 0, 0, &r);
        p->scientific = r.high > 0 && (r.high >= 1e8 || r.low < 1e-4 || r.high / r.low > 1000);
    }
    each(p, 0, 0, widen);
    if (p->scientific)                       /* now that the digits are known, none has fewer */
        each(p, 0, 0, widen);
    bool points = type_is_float(p->type);
    p->width = p->before + (points ? 1 + p->after + p->exponent : 0);
    if (p->word > p->width) {
        p->before += p->word - p->width;
        p->width = p->word;
    }
}

/* ---- Writing */

static void write_element(printer *p, int64_t element)
{
    char text[TEXT];
    element_text(p, element, text);
    const char *point = strchr(text, '.');
    int length = (int)strlen(text);
    bool finite = point || !type_is_float(p->type);
    int left = !finite ? p->width - length : p->before - (point ? (int)(point - text) : length);
    int right = p->width - left - length;
    fprintf(p->file, "%*s%s%*s", left > 0 ? left : 0, "", text, right > 0 ? right : 0, "");
    p->column += p->width;
}

static void new_line(printer *p, int count, int indent)
{
    while (count--)
        fputc('\n', p->file);
    fprintf(p->file, "%*s", indent, "");
    p->column = indent;
}

static void write_axis(printer *p, int axis, int64_t at)
{
    int rank = p->shape->rank;
    if (axis == rank) {
        write_element(p, at);
        return;
    }
    int64_t n = p->shape->size[axis];
    fputc('[', p->file);
    p->column++;
    for (int64_t i = 0; i < n; i++) {
        bool gap = p->summary && n > 2 * EDGE && i == EDGE, last = axis == rank - 1;
        int next = gap ? 3 : p->width;
        if (i && !last)
            new_line(p, rank - 1 - axis, axis + 1);
        else if (i && p->column + 1 + next > LINE)
            new_line(p, 1, axis + 1);
        else if (i)
            p->column += fputc(' ', p->file) == ' ';
        if (gap) {
            fputs("...", p->file);
            p->column += 3;
            i = n - EDGE - 1;
        } else {
            write_axis(p, axis + 1, at * n + i);
        }
    }
    fputc(']', p->file);
    p->column++;
}

void cairn_print_to(FILE *file, cairn_tensor *x)
{
    value *v = handle_value(x);
    printer p = {.file = file, .data = v ? cairn_data(x) : NULL};
    if (!p.data) {
        fprintf(file, "NULL\n");
        return;
    }
    int64_t numel = shape_numel(&v->shape);
    p.shape = &v->shape;
    p.type = (cairn_dtype)v->type;
    p.summary = numel > THRESHOLD;
    find_format(&p);
    if (numel)
        write_axis(&p, 0, 0);
    else
        fputs("[]", file);
    fprintf(file, " %s", cairn_dtype_name(p.type));
    fprintf(file, p.summary || !numel ? " %s\n" : "\n", SHAPE(&v->shape));
}

void cairn_print(cairn_tensor *x) { cairn_print_to(stdout, x); }
