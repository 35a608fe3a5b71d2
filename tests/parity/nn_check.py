"""Losses, layers, initialisers and gains, and their twins in PyTorch."""

import math

import torch
from torch import nn
from torch.nn import functional as F

import activations_check
import conv_check
import norm_check
import function_check
import functions_check
import ops_check
import recurrent_check
import transformer_check
import window_check

REDUCTIONS = ["mean", "sum", "none"]


# ---- functions: of a case's inputs and constants, which are those of parity_losses.c ----

def loss(function):
    """The twin of a loss whose options are a reduction and what the function makes of a number."""
    return lambda *a: function(*a[:-4], option=a[-3], reduction=REDUCTIONS[a[-4]])


def cross_entropy(x, w, t, reduction, option, ignored, _):
    """The option is twice the smoothing in tenths, and odd if there are weights."""
    return F.cross_entropy(x, t, w.detach() if option % 2 else None, reduction=REDUCTIONS[reduction],
                           ignore_index=ignored, label_smoothing=option // 2 * 0.1)


def signs(index, like):
    return (2 * index - 1).to(like.dtype)


LOSSES = {
    "mse": loss(lambda y, t, option, **o: F.mse_loss(y, t, **o)),
    "l1": loss(lambda y, t, option, **o: F.l1_loss(y, t, **o)),
    "huber": loss(lambda y, t, option, **o: F.huber_loss(y, t, delta=option / 4 or 1.0, **o)),
    "smooth_l1": loss(lambda y, t, option, **o: F.smooth_l1_loss(y, t, beta=option / 4 or 1.0, **o)),
    "bce": loss(lambda p, t, option, **o: F.binary_cross_entropy(p, t, **o)),
    "bce_with_logits": loss(lambda x, t, w, p, option, **o: bce_with_logits(
        x, t, w if option & 1 else None, p if option & 2 else None, **o)),
    "kl_div": loss(lambda x, t, option, **o: F.kl_div(x, t, log_target=option % 2 == 1, **o)),
    "nll": loss(lambda x, w, t, option, **o: F.nll_loss(x, t, w.detach() if option % 2 else None, **o)),
    "cross_entropy": cross_entropy,
    "cross_entropy_of": lambda x, w, t, reduction, option, *_: cross_entropy(x, w, t, reduction, option, -100, None),
    "hinge": loss(lambda y, t, option, reduction: reduced(
        F.relu((option / 4 or 1.0) - signs(t, y) * y), reduction)),
    "cosine_embedding": loss(lambda x, y, t, option, **o: F.cosine_embedding_loss(
        x, y, signs(t, x), margin=option / 8, **o)),
}
LAYERS = {
    **activations_check.LAYERS,
    **conv_check.LAYERS,
    **norm_check.LAYERS,
    **window_check.LAYERS,
    "relu": lambda x, *_: nn.ReLU()(x),
    "sigmoid": lambda x, *_: nn.Sigmoid()(x),
    "tanh": lambda x, *_: nn.Tanh()(x),
    "softmax": lambda x, axis, *_: nn.Softmax(axis)(x),
    "layer_norm": lambda x, weight, bias, axes, *has: F.layer_norm(  # which without a weight has no second gradient
        x, x.shape[-axes:], weight if has[0] else torch.ones_like(weight), bias if has[1] else None,
        1e-5 if has[2] else 0.5),
}


UNLIKE = {
    **activations_check.UNLIKE,
    **conv_check.UNLIKE,
    **norm_check.UNLIKE,
    **window_check.UNLIKE,
    **{name: ops_check.UNLIKE[name] for name in ("elu", "silu", "mish")},
    "gelu": ops_check.UNLIKE["gelu"] + ops_check.UNLIKE["gelu_tanh"],
    "bce": ops_check.UNLIKE["bce"],
    "huber": [("special", "second", "of NaN PyTorch's is 0, though the first is NaN")],
    "smooth_l1": [("special", "second", "the same")],
    "kl_div": [("wide special", "grad1 second", "dt at t = 0 is infinite: PyTorch's is NaN"),
               ("special", "out", "of t = 0 whatever x is, which PyTorch's makes NaN")],
    "layer_norm": [("wide", "out grad second", "x - mean cancels"),
                   ("special", "grad second", "of an infinite x PyTorch's are NaN throughout")],
    "nll": [("special", "out", "of a weight of 0, the same")],
    "bce_with_logits": [("special", "out grad second", "at -infinity PyTorch's is NaN"),
                        ("wide", "out grad2 grad3 second", "PyTorch's cancels, and it has none by the weights")],
    "cross_entropy": [("wide", "grad second", "of large logits the softmax is rounded"),
                      ("special", "out grad second", "of a weight of 0 or a row that is ignored, as nll")],
    "cross_entropy_of": [("wide", "out grad second", "of targets beyond 1 the sum cancels"),
                         ("special", "out grad second", "of a target of 0, as kl_div")],
    "cosine_embedding": [("wide", "out grad second", "x.x overflows"), ("special", "second", "the same")],
}
LOOSER = {name: {"relative64": 1e-8} for name in ("bce", "cosine_embedding")}  # the same
LOOSER["gelu"] = {"near_zero": 0.25}  # 1 + erf, and 1 + tanh, are rounded
LOOSER.update(norm_check.LOOSER)
LOOSER.update(window_check.LOOSER)
LOOSER["layer_norm"] = {"near_zero": 20}  # gradients are differences of numbers up to 1 / sqrt(eps)


def reduced(x, reduction):
    return {"mean": x.mean, "sum": x.sum, "none": lambda: x}[reduction]()


def if_same(ours, theirs):
    """A formula of PyTorch's ops, which is differentiable by weights, where it is its loss; else that."""
    return ours if torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5, equal_nan=True) else theirs


