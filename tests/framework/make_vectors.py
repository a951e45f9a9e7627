#!/usr/bin/env python3
"""Makes vectors.txt, the inputs and expected results of cases.def, with PyTorch and NumPy in f64.

    python3 tests/framework/make_vectors.py > tests/framework/vectors.txt

A case is a name, its inputs and its result. A line of data is "in" or "out", the type ("f": the test runs it in f32 and in f64), the
sizes, and the elements in row-major order.
"""
import zlib
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


class Maker:
    """Inputs that depend on the case's name alone."""

    def __init__(self, name):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))

    def f(self, *shape, low=-1.5, high=1.5, zeros=False):
        """Floats with three decimals, no two equal and none at a kink of a function (0, 0.2, 0.4 ...)."""
        n = int(np.prod(shape))
        x = self.random.permutation(np.linspace(low, high, max(n, 1) + 2)[1:-1])[:n]
        x = np.round(x * 1000 + 0.5) / 1000 + 0.00037
        if zeros:
            x[self.random.random(n) < 0.3] = 0
        return torch.tensor(x.reshape(shape))

    def i(self, *shape, low=0, high=3):
        return torch.tensor(self.random.integers(low, high, shape))

    def b(self, *shape):
        return torch.tensor(self.random.random(shape) < 0.5)

    def perm(self, n, of):
        return torch.tensor(self.random.permutation(of)[:n])


def recurrence(a, b):
    y, last = [], 0
    for k in range(a.shape[1]):
        last = a[:, k] * last + b[:, k]
        y.append(last)
    return torch.stack(y, 1)


def pick(make, value):
    return lambda m: (make(m), value)


def unary(f, *shape, **keys):
    return lambda m: ([m.f(*(shape or (3, 5)), **keys)], f)


def image(*shape):
    return lambda m: m.f(*shape)


def qkv(m):
    return [m.f(2, 2, 3, 4), m.f(2, 2, 5, 4), m.f(2, 2, 5, 3)]


def band(rows, columns, offset, width, causal):
    """Which keys a query at row + offset sees."""
    far = torch.arange(columns)[None] - torch.arange(rows)[:, None] - offset
    return (far.abs() < width) & (far <= 0 if causal else far == far)


def grid_case(mode, padding, corners):
    return lambda m: ([m.f(2, 3, 4, 5), m.f(2, 3, 4, 2)], lambda x, g: F.grid_sample(x, 1.4 * g, mode, padding, corners))


def blind(q, k, v, mask):
    """A query that sees nothing gives zeros."""
    return torch.nan_to_num(F.softmax((q @ k.mT / 2).masked_fill(~mask, -inf), -1)) @ v


def scatter_inputs(m):
    return [m.f(3, 4, low=0.5), m.i(5, 4), m.f(5, 4, low=0.4)]


def scattered(how, include=True):
    return lambda x, i, s: x.scatter_reduce(0, i, s, how, include_self=include)


