/* Sampling an image at the places of a grid (Jaderberg et al., Spatial transformer networks, 2015), and grids of affine maps. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/resample/blend.h"

#include <math.h>

/* ---- Places ---------------------------------------------------------------------------------------*/

/* A number of the grid in pixels, and by how much it moves with that number. */
typedef struct place { double at, slope; } place;

static double grid_get(const cairn_sampler *d, const void *grid, int64_t i)
{
    return d->type == CAIRN_F64 ? ((const double *)grid)[i] : (double)((const float *)grid)[i];
}

static void grid_set(const cairn_sampler *d, void *grid, int64_t i, double v)
{
    if (d->type == CAIRN_F64)
        ((double *)grid)[i] = v;
    else
        ((float *)grid)[i] = (float)v;
}

/* Mirrored at low and low + span until it is between them. */
static place mirrored(place p, double low, double span)
{
    if (span <= 0)
        return (place){p.at * 0, 0};
    const double far = fabs(p.at - low), rest = fmod(far, span);
    const bool odd = fmod(floor(far / span), 2) != 0, negative = p.at < low;
    return (place){low + (odd ? span - rest : rest), odd != negative ? -p.slope : p.slope};
}

static place place_of(const cairn_sampler *d, double g, int64_t size)
{
    const double whole = (double)size, last = whole - 1;
    place p = d->align_corners ? (place){(g + 1) * last / 2, last / 2} : (place){((g + 1) * whole - 1) / 2, whole / 2};
    if (d->padding == CAIRN_SAMPLER_ZEROS)
        return p;
    if (d->padding == CAIRN_SAMPLER_REFLECTION)
        p = d->align_corners ? mirrored(p, 0, last) : mirrored(p, -0.5, whole);
    if (p.at <= 0)
        p = (place){0, 0};
    else if (p.at >= last)
        p = (place){last, 0};
    return p;
}

/* The pixels that a place falls between, those inside the image; and how their weights change with the place. */
typedef struct corners {
    int count;
    int64_t at[4];                      /* y * w + x */
    double weight[4], by_x[4], by_y[4];
} corners;

static void add_corner(const cairn_sampler *d, corners *c, double y, double x, double weight, double by_x, double by_y)
{
    if (!(y >= 0 && y < (double)d->h && x >= 0 && x < (double)d->w))
        return;
    c->at[c->count] = (int64_t)y * d->w + (int64_t)x;
    c->weight[c->count] = weight;
    c->by_x[c->count] = by_x;
    c->by_y[c->count++] = by_y;
}

static corners corners_of(const cairn_sampler *d, const void *grid, int64_t i)
{
    const place x = place_of(d, grid_get(d, grid, 2 * i), d->w), y = place_of(d, grid_get(d, grid, 2 * i + 1), d->h);
    corners c = {0};
    if (x.at != x.at || y.at != y.at)
        add_corner(d, &c, 0, 0, NAN, NAN, NAN);
    else if (d->mode == CAIRN_NEAREST)
        add_corner(d, &c, rint(y.at), rint(x.at), 1, 0, 0);
    else {
        const double top = floor(y.at), left = floor(x.at), down = y.at - top, right = x.at - left;
        for (int k = 0; k < 4; k++) {
            const double by_y = k / 2 ? down : 1 - down, by_x = k % 2 ? right : 1 - right;
            add_corner(d, &c, top + k / 2, left + k % 2, by_y * by_x, (k % 2 ? by_y : -by_y) * x.slope, (k / 2 ? by_x : -by_x) * y.slope);
        }
    }
    return c;
}

/* ---- Forward --------------------------------------------------------------------------------------*/

typedef struct job {
    cairn_sampler d;
    const char *x, *dy;
    const void *grid;
    char *y, *dx;
    void *dgrid;
    float *sums;                        /* of dx, for half types */
    int64_t bytes, unit;                /* of an element; places or channels of a task */
} job;

