"""Convolutions: the rows of convolution.h, its functions, and the layers of conv_layers.h, beside PyTorch's. Constants
are those of op_cases_conv.c and parity_conv.c."""

import torch
from torch import nn
from torch.nn import functional as F

CONV = [F.conv1d, F.conv2d, F.conv3d]
TRANSPOSED = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d]
LAYERS_OF = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
TRANSPOSED_OF = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]


def digits(number, axes):
    return [number // 10**i % 10 for i in reversed(range(axes))]


class Options:
    def __init__(self, axes, strides, paddings, dilations, groups):
        self.axes = axes
        self.stride, self.dilation = digits(strides, axes), digits(dilations, axes)
        self.before, self.after = digits(paddings // 1000, axes), digits(paddings % 1000, axes)
        self.groups, self.more = groups // 10, groups % 10

    def padded(self, x):
        return F.pad(x, [n for pair in zip(reversed(self.before), reversed(self.after)) for n in pair])

    def conv(self, x, w, bias=None):
        return CONV[self.axes - 1](self.padded(x), w, bias, self.stride, 0, self.dilation, self.groups)


def conv(x, w, bias, *constants):
    return Options(x.dim() - 2, *constants).conv(x, w, bias)


def conv_input_grad(g, w, *constants):
    """All that the kernel reaches, and of that what is not padding."""
    o = Options(g.dim() - 2, *constants)
    whole = TRANSPOSED[o.axes - 1](g, w, None, o.stride, 0, 0, o.groups, o.dilation)
    ends = []
    for i in reversed(range(o.axes)):
        reach = o.dilation[i] * (w.shape[i + 2] - 1) + 1
        size = (g.shape[i + 2] - 1) * o.stride[i] + reach - o.before[i] - o.after[i] + o.more
        ends += [-o.before[i], size + o.before[i] - whole.shape[i + 2]]
    return F.pad(whole, ends)


def conv_weight_grad(g, x, *constants):
    """The gradient of what is linear in a weight of zeros."""
    o = Options(g.dim() - 2, *constants)
    size = [(x.shape[i + 2] + o.before[i] + o.after[i] - (g.shape[i + 2] - 1) * o.stride[i] - 1) // o.dilation[i] + 1
            for i in range(o.axes)]
    with torch.enable_grad():
        w = torch.zeros(g.shape[1], x.shape[1] // o.groups, *size, dtype=x.dtype, requires_grad=True)
        return torch.autograd.grad(o.conv(x, w), w, g, create_graph=True)[0]


ROWS = {"conv": conv, "conv_input_grad": conv_input_grad, "conv_weight_grad": conv_weight_grad}


def function(axes):
    def twin(x, w, bias, strides, paddings, dilations, rest):
        padding = "same" if rest // 1000 % 10 else digits(paddings, axes)
        return CONV[axes - 1](x, w, bias, digits(strides, axes), padding, digits(dilations, axes), rest // 10000)
    return twin


def transposed(axes):
    def twin(x, w, bias, strides, paddings, dilations, rest):
        return TRANSPOSED[axes - 1](x, w, bias, digits(strides, axes), digits(paddings, axes),
                                    digits(rest % 1000, axes), rest // 10000, digits(dilations, axes))
    return twin


LAYERS = {**{f"conv{i}d": function(i) for i in (1, 2, 3)}, **{f"conv_transpose{i}d": transposed(i) for i in (1, 2, 3)}}
UNLIKE = {name: [("wide special", "out grad second", "sums cancel or overflow in another order; 0 is padding, or is "
                  "multiplied")] for name in [*ROWS, *LAYERS]}


def layer_of(case, x, parameters):
    weight, *bias = parameters
    axes, groups = case["axes"], case["groups"]
    channels = (weight.shape[0], weight.shape[1] * groups)
    options = {"stride": tuple(case["stride"]), "dilation": tuple(case["dilation"]), "groups": groups, "bias": bool(bias),
               "dtype": x.dtype, "padding": tuple(case["padding"])}
    if case["transposed"]:
        return TRANSPOSED_OF[axes - 1](*channels, tuple(weight.shape[2:]), **options)
    if case["same"]:
        options["padding"] = "same"
    return LAYERS_OF[axes - 1](*reversed(channels), tuple(weight.shape[2:]), padding_mode=case["mode"], **options)


def run(layer, x, weight):
    """Its result, and the gradients of x and of its parameters."""
    x = x.detach().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(weight)
    return [y.detach(), x.grad, *(p.grad for p in layer.parameters())]


def sums_of_magnitudes(layer, x, weight):
    """What each element of these would be a sum of, without its signs: rounding is a share of that."""
    for p in layer.parameters():
        p.data.abs_()
    return run(layer, x.abs(), weight.abs())


def check_layer(case, differences):
    """The layer that a case describes, with the case's parameters."""
    x, parameters = case.tensor("in0"), [*case.all_tensors("parameter").values()]
    weight = case.tensor("weight")
    layer = layer_of(case, x, parameters)
    bound = 1 / parameters[0][0].numel() ** 0.5
    found = []
    for parameter, value in zip(layer.parameters(), parameters):
        if parameter.shape != value.shape:
            return [f"a parameter is {list(value.shape)}, not {list(parameter.shape)}"]
        if (value.abs() > bound).any() or (value.numel() > 60 and value.abs().max() < 0.8 * bound):
            found.append(f"a parameter of {list(value.shape)} is not of U(-{bound}, {bound})")
        parameter.data.copy_(value)
    names = ["out", "grad_x", *(f"grad{i}" for i in range(len(parameters)))]
    want = run(layer, x, weight)
    pairs, share = {}, 16 * torch.finfo(x.dtype).eps
    for name, theirs, most in zip(names, want, sums_of_magnitudes(layer, x, weight)):
        ours = case.tensor(name)
        pairs[name] = torch.where((ours - theirs).abs() <= share * most, theirs, ours), theirs
    return found + differences(pairs, x.dtype)
