"""Pooling, padding, resampling and columns beside PyTorch's. Constants are those of op_cases_window.c."""

import torch
from torch.nn import functional as F

MAX = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
PADS = ["constant", "reflect", "replicate", "circular"]
MODES = ["nearest", "nearest-exact", "linear", "bicubic", "area"]


def digits(number, axes):
    return [number // 10**i % 10 for i in reversed(range(axes))]


def average(x, axes, kernel, stride, padding, rest):
    """PyTorch's of one axis takes no divisor."""
    if axes == 1:
        return F.avg_pool1d(x, kernel, stride, padding, ceil_mode=rest // 1000 % 10 == 1, count_include_pad=rest // 10000 != 1)
    pool = F.avg_pool2d if axes == 2 else F.avg_pool3d
    return pool(x, kernel, stride, padding, ceil_mode=rest // 1000 % 10 == 1, count_include_pad=rest // 10000 != 1,
                divisor_override=3 if rest // 10000 == 2 else None)


def interpolate(x, mode, size, corners):
    mode = {"linear": ["linear", "bilinear", "trilinear"][x.dim() - 3]}.get(MODES[mode], MODES[mode])
    return F.interpolate(x, size=size, mode=mode, align_corners=bool(corners) if "linear" in mode or "cubic" in mode else None)


def max_pool(x, kernel, stride, padding, rest):
    axes = x.dim() - 2
    return MAX[axes - 1](x, digits(kernel, axes), digits(stride, axes), digits(padding, axes), digits(rest % 1000, axes),
                         ceil_mode=rest // 1000 == 1)


def max_pool_grad(g, index, *constants):
    zeros = torch.zeros(*g.shape[:-1], constants[3], dtype=g.dtype)
    return zeros.scatter_add(-1, index, g)


def resample(x, first, a, b, rest):
    axes = x.dim() - 2
    if first >= 0:
        return average(x, axes, digits(first, axes), digits(a, axes), digits(b, axes), rest)
    if first > -10:
        mode = PADS[-1 - first]
        pads = [a, b] if axes == 1 else [a, b, b, rest]
        return F.pad(x, pads, mode, 0.5) if mode == "constant" else F.pad(x, pads, mode)
    return interpolate(x, -11 - first, [a] if axes == 1 else [a, b], rest)


def resample_grad(g, first, length, corners, _):
    """The gradient of what is linear in zeros."""
    with torch.enable_grad():
        x = torch.zeros(*g.shape[:-1], length, dtype=g.dtype, requires_grad=True)
        if MODES[-11 - first] == "bicubic":  # of one axis PyTorch has none: a row of pictures
            y = interpolate(x[..., None, :], 3, [1, g.shape[-1]], corners)[..., 0, :]
        else:
            y = interpolate(x, -11 - first, [g.shape[-1]], corners)
        return torch.autograd.grad(y, x, g, create_graph=True)[0]


def columns(kernel, stride, rest):
    return {"kernel_size": digits(kernel, 2), "stride": digits(stride, 2), "padding": digits(rest // 100, 2),
            "dilation": digits(rest % 100, 2)}


def unfold(x, kernel, stride, rest, _):
    """Of integers, which PyTorch's takes none of, by their places."""
    if x.is_floating_point():
        return F.unfold(x, **columns(kernel, stride, rest))
    places = torch.arange(1, x[:1].numel() + 1, dtype=torch.float64).reshape(1, *x.shape[1:])
    of = F.unfold(places, **columns(kernel, stride, rest)).long()[0]
    return F.pad(x.flatten(1), [1, 0])[:, of] if len(x) else x.new_zeros(0, *of.shape)


def unfold_grad(x, kernel, stride, rest, size):
    return F.fold(x, [size // 100, size % 100], **columns(kernel, stride, rest))


ROWS = {"max_pool": max_pool, "max_pool_grad": max_pool_grad, "resample": resample, "resample_grad": resample_grad,
        "unfold": unfold, "unfold_grad": unfold_grad}
UNLIKE = {name: [("wide special", "out grad second", "sums cancel or overflow in another order; 0 is padding, or is "
                  "multiplied")] for name in ROWS}
