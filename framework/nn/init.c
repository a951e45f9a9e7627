/* Initial values of parameters. */
#include "framework/nn/module.h"
#include <math.h>

double default_bound(int64_t fan_in) { return fan_in > 0 ? 1 / sqrt((double)fan_in) : 0; }

bool sizes_positive(const char *op, int count, const int64_t *sizes)
{
    for (int i = 0; i < count; i++)
        if (sizes[i] <= 0) {
            error_set(CAIRN_E_ARGUMENT, "%s: sizes must be positive, got %lld", op, (long long)sizes[i]);
            return false;
        }
    return true;
}

/* ---- New parameters */

/* x, computed, as a parameter of m. */
static cairn_tensor *add_computed(cairn_module *m, const char *name, cairn_tensor *x)
{
    cairn_tensor *y = x && cairn_shape_of(x).rank == 4 ? cairn_add(x, channels_last_zeros(cairn_shape_of(x), cairn_dtype_of(x))) : x;
    if (!y || cairn_eval(y)) {
        m->failed = true;
        return NULL;
    }
    return cairn_module_add_parameter(m, name, y);
}

cairn_tensor *channels_last_zeros(cairn_shape shape, cairn_dtype type)
{
    cairn_tensor *zeros = cairn_zeros(shape, type);
    if (zeros)
        zeros->v->flags |= V_CHANNELS_LAST;
    return zeros;
}

static cairn_tensor *uniform(cairn_shape shape, double low, double high)
{
    cairn_tensor *x = cairn_rand(shape, CAIRN_F32);
    return cairn_add(cairn_mul(x, cairn_number(high - low)), cairn_number(low));
}

cairn_tensor *parameter_uniform(cairn_module *m, const char *name, cairn_shape shape, double bound)
{
    if (!m)
        return NULL;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = add_computed(m, name, uniform(shape, -bound, bound));
    cairn_scope_pop(mark, NULL);
    return x;
}

cairn_tensor *parameter_full(cairn_module *m, const char *name, cairn_shape shape, double number)
{
    if (!m)
        return NULL;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = add_computed(m, name, cairn_full(shape, number, CAIRN_F32));
    cairn_scope_pop(mark, NULL);
    return x;
}

/* ---- Other values for what is there */

/* x with the elements of `from`, whose temporaries go with `mark`. */
static cairn_tensor *become(cairn_mark mark, cairn_tensor *x, cairn_tensor *from)
{
    cairn_status s = from ? tensor_assign(x, from) : CAIRN_E_ARGUMENT;
    cairn_scope_pop(mark, NULL);
    return s ? NULL : x;
}

cairn_tensor *cairn_init_uniform(cairn_tensor *x, double low, double high)
{
    cairn_mark mark = cairn_scope_push();
    return become(mark, x, x ? uniform(cairn_shape_of(x), low, high) : NULL);
}

cairn_tensor *cairn_init_normal(cairn_tensor *x, double mean, double deviation)
{
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *z = x ? cairn_randn(cairn_shape_of(x), CAIRN_F32) : NULL;
    return become(mark, x, cairn_add(cairn_mul(z, cairn_number(deviation)), cairn_number(mean)));
}

static double normal_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

/* A uniform number between the cumulative probabilities of the two limits, through the inverse of the distribution. */
cairn_tensor *cairn_init_trunc_normal(cairn_tensor *x, double mean, double deviation, double low, double high)
{
    if (!x)
        return NULL;
    if (!(deviation > 0) || !(low < high)) {
        error_set(CAIRN_E_ARGUMENT, "init_trunc_normal: deviation %g, limits %g and %g", deviation, low, high);
        return NULL;
    }
    double l = normal_cdf((low - mean) / deviation), h = normal_cdf((high - mean) / deviation);
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *z = cairn_erfinv(uniform(cairn_shape_of(x), 2 * l - 1, 2 * h - 1));
    cairn_tensor *y = cairn_add(cairn_mul(z, cairn_number(deviation * M_SQRT2)), cairn_number(mean));
    return become(mark, x, cairn_minimum(cairn_maximum(y, cairn_number(low)), cairn_number(high)));
}

cairn_tensor *cairn_init_constant(cairn_tensor *x, double number)
{
    cairn_mark mark = cairn_scope_push();
    return become(mark, x, cairn_full_like(x, number));
}

static bool rank_between(const char *op, cairn_tensor *x, int low, int high)
{
    cairn_shape s = cairn_shape_of(x);
    if (s.rank >= low && s.rank <= high)
        return true;
    if (x)
        error_set(CAIRN_E_SHAPE, "%s: not for %s", op, SHAPE(&s));
    return false;
}