def bce_with_logits(x, t, weight, pos_weight, reduction):
    """PyTorch's does not differentiate by the weights."""
    constants = {"weight": weight, "pos_weight": pos_weight}
    theirs = F.binary_cross_entropy_with_logits(x, t, reduction=reduction, **{
        name: None if w is None else w.detach() for name, w in constants.items()})
    if weight is None and pos_weight is None:
        return theirs
    yes = t * F.logsigmoid(x) * (1 if pos_weight is None else pos_weight)
    z = -(yes + (1 - t) * F.logsigmoid(-x)) * (1 if weight is None else weight)
    return if_same(reduced(z, reduction), theirs)


def check_loss(case):
    name = case["name"]
    return function_check.check(case, LOSSES[name], UNLIKE.get(name, ()), **LOOSER.get(name, {}))


def check_layer(case):
    return function_check.check(case, LAYERS[case["name"]], UNLIKE.get(case["name"], ()), **LOOSER.get(case["name"], {}))


def check_linear(case):
    x, weight, *bias = case.tensor("in0"), *case.all_tensors("parameter").values()
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bool(bias), dtype=x.dtype)
    for parameter, value in zip(layer.parameters(), (weight, *bias)):
        parameter.data.copy_(value)
    y = layer(x)
    y.backward(case.tensor("weight"))
    pairs = {"out": (case.tensor("out"), y), "weight": (case.tensor("grad0"), layer.weight.grad)}
    if bias:
        pairs["bias"] = case.tensor("grad1"), layer.bias.grad
    bound = 1 / math.sqrt(weight.shape[1])
    found = [name for name, t in zip(("weight", "bias"), (weight, *bias)) if (t.abs() > bound).any()]
    return [f"{name} lies outside of U(-{bound}, {bound})" for name in found] + differences(pairs, x.dtype)


def differences(pairs, dtype):
    relative, absolute = (2e-5, 1e-5) if dtype == torch.float32 else (1e-10, 1e-12)
    lines = []
    for name, (got, want) in pairs.items():
        right = function_check.close(got, want, relative, absolute)
        if not right.all():
            lines.append(f"{name} {function_check.largest(got, want, ~right)}")
    return lines


# ---- what is drawn: by its bounds, and against what PyTorch draws ----

def check_dropout(case):
    p, y, n = case["p"], case.tensor("out"), case.tensor("out").numel()
    kept = 1 / (1 - p)
    lines = [] if ((y == 0) | ((y - kept).abs() < 1e-12 * kept)).all() else [f"out is neither 0 nor {kept}"]
    share, deviation = (y == 0).double().mean().item(), math.sqrt(p * (1 - p) / n)
    if abs(share - p) > 5 * deviation:
        lines.append(f"{share:.4f} of the elements are dropped, not {p:.4f}")
    if not torch.equal(case.tensor("grad"), y):  # x is 1 throughout
        lines.append("the gradient is not the mask's")
    if not torch.equal(case.tensor("evaluated"), torch.ones_like(y)):
        lines.append("evaluation is not the identity")
    return lines


