/* einsum: operands meet two by two, from left to right, each pair as one batched matrix product.
 *
 * An axis has a label: a letter, or, for the axes that "..." stands for, a number counted from the right. When two operands
 * meet, a label that both have and that is still needed is a batch axis; one that is needed no more is summed
 * over by the product; what one alone has is a row or a column. */
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <ctype.h>
#include <string.h>

enum { LABELS = 128, DOTS = 1 };            /* labels DOTS ... DOTS + 7: axes of "...", the last one first */

typedef struct labels {
    int count;
    unsigned char at[CAIRN_MAX_RANK];
} labels;

typedef struct term {
    cairn_tensor *x;
    labels axes;
} term;

typedef struct einsum {
    const char *formula;
    int64_t size[LABELS];                    /* 0: not seen; sizes are kept plus 1, so that 0 is one */
    int uses[LABELS];                        /* operands, and the output, that still need the label */
    int dots;                                /* most axes that "..." stands for */
    labels out;
} einsum;

static bool wrong(const einsum *e, const char *why)
{
    error_set(CAIRN_E_ARGUMENT, "einsum: \"%s\": %s", e->formula, why);
    return false;
}

static int find(const labels *l, int label)
{
    for (int i = 0; i < l->count; i++)
        if (l->at[i] == label)
            return i;
    return -1;
}

/* ---- Reading the formula */

/* One term, up to ',' or '-' or the end; `dots` is how many axes its "..." stands for. -1 with the error set. */
static bool read_labels(const einsum *e, const char **text, int dots, labels *out)
{
    out->count = 0;
    for (; **text && **text != ',' && **text != '-'; ++*text) {
        bool ellipsis = **text == '.';
        if (**text == ' ')
            continue;
        if (ellipsis && strncmp(*text, "...", 3) != 0)
            return wrong(e, "a dot that is not \"...\"");
        if (**text == '>')
            return wrong(e, "\">\" without \"-\"");
        if (out->count + (ellipsis ? dots : 1) > CAIRN_MAX_RANK)
            return wrong(e, "too many axes");
        for (int i = dots; ellipsis && i > 0; i--)
            out->at[out->count++] = (unsigned char)(DOTS + i - 1);
        if (!ellipsis)
            out->at[out->count++] = (unsigned char)**text;
        *text += ellipsis ? 2 : 0;
    }
    return true;
}

/* How many letters the term at `text` has; *ellipsis when it has "...". */
static int count_letters(const char *text, bool *ellipsis)
{
    int n = 0;
    for (*ellipsis = false; *text && *text != ',' && *text != '-'; text++) {
        n += isalpha((unsigned char)*text) != 0;
        *ellipsis |= *text == '.';
    }
    return n;
}

static bool note_sizes(einsum *e, const term *t)
{
    for (int i = 0; i < t->axes.count; i++) {
        int64_t n = t->x->v->shape.size[i], *known = &e->size[t->axes.at[i]];
        if (*known && *known != n + 1 && n != 1 && *known != 2) {
            error_set(CAIRN_E_SHAPE, "einsum: \"%s\": an axis has sizes %lld and %lld", e->formula, (long long)*known - 1, (long long)n);
            return false;
        }
        if (!*known || n != 1)
            *known = n + 1;
    }
    return true;
}

static bool read_operand(einsum *e, const char **text, cairn_tensor *x, term *t)
{
    value *v = handle_value(x);
    bool ellipsis;
    if (!v)
        return false;
    int letters = count_letters(*text, &ellipsis), dots = v->shape.rank - letters;
    if (dots < 0 || (dots > 0 && !ellipsis)) {
        error_set(CAIRN_E_SHAPE, "einsum: \"%s\": %d labels for %s", e->formula, letters, SHAPE(&v->shape));
        return false;
    }
    t->x = x;
    if (!read_labels(e, text, dots, &t->axes))
        return false;
    if (t->axes.count != v->shape.rank)
        return wrong(e, "\"...\" twice in one operand");
    e->dots = dots > e->dots ? dots : e->dots;
    return note_sizes(e, t);
}