inf = float("inf")
cases = {
    "clamp": unary(lambda x: x.clamp(-0.5, 0.7)),
    "clamp_low": unary(lambda x: x.clamp(min=0.1)),
    "clamp_integers": lambda m: ([m.i(9, low=-5, high=8)], lambda x: x.clamp(-2, 3)),
    "lerp": lambda m: ([m.f(3, 4), m.f(4), m.f(3, 1)], torch.lerp),
    "addcmul": lambda m: ([m.f(3, 4), m.f(4), m.f(3, 1)], lambda a, b, c: torch.addcmul(a, b, c, value=0.3)),
    "addcdiv": lambda m: ([m.f(3, 4), m.f(4), m.f(3, 1, low=0.5)], lambda a, b, c: torch.addcdiv(a, b, c, value=0.3)),
    "logaddexp": lambda m: ([m.f(3, 4, low=-30, high=30), m.f(4)], torch.logaddexp),
    "xlogy": lambda m: ([m.f(3, 4), m.f(4, low=0.1)], torch.xlogy),
    "xlogy_zeros": lambda m: ([m.f(3, 4, zeros=True), m.f(3, 4, low=0, zeros=True)], torch.xlogy),
    "logit": unary(torch.logit, 3, 4, low=0, high=1),
    "logit_eps": unary(lambda x: torch.logit(x, 0.2), 3, 4, low=0, high=1),
    "sinc": unary(torch.sinc),
    "i0": unary(torch.i0, 3, 5, low=-7, high=7),
    "ldexp": lambda m: ([m.f(3, 4), m.f(4)], lambda x, y: x * 2 ** y),
    "frexp_mantissa": lambda m: ([m.f(3, 4, low=-9, high=9, zeros=True)], lambda x: torch.frexp(x)[0]),
    "frexp_exponent": lambda m: ([m.f(3, 4, low=-9, high=9, zeros=True)], lambda x: torch.frexp(x)[1]),
    "nan_to_num": lambda m: ([m.f(12, zeros=True), m.f(12, zeros=True)], lambda x, y: torch.nan_to_num(x / y, 0.5, 7, -7)),
    "isclose": lambda m: ([m.f(12), m.f(12)], lambda x, y: torch.isclose(x, y, 0.1, 0.01)),
    "isclose_infinite": lambda m: ([m.f(12, zeros=True), m.f(12, zeros=True), m.f(12, zeros=True)],
                                   lambda x, y, z: torch.isclose(x / y, z / y, 0.1, 0.01, equal_nan=True)),
    "gelu": unary(F.gelu), "gelu_tanh": unary(lambda x: F.gelu(x, approximate="tanh")), "silu": unary(F.silu), "mish": unary(F.mish),
    "softplus": unary(F.softplus), "softplus_beta": unary(lambda x: F.softplus(x, 2.5, 100)), "logsigmoid": unary(F.logsigmoid),
    "elu": unary(lambda x: F.elu(x, 0.8)), "celu": unary(lambda x: F.celu(x, 0.8)), "selu": unary(F.selu),
    "leaky_relu": unary(lambda x: F.leaky_relu(x, 0.1)),
    "prelu": lambda m: ([m.f(3, 4), m.f(1)], F.prelu),
    "prelu_channels": lambda m: ([m.f(2, 3, 2, 2), m.f(3)], F.prelu),
    "relu6": unary(lambda x: F.relu6(5 * x)), "hardtanh": unary(lambda x: F.hardtanh(x, -0.4, 0.6)),
    "hardsigmoid": unary(lambda x: F.hardsigmoid(3 * x)), "hardswish": unary(lambda x: F.hardswish(3 * x)),
    "softsign": unary(F.softsign), "tanhshrink": unary(F.tanhshrink), "softshrink": unary(lambda x: F.softshrink(x, 0.4)),
    "hardshrink": unary(lambda x: F.hardshrink(x, 0.4)), "threshold": unary(lambda x: F.threshold(x, 0.2, -3)),
    "glu": unary(lambda x: F.glu(x, 1), 3, 6),
    "softmax": unary(lambda x: F.softmax(x, -1)), "softmax_axis0": unary(lambda x: F.softmax(x, 0), 3, 2, 2),
    "log_softmax": unary(lambda x: F.log_softmax(x, 1)), "softmin": unary(lambda x: F.softmin(x, 1)),
    "layer_norm": lambda m: ([m.f(3, 5), m.f(5), m.f(5)], lambda x, w, b: F.layer_norm(x, [5], w, b)),
    "layer_norm_two_axes": lambda m: ([m.f(2, 3, 4), m.f(3, 4), m.f(3, 4)], lambda x, w, b: F.layer_norm(x, [3, 4], w, b)),
    "rms_norm": lambda m: ([m.f(3, 5), m.f(5)], lambda x, w: F.rms_norm(x, [5], w, 1e-6)),
    "group_norm": lambda m: ([m.f(2, 4, 3), m.f(4), m.f(4)], lambda x, w, b: F.group_norm(x, 2, w, b)),
    "instance_norm": unary(F.instance_norm, 2, 3, 2, 2),
    "batch_norm": lambda m: ([m.f(4, 3), m.f(3), m.f(3)], lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
    "batch_norm_2d": lambda m: ([m.f(2, 3, 2, 2), m.f(3), m.f(3)], lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
    "batch_norm_inference": lambda m: ([m.f(2, 3, 2), m.f(3), m.f(3, low=0.3), m.f(3), m.f(3)],
                                       lambda x, mean, var, w, b: F.batch_norm(x, mean, var, w, b)),
    "local_response_norm": unary(lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 1), 2, 4, 3),
    "normalize": unary(F.normalize), "cosine_similarity": lambda m: ([m.f(3, 5), m.f(3, 5)], F.cosine_similarity),
    "split": unary(lambda x: x.split([1, 2, 2], 1)[1]), "chunk": unary(lambda x: x.chunk(3, 1)[2]),
    "unbind": unary(lambda x: x.unbind(1)[1]), "roll": unary(lambda x: x.roll(2, 1)), "roll_back": unary(lambda x: x.roll(-4, 0)),
    "repeat": unary(lambda x: x.repeat(2, 1, 3), 2, 3), "tile": unary(lambda x: x.tile(2), 2, 3),
    "repeat_interleave": unary(lambda x: x.repeat_interleave(3, 0), 2, 3),
    "rot90": unary(lambda x: x.rot90(1, [0, 1])), "rot90_back": unary(lambda x: x.rot90(-1, [1, 0])),
    "rot180": unary(lambda x: x.rot90(2, [0, 1])),
    "meshgrid": lambda m: ([m.f(2), m.f(3)], lambda a, b: torch.meshgrid(a, b, indexing="ij")[1]),
    "pad": unary(lambda x: F.pad(x, (1, 2, 0, 1), value=0.5)), "pad_crop": unary(lambda x: F.pad(x, (-1, 2, 1, -1))),
    "pad_reflect": unary(lambda x: F.pad(x, (1, 2, 2, 1), "reflect"), 1, 2, 3, 4),
    "pad_replicate": unary(lambda x: F.pad(x, (1, 2, 2, 1), "replicate"), 1, 2, 3, 4),
    "pad_circular": unary(lambda x: F.pad(x, (1, 2, 2, 1), "circular"), 1, 2, 3, 4),
    "tril": unary(lambda x: x.tril(1), 2, 3, 4), "triu": unary(lambda x: x.triu(-1), 4, 3), "diag": unary(lambda x: x.diag(-1), 3),
    "gather": lambda m: ([m.f(3, 4), m.i(2, 5, high=4)], lambda x, i: x.gather(1, i)),
    "gather_axis0": lambda m: ([m.f(3, 4), m.i(5, 3)], lambda x, i: x.gather(0, i)),
    "gather_scalar": lambda m: ([m.f(), torch.tensor(0)], lambda x, i: x.gather(0, i)),
    "take_along_axis": lambda m: ([m.f(3, 4), m.i(1, 2, high=4)], lambda x, i: torch.take_along_dim(x, i, 1)),
    "scatter": lambda m: ([m.f(3, 4), torch.stack([m.perm(2, 4) for _ in range(3)]), m.f(3, 3)], lambda x, i, s: x.scatter(1, i, s)),
    "scatter_number": lambda m: ([m.f(3, 4), m.i(3, 2, high=4)], lambda x, i: x.scatter(1, i, 2.5)),
    "scatter_add": lambda m: ([m.f(3, 4), m.i(5, 4), m.f(5, 4)], lambda x, i, s: x.scatter_add(0, i, s)),
    "scatter_add_integers": lambda m: ([m.i(3, 4), m.i(5, 4), m.i(5, 4)], lambda x, i, s: x.scatter_add(0, i, s)),
    "scatter_prod": lambda m: (scatter_inputs(m), scattered("prod")), "scatter_min": lambda m: (scatter_inputs(m), scattered("amin")),
    "scatter_max_fresh": lambda m: (scatter_inputs(m), scattered("amax", False)),
    "scatter_mean": lambda m: (scatter_inputs(m), scattered("mean")),
    "scatter_mean_fresh": lambda m: (scatter_inputs(m), scattered("mean", False)),
    "index_select": lambda m: ([m.f(2, 3, 2), m.i(5)], lambda x, i: x.index_select(1, i)),
    "index_select_matrix": lambda m: ([m.f(3, 4), m.i(2, 2)], lambda x, i: x[i]),
    "take": lambda m: ([m.f(3, 4), m.i(2, 3, high=12)], torch.take),
    "index_copy": lambda m: ([m.f(4, 3), m.perm(2, 4), m.f(2, 3)], lambda x, i, s: x.index_copy(0, i, s)),
    "index_add": lambda m: ([m.f(2, 3, 2), m.i(5), m.f(2, 5, 2)], lambda x, i, s: x.index_add(1, i, s)),
    "index_two": lambda m: ([m.f(3, 4, 2), m.i(2, 1, low=-3), m.i(3, low=-4, high=4)], lambda x, i, j: x[i, j]),
    "index_put": lambda m: ([m.f(3, 4, 2), m.perm(3, 3), m.i(3, low=-4, high=4), m.f(3, 2)], lambda x, i, j, s: x.index_put((i, j), s)),
    "index_put_accumulate": lambda m: ([m.f(3, 4), m.i(6, low=-3), m.f(4)], lambda x, i, s: x.index_put((i,), s, True)),
    "masked_fill": lambda m: ([m.f(3, 4), m.b(4)], lambda x, k: x.masked_fill(k, -2)),
    "masked_scatter": lambda m: ([m.f(3, 4), m.b(3, 4), m.f(12)], torch.masked_scatter),
    "masked_select": lambda m: ([m.f(3, 4), m.b(3, 4)], torch.masked_select),
    "nonzero": lambda m: ([m.f(3, 4, zeros=True)], torch.nonzero),
    "one_hot": lambda m: ([m.i(2, 3, high=5)], lambda i: F.one_hot(i, 5)), "one_hot_look": lambda m: ([m.i(6, high=5)], F.one_hot),
    "embedding": lambda m: ([m.f(4, 3), m.i(2, 5, high=4)], lambda w, i: F.embedding(i, w)),
    "argsort": lambda m: ([m.f(3, 7)], lambda x: x.argsort(1)),
    "argsort_down": lambda m: ([m.i(8, 2)], lambda x: x.argsort(dim=0, descending=True, stable=True)),
    "sort": unary(lambda x: x.sort(1)[0]), "sort_down": unary(lambda x: x.sort(1, True)[0]),
    "sort_many": unary(lambda x: x.sort(0)[0], 150), "sort_integers": lambda m: ([m.i(100, low=-40, high=40)], lambda x: x.sort(0, True)[0]),
    "topk": unary(lambda x: x.topk(2, 1)[0]), "topk_smallest": unary(lambda x: x.topk(3, -1, False)[1]),
    "kthvalue": unary(lambda x: x.kthvalue(2, 1)[0]), "max_axis": unary(lambda x: x.max(1)[0]),
    "max_index": unary(lambda x: x.max(1, True)[1]), "min_axis": unary(lambda x: x.min(0, True)[0]),
    "median": unary(lambda x: x.median(1)[0], 3, 4), "median_index": unary(lambda x: x.median(1)[1]),
    "mode": lambda m: ([m.i(4, 9)], lambda x: x.mode(1)[0]), "mode_index": lambda m: ([m.i(4, 9)], lambda x: x.mode(1)[1]),
    "quantile": unary(lambda x: x.quantile(0.3, 1, True)),
    "unique": lambda m: ([m.i(3, 6, high=7)], torch.unique),
    "unique_inverse": lambda m: ([m.i(3, 6, high=7)], lambda x: torch.unique(x, return_inverse=True)[1]),
    "unique_counts": lambda m: ([m.i(3, 6, high=7)], lambda x: torch.unique(x, return_counts=True)[1]),
    "searchsorted": lambda m: ([m.f(2, 5).sort(1)[0], m.f(2, 3)], torch.searchsorted),
    "searchsorted_right": lambda m: ([m.i(8, high=4).sort()[0], m.i(2, 5, low=-1, high=5)], lambda s, x: torch.searchsorted(s, x, right=True)),
    "bucketize": lambda m: ([m.i(2, 5, low=-1, high=5), m.i(8, high=4).sort()[0]], torch.bucketize),
    "bincount": lambda m: ([m.i(9, high=5)], lambda x: torch.bincount(x, minlength=7)),
    "bincount_weights": lambda m: ([m.i(9, high=5), m.f(9)], torch.bincount),
    "histc": unary(lambda x: x.histc(4, -1, 1), 20), "histc_range": unary(lambda x: x.histc(5), 20),
    "cumsum": unary(lambda x: x.cumsum(1)), "cumsum_axis0": unary(lambda x: x.cumsum(0), 3, 2, 2),
    "cumsum_bool": lambda m: ([m.b(6)], lambda x: x.cumsum(0)), "cumprod": unary(lambda x: x.cumprod(1), low=0.5),
    "cumprod_zeros": unary(lambda x: x.cumprod(0), 6, zeros=True), "logcumsumexp": unary(lambda x: x.logcumsumexp(1)),
    "cummax": unary(lambda x: x.cummax(1)[0]), "cummax_index": lambda m: ([m.i(2, 7)], lambda x: x.cummax(1)[1]),
    "cummin": unary(lambda x: x.cummin(0)[0]), "recurrence": lambda m: ([m.f(2, 5), m.f(2, 5)], recurrence),
    "matmul": lambda m: ([m.f(3, 4), m.f(4, 5)], torch.matmul), "matmul_batches": lambda m: ([m.f(2, 1, 3, 4), m.f(3, 4, 2)], torch.matmul),
    "mm": lambda m: ([m.f(3, 4), m.f(4, 5)], torch.mm), "bmm": lambda m: ([m.f(2, 3, 4), m.f(2, 4, 2)], torch.bmm),
    "mv": lambda m: ([m.f(3, 4), m.f(4)], torch.mv), "dot": lambda m: ([m.f(4), m.f(4)], torch.dot),
    "outer": lambda m: ([m.f(3), m.f(4)], torch.outer),
    "addmm": lambda m: ([m.f(2), m.f(3, 4), m.f(4, 2)], lambda c, x, w: torch.addmm(c, x, w, beta=0.5, alpha=2)),
    "baddbmm": lambda m: ([m.f(2, 3, 2), m.f(2, 3, 4), m.f(2, 4, 2)], lambda c, x, w: torch.baddbmm(c, x, w, alpha=0.3)),
    "linear": lambda m: ([m.f(2, 3, 4), m.f(5, 4), m.f(5)], F.linear),
    "bilinear": lambda m: ([m.f(3, 2), m.f(3, 4), m.f(2, 2, 4), m.f(2)], F.bilinear),
    "einsum_matmul": lambda m: ([m.f(3, 4), m.f(4, 2)], lambda a, b: torch.einsum("ij,jk->ik", a, b)),
    "einsum_batch": lambda m: ([m.f(2, 3, 4), m.f(2, 2, 4)], lambda a, b: torch.einsum("bij, bkj -> bki", a, b)),
    "einsum_trace": unary(lambda x: torch.einsum("ii", x), 3, 3), "einsum_diagonal": unary(lambda x: torch.einsum("iji->ji", x), 3, 2, 3),
    "einsum_outer": lambda m: ([m.f(3), m.f(2)], lambda a, b: torch.einsum("i,j", a, b)),
    "einsum_sum": unary(lambda x: torch.einsum("ijk->j", x), 2, 3, 2),
    "einsum_dots": lambda m: ([m.f(2, 1, 3, 4), m.f(3, 4, 2)], lambda a, b: torch.einsum("...ij,...jk->...ik", a, b)),
    "einsum_three": lambda m: ([m.f(2, 3), m.f(3, 4), m.f(4, 2)], lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c)),
    "einsum_hadamard": lambda m: ([m.f(2, 3), m.f(2, 3)], lambda a, b: torch.einsum("ij,ij->ij", a, b)),
    "tensordot": lambda m: ([m.f(2, 3, 4), m.f(4, 3, 2)], lambda a, b: torch.tensordot(a, b, ([1, 2], [1, 0]))),
    "kron": lambda m: ([m.f(2, 3), m.f(2, 2)], torch.kron),
    "cdist": lambda m: ([m.f(3, 4), m.f(2, 4)], torch.cdist), "cdist_1": lambda m: ([m.f(3, 4), m.f(2, 4)], lambda a, b: torch.cdist(a, b, 1)),
    "cdist_3": lambda m: ([m.f(2, 3, 4), m.f(2, 2, 4)], lambda a, b: torch.cdist(a, b, 3)),
    "conv2d": lambda m: ([m.f(2, 3, 4, 5), m.f(2, 3, 3, 2), m.f(2)], F.conv2d),
    "conv2d_options": lambda m: ([m.f(1, 2, 5, 6), m.f(3, 2, 3, 2)],
                                 lambda x, w: F.conv2d(x, w, None, (2, 1), (1, 2), (1, 2))),
    "conv2d_groups": lambda m: ([m.f(2, 4, 3, 3), m.f(4, 2, 3, 3), m.f(4)], lambda x, w, b: F.conv2d(x, w, b, 1, 1, 1, 2)),
    "conv2d_depthwise": lambda m: ([m.f(2, 4, 3, 3), m.f(4, 1, 3, 3)], lambda x, w: F.conv2d(x, w, None, 1, 1, 1, 4)),
    "conv1d": lambda m: ([m.f(2, 3, 7), m.f(2, 3, 3), m.f(2)], lambda x, w, b: F.conv1d(x, w, b, 2, 1)),
    "conv_transpose2d": lambda m: ([m.f(1, 3, 2, 3), m.f(3, 2, 3, 3), m.f(2)], lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1)),
    "conv_transpose1d": lambda m: ([m.f(2, 3, 4), m.f(3, 2, 2)], F.conv_transpose1d),
    "conv_transpose1d_options": lambda m: ([m.f(2, 4, 3), m.f(4, 1, 3), m.f(2)], lambda x, w, b: F.conv_transpose1d(x, w, b, 3, 1, 2, 2)),
    "conv3d": lambda m: ([m.f(2, 2, 2, 3, 3), m.f(2, 2, 2, 2, 2), m.f(2)], F.conv3d),
    "conv3d_options": lambda m: ([m.f(1, 2, 3, 3, 2), m.f(4, 1, 2, 2, 3), m.f(4)],
                                 lambda x, w, b: F.conv3d(x, w, b, (1, 2, 1), (1, 0, 2), (2, 1, 1), 2)),
    "conv_transpose3d": lambda m: ([m.f(1, 2, 2, 2, 2), m.f(2, 2, 2, 1, 3), m.f(2)],
                                   lambda x, w, b: F.conv_transpose3d(x, w, b, (2, 1, 2), (1, 0, 1), (1, 0, 0))),
    "max_pool2d": unary(lambda x: F.max_pool2d(x, 2), 2, 3, 4, 4),
    "max_pool2d_options": unary(lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0), 1, True), 1, 2, 6, 4),
    "max_pool2d_index": unary(lambda x: F.max_pool2d(x, 2, return_indices=True)[1], 2, 3, 4, 4),
    "max_pool1d": unary(lambda x: F.max_pool1d(x, 2), 2, 3, 5), "avg_pool2d": unary(lambda x: F.avg_pool2d(x, 2), 2, 3, 4, 5),
    "avg_pool2d_padding": unary(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), 1, 2, 5, 6),
    "avg_pool1d": unary(lambda x: F.avg_pool1d(x, 2), 2, 3, 6),
    "adaptive_avg_pool2d": unary(lambda x: F.adaptive_avg_pool2d(x, (3, 2)), 1, 2, 5, 4),
    "adaptive_avg_pool2d_one": unary(lambda x: F.adaptive_avg_pool2d(x, 1), 2, 3, 2, 3),
    "adaptive_max_pool2d": unary(lambda x: F.adaptive_max_pool2d(x, (3, 2)), 1, 2, 5, 4),
    "unfold": unary(lambda x: F.unfold(x, (2, 3), padding=1, stride=(2, 1)), 1, 2, 4, 5),
    "fold": unary(lambda x: F.fold(x, (4, 5), 2), 1, 8, 12), "pixel_shuffle": unary(lambda x: F.pixel_shuffle(x, 2), 1, 8, 2, 3),
    "pixel_unshuffle": unary(lambda x: F.pixel_unshuffle(x, 2), 1, 2, 4, 6),
    "adaptive_max_pool1d": unary(lambda x: F.adaptive_max_pool1d(x, 3), 2, 3, 7),
    "adaptive_avg_pool3d": unary(lambda x: F.adaptive_avg_pool3d(x, (2, 3, 2)), 1, 2, 3, 5, 4),
    "adaptive_max_pool3d": unary(lambda x: F.adaptive_max_pool3d(x, (2, 3, 2)), 1, 2, 3, 5, 4),
    "max_pool3d": unary(lambda x: F.max_pool3d(x, (2, 3, 2), (1, 2, 2), (1, 1, 0), ceil_mode=True), 2, 2, 3, 5, 4),
    "avg_pool3d": unary(lambda x: F.avg_pool3d(x, 2), 2, 2, 4, 3, 4),
    "avg_pool3d_padding": unary(lambda x: F.avg_pool3d(x, 3, 2, 1, True, False), 1, 2, 4, 5, 4),
    "interpolate_bicubic": unary(lambda x: F.interpolate(x, (7, 3), mode="bicubic"), 1, 2, 4, 5),
    "interpolate_bicubic_corners": unary(lambda x: F.interpolate(x, (3, 9), mode="bicubic", align_corners=True), 1, 2, 4, 5),
    **{f"grid_sample_{mode}_{pad}{corners * '_corners'}": grid_case(mode, pad, corners == 1) for mode in ("bilinear", "nearest")
       for pad in ("zeros", "border", "reflection") for corners in (0, 1)},
    "affine_grid": lambda m: ([m.f(2, 2, 3)], lambda t: F.affine_grid(t, (2, 1, 3, 4), align_corners=False)),
    "affine_grid_corners": lambda m: ([m.f(2, 2, 3)], lambda t: F.affine_grid(t, (2, 1, 3, 4), align_corners=True)),
    "interpolate_nearest": unary(lambda x: F.interpolate(x, (5, 7)), 1, 2, 3, 4),
    "interpolate_bilinear": unary(lambda x: F.interpolate(x, (5, 7), mode="bilinear"), 1, 2, 3, 4),
    "interpolate_corners": unary(lambda x: F.interpolate(x, (5, 2), mode="bilinear", align_corners=True), 1, 2, 3, 4),
    "attention": lambda m: (qkv(m), F.scaled_dot_product_attention),
    "attention_causal": lambda m: (qkv(m), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)),
    "attention_mask": lambda m: (qkv(m) + [torch.tensor(np.tri(3, 5, 1) > 0)],
                                 lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, mask, scale=0.4)),
    "attention_grouped": lambda m: ([m.f(2, 4, 3, 4), m.f(2, 2, 5, 4), m.f(2, 2, 5, 3)],
                                    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True)),
    "attention_window": lambda m: (qkv(m), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, band(3, 5, 0, 2, True))),
    "attention_cache": lambda m: (qkv(m), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, band(3, 5, 2, 9, True))),
    "attention_near": lambda m: (qkv(m), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, band(3, 5, 2, 2, False))),
    "attention_three_axes": lambda m: ([m.f(2, 3, 4), m.f(2, 5, 4), m.f(2, 5, 3)], F.scaled_dot_product_attention),
    "attention_broadcast": lambda m: ([m.f(2, 1, 2, 3, 4), m.f(3, 1, 5, 4), m.f(5, 3), m.f(2, 1, 1, 1, 5)],
                                      lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, mask)),
    "attention_blind": lambda m: (qkv(m) + [torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=torch.bool)], blind),
    "attention_dropout_0": lambda m: (qkv(m) + [m.f(2, 2, 3, 5)], lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, mask)),
    "attention_bias": lambda m: (qkv(m) + [m.f(3, 5)], lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, mask)),
    "empty_softmax": unary(lambda x: F.softmax(x, 1), 0, 3), "empty_gather": lambda m: ([m.f(3, 0), m.i(2, 0)], lambda x, i: x.gather(1, i)),
    "empty_sort": unary(lambda x: x.sort(1)[0], 3, 0), "empty_cumsum": unary(lambda x: x.cumsum(0), 0, 3),
    "empty_matmul": lambda m: ([m.f(3, 0), m.f(0, 2)], torch.matmul),
    "empty_index_select": lambda m: ([m.f(3, 2), m.i(0)], lambda x, i: x.index_select(0, i)),
    "empty_masked_select": lambda m: ([m.f(0, 2), m.b(0, 2)], torch.masked_select),
    "empty_conv2d": lambda m: ([m.f(0, 2, 3, 3), m.f(2, 2, 2, 2)], F.conv2d),
    "empty_einsum": lambda m: ([m.f(2, 0), m.f(0, 3)], lambda a, b: torch.einsum("ij,jk->ik", a, b)),
}

names = {torch.float64: "f", torch.int64: "i64", torch.int32: "i32", torch.bool: "bool"}


def line(kind, x):
    sizes = ",".join(map(str, x.shape)) or "-"
    elements = " ".join("%.12g" % v for v in x.reshape(-1).tolist())
    return f"{kind} {names[x.dtype]} {sizes} {elements}".rstrip()


print("# Made by make_vectors.py")
for name, make in cases.items():
    inputs, function = make(Maker(name))
    print(f"case {name}")
    for x in inputs:
        print(line("in", x))
    print(line("out", function(*inputs)))
