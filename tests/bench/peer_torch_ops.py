#!/usr/bin/env python3
"""Times single ops of PyTorch, f32: see peer.py, and bench_ops.c, whose operands these are."""

import math

import torch
import torch.nn.functional as F

import peer
import peer_torch


def rows_index(x):
    return torch.randint(x.shape[0], (x.shape[0],), device=x.device)


def elements_index(x):
    return torch.randint(x.shape[1], x.shape, device=x.device)


def row(x):
    return torch.rand(x.shape[1], device=x.device)


def column(x):
    return torch.rand(x.shape[0], 1, device=x.device)


def heads_of(x):
    """[R,C] as [R/256,C/64,256,64], as in bench_ops.c."""
    (r, c), length, width = x.shape, 256, 64
    length, width = r if r % length else length, c if c % width else width
    return x.view(r // length, length, c // width, width).transpose(1, 2)


def attention(x):
    x = heads_of(x)
    return torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)


def attention_step(x):
    x = heads_of(x)
    q, k, v = (x.detach().requires_grad_() for _ in range(3))
    torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).backward(x)
    return q.grad


# What is taken beside x [R,C], and the op.
OPS = {
    "add": (torch.rand_like, torch.add),
    "add_row": (row, torch.add),
    "add_column": (column, torch.add),
    "div": (torch.rand_like, torch.div),
    "maximum": (torch.rand_like, torch.maximum),
    "gt": (torch.rand_like, torch.gt),
    "relu": (None, torch.relu),
    "exp": (None, torch.exp),
    "log": (None, torch.log),
    "tanh": (None, torch.tanh),
    "sin": (None, torch.sin),
    "cos": (None, torch.cos),
    "silu": (None, torch.nn.functional.silu),
    "gelu": (None, torch.nn.functional.gelu),
    "sigmoid": (None, torch.sigmoid),
    "sum": (None, torch.sum),
    "sum_0": (None, lambda x: x.sum(0)),
    "sum_1": (None, lambda x: x.sum(1)),
    "norm": (None, torch.linalg.vector_norm),
    "norm_1": (None, lambda x: torch.linalg.vector_norm(x, dim=1)),
    "max": (None, torch.amax),
    "max_0": (None, lambda x: x.amax(0)),
    "max_1": (None, lambda x: x.amax(1)),
    "argmax_0": (None, lambda x: x.argmax(0)),
    "argmax_1": (None, lambda x: x.argmax(1)),
    "var_0": (None, lambda x: x.var(0)),
    "var_1": (None, lambda x: x.var(1)),
    "logsumexp_1": (None, lambda x: x.logsumexp(1)),
    "log_softmax_1": (None, lambda x: x.log_softmax(1)),
    "layer_norm": (None, lambda x: torch.nn.functional.layer_norm(x, x.shape[1:])),
    "rms_norm": (None, lambda x: torch.nn.functional.rms_norm(x, x.shape[1:], eps=1e-5)),
    "batch_norm": (None, lambda x: torch.nn.functional.batch_norm(x, None, None, training=True)),
    "softmax_0": (None, lambda x: x.softmax(0)),
    "softmax_1": (None, lambda x: x.softmax(1)),
    "cumsum_0": (None, lambda x: x.cumsum(0)),
    "cumsum_1": (None, lambda x: x.cumsum(1)),
    "hardswish": (None, torch.nn.functional.hardswish),
    "hardshrink": (None, torch.nn.functional.hardshrink),
    "logsigmoid": (None, torch.nn.functional.logsigmoid),
    "selu": (None, torch.selu),
    "rsqrt": (None, torch.rsqrt),
    "attention": (None, attention),
    "attention_step": (None, attention_step),
    "transpose": (None, lambda x: x.t().contiguous()),
    "copy": (None, torch.clone),
    "copy_into": (torch.rand_like, lambda x, y: y.copy_(x)),
    "fill": (None, lambda x: torch.full(x.shape, 1.5, device=x.device)),
    "index_select": (rows_index, lambda x, index: x.index_select(0, index)),
    "index_add": (rows_index, lambda x, index: torch.zeros_like(x).index_add_(0, index, x)),
    "gather": (elements_index, lambda x, index: x.gather(1, index)),
    "matmul": (torch.rand_like, torch.mm),  # of squares
    "matmul_tf32": (torch.rand_like, torch.mm),
}


# channels in and out, groups, kernel, stride, padding: as in bench_convs.c
CONVS = {
    "mnist1": (1, 32, 1, 3, 1, 0),
    "mnist2": (32, 64, 1, 3, 1, 0),
    "rgb": (3, 64, 1, 3, 1, 1),
    "stem": (3, 64, 1, 7, 2, 3),
    "64": (64, 64, 1, 3, 1, 1),
    "128": (128, 128, 1, 3, 1, 1),
    "256": (256, 256, 1, 3, 1, 1),
    "512": (512, 512, 1, 3, 1, 1),
    "down": (64, 128, 1, 3, 2, 1),
    "short": (64, 128, 1, 1, 2, 0),
    "point": (256, 256, 1, 1, 1, 0),
    "depth3": (128, 128, 128, 3, 1, 1),
    "depth7": (96, 96, 96, 7, 1, 3),
    "patch4": (3, 96, 1, 4, 4, 0),
    "patch16": (3, 768, 1, 16, 16, 0),
    "grouped": (128, 128, 32, 3, 1, 1),
}


