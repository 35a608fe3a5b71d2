"""The rows of tensor/ops/ops.def and their twins in PyTorch: functions of a case's inputs and constants, which are
those of tests/op_cases_*.c."""

from math import inf

import torch
from torch.nn import functional as F

import attention_check
import activations_check
import conv_check
import norm_check
import window_check
import function_check
import optim_check


def axes(x, mask):
    """The axes of a mask; all if it names none."""
    return [i for i in range(x.dim()) if mask >> i & 1] or list(range(x.dim()))


def product(x, mask, keep, *_):
    for axis in reversed(axes(x, mask)):
        x = x.prod(axis, keepdim=bool(keep))
    return x if x.dim() else x.prod()


def nll_grad(g, target, ignored, classes, *_):
    """To the log-probabilities: -weight g at the class."""
    z = torch.where(target == ignored, 0, (0.5 + 0.25 * target).to(g.dtype) * -g)
    shape = [*g.shape]
    shape.insert(1, classes)
    return z.new_zeros(shape).scatter(1, target.unsqueeze(1), z.unsqueeze(1))


def position(function, x, mask, keep):
    """Along one axis, or in all of x."""
    if len(axes(x, mask)) == 1:
        return function(x, axes(x, mask)[0], keepdim=bool(keep))
    return function(x).reshape([1] * x.dim() if keep else [])


def sliced(x, axis, start, stop, step):
    bounds = [slice(None)] * x.dim()
    bounds[axis] = slice(start, stop, step)
    return x[tuple(bounds)]


def slice_put(x, axis, start, _, step):
    """x into 9 entries along the axis, every step-th from start."""
    shape = [*x.shape]
    shape[axis] = 9
    where = torch.arange(start, start + step * x.shape[axis], step)[: x.shape[axis]]
    return x.new_zeros(shape).index_copy(axis, where, x)


def zeros_along(x, axis, size):
    shape = [*x.shape]
    shape[axis] = size
    return x.new_zeros(shape)


def best(x, axis, k, largest):
    """Of equal values the first: topk's own order is any."""
    values, places = x.sort(dim=axis, descending=largest, stable=True)
    return values.narrow(axis, 0, k), places.narrow(axis, 0, k)


def clamp(x):
    """Whether the bounds themselves have a gradient changes with PyTorch's version: 2.11's have one, 2.15's none."""
    return torch.where((x == -1.5) | (x == 0), x.detach(), x).clamp(-1.5, 0)


def silu_grad(g, x):
    s = x.sigmoid()
    return g * (s + x * s * (1 - s))


