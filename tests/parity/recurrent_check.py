"""Recurrent layers, cells and embeddings, and their twins in PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import function_check

BOUNDS = {torch.float64: (1e-10, 1e-11), torch.float32: (5e-5, 2e-5)}


def several(case, name):
    found = []
    while (t := case.tensor(f"{name}{len(found)}")) is not None:
        found.append(t)
    return found


def layer(case, leaves):
    size, hidden, layers, both, first, no_bias, relu, unbatched, given, cut = case["sizes"]
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[case["name"]]
    lstm, options = kind is nn.LSTM, {"nonlinearity": "relu"} if relu else {}
    m = kind(size, hidden, layers, bias=not no_bias, batch_first=bool(first), bidirectional=bool(both),
             dtype=leaves[0].dtype, **options)
    states = (2 if lstm else 1) if given else 0
    x, state, parameters = leaves[0], leaves[1 : 1 + states], leaves[1 + states :]
    names = [name for name, _ in m.named_parameters()]
    assert len(names) == len(parameters), f"{len(parameters)} parameters, not {len(names)}"
    state = (tuple(state) if lstm else state[0]) if given else None
    lengths = case.tensor("lengths")

    class Run(nn.Module):  # so that functional_call sees what is done around the layer too
        def __init__(self):
            super().__init__()
            self.m = m

        def forward(self, x, state):
            steps = x.shape[1 if first else 0]
            if lengths is not None:
                x = pack_padded_sequence(x, lengths, batch_first=bool(first), enforce_sorted=False)
            y, last = self.m(x, state)
            if lengths is not None:
                y, _ = pad_packed_sequence(y, batch_first=bool(first), total_length=steps)
            return (y, *last) if lstm else (y, last)

    return torch.func.functional_call(Run(), {f"m.{n}": p for n, p in zip(names, parameters)}, (x, state))


def cell(case, leaves):
    size, hidden, no_bias, relu, given = case["sizes"]
    kind = {"rnn_cell": nn.RNNCell, "lstm_cell": nn.LSTMCell, "gru_cell": nn.GRUCell}[case["name"]]
    lstm, options = kind is nn.LSTMCell, {"nonlinearity": "relu"} if relu else {}
    m = kind(size, hidden, bias=not no_bias, dtype=leaves[0].dtype, **options)
    states = (2 if lstm else 1) if given else 0
    state = leaves[1 : 1 + states]
    state = (tuple(state) if lstm else state[0]) if given else None
    names = [name for name, _ in m.named_parameters()]
    y = torch.func.functional_call(m, dict(zip(names, leaves[1 + states :])), (leaves[0], state))
    return y if lstm else (y,)


def embedding(case, leaves):
    pads, padding = case["sizes"]
    return (F.embedding(case.tensor("index"), leaves[0], padding if pads else None),)


def embedding_bag(case, leaves):
    """In ops, which have second gradients, where that is what PyTorch's gives."""
    pads, padding, mode = case["sizes"]
    index, offsets, weight = case.tensor("index"), case.tensor("offsets"), leaves[0]
    by = leaves[1] if len(leaves) > 1 else None
    theirs = F.embedding_bag(index, weight, offsets, mode=["mean", "sum", "max"][mode], per_sample_weights=by,
                             padding_idx=padding if pads else None)
    flat = index.flatten()
    ends = offsets.tolist() + [len(flat)] if offsets is not None else range(0, len(flat) + 1, index.shape[-1])
    rows = []
    for begin, end in zip(ends, ends[1:]):
        chosen = [k for k in range(begin, end) if not pads or flat[k] != padding % len(weight)]
        x = weight[flat[chosen]] * (1 if by is None else by.flatten()[chosen, None])
        nothing = weight[0] * 0 + (0 if by is None else by.sum() * 0)
        rows.append(nothing if not chosen else [x.mean, x.sum, x.amax][mode](0))
    y = torch.stack(rows)
    return (y if torch.allclose(y, theirs, rtol=1e-5, atol=1e-5) else theirs,)


TWINS = {"embedding": embedding, "embedding_bag": embedding_bag, **dict.fromkeys(["rnn", "lstm", "gru"], layer),
         **dict.fromkeys(["rnn_cell", "lstm_cell", "gru_cell"], cell)}


def check(case):
    leaves = [t.requires_grad_() for t in several(case, "leaf")]
    outs = several(case, "out")
    if not leaves:
        return ["no gradients"]
    with torch.backends.mkldnn.flags(enabled=False):
        want = TWINS[case["name"]](case, leaves)
        grads = torch.autograd.grad(want, leaves, several(case, "weight"), create_graph=True)
        pairs = {f"out{i}": (a, b) for i, (a, b) in enumerate(zip(outs, want))}
        pairs |= {f"grad{i}": (case.tensor(f"grad{i}"), b) for i, b in enumerate(grads)}
        by = [w for w, g in zip(several(case, "by"), grads) if g.requires_grad]
        moving = [g for g in grads if g.requires_grad]
        if leaves[0].dtype == torch.float64 and moving:
            seconds = torch.autograd.grad(moving, leaves, by, allow_unused=True)
            for i, b in enumerate(seconds):
                got = case.tensor(f"second{i}")
                zero = torch.zeros_like(leaves[i])
                pairs[f"second{i}"] = (zero if got is None else got, zero if b is None else b)
    relative, absolute = BOUNDS[leaves[0].dtype]
    lines = []
    for name, (got, expected) in pairs.items():
        if got.shape != expected.shape:
            lines.append(f"{name} is of {list(got.shape)}, not {list(expected.shape)}")
            continue
        right = function_check.close(got, expected, relative, absolute)
        if not right.all():
            lines.append(f"{name} {function_check.largest(got, expected, ~right)}")
    return lines