cairn_tensor *cairn_init_eye(cairn_tensor *x)
{
    if (!rank_between("init_eye", x, 2, 2))
        return NULL;
    cairn_mark mark = cairn_scope_push();
    return become(mark, x, cairn_eye(cairn_size(x, 0), cairn_size(x, 1), CAIRN_F32));
}

/* 1 where the output channel is the input channel, at the kernel's centre. */
cairn_tensor *cairn_init_dirac(cairn_tensor *x)
{
    if (!rank_between("init_dirac", x, 3, 5))
        return NULL;
    cairn_shape s = cairn_shape_of(x);
    int64_t kernel = 1, centre = 0;
    for (int i = 2; i < s.rank; i++) {
        kernel *= s.size[i];
        centre = centre * s.size[i] + s.size[i] / 2;
    }
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *at = cairn_eq(cairn_arange(0, (double)kernel, 1, CAIRN_I64), cairn_integer(centre));
    cairn_tensor *same = cairn_unsqueeze(cairn_eye(s.size[0], s.size[1], CAIRN_F32), -1);
    return become(mark, x, cairn_reshape(cairn_mul(same, cairn_to(at, CAIRN_F32)), s));
}

/* ---- By the fans of a weight (out, in, ...) */

static bool fans(const char *op, cairn_tensor *x, double *in, double *out)
{
    if (!rank_between(op, x, 2, CAIRN_MAX_RANK))
        return false;
    cairn_shape s = cairn_shape_of(x);
    double kernel = 1;
    for (int i = 2; i < s.rank; i++)
        kernel *= (double)s.size[i];
    *in = (double)s.size[1] * kernel;
    *out = (double)s.size[0] * kernel;
    return true;
}

cairn_tensor *cairn_init_xavier_uniform(cairn_tensor *x, double gain)
{
    double in, out;
    if (!fans("init_xavier_uniform", x, &in, &out))
        return NULL;
    double bound = gain * sqrt(6 / (in + out));
    return cairn_init_uniform(x, -bound, bound);
}

cairn_tensor *cairn_init_xavier_normal(cairn_tensor *x, double gain)
{
    double in, out;
    return fans("init_xavier_normal", x, &in, &out) ? cairn_init_normal(x, 0, gain * sqrt(2 / (in + out))) : NULL;
}

cairn_tensor *cairn_init_kaiming_uniform(cairn_tensor *x, double gain, cairn_fan fan)
{
    double in, out;
    if (!fans("init_kaiming_uniform", x, &in, &out))
        return NULL;
    double bound = gain * sqrt(3 / (fan == CAIRN_FAN_OUT ? out : in));
    return cairn_init_uniform(x, -bound, bound);
}

cairn_tensor *cairn_init_kaiming_normal(cairn_tensor *x, double gain, cairn_fan fan)
{
    double in, out;
    if (!fans("init_kaiming_normal", x, &in, &out))
        return NULL;
    return cairn_init_normal(x, 0, gain / sqrt(fan == CAIRN_FAN_OUT ? out : in));
}

/* ---- Orthogonal */

/* Makes the `count` vectors of a orthonormal, by Gram-Schmidt, twice: the second pass removes what rounding left. */
static void orthonormalise(double *a, int64_t count, int64_t length)
{
    for (int64_t i = 0; i < count; i++) {
        double *v = a + i * length, norm = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t j = 0; j < i; j++) {
                const double *w = a + j * length;
                double dot = 0;
                for (int64_t k = 0; k < length; k++)
                    dot += v[k] * w[k];
                for (int64_t k = 0; k < length; k++)
                    v[k] -= dot * w[k];
            }
        for (int64_t k = 0; k < length; k++)
            norm += v[k] * v[k];
        for (int64_t k = 0; k < length && norm > 0; k++)
            v[k] /= sqrt(norm);
    }
}

/* x as a matrix of its first axis by all others: its rows, or columns when they are fewer, become orthonormal. */
cairn_tensor *cairn_init_orthogonal(cairn_tensor *x, double gain)
{
    if (!rank_between("init_orthogonal", x, 2, CAIRN_MAX_RANK))
        return NULL;
    cairn_shape shape = cairn_shape_of(x);
    int64_t rows = shape.size[0], columns = rows ? cairn_numel(x) / rows : 0;
    int64_t count = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    double *a = mem_array((size_t)(count * length), sizeof *a);
    if (!a)
        return NULL;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *y = NULL;
    if (cairn_copy_out(cairn_randn(CAIRN_SHAPE(count, length), CAIRN_F64), a, CAIRN_F64) == CAIRN_OK) {
        orthonormalise(a, count, length);
        y = cairn_from(a, CAIRN_SHAPE(count, length), CAIRN_F64);
        y = cairn_mul(cairn_reshape(rows < columns ? y : cairn_mT(y), shape), cairn_number(gain));
    }
    mem_free(a);
    return become(mark, x, y);
}