broadcast = torch.broadcast_tensors
aten = torch.ops.aten
TWINS = {
    # creation
    "fill": lambda rows, columns, *_: torch.full((rows, columns), 7.0),
    "arange": lambda n, start, step, _: start + (step or 1) * torch.arange(n, dtype=torch.float64),
    "linspace": lambda n, start, stop, _: torch.linspace(start, stop, n, dtype=torch.float64),
    # elementwise
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "bce": lambda p, t: F.binary_cross_entropy(*broadcast(p, t), reduction="none"),
    "bce_grad": lambda g, p, t: g * (p - t) / (p * (1 - p)).clamp(min=1e-12),
    "mse_grad": lambda g, y, t: 0.75 * g * (y - t),
    "pow": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "extreme_grad": lambda g, x, y: torch.where(x == y, g / 2, torch.where(x < y, 0, g)),
    "weigh": lambda w, x: w * torch.where((w == 0).logical_and(~x.isfinite()), 0, x),
    "log_softmax_grad": lambda g, y, s: g - broadcast(g, y, s)[1].exp() * s,
    "neg": torch.neg,
    "abs": torch.abs,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "trunc": torch.trunc,
    "affine": lambda x: -1.5 * x + 0.25,
    "clamp": clamp,
    "clamp_grad": lambda g, x: torch.where((x > -5) & (x < 0), g, 0),
    "square": torch.square,
    "square_grad": lambda g, x: 2 * g * x,
    "sqrt": torch.sqrt,
    "pow_scalar": lambda x: x**-1.75,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    # activations
    "relu": torch.relu,
    "relu_grad": lambda g, y: aten.threshold_backward(*broadcast(g, y), 0),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "leaky_relu_grad": lambda g, x: aten.leaky_relu_backward(*broadcast(g, x), 0.1, False),
    "elu": lambda x: F.elu(x, 1.3),
    "elu_grad": lambda g, x: aten.elu_backward(g.expand_as(g + x), 1.3, 1, 1, False, x.expand_as(g + x)),
    "sigmoid": torch.sigmoid,
    "sigmoid_grad": aten.sigmoid_backward,
    "tanh": torch.tanh,
    "tanh_grad": aten.tanh_backward,
    "silu": F.silu,
    "silu_grad": silu_grad,
    "gelu": F.gelu,
    "gelu_grad": lambda g, x: aten.gelu_backward(*broadcast(g, x)),
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_tanh_grad": lambda g, x: aten.gelu_backward(*broadcast(g, x), approximate="tanh"),
    "softplus": lambda x: F.softplus(x, 2, 6),
    "mish": F.mish,
    "softplus_grad": lambda g, x: aten.softplus_backward(*broadcast(g, x), 2, 6),
    # truth values
    "eq": torch.eq,
    "ne": torch.ne,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
    "logical_not": torch.logical_not,
    "isnan": torch.isnan,
    "isinf": torch.isinf,
    "isfinite": torch.isfinite,
    "where": lambda mask, x, y: torch.where(mask != 0, x, y),
    # copies
    "copy": torch.clone,
    "cast": torch.clone,
    "dequantize": lambda x: x.double() * 0.25,
    # reductions, products
    "sum": lambda x, mask, keep, *_: x.sum(axes(x, mask), keepdim=bool(keep)),
    "mean": lambda x, mask, keep, *_: x.mean(axes(x, mask), keepdim=bool(keep)),
    "mse": lambda y, t, *_: F.mse_loss(y, t),
    "matmul": lambda x, y, *_: x @ y,
    "softmax": lambda x, axis, *_: x.softmax(axis),
    "log_softmax": lambda x, axis, *_: x.log_softmax(axis),
    "prod": product,
    "max": lambda x, mask, keep, *_: x.amax(axes(x, mask), keepdim=bool(keep)),
    "min": lambda x, mask, keep, *_: x.amin(axes(x, mask), keepdim=bool(keep)),
    "argmax": lambda x, mask, keep, *_: position(torch.argmax, x, mask, keep),
    "argmin": lambda x, mask, keep, *_: position(torch.argmin, x, mask, keep),
    "any": lambda x, mask, keep, *_: (x != 0).any(axes(x, mask), keepdim=bool(keep)),
    "all": lambda x, mask, keep, *_: (x != 0).all(axes(x, mask), keepdim=bool(keep)),
    "var": lambda x, mask, keep, correction, _: x.var(axes(x, mask), correction=correction, keepdim=bool(keep)),
    "std": lambda x, mask, keep, correction, _: x.std(axes(x, mask), correction=correction, keepdim=bool(keep)),
    "norm": lambda x, mask, keep, *_: torch.linalg.vector_norm(x, dim=axes(x, mask), keepdim=bool(keep)),
    "power_norm": lambda x, mask, keep, power, _: torch.linalg.vector_norm(
        x, power / 4, dim=axes(x, mask), keepdim=bool(keep)),
    "sum_norm": lambda x, mask, keep, *_: torch.linalg.vector_norm(x, 1, dim=axes(x, mask), keepdim=bool(keep)),
    "max_norm": lambda x, mask, keep, *_: torch.linalg.vector_norm(x, inf, dim=axes(x, mask), keepdim=bool(keep)),
    "min_norm": lambda x, mask, keep, *_: torch.linalg.vector_norm(x, -inf, dim=axes(x, mask), keepdim=bool(keep)),
    "logsumexp": lambda x, mask, keep, *_: x.logsumexp(axes(x, mask), keepdim=bool(keep)),
    "ties": lambda x, y: ((x == y) | (x.isnan() & y.isnan())).to(x.dtype),
    "nll": lambda x, target, ignored, classes, *_: F.nll_loss(
        x, target, 0.5 + 0.25 * torch.arange(classes, dtype=x.dtype), ignore_index=ignored, reduction="none"),
    "nll_grad": nll_grad,
    # indexing
    "index_select": lambda x, index, axis, *_: x.index_select(axis, index),
    "index_add": lambda x, index, axis, size, *_: zeros_along(x, axis, size).index_add(axis, index, x),
    "gather": lambda x, index, axis, *_: x.gather(axis, index),
    "scatter_add": lambda x, index, axis, size, *_: zeros_along(x, axis, size).scatter_add(axis, index, x),
    "topk": lambda x, axis, k, largest, _: best(x, axis, k, bool(largest)),
    "sort": lambda x, axis, descending, *_: best(x, axis, x.shape[axis], bool(descending)),
    "one_hot": lambda index, classes, *_: F.one_hot(index, classes),
    "slice_put": slice_put,
    "dequantize_rows": lambda x, index, *_: x[index].double() * 0.25,
    # joining, rearranging
    "concat": lambda x, y, z, axis, *_: torch.cat((x, y, z), axis),
    "stack": lambda x, y, z, axis, *_: torch.stack((x, y, z), axis),
    "flip": lambda x, axis, *_: x.flip(axis),
    "tril": lambda x, diagonal, *_: x.tril(diagonal),
    "triu": lambda x, diagonal, *_: x.triu(diagonal),
    **attention_check.TWINS,
    **conv_check.ROWS,
    **norm_check.ROWS,
    **window_check.ROWS,
    # views
    "reshape": lambda x, *shape: x.reshape(shape[:3]),
    "permute": lambda x, *order: x.permute(order[:3]),
    "slice": sliced,
    "expand": lambda x, *shape: x.expand(shape[:3]),
    **activations_check.ROWS,
}

