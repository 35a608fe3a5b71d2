"""Random graphs by Reel (parity_graphs.c) against PyTorch's, in f64.

    graphs_check.py PREFIX [--tolerance T]

builds every graph of PREFIX.jsonl anew from the leaves in PREFIX.safetensors, and compares outputs, gradients and
second derivatives: no element may be off by more than T (1e-10) of the largest of its tensor, or of 1.
"""

import argparse
import json

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


def bce(p, t):
    return -(t * p.log() + (1 - t) * (1 - p).log())


def fill_(x, v):
    x = x.detach().clone()
    x.select(v["i"][0], v["i"][1]).fill_(v["f"][0])
    return x


def reduce(f):
    def reduced(x, v):
        return f(x, dim=v["shape"] or tuple(range(x.ndim)), keepdim=bool(v["i"][0]))

    return reduced


def prod(x, v):
    """Over one axis after the other: torch.prod takes no more than one."""
    axes = sorted((a % max(x.ndim, 1) for a in v["shape"]), reverse=True) or range(x.ndim - 1, -1, -1)
    for axis in axes:
        x = x.prod(axis, keepdim=bool(v["i"][0]))
    return x


def put(name):
    def added(x, index, v):
        shape = list(x.shape)
        shape[v["i"][0]] = v["i"][1]
        return getattr(torch.zeros(shape, dtype=x.dtype), name)(v["i"][0], index, x)

    return added


def sliced(x, v):
    axis, start, stop, step = v["i"][:4]
    return x.movedim(axis, 0)[start:stop:step].movedim(0, axis)


def by_axes(name):
    """The function of one, two or three axes."""
    return lambda v: getattr(F, name % v["i"][0])


def conv(x, w, *rest):
    *bias, v = rest
    _, stride, padding, dilation, groups, same = v["i"][:6]
    f = by_axes("conv%dd")(v)
    return f(x, w, *bias or [None], stride, "same" if same else padding, dilation, groups)


def conv_transpose(x, w, *rest):
    *bias, v = rest
    _, stride, padding, dilation, groups, longer = v["i"][:6]
    return by_axes("conv_transpose%dd")(v)(x, w, *bias or [None], stride, padding, longer, groups, dilation)


def max_pool(x, v):
    _, stride, padding, dilation, ceil = v["i"][:5]
    return by_axes("max_pool%dd")(v)(x, v["shape"], stride, padding, dilation, bool(ceil))


def avg_pool(x, v):
    _, stride, padding, _, ceil, exclude = v["i"][:6]
    return by_axes("avg_pool%dd")(v)(x, v["shape"], stride, padding, bool(ceil), not exclude)


def lp_pool(x, v):
    kernel = v["shape"] if len(v["shape"]) > 1 else v["shape"][0]
    return by_axes("lp_pool%dd")(v)(x, v["f"][0], kernel, v["i"][1])


def pad(x, v):
    mode = ("constant", "reflect", "replicate", "circular")[v["i"][0]]
    return F.pad(x, v["shape"], mode, v["f"][0] if mode == "constant" else None)


def interpolate(x, v):
    axes, mode, corners = v["i"][:3]
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[axes]
    mode = ("nearest", "nearest-exact", linear, "bicubic", "area")[mode]
    corners = bool(corners) if mode in (linear, "bicubic") else None
    if v["f"][0] > 0:
        return F.interpolate(x, scale_factor=v["f"][0], mode=mode, align_corners=corners)
    return F.interpolate(x, v["shape"], mode=mode, align_corners=corners)


def unfold(x, v):
    return F.unfold(x, v["shape"], v["i"][3], v["i"][2], v["i"][1])


def fold(x, v):
    return F.fold(x, v["i"][4:6], v["shape"], v["i"][3], v["i"][2], v["i"][1])


def normalized(f):
    """f(x, weight, bias, v), of which the last two may be missing."""
    return lambda x, *rest: f(x, *rest[:-1], *[None] * (3 - len(rest)), rest[-1])


def dense(w):
    """Without strides: the gradient of PyTorch's batch_norm takes a weight for contiguous, whatever it is."""
    return w if w is None else w.contiguous()


