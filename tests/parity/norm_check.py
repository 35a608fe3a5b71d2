"""Normalizations: the rows of standardize, and the functions of normalization.h, beside PyTorch's. Constants are those
of op_cases_norm.c and parity_norm.c."""

import torch
from torch.nn import functional as F

EPS = 0.25


def standardize(x, weight, bias, across, uncentred, affine, *_):
    """In PyTorch's ops, x[outer, groups, channels, inner]."""
    axes = (0, 3) if across else (2, 3)
    d = x if uncentred else x - x.mean(axes, keepdim=True)
    y = d * torch.rsqrt((d * d).mean(axes, keepdim=True) + EPS)
    along = (1, x.shape[1], x.shape[2], 1)
    y = y * weight.reshape(along) if affine > 0 else y
    return y + bias.reshape(along) if affine > 1 else y


def standardize_grad(g, x, weight, *constants):
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        w = weight if weight.requires_grad else weight.detach().requires_grad_()
        bias = torch.zeros_like(weight, requires_grad=True)
        inputs = (x, w, bias)[:1 + int(constants[2])]
        got = torch.autograd.grad(standardize(x, w, bias, *constants), inputs, g, create_graph=True)
        return torch.cat([t.reshape(-1) for t in got])


ROWS = {"standardize": standardize, "standardize_grad": standardize_grad}
WITHOUT_TWIN = {"track_statistics": "in place: test_norms looks at what batch_norm keeps"}


def ones_or(weight, has):
    return weight if has else torch.ones_like(weight)  # PyTorch's, without, have no second gradient


def zeros_or(bias, has):
    return bias if has else torch.zeros_like(bias)


def eps_of(which):
    return 1e-5 if which else 0.5


def batch_norm(x, weight, bias, has, which, training, *_):
    running = torch.linspace(-1, 1, x.shape[1], dtype=x.dtype), torch.linspace(0.5, 2, x.shape[1], dtype=x.dtype)
    return F.batch_norm(x, *(running if not training else (None, None)), ones_or(weight, has % 2), zeros_or(bias, has > 1),
                        bool(training), 0.1, eps_of(which))


def local_response_norm(x, size, which, *_):
    return F.local_response_norm(x, size, *((1e-4, 0.75, 1.0) if which else (0.5, 1.5, 2.0)))


LAYERS = {
    "rms_norm": lambda x, weight, has, which, *_: F.rms_norm(
        x, x.shape[-1:], ones_or(weight, has), 0.5 if which else torch.finfo(x.dtype).eps),
    "group_norm": lambda x, weight, bias, has, which, groups, *_: F.group_norm(
        x, groups, ones_or(weight, has % 2), zeros_or(bias, has > 1), eps_of(which)),
    "batch_norm": batch_norm,
    "instance_norm": lambda x, weight, bias, has, which, *_: F.instance_norm(
        x, None, None, ones_or(weight, has % 2), zeros_or(bias, has > 1), True, 0.1, eps_of(which)),
    "local_response_norm": local_response_norm,
    "normalize": lambda x, axis, p, *_: F.normalize(x, float(p), axis),
}
CANCELS = [("wide", "out grad second", "x - mean cancels, or overflows"),
           ("special", "out grad second", "of an infinite x PyTorch's are NaN throughout, or in other places")]
UNLIKE = {name: CANCELS for name in [*ROWS, *LAYERS]}
LOOSER = {name: {"near_zero": 20} for name in [*ROWS, *LAYERS]}  # gradients are differences of numbers up to 1 / sqrt(eps)