WITHOUT_TWIN = {  # and why
    **attention_check.WITHOUT_TWIN,
    **norm_check.WITHOUT_TWIN,
    **dict.fromkeys(["recurrent", "recurrent_grad"], "recurrent_check.py compares layers"),
    "uniform": "random numbers are Reel's own: nn_check looks at what is drawn",
    "normal": "random numbers are Reel's own: nn_check looks at what is drawn",
    "randint": "the same",
    "randperm": "the same",
    "bernoulli": "the same",
    "bernoulli_fill": "the same",
    "multinomial": "the same",
    "dropout": "the same",
    "dropout_again": "the same",
    **{name: "an optimizer: optim_check" for name in optim_check.OPTIMIZERS if name != "adamw"},  # Adam's row
    "clip_norm": "an optimizer's: optim_check",
    "clip_value": "the same",
}

UNLIKE = {  # what is not compared for some values, and why
    **attention_check.UNLIKE,
    **conv_check.UNLIKE,
    **norm_check.UNLIKE,
    **window_check.UNLIKE,
    **activations_check.UNLIKE,
    "dequantize": [("usual wide special", "grad", "not differentiable: ops.h")],
    "dequantize_rows": [("usual wide special", "grad", "the same")],
    "bce": [("wide special", "grad1", "dt is of clamped logs, PyTorch's infinite at p = 0 and 1"),
            ("wide special", "second", "at p = 0 and 1 PyTorch adds 1e-12 to p and 1 - p")],
    "bce_grad": [("wide special", "grad second", "the same")],
    "weigh": [("special", "grad second", "a 0 among gradients wins too")],
    "log_softmax_grad": [("wide", "out", "g and e^y s cancel"),
                         ("special", "out grad second", "where s is 0, y has no part: PyTorch's is NaN")],
    "sigmoid_grad": [("wide", "out grad", "y is none of sigmoid's")],
    "prod": [("wide special", "out grad second", "the order decides what overflows, and meets a 0 or an inf")],
    "max": [("special", "grad second", "NaNs share the gradient, PyTorch's make it NaN")],
    "min": [("special", "grad second", "the same")],
    "std": [("wide", "grad second", "where squares overflow")],
    "pow": [("wide special", "second", "where logs are infinite"),
            ("wide", "grad", "of a large g what was flushed to 0 counts")],
    "norm": [("wide", "out grad second", "PyTorch's squares overflow and vanish")],
    "power_norm": [("wide", "grad second", "where p < 1, |x| / y may vanish")],
    "elu": [("special", "grad second", "of NaN PyTorch's gradient is g or NaN, by the element's place")],
    "elu_grad": [("special", "out grad second", "the same"),
                 ("wide", "out grad1", "of a large g what was flushed to 0 counts")],
    "mish": [("special", "out grad second", "at infinities PyTorch's is NaN")],
    "silu": [("special", "out grad second", "at infinities PyTorch's is NaN")],
    "silu_grad": [("special", "out grad second", "the same"),
                  ("wide", "out grad1 second", "of a large g what is rounded away counts")],
    "softplus_grad": [("special", "grad1 second1", "of an infinite g PyTorch's is NaN where it does not count"),
                      ("wide", "out", "of a large g what was flushed to 0 counts")],
    "gelu": [("special", "out grad second", "at infinities PyTorch's is NaN")],
    "gelu_grad": [("wide", "out grad", "of a large g what 1 + erf rounds away counts"),
                  ("special", "out grad", "as gelu"),
                  ("wide special", "second", "where x is infinite, or its square")],
    "gelu_tanh": [("wide", "grad second", "1 - tanh^2 is rounded, and multiplied by x^3"),
                  ("special", "out grad second", "as gelu")],
    "gelu_tanh_grad": [("wide special", "out grad second", "the same")],
}
LOOSER = {
    **attention_check.LOOSER,
    "bce": {"relative64": 1e-8},  # PyTorch's 1e-12 is a float
    "bce_grad": {"near_zero": 1e-20},  # g (p - t) may be denormal before it is divided by 1e-12
    "gelu": {"near_zero": 0.25},  # 1 + erf is rounded
    "gelu_tanh": {"near_zero": 0.25},  # 1 + tanh is
    "gelu_tanh_grad": {"near_zero": 25},  # so is 1 - tanh^2
}


def check(case):
    name = case["name"]
    return function_check.check(case, TWINS[name], UNLIKE.get(name, ()), **LOOSER.get(name, {}))