def prelu(x, w, v):
    slope = w.view(()) if w.numel() == 1 else w.view(-1, *[1] * (x.ndim - 2))
    return x.clamp(min=0) + slope * x.clamp(max=0)


def attention(q, k, v, *rest):
    """In plain products, which can be differentiated twice."""
    *mask, of = rest
    scores = of["f"][0] * (q @ k.mT)
    if mask:
        scores = scores + mask[0]
    if of["i"][0]:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).tril() == 0, -torch.inf)
    return scores.softmax(-1) @ v


def in_steps(step):
    """All steps of x, step by step, from either end."""

    def run(x, w_ih, w_hh, b_ih, b_hh, *states):
        *states, v = states
        y = [None] * len(x)
        for t in range(len(x))[:: -1 if v["i"][0] else 1]:
            states = step(F.linear(x[t], w_ih, b_ih), F.linear(states[0], w_hh, b_hh), *states)
            y[t] = states[0]
        return torch.stack(y)

    return run


def lstm_step(x, u, h, c):
    i, f, g, o = (x + u).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(x, u, h):
    (x_r, x_z, x_n), (u_r, u_z, u_n) = x.chunk(3, -1), u.chunk(3, -1)
    r, z = (x_r + u_r).sigmoid(), (x_z + u_z).sigmoid()
    return ((1 - z) * (x_n + r * u_n).tanh() + z * h,)


def embedding_bag(w, i, v):
    rows = w[i]
    return (rows.mean(1), rows.sum(1), rows.amax(1))[v["i"][0]]


EQUATIONS = ("ij,jk->ik", "bij,bkj->bik", "bij,bij->b", "bthd,bshd->bhts", "i,j->ij", "abc,cd,bd->ad", "ij,ij", "abc->ca")


