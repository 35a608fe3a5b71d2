"""Activations: the rows of nonlinear.h and the layers of activations.h, and their twins in PyTorch, functions of a
case's inputs and constants, which are those of op_cases_nonlinear.c and parity_activations.c."""

import torch
from torch import nn
from torch.nn import functional as F

aten = torch.ops.aten


def both(function):
    """Of a gradient and an x that broadcast."""
    return lambda g, x: function(*torch.broadcast_tensors(g, x))


def bend(x, slope):
    return torch.where(x > 0, x, slope * x)


ROWS = {
    "rsqrt": torch.rsqrt,
    "rsqrt_grad": lambda g, y: -0.5 * g * y * y * y,
    "reciprocal": torch.reciprocal,
    "reciprocal_grad": lambda g, y: -g * y * y,
    "hardswish": F.hardswish,
    "hardswish_grad": both(lambda g, x: torch.where(x <= -3, 0, torch.where(x < 3, g * (x / 3 + 0.5), g))),
    "hardsigmoid": lambda x: F.relu6(x + 3) / 6,  # PyTorch's sixth is a float's, and has no second gradient
    "hardsigmoid_grad": both(lambda g, x: torch.where((x > -3) & (x < 3), g / 6, 0)),
    "hardshrink": lambda x: F.hardshrink(x, 0.005),
    "hardshrink_grad": both(lambda g, x: torch.where(x.abs() <= 0.005, 0, g)),
    "softshrink": lambda x: F.softshrink(x, 0.005),
    "softshrink_grad": both(lambda g, x: torch.where(x.abs() <= 0.005, 0, g)),
    "tanhshrink": F.tanhshrink,
    "tanhshrink_grad": lambda g, x: g * x.tanh() ** 2,
    "softsign": F.softsign,
    "softsign_grad": lambda g, x: g / (1 + x.abs()) ** 2,
    "logsigmoid": F.logsigmoid,
    "logsigmoid_grad": lambda g, x: g * torch.sigmoid(-x),
    "selu": F.selu,
    "selu_grad": both(lambda g, x: aten.elu_backward(
        g, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1, False, x)),
    "celu": lambda x: F.celu(x, 0.75),
    "celu_grad": both(lambda g, x: aten.elu_backward(g, 0.75, 1, 1 / 0.75, False, x)),
    "threshold": lambda x: F.threshold(x, 0, -0.5),
    "threshold_grad": both(lambda g, x: aten.threshold_backward(g, x, 0)),
    "bend": bend,
    "bend_grad": lambda g, x, slope: torch.where(x > 0, g, slope * g),
    "kept": lambda x, kept: torch.where(kept > 0, 1.25 * x, 0),
    "cumsum": lambda x, axis, reverse, *_: x.flip(axis).cumsum(axis).flip(axis) if reverse else x.cumsum(axis),
}


def quarters(layer, option=None, otherwise=None):
    """A layer whose constant is the case's second one, in quarters, or the default."""
    def twin(x, axis, value, *_):
        return layer(*([value / 4] if value else [] if otherwise is None else [otherwise]))(x)
    return twin


LAYERS = {
    **{name: (lambda layer: lambda x, *_: layer()(x))(layer) for name, layer in {
        "relu6": nn.ReLU6, "logsigmoid": nn.LogSigmoid, "tanhshrink": nn.Tanhshrink, "hardsigmoid": lambda: ROWS["hardsigmoid"],
        "hardswish": nn.Hardswish, "selu": nn.SELU, "silu": nn.SiLU, "mish": nn.Mish, "softsign": nn.Softsign,
        "softmax2d": nn.Softmax2d}.items()},
    "gelu": lambda x, axis, value, *_: nn.GELU("tanh" if value % 2 else "none")(x),
    "elu": quarters(nn.ELU),
    "celu": quarters(nn.CELU),
    "leaky_relu": quarters(nn.LeakyReLU),
    "hardshrink": quarters(nn.Hardshrink),
    "softshrink": quarters(nn.Softshrink),
    "hardtanh": quarters(lambda *v: nn.Hardtanh(-v[0], v[0]) if v else nn.Hardtanh()),
    "softplus": quarters(nn.Softplus),
    "threshold": quarters(lambda threshold: nn.Threshold(threshold, -0.5), otherwise=0.1),
    "log_softmax": lambda x, axis, *_: nn.LogSoftmax(axis)(x),
    "softmin": lambda x, axis, *_: nn.Softmin(axis)(x),
    "glu": lambda x, axis, *_: nn.GLU(axis)(x),
    "rrelu": lambda x, *_: nn.RReLU().eval()(x),
    "prelu": lambda x, weight, *_: F.prelu(x, weight),
}

NAN = [("special", "out grad second", "of NaN, and of infinities that meet 0, PyTorch's are one or the other")]
UNLIKE = {  # what is not compared for some values, and why
    **{name: NAN for name in (
        "hardswish", "hardswish_grad", "hardsigmoid", "hardshrink", "hardshrink_grad", "softshrink", "softshrink_grad", "hardtanh", "relu6",
        "softsign", "softsign_grad", "selu", "selu_grad", "celu", "bend", "bend_grad", "kept", "prelu")},
    "rsqrt": [("wide", "grad second", "powers of y overflow, or vanish")],
    "rsqrt_grad": [("wide", "out grad second", "the same")],
    "reciprocal": [("wide", "grad second", "the same")],
    "reciprocal_grad": [("wide", "out grad second", "the same")],
    "celu_grad": NAN + [("wide", "out grad1", "as tanhshrink_grad")],
    "tanhshrink": [("wide", "out", "x - tanh x cancels")],
    "tanhshrink_grad": [("wide", "out grad second", "of a large g what was flushed to 0 counts")],
}
