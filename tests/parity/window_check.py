"""Pooling, padding, resampling and columns beside PyTorch's. Constants are those of op_cases_window.c and
parity_window.c."""

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
    places = torch.arange(1, x.shape[1:].numel() + 1, dtype=torch.float64).reshape(1, *x.shape[1:])
    of = F.unfold(places, **columns(kernel, stride, rest)).long()[0]
    return F.pad(x.flatten(1), [1, 0])[:, of] if len(x) else x.new_zeros(0, *of.shape)


def unfold_grad(x, kernel, stride, rest, size):
    return F.fold(x, [size // 100, size % 100], **columns(kernel, stride, rest))


ROWS = {"max_pool": max_pool, "max_pool_grad": max_pool_grad, "resample": resample, "resample_grad": resample_grad,
        "unfold": unfold, "unfold_grad": unfold_grad}
UNLIKE = {name: [("wide special", "out grad second", "sums cancel or overflow in another order; 0 is padding, or is "
                  "multiplied")] for name in ROWS}


# ---- layers and functions: packed numbers have two decimals an axis ----

AVERAGE = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]
LP = [F.lp_pool1d, F.lp_pool2d]
ADAPTIVE_AVERAGE = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d]
ADAPTIVE_MAX = [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d]
UNPOOL = [F.max_unpool1d, F.max_unpool2d, F.max_unpool3d]