static void forward_places(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_sampler *d = &j->d;
    const int64_t places = d->oh * d->ow, end = smaller((task + 1) * j->unit, d->n * places);
    blend b;
    (void)worker;
    blend_of(d->type, &b);
    const int64_t stretch = blend_stretch(&b, d->c);
    for (int64_t i = task * j->unit; i < end; i++) {
        const corners near = corners_of(d, j->grid, i);
        const char *image = j->x + i / places * d->h * d->w * d->c * j->bytes;
        for (int64_t c = 0, part; c < d->c; c += part) {
            part = smaller(stretch, d->c - c);
            blend_begin(&b, part, j->y + (i * d->c + c) * j->bytes);
            for (int k = 0; k < near.count; k++)
                blend_add(&b, image + (near.at[k] * d->c + c) * j->bytes, near.weight[k]);
            blend_end(&b);
        }
    }
}

/* ---- Gradients ------------------------------------------------------------------------------------*/

#define DOT(name, real)                                                                 \
    static double name(int64_t n, const real *a, const real *b)                         \
    {                                                                                   \
        double sum[4] = {0};                                                            \
        for (int64_t i = 0; i < n; i++)                                                 \
            sum[i % 4] += (double)a[i] * (double)b[i];                                  \
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);                                   \
    }
DOT(dot_f32, float)
DOT(dot_f64, double)

static double dot(const job *j, half_kernel *half, const char *a, const char *b)
{
    float wide[2][BLEND_CHANNELS];
    double sum = 0;
    if (j->d.type == CAIRN_F64)
        return dot_f64(j->d.c, (const double *)(const void *)a, (const double *)(const void *)b);
    if (j->d.type == CAIRN_F32)
        return dot_f32(j->d.c, (const float *)(const void *)a, (const float *)(const void *)b);
    for (int64_t c = 0, part; c < j->d.c; c += part) {
        part = smaller(BLEND_CHANNELS, j->d.c - c);
        half->widen(j->d.type, part, a + c * j->bytes, wide[0]);
        half->widen(j->d.type, part, b + c * j->bytes, wide[1]);
        sum += dot_f32(part, wide[0], wide[1]);
    }
    return sum;
}

static void grid_gradient(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_sampler *d = &j->d;
    const int64_t places = d->oh * d->ow, end = smaller((task + 1) * j->unit, d->n * places);
    half_kernel *half = kernels()->half;
    (void)worker;
    for (int64_t i = task * j->unit; i < end; i++) {
        const corners near = corners_of(d, j->grid, i);
        const char *image = j->x + i / places * d->h * d->w * d->c * j->bytes;
        double by_x = 0, by_y = 0;
        for (int k = 0; k < near.count && d->mode != CAIRN_NEAREST; k++) {
            const double product = dot(j, half, image + near.at[k] * d->c * j->bytes, j->dy + i * d->c * j->bytes);
            by_x += near.by_x[k] * product;
            by_y += near.by_y[k] * product;
        }
        grid_set(d, j->dgrid, 2 * i, by_x);
        grid_set(d, j->dgrid, 2 * i + 1, by_y);
    }
}

/* Some channels of an image: several places may share a pixel, and are added in order. */
static void image_gradient(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_sampler *d = &j->d;
    const int64_t blocks = ceil_div(d->c, j->unit), places = d->oh * d->ow, pixels = d->h * d->w;
    const int64_t n = task / blocks, c = task % blocks * j->unit, part = smaller(j->unit, d->c - c);
    const int64_t bytes = j->sums ? (int64_t)sizeof(float) : j->bytes;
    char *dx = (j->sums ? (char *)j->sums : j->dx) + (n * pixels * d->c + c) * bytes;
    blend b;
    (void)worker;
    blend_of(d->type, &b);
    for (int64_t i = 0; i < pixels; i++)
        memset(dx + i * d->c * bytes, 0, (size_t)(part * bytes));
    for (int64_t i = n * places; i < (n + 1) * places; i++) {
        const corners near = corners_of(d, j->grid, i);
        const char *dy = j->dy + (i * d->c + c) * j->bytes;
        for (int k = 0; k < near.count; k++) {
            if (near.weight[k] != near.weight[k])
                continue;               /* no place: which pixel would it be? */
            blend_begin(&b, part, dx + near.at[k] * d->c * bytes);
            blend_add(&b, dy, near.weight[k]);
            b.kernel(&b.taps, part, true, b.y);
        }
    }
    for (int64_t i = 0; j->sums && i < pixels; i++)
        b.half->narrow(d->type, part, (const float *)(const void *)(dx + i * d->c * bytes), j->dx + ((n * pixels + i) * d->c + c) * j->bytes);
}