# By the names of the rows of graph_ops.c, graph_windows.c and graph_layers.c; v has the constants "f", "i" and "shape".
OPS = {
    "neg": lambda x, v: -x,
    "relu": lambda x, v: F.relu(x),
    "sigmoid": lambda x, v: torch.sigmoid(x),
    "tanh": lambda x, v: torch.tanh(x),
    "exp": lambda x, v: x.exp(),
    "log": lambda x, v: x.log(),
    "sqrt": lambda x, v: x.sqrt(),
    "square": lambda x, v: x.square(),
    "affine": lambda x, v: v["f"][0] * x + v["f"][1],
    "abs": lambda x, v: x.abs(),
    "sign": lambda x, v: x.sign(),
    "floor": lambda x, v: x.floor(),
    "ceil": lambda x, v: x.ceil(),
    "round": lambda x, v: x.round(),
    "trunc": lambda x, v: x.trunc(),
    "expm1": lambda x, v: x.expm1(),
    "log1p": lambda x, v: x.log1p(),
    "sin": lambda x, v: x.sin(),
    "cos": lambda x, v: x.cos(),
    "erf": lambda x, v: x.erf(),
    "silu": lambda x, v: F.silu(x),
    "gelu": lambda x, v: F.gelu(x),
    "gelu_tanh": lambda x, v: F.gelu(x, approximate="tanh"),
    "mish": lambda x, v: F.mish(x),
    "rsqrt": lambda x, v: x.rsqrt(),
    "reciprocal": lambda x, v: x.reciprocal(),
    "tanhshrink": lambda x, v: F.tanhshrink(x),
    "softsign": lambda x, v: F.softsign(x),
    "logsigmoid": lambda x, v: F.logsigmoid(x),
    "selu": lambda x, v: F.selu(x),
    "celu": lambda x, v: v["f"][0] * F.elu(x / v["f"][0]),  # F.celu has 1 / alpha in f32
    "cumsum": lambda x, v: x.cumsum(v["i"][0]),
    "softmin": lambda x, v: F.softmin(x, v["i"][0]),
    "pow_scalar": lambda x, v: x.pow(v["f"][0]),
    "leaky_relu": lambda x, v: F.leaky_relu(x, v["f"][0]),
    "elu": lambda x, v: F.elu(x, v["f"][0]),
    "clamp": lambda x, v: x.clamp(*v["f"][:2]),
    "softplus": lambda x, v: F.softplus(x, *v["f"][:2]),
    "pow": lambda x, y, v: x**y,
    "maximum": lambda x, y, v: torch.maximum(x, y),
    "minimum": lambda x, y, v: torch.minimum(x, y),
    "where": lambda mask, x, y, v: torch.where(mask != 0, x, y),
    "add": lambda x, y, v: x + y,
    "sub": lambda x, y, v: x - y,
    "mul": lambda x, y, v: x * y,
    "div": lambda x, y, v: x / y,
    "bce": lambda x, y, v: bce(x, y),
    "mse": lambda x, y, v: F.mse_loss(x, y),
    "sum": reduce(torch.sum),
    "mean": reduce(torch.mean),
    "softmax": lambda x, v: x.softmax(v["i"][0]),
    "log_softmax": lambda x, v: x.log_softmax(v["i"][0]),
    "max": reduce(torch.amax),
    "min": reduce(torch.amin),
    "prod": prod,
    "logsumexp": reduce(torch.logsumexp),
    "var": reduce(lambda x, **k: x.var(correction=0, **k)),
    "topk": lambda x, v: x.topk(v["i"][1], v["i"][0], bool(v["i"][2]))[0],
    "matmul": lambda x, y, v: x @ y,
    "gram": lambda x, v: x @ x.mT,
    "concat": lambda x, y, v: torch.cat((x, y), v["i"][0]),
    "stack": lambda x, y, v: torch.stack((x, y), v["i"][0]),
    "sort": lambda x, v: x.sort(v["i"][0], bool(v["i"][1]))[0],
    "tril": lambda x, v: x.tril(v["i"][0]),
    "triu": lambda x, v: x.triu(v["i"][0]),
    "flip": lambda x, v: x.flip(v["i"][0]),
    "contiguous": lambda x, v: x.contiguous(),
    "reshape": lambda x, v: x.reshape(v["shape"]),
    "permute": lambda x, v: x.permute(v["shape"]),
    "slice": sliced,
    "select": lambda x, v: x.select(v["i"][0], v["i"][1]),
    "expand": lambda x, v: x.expand(v["shape"]),
    "index_select": lambda x, i, v: x.index_select(v["i"][0], i),
    "gather": lambda x, i, v: x.gather(v["i"][0], i),
    "index_add": put("index_add"),
    "scatter_add": put("scatter_add"),
    "relu6": lambda x, v: F.relu6(x),
    "hardsigmoid": lambda x, v: (x / 6 + 0.5).clamp(0, 1),  # that which can be differentiated twice
    "hardswish": lambda x, v: F.hardswish(x),
    "hardshrink": lambda x, v: F.hardshrink(x, v["f"][0]),
    "softshrink": lambda x, v: F.softshrink(x, v["f"][0]),
    "hardtanh": lambda x, v: F.hardtanh(x, *v["f"]),
    "threshold": lambda x, v: F.threshold(x, *v["f"]),
    "prelu": prelu,
    "glu": lambda x, v: F.glu(x, v["i"][0]),
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "lp_pool": lp_pool,
    "adaptive_avg": lambda x, v: by_axes("adaptive_avg_pool%dd")(v)(x, v["shape"]),
    "adaptive_max": lambda x, v: by_axes("adaptive_max_pool%dd")(v)(x, v["shape"]),
    "pad": pad,
    "interpolate": interpolate,
    "unfold": unfold,
    "fold": fold,
    "layer_norm": normalized(lambda x, w, b, v: F.layer_norm(x, v["shape"], w, b, v["f"][0])),
    "rms_norm": normalized(lambda x, w, b, v: F.rms_norm(x, v["shape"], w, v["f"][0])),
    "group_norm": normalized(lambda x, w, b, v: F.group_norm(x, v["i"][0], w, b, v["f"][0])),
    "batch_norm": normalized(lambda x, w, b, v: F.batch_norm(x, None, None, dense(w), b, True, 0.1, v["f"][0])),
    "instance_norm": normalized(lambda x, w, b, v: F.instance_norm(x, None, None, dense(w), b, True, 0.1, v["f"][0])),
    "attention": attention,
    "lstm": in_steps(lstm_step),
    "gru": in_steps(gru_step),
    "embedding": lambda w, i, v: F.embedding(i, w),
    "embedding_bag": embedding_bag,
    "einsum": lambda *xs: torch.einsum(EQUATIONS[xs[-1]["i"][0]], *xs[:-1]),
    "detach": lambda x, v: x.detach(),
    "fill_": fill_,
    "add_": lambda x, y, v: x.detach().clone().add_(y.detach()),
    "copy_": lambda x, y, v: x.detach().clone().copy_(y.detach()),
}