def unpacked(number, axes):
    return [number // 100**i % 100 for i in reversed(range(axes))]


def max_pool_layer(axes):
    def twin(x, kernel, stride, rest, ceil):
        return MAX[axes - 1](x, unpacked(kernel, axes), unpacked(stride, axes) if stride else None,
                             unpacked(rest // 10**6, axes), unpacked(rest, axes), ceil_mode=ceil == 1,
                             return_indices=True)
    return twin


def avg_pool_layer(axes):
    def twin(x, kernel, stride, rest, options):
        kernel = unpacked(kernel, axes)
        stride, padding = unpacked(stride, axes) if stride else kernel, unpacked(rest // 10**6, axes)
        ceil, counts, divisor = options % 2 == 1, options // 2 % 5 % 2 == 0, options // 10 or None
        if axes > 1:
            return AVERAGE[axes - 1](x, kernel, stride, padding, ceil, counts, divisor)
        if not divisor:
            return F.avg_pool1d(x, kernel, stride, padding, ceil, counts)
        row = x[..., None, :]  # of one axis PyTorch takes no divisor
        return F.avg_pool2d(row, [1, *kernel], [1, *stride], [0, *padding], ceil, counts, divisor)[..., 0, :]
    return twin


def lp_pool_layer(axes):
    def twin(x, kernel, stride, _, options):
        kernel, stride = unpacked(kernel, axes), unpacked(stride, axes) if stride else None
        kernel = kernel if axes > 1 else kernel[0]
        return LP[axes - 1](x, options // 10 / 2, kernel, stride, options % 2 == 1)
    return twin


def sizes(x, size, axes):
    return [n or x.shape[i - axes] for i, n in enumerate(unpacked(size, axes))]


def adaptive_avg_pool(axes):
    return lambda x, size, *_: ADAPTIVE_AVERAGE[axes - 1](x, sizes(x, size, axes))


def adaptive_max_pool(axes):
    return lambda x, size, *_: ADAPTIVE_MAX[axes - 1](x, sizes(x, size, axes), return_indices=True)


def max_unpool(axes):
    def twin(x, z, kernel, stride, rest, given):
        window = unpacked(kernel, axes), unpacked(stride, axes), unpacked(rest // 10**6, axes)
        index = MAX[axes - 1](z.detach(), *window, return_indices=True)[1]
        return UNPOOL[axes - 1](x, index, *window, output_size=z.shape[-axes:] if given else None)
    return twin


def pad(x, ends, count, mode, value):
    ends = [n - 50 for n in unpacked(ends, count)]
    return F.pad(x, ends, "constant", value / 4) if mode == 0 else F.pad(x, ends, PADS[mode])


def resize(x, options, size, scales, count):
    mode, axes = MODES[options // 10], x.dim() - 2
    mode = {"linear": ["linear", "bilinear", "trilinear"][axes - 1]}.get(mode, mode)
    corners = options % 2 == 1 if "linear" in mode or "cubic" in mode else None
    if size:
        return F.interpolate(x, unpacked(size, axes), mode=mode, align_corners=corners)
    scales = [n / 12 for n in unpacked(scales, count)]
    options = {"scale_factor": scales if count > 1 else scales[0], "mode": mode, "align_corners": corners,
               "recompute_scale_factor": options % 10 > 1 or None}
    plane = x.shape[2:]
    whole = [int(n * scale) for n, scale in zip(plane, scales * axes)]
    if options["recompute_scale_factor"] or not any(y in (n, 2 * n) for n, y in zip(plane, whole)):
        return F.interpolate(x, **options)
    return linear(x, lambda t: F.interpolate(t, **options), mode == "nearest")


def linear(x, function, by_gradient):
    """A linear function of pictures, as a matrix. Of a scale that keeps or doubles a length PyTorch's nearest and bicubic
    have two results on the CPU: by the scale, of pictures whose channels come first, and by the lengths, in gradients,
    nearest also of pictures whose channels come last. Reel's nearest is by the lengths, bicubic by the scale."""
    plane = x.shape[2:]
    if not by_gradient:
        each = function(torch.eye(plane.numel(), dtype=x.dtype).reshape(1, -1, *plane))
        return (x.flatten(2) @ each[0].flatten(1)).reshape(*x.shape[:2], *each.shape[2:])
    shape = function(x[:1, :1].detach().new_zeros(1, 1, *plane)).shape[2:]
    with torch.enable_grad():
        zeros = x.new_zeros(1, shape.numel(), *plane).requires_grad_()
        each = torch.eye(shape.numel(), dtype=x.dtype).reshape(1, -1, *shape)
        matrix = torch.autograd.grad(function(zeros), zeros, each)[0][0].flatten(1)
    return (x.flatten(2) @ matrix.T).reshape(*x.shape[:2], *shape)


def columns_of(kernel, stride, rest):
    return {"kernel_size": unpacked(kernel, 2), "stride": unpacked(stride, 2), "padding": unpacked(rest // 10**6, 2),
            "dilation": unpacked(rest, 2)}


def of_axes(name, function, most=3):
    return {f"{name}{axes}d": function(axes) for axes in range(1, most + 1)}


LAYERS = {
    **of_axes("max_pool", max_pool_layer),
    **of_axes("avg_pool", avg_pool_layer),
    **of_axes("lp_pool", lp_pool_layer, 2),
    **of_axes("adaptive_avg_pool", adaptive_avg_pool),
    **of_axes("adaptive_max_pool", adaptive_max_pool),
    "pad": pad,
    "interpolate": resize,
    "upsample": resize,
    **of_axes("max_unpool", max_unpool),
    "unfold": lambda x, *a: F.unfold(x, **columns_of(*a[:3])),
    "fold": lambda x, *a: F.fold(x, unpacked(a[3], 2), **columns_of(*a[:3])),
    "pixel_shuffle": lambda x, r, *_: F.pixel_shuffle(x, r),
    "pixel_unshuffle": lambda x, r, *_: F.pixel_unshuffle(x, r),
    "channel_shuffle": lambda x, groups, *_: F.channel_shuffle(x, groups),
}
UNLIKE.update({name: [("wide special", "out grad second", "sums cancel or overflow in another order; a weight of 0 is "
                       "multiplied")] for name in ("interpolate", "upsample", "lp_pool1d", "lp_pool2d")})
LOOSER = {name: {"near_zero": 1} for name in ("lp_pool1d", "lp_pool2d")}  # a power's and a root's derivatives cancel