def conv_step(op, shape, batch, side):
    """What a step of a convolution's op does: y, dx or dw alone."""
    c, out, groups, kernel, stride, padding = CONVS[shape]
    torch.backends.cudnn.allow_tf32 = False
    x = torch.rand(batch, c, side, side, device=o.device)
    w = torch.rand(out, c // groups, kernel, kernel, device=o.device)
    forward = lambda i: torch.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)  # noqa: E731
    if op == "conv":
        return forward
    g = torch.rand_like(forward(0))
    mask = (op == "conv_dx", op == "conv_dw", False)
    return lambda i: torch.ops.aten.convolution_backward(
        g, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, mask)


def rand(*shape):
    return torch.rand(*shape, device=o.device)


def words(*shape):
    return torch.randint(10000, shape, device=o.device)


def images(batch, size):
    return [rand(batch, 64, size, size)]


def lstm_operands(batch, size):
    net = torch.nn.LSTM(size, size).to(o.device)
    return [rand(64, batch, size), *net.parameters(), net]


# As in bench_layers.c: what a layer takes, of a batch and a size, and the layer.
LAYERS = {
    "max_pool": (images, lambda x: F.max_pool2d(x, 2)),
    "max_pool3": (images, lambda x: F.max_pool2d(x, 3, 2, 1)),
    "avg_pool": (images, lambda x: F.avg_pool2d(x, 2)),
    "avg_pool3": (images, lambda x: F.avg_pool2d(x, 3, 2, 1)),
    "adaptive_avg": (images, lambda x: F.adaptive_avg_pool2d(x, 7)),
    "adaptive_avg1": (images, lambda x: F.adaptive_avg_pool2d(x, 1)),
    "adaptive_max": (images, lambda x: F.adaptive_max_pool2d(x, 7)),
    "pad_zero": (images, lambda x: F.pad(x, (1, 1, 1, 1))),
    "pad_reflect": (images, lambda x: F.pad(x, (1, 1, 1, 1), "reflect")),
    "nearest": (images, lambda x: F.interpolate(x, scale_factor=2)),
    "bilinear": (images, lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "unfold": (lambda b, s: [rand(b, 16, s, s)], lambda x: F.unfold(x, 3, padding=1)),
    "fold": (lambda b, s: [rand(b, 144, s * s)], lambda x: F.fold(x, math.isqrt(x.shape[2]), 3, padding=1)),
    "embedding": (lambda b, s: [rand(10000, s), words(b, 64)], lambda w, i: F.embedding(i, w)),
    "embedding_bag": (lambda b, s: [rand(10000, s), words(b, 16)], lambda w, i: F.embedding_bag(i, w)),
    "lstm": (lstm_operands, lambda x, *rest: rest[-1](x)[0]),
    "einsum": (lambda b, s: [rand(b, 8, s, 64), rand(b, 8, s, 64)],
               lambda q, k: torch.einsum("bhqd,bhkd->bhqk", q, k)),
    "einsum_behind": (lambda b, s: [rand(b, s, 8, 64), rand(b, s, 8, 64)],
                      lambda q, k: torch.einsum("bqhd,bkhd->bhqk", q, k)),
}


def layer_step(what, name, batch, size):
    """y alone ("forward"), or with the gradients of what is taken ("step")."""
    make, layer = LAYERS[name]
    operands = make(batch, size)
    if what == "forward":
        return torch.no_grad()(lambda i: layer(*operands))
    tracked = [t.requires_grad_() for t in operands if torch.is_tensor(t) and t.is_floating_point()]
    g = torch.rand_like(layer(*operands))
    return lambda i: torch.autograd.grad(layer(*operands), tracked, g)


def make_op(name, rows, columns):
    wait = torch.cuda.synchronize if o.device == "cuda" else lambda: None
    if "/" in name:
        what, of = name.split("/")
        step = (layer_step if what in ("forward", "step") else conv_step)(what, of, int(rows), int(columns))
        return {"step": step, "wait": wait, "chunk": peer.chunk_of(step, wait)}
    torch.set_float32_matmul_precision("high" if name == "matmul_tf32" else "highest")
    second, op = OPS[name]
    x = torch.rand(int(rows), int(columns), device=o.device)
    operands = [x, second(x)] if second else [x]
    step = lambda i: op(*operands)  # noqa: E731
    return {"step": step, "wait": wait, "chunk": peer.chunk_of(step, wait)}


if __name__ == "__main__":
    o = peer.options(["ops"])
    peer_torch.set_up(o)
    peer.serve(op=peer.timed(make_op, keep=1))