/* ---- The calls ------------------------------------------------------------------------------------*/

static bool is_within(int64_t x, int64_t low) { return x >= low && x < INT32_MAX; }

static cairn_status check(const cairn_sampler *d)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "sampler: the descriptor is NULL");
    if (d->type != CAIRN_F64 && d->type != CAIRN_F32 && d->type != CAIRN_F16 && d->type != CAIRN_BF16)
        return error_set(CAIRN_E_TYPE, "sampler: type %s is not supported", cairn_dtype_name(d->type));
    if (d->mode != CAIRN_NEAREST && d->mode != CAIRN_BILINEAR)
        return error_set(CAIRN_E_ARGUMENT, "sampler: mode %d is neither nearest nor bilinear", (int)d->mode);
    if ((unsigned)d->padding > CAIRN_SAMPLER_REFLECTION)
        return error_set(CAIRN_E_ARGUMENT, "sampler: there is no padding %d", (int)d->padding);
    if (!is_within(d->n, 0) || !is_within(d->c, 0) || !is_within(d->h, 1) || !is_within(d->w, 1) || !is_within(d->oh, 0) ||
        !is_within(d->ow, 0) || (double)d->n * (double)larger(d->c, 2) * (double)larger(d->h, d->oh) * (double)larger(d->w, d->ow) > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "sampler: a size is out of range: n %lld, c %lld, image %lld x %lld at %lld x %lld places",
                         (long long)d->n, (long long)d->c, (long long)d->h, (long long)d->w, (long long)d->oh, (long long)d->ow);
    return CAIRN_OK;
}

static int64_t image_elements(const cairn_sampler *d) { return d->n * d->h * d->w * d->c; }
static int64_t sampled_elements(const cairn_sampler *d) { return d->n * d->oh * d->ow * d->c; }
static int64_t grid_bytes(const cairn_sampler *d) { return d->n * d->oh * d->ow * 2 * (d->type == CAIRN_F64 ? 8 : 4); }

enum { TASK_ELEMENTS = 1 << 14, CHANNELS = 64 };

static void run_places(job *j, pool_task fn)
{
    j->unit = larger(TASK_ELEMENTS / (4 * larger(j->d.c, 4)), 1);
    pool_run(ceil_div(j->d.n * j->d.oh * j->d.ow, j->unit), fn, j);
}

cairn_status cairn_sampler_forward(const cairn_sampler *d, const void *x, const void *grid, void *y)
{
    cairn_status status = check(d);
    if (status != CAIRN_OK)
        return status;
    job j = {.d = *d, .x = x, .grid = grid, .y = y, .bytes = cairn_dtype_bytes(d->type)};
    const extent operands[] = {{x, image_elements(d) * j.bytes, false, !sampled_elements(d)}, {grid, grid_bytes(d), false, !d->c},
                                {y, sampled_elements(d) * j.bytes, true, false}};
    status = extents_apart("sampler", operands, 3);
    if (status == CAIRN_OK && d->c)
        run_places(&j, forward_places);
    return status;
}

int64_t cairn_sampler_gradient_workspace_bytes(const cairn_sampler *d)
{
    return check(d) == CAIRN_OK && cairn_dtype_bytes(d->type) == 2 ? image_elements(d) * (int64_t)sizeof(float) : 0;
}