def kolmogorov_smirnov(x, y):
    """The largest distance between two samples' distributions, over what one in a million exceeds."""
    x, y = x.flatten().double().sort().values, y.flatten().double().sort().values
    points = torch.cat([x, y])
    below = [torch.searchsorted(s, points, right=True).double() / len(s) for s in (x, y)]
    distance = (below[0] - below[1]).abs().max().item()
    return distance / math.sqrt(-0.5 * math.log(1e-6 / 2) * (len(x) + len(y)) / (len(x) * len(y)))


INITIALISERS = {  # as torch.nn.init's, with the case's constants
    "xavier_uniform": lambda t, c: nn.init.xavier_uniform_(t, c["a"]),
    "xavier_normal": lambda t, c: nn.init.xavier_normal_(t, c["a"]),
    "kaiming_uniform": lambda t, c: nn.init.kaiming_uniform_(t).mul_(c["a"] / math.sqrt(2)),
    "kaiming_normal": lambda t, c: nn.init.kaiming_normal_(t).mul_(c["a"] / math.sqrt(2)),
    "orthogonal": lambda t, c: nn.init.orthogonal_(t, c["a"]),
    "uniform": lambda t, c: nn.init.uniform_(t, -c["a"], c["b"]),
    "normal": lambda t, c: nn.init.normal_(t, -c["a"], c["b"]),
    "trunc_normal": lambda t, c: nn.init.trunc_normal_(t, c["a"], c["b"], c["low"], c["high"]),
}
BOUNDS = {  # low and high, of fans and constants
    "xavier_uniform": lambda fan_in, fan_out, c: symmetric(c["a"] * math.sqrt(6 / (fan_in + fan_out))),
    "kaiming_uniform": lambda fan_in, fan_out, c: symmetric(c["a"] * math.sqrt(3 / fan_in)),
    "uniform": lambda fan_in, fan_out, c: (-c["a"], c["b"]),
    "trunc_normal": lambda fan_in, fan_out, c: (c["low"], c["high"]),
}


def symmetric(bound):
    return -bound, bound


def check_init(case):
    torch.manual_seed(case["seed"])
    name, drawn = case["name"], case.tensor("drawn").double()
    theirs = INITIALISERS[name](torch.empty_like(drawn), case)
    lines = []
    apart = kolmogorov_smirnov(drawn, theirs)
    if apart > 1:
        lines.append(f"is not drawn as PyTorch draws: its distribution is {apart:.2f} times too far away")
    if name in BOUNDS:
        lines += out_of_bounds(drawn, *BOUNDS[name](*nn.init._calculate_fan_in_and_fan_out(drawn), case), name)
    if name == "orthogonal":
        lines += not_orthogonal(drawn, case["a"], 1e-10 if case.tensor("drawn").dtype == torch.float64 else 1e-5)
    return lines


def out_of_bounds(drawn, low, high, name):
    """Of n uniform numbers the last come within 20/n of the ends."""
    near = 20 / drawn.numel() * (high - low) if name != "trunc_normal" else math.inf
    least, greatest, rounding = drawn.min().item(), drawn.max().item(), 1e-6 * (high - low)
    ends = {f"the least is {least!r}, of {low!r}": least - low,
            f"the greatest is {greatest!r}, of {high!r}": high - greatest}
    return [what for what, gap in ends.items() if not -rounding <= gap <= near]


def not_orthogonal(t, gain, tolerance):
    m = t.flatten(1)
    m = m if m.shape[0] <= m.shape[1] else m.T
    error = (m @ m.T - gain**2 * torch.eye(len(m)).double()).abs().max().item()
    return [f"is off orthogonal by {error:.3g}"] if error > tolerance else []


def check_gain(case):
    follows = case["follows"]
    want = nn.init.calculate_gain(follows, case["slope"] if follows == "leaky_relu" else None)
    return [] if abs(case["gain"] - want) <= 1e-15 * want else [f"{follows}: {case['gain']!r}, not {want!r}"]


def check_convolution(case):
    return conv_check.check_layer(case, differences)


CHECKS = {"function": functions_check.check, "convolution": check_convolution, "loss": check_loss, "layer": check_layer,
          "linear": check_linear, "dropout": check_dropout, "init": check_init, "gain": check_gain}
TWINS = {"function": functions_check.TWINS, "loss": LOSSES, "layer": LAYERS, "init": INITIALISERS, "linear": ["linear"],
         "dropout": ["dropout"], "convolution": ["convolution"], "gain": ["gain"]}
CHECKS["recurrent"] = recurrent_check.check
TWINS["recurrent"] = recurrent_check.TWINS
CHECKS["transformer"] = transformer_check.check
TWINS["transformer"] = transformer_check.NAMES