/* Without "->": the axes of "...", then the letters that come once in all operands. */
static bool implicit_output(einsum *e, const char *formula)
{
    int seen[LABELS] = {0};
    for (; *formula; formula++)
        if (isalpha((unsigned char)*formula))
            seen[(unsigned char)*formula]++;
    for (int i = e->dots; i > 0; i--)
        e->out.at[e->out.count++] = (unsigned char)(DOTS + i - 1);
    for (int c = 'A'; c <= 'z'; c++)
        if (seen[c] == 1) {
            if (e->out.count == CAIRN_MAX_RANK)
                return wrong(e, "too many axes");
            e->out.at[e->out.count++] = (unsigned char)c;
        }
    return true;
}

static bool read_output(einsum *e, const char *text)
{
    if (!*text)
        return implicit_output(e, e->formula);
    if (strncmp(text, "->", 2) != 0)
        return wrong(e, "\"-\" without \">\", or another number of operands");
    text += 2;
    if (!read_labels(e, &text, e->dots, &e->out))
        return false;
    if (*text)
        return wrong(e, "something after the output");
    for (int i = 0; i < e->out.count; i++) {
        if (!e->size[e->out.at[i]])
            return wrong(e, "the output has a label that no operand has");
        if (find(&e->out, e->out.at[i]) != i)
            return wrong(e, "the output has a label twice");
    }
    return true;
}

/* ---- Computing */

/* A label that comes twice in one operand: its diagonal. */
static bool take_diagonals(term *t)
{
    for (int i = 0; i < t->axes.count; i++)
        for (int j = i + 1; j < t->axes.count; j++) {
            if (t->axes.at[i] != t->axes.at[j])
                continue;
            unsigned char label = t->axes.at[i];
            t->x = cairn_diagonal(t->x, 0, i, j);
            t->axes.count--;
            memmove(t->axes.at + j, t->axes.at + j + 1, (size_t)(t->axes.count - j));
            memmove(t->axes.at + i, t->axes.at + i + 1, (size_t)(t->axes.count - i - 1));
            t->axes.at[t->axes.count - 1] = label;
            i = -1;
            break;
        }
    return t->x != NULL;
}

/* Sums over what nobody else needs; the axes go. */
static void sum_unneeded(const einsum *e, term *t)
{
    cairn_axes gone = {0};
    labels rest = {0};
    for (int i = 0; i < t->axes.count; i++)
        if (e->uses[t->axes.at[i]] == 0)
            gone.axis[gone.count++] = i;
        else
            rest.at[rest.count++] = t->axes.at[i];
    if (gone.count)
        t->x = cairn_sum(t->x, gone, false);
    t->axes = rest;
}

/* t's axes in the order of the labels, those that it lacks with size 1; and their sizes. */
static cairn_tensor *ordered(const term *t, const labels *order)
{
    cairn_axes axes = {0};
    shape to = {.rank = order->count};
    if (!t->x)
        return NULL;
    for (int i = 0; i < order->count; i++) {
        int k = find(&t->axes, order->at[i]);
        if (k >= 0)
            axes.axis[axes.count++] = k;
        to.size[i] = k < 0 ? 1 : handle_value(t->x)->shape.size[k];
    }
    return cairn_reshape(axes.count ? cairn_permute(t->x, axes) : t->x, to);
}

/* A term's axes as a stack of matrices: (batch, first, second), each the product of its labels' full sizes. */
static cairn_tensor *as_stack(const einsum *e, const term *t, const labels *batch, const labels *first, const labels *second)
{
    labels order = {0};
    shape full = {0}, flat = {3, {1, 1, 1}};
    const labels *part[3] = {batch, first, second};
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < part[p]->count; i++) {
            int64_t n = e->size[part[p]->at[i]] - 1;
            order.at[order.count++] = part[p]->at[i];
            full.size[full.rank++] = n;
            flat.size[p] *= n;
        }
    return cairn_reshape(cairn_expand(ordered(t, &order), full), flat);
}