cairn_status cairn_sampler_gradient(const cairn_sampler *d, const void *x, const void *grid, const void *dy, void *dx, void *dgrid,
                                    void *workspace, int64_t workspace_bytes)
{
    cairn_status status = check(d);
    if (status != CAIRN_OK)
        return status;
    job j = {.d = *d, .x = x, .grid = grid, .dy = dy, .dx = dx, .dgrid = dgrid, .bytes = cairn_dtype_bytes(d->type)};
    const int64_t image = image_elements(d) * j.bytes, need = dx ? cairn_sampler_gradient_workspace_bytes(d) : 0;
    const extent operands[] = {{x, image, false, !dgrid || !sampled_elements(d)}, {grid, grid_bytes(d), false, false},
                                {dy, sampled_elements(d) * j.bytes, false, false}, {dx, image, true, true},
                                {dgrid, grid_bytes(d), true, true}, {workspace, need, true, false}};
    if (need > workspace_bytes)
        return error_set(CAIRN_E_ARGUMENT, "sampler: the gradient takes %lld bytes of workspace, not %lld", (long long)need,
                         (long long)workspace_bytes);
    status = extents_apart("sampler", operands, 6);
    if (status != CAIRN_OK)
        return status;
    j.sums = need ? workspace : NULL;
    if (dgrid)
        run_places(&j, grid_gradient);
    if (dx && d->c) {
        j.unit = CHANNELS;
        pool_run(d->n * ceil_div(d->c, CHANNELS), image_gradient, &j);
    }
    return CAIRN_OK;
}

/* ---- Affine grids -----------------------------------------------------------------------------------*/

static double regular(const cairn_sampler *d, int64_t i, int64_t size)
{
    const double last = (double)(size - 1);
    return size == 1 ? 0 : d->align_corners ? 2 * (double)i / last - 1 : (2 * (double)i + 1) / (double)size - 1;
}

static cairn_status check_affine(const cairn_sampler *d, const void *theta, const void *grid, bool gradient)
{
    cairn_sampler images = d ? *d : (cairn_sampler){0};
    images.mode = CAIRN_NEAREST, images.padding = CAIRN_SAMPLER_ZEROS;
    images.h = images.w = images.c = 1;
    const cairn_status status = check(d ? &images : NULL);
    if (status != CAIRN_OK)
        return status;
    if (d->type != CAIRN_F32 && d->type != CAIRN_F64)
        return error_set(CAIRN_E_TYPE, "affine_grid: type %s is not supported", cairn_dtype_name(d->type));
    const extent operands[] = {{theta, d->n * 6 * cairn_dtype_bytes(d->type), gradient, false}, {grid, grid_bytes(d), !gradient, false}};
    return extents_apart("affine_grid", operands, 2);
}

cairn_status cairn_affine_grid_forward(const cairn_sampler *d, const void *theta, void *grid)
{
    const cairn_status status = check_affine(d, theta, grid, false);
    for (int64_t i = 0; status == CAIRN_OK && i < d->n * d->oh * d->ow; i++) {
        const double x = regular(d, i % d->ow, d->ow), y = regular(d, i / d->ow % d->oh, d->oh);
        const int64_t map = i / d->ow / d->oh * 6;
        for (int k = 0; k < 2; k++)
            grid_set(d, grid, 2 * i + k, grid_get(d, theta, map + 3 * k) * x + grid_get(d, theta, map + 3 * k + 1) * y + grid_get(d, theta, map + 3 * k + 2));
    }
    return status;
}

cairn_status cairn_affine_grid_gradient(const cairn_sampler *d, const void *dgrid, void *dtheta)
{
    const cairn_status status = check_affine(d, dtheta, dgrid, true);
    const int64_t places = status == CAIRN_OK ? d->oh * d->ow : 0;
    for (int64_t n = 0; status == CAIRN_OK && n < d->n; n++) {
        double sum[6] = {0};
        for (int64_t i = 0; i < places; i++) {
            const double by[3] = {regular(d, i % d->ow, d->ow), regular(d, i / d->ow, d->oh), 1};
            for (int k = 0; k < 6; k++)
                sum[k] += grid_get(d, dgrid, 2 * (n * places + i) + k / 3) * by[k % 3];
        }
        for (int k = 0; k < 6; k++)
            grid_set(d, dtheta, n * 6 + k, sum[k]);
    }
    return status;
}