def run(graph, tensors):
    """All values, and the numbers of the tracked leaves."""
    values, leaves = [], []
    for k, v in enumerate(graph["values"]):
        if "op" in v:
            values.append(OPS[v["op"]](*(values[i] for i in v["in"]), v))
            continue
        values.append(tensors[f"{graph['graph']}.{k}"])
        if v["leaf"] == "tracked":
            values[k].requires_grad_()
            leaves.append(k)
    return values, leaves


def gradient_sum(gradients):
    """What is differentiated once more: weights 1, 1.5, 2, 1, 1.5, ..."""
    total = torch.zeros((), dtype=torch.float64)
    for g in gradients:
        if g is not None:
            weights = 1 + 0.5 * (torch.arange(g.numel()) % 3).double()
            total = total + (g.reshape(-1) * weights).sum()
    return total


class Comparison:
    def __init__(self, tolerance):
        self.tolerance, self.tensors, self.worst, self.bad = tolerance, 0, 0.0, []

    def compare(self, name, ours, theirs):
        """None: zeros, or no gradient."""
        if ours is None and theirs is None:
            return
        shape = (theirs if ours is None else ours).shape
        ours = torch.zeros(shape, dtype=torch.float64) if ours is None else ours
        theirs = torch.zeros(shape, dtype=torch.float64) if theirs is None else theirs.detach()
        self.tensors += 1
        if ours.shape != theirs.shape:
            self.bad.append(f"{name}: shape {tuple(ours.shape)}, not {tuple(theirs.shape)}")
            return
        error = ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1)).item() if ours.numel() else 0.0
        self.worst = max(self.worst, error)
        if not error <= self.tolerance:
            self.bad.append(f"{name}: off by {error:g}")


def check(graph, tensors, comparison):
    name = str(graph["graph"])
    values, leaves = run(graph, tensors)
    outputs = [values[k] for k in graph["outputs"]]
    for i, output in enumerate(outputs):
        comparison.compare(f"{name}.out.{i}", tensors[f"{name}.out.{i}"], output)
    inputs = [values[k] for k in leaves]
    weights = [values[k] for k in graph["weights"]]
    gradients = torch.autograd.grad(outputs, inputs, weights, create_graph=True, allow_unused=True)
    total = gradient_sum(gradients)
    seconds = [None] * len(inputs)
    if total.requires_grad:
        seconds = torch.autograd.grad(total, inputs, allow_unused=True)
    for k, gradient, second in zip(leaves, gradients, seconds):
        comparison.compare(f"{name}.grad.{k}", tensors.get(f"{name}.grad.{k}"), gradient)
        comparison.compare(f"{name}.second.{k}", tensors.get(f"{name}.second.{k}"), second)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix")
    parser.add_argument("--tolerance", type=float, default=1e-10)
    arguments = parser.parse_args()
    tensors = load_file(arguments.prefix + ".safetensors")
    comparison, graphs = Comparison(arguments.tolerance), 0
    with open(arguments.prefix + ".jsonl") as lines:
        for line in lines:
            check(json.loads(line), tensors, comparison)
            graphs += 1
    for line in comparison.bad[:20]:
        print(f"graphs: {line}")
    print(f"graphs: {graphs}, {comparison.tensors} tensors, {len(comparison.bad)} of them off, by at most {comparison.worst:.1e}")
    raise SystemExit(bool(comparison.bad) or graphs == 0)


if __name__ == "__main__":
    main()