static void add_label(labels *l, int label) { l->at[l->count++] = (unsigned char)label; }

/* a and b to one term. */
static bool contract(const einsum *e, term *a, term *b)
{
    labels batch = {0}, inner = {0}, rows = {0}, columns = {0}, result = {0};
    for (int i = 0; i < a->axes.count; i++) {
        int label = a->axes.at[i];
        add_label(find(&b->axes, label) < 0 ? &rows : e->uses[label] ? &batch : &inner, label);
    }
    for (int i = 0; i < b->axes.count; i++)
        if (find(&a->axes, b->axes.at[i]) < 0)
            add_label(&columns, b->axes.at[i]);
    if (batch.count + rows.count + columns.count > CAIRN_MAX_RANK)
        return wrong(e, "a step of it has too many axes");
    shape to = {0};
    const labels *part[3] = {&batch, &rows, &columns};
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < part[p]->count; i++) {
            to.size[to.rank++] = e->size[part[p]->at[i]] - 1;
            add_label(&result, part[p]->at[i]);
        }
    if (inner.count == 0)
        a->x = cairn_expand(cairn_mul(ordered(a, &result), ordered(b, &result)), to);
    else
        a->x = cairn_reshape(cairn_matmul(as_stack(e, a, &batch, &rows, &inner), as_stack(e, b, &batch, &inner, &columns)), to);
    a->axes = result;
    return a->x != NULL;
}

static void count_uses(einsum *e, const labels *l, int by)
{
    for (int i = 0; i < l->count; i++)
        e->uses[l->at[i]] += by;
}

static cairn_tensor *compute(einsum *e, int count, term *terms)
{
    for (int i = 0; i < count; i++) {
        if (!take_diagonals(&terms[i]))
            return NULL;
        count_uses(e, &terms[i].axes, 1);
    }
    count_uses(e, &e->out, 1);
    term *a = &terms[0];
    count_uses(e, &a->axes, -1);
    sum_unneeded(e, a);
    for (int i = 1; i < count; i++) {
        term *b = &terms[i];
        labels kept = {0};
        count_uses(e, &b->axes, -1);
        for (int k = 0; k < a->axes.count; k++)             /* what b sums with a is no axis to sum away */
            if (find(&b->axes, a->axes.at[k]) >= 0 && e->uses[a->axes.at[k]] == 0)
                add_label(&kept, a->axes.at[k]);
        count_uses(e, &kept, 1);
        sum_unneeded(e, b);
        count_uses(e, &kept, -1);
        if (!contract(e, a, b))
            return NULL;
    }
    shape to = {.rank = e->out.count};
    for (int i = 0; i < to.rank; i++)
        to.size[i] = e->size[e->out.at[i]] - 1;
    return cairn_expand(ordered(a, &e->out), to);
}

cairn_tensor *cairn_einsum(const char *formula, int count, cairn_tensor *const *x)
{
    enum { MOST = 32 };
    einsum e = {.formula = formula};
    term terms[MOST];
    if (!formula || count < 1 || count > MOST) {
        error_set(CAIRN_E_ARGUMENT, "einsum: of %d operands; 1 to %d are possible", count, MOST);
        return NULL;
    }
    const char *text = formula;
    if (strspn(formula, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.-> ") != strlen(formula)) {
        wrong(&e, "only letters, commas, \"...\" and \"->\" are possible");
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        if (!read_operand(&e, &text, x[i], &terms[i]))
            return NULL;
        if (i + 1 < count && *text++ != ',') {
            wrong(&e, "fewer terms than operands");
            return NULL;
        }
    }
    if (!read_output(&e, text))
        return NULL;
    cairn_mark m = cairn_scope_push();
    return cairn_scope_pop(m, compute(&e, count, terms));
}
