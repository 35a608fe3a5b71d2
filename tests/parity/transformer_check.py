"""Transformers' modules beside PyTorch's of the same options, into which Reel's parameters are loaded by name."""

import math

import torch
from torch import nn

import function_check


def module(case, dtype):
    """PyTorch's, in evaluation."""
    name, width, heads = case["name"], case["width"], case["heads"]
    if name == "multihead_attention":
        return nn.MultiheadAttention(
            width, heads, bias=bool(case["bias"]), add_bias_kv=bool(case["add_bias_kv"]),
            add_zero_attn=bool(case["add_zero_attn"]), kdim=case["kdim"], vdim=case["vdim"],
            batch_first=bool(case["batch_first"]), dtype=dtype)
    options = dict(dim_feedforward=case["dim_feedforward"], dropout=0.1, activation=case["activation"],
                   layer_norm_eps=case["layer_norm_eps"], batch_first=bool(case["batch_first"]),
                   norm_first=bool(case["norm_first"]), bias=bool(case["bias"]), dtype=dtype)
    if name == "transformer":
        return nn.Transformer(width, heads, case["encoders"], case["decoders"], **options)
    encodes = "encoder" in name
    layer = (nn.TransformerEncoderLayer if encodes else nn.TransformerDecoderLayer)(width, heads, **options)
    if name.endswith("layer"):
        return layer
    norm = nn.LayerNorm(width, eps=case["layer_norm_eps"], bias=bool(case["bias"]),
                        dtype=dtype) if case["norm"] else None
    if encodes:
        return nn.TransformerEncoder(layer, case["layers"], norm, enable_nested_tensor=False)
    return nn.TransformerDecoder(layer, case["layers"], norm)


def as_mask(x, dtype):
    return None if x is None else x.bool() if x.dtype == torch.uint8 else x.to(dtype)


def alike(*masks):
    """PyTorch wants masks of one kind: all as numbers, where they are not."""
    if len({m.dtype for m in masks if m is not None}) < 2:
        return masks
    dtype = next(m.dtype for m in masks if m is not None and m.is_floating_point())
    return tuple(torch.zeros(m.shape, dtype=dtype).masked_fill(m, -math.inf) if m is not None and m.dtype == torch.bool
                 else m for m in masks)


def call(case, m, x):
    """y, and weights or None."""
    name, dtype = case["name"], x[0].dtype
    masks = {i: as_mask(t, dtype) for i, t in enumerate(x) if i and t is not None and not t.requires_grad}
    get = masks.get
    if name == "multihead_attention":
        query, key = x[0], x[0] if x[1] is None else x[1]
        value = key if x[2] is None else x[2]
        padding, attn = get(3), get(4)
        if case["is_causal"]:
            hidden = torch.ones(query.shape[-2] if query.dim() == 2 or case["batch_first"] else query.shape[0],) * 0
            n = len(hidden)
            causal = torch.zeros(n, n, dtype=dtype).masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
            if attn is not None and attn.dtype == torch.bool:
                attn = torch.zeros(attn.shape, dtype=dtype).masked_fill(attn, -math.inf)
            attn = causal if attn is None else attn + causal
        padding, attn = alike(padding, attn)
        return m(query, key, value, key_padding_mask=padding, attn_mask=attn, need_weights=bool(case["need_weights"]),
                 average_attn_weights=not case["by_head"])
    if name == "transformer":
        of_source, of_target, of_memory = alike(get(2), get(5)), alike(get(3), get(6)), alike(get(4), get(7))
        return m(x[0], x[1], of_source[0], of_target[0], of_memory[0], of_source[1], of_target[1], of_memory[1]), None
    if "encoder" in name:
        mask, padding = alike(get(1), get(2))
        return m(x[0], mask, src_key_padding_mask=padding), None
    (tgt_mask, tgt_padding), (memory_mask, memory_padding) = alike(get(2), get(4)), alike(get(3), get(5))
    return m(x[0], x[1], tgt_mask, memory_mask, tgt_padding, memory_padding), None


def compare(pairs, dtype):
    relative, absolute = (1e-4, 1e-4) if dtype == torch.float32 else (1e-9, 1e-10)
    for name, (got, want) in pairs.items():
        if (got is None) != (want is None):
            if (want if got is None else got).abs().max() > 0:
                yield f"{name}: one has none"
            continue
        if got is None:
            continue
        if got.shape != want.shape:
            yield f"{name}: {tuple(got.shape)}, not {tuple(want.shape)}"
            continue
        right = function_check.close(got, want, relative, absolute) | (got.isnan() & want.isnan())
        if not right.all():
            yield f"{name} {function_check.largest(got, want, ~right)}"


def check_positions(case):
    x, start = case.tensor("in0").requires_grad_(), case["start"]
    length, width = x.shape[1:]
    t, i = torch.arange(length + start, dtype=torch.float64)[:, None], torch.arange(width // 2, dtype=torch.float64)
    turn = torch.polar(torch.ones(()), t * 500 ** (-2 * i / width))[start:]
    pairs = x.unflatten(-1, (-1, 2)) if case["interleaved"] else x.unflatten(-1, (2, -1)).transpose(-1, -2)
    y = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn)
    y = (y if case["interleaved"] else y.transpose(-1, -2)).flatten(-2)
    y.backward(case.tensor("weight"))
    angle = t[:length] * 10000 ** (-2 * i / width)
    waves = torch.stack((angle.sin(), angle.cos()), -1).flatten(-2)
    return list(compare({"out": (case.tensor("out"), y), "given": (case.tensor("given0"), x.grad),
                         "waves": (case.tensor("waves"), waves)}, x.dtype))


def check(case):
    if case["name"] == "positions":
        return check_positions(case)
    x = [case.tensor(f"in{i}") for i in range(8)]
    dtype = x[0].dtype
    sequences = {"multihead_attention": (0, 1, 2), "transformer": (0, 1), "transformer_decoder": (0, 1),
                 "transformer_decoder_layer": (0, 1)}.get(case["name"], (0,))
    for i in sequences:
        if x[i] is not None:
            x[i].requires_grad_()
    m = module(case, dtype)
    names = [case[f"name{i}"] for i in range(case["parameters"])]
    theirs = [name for name, _ in m.named_parameters()]
    if names != theirs:
        return [f"parameters are {names}, not {theirs}"]
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(case.tensor(f"parameter{i}"))
    for part in m.modules():  # in training its layers take no short cuts; nothing is dropped
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0
    y, weights = call(case, m, x)
    loss = (y * case.tensor("weight")).sum()
    pairs = {"out": (case.tensor("out"), y.detach())}
    if case.tensor("weights") is not None:
        loss = loss + (weights * case.tensor("of_weights")).sum()
        pairs["weights"] = case.tensor("weights"), weights.detach()
    loss.backward()
    pairs |= {f"given{i}": (case.tensor(f"given{i}"), x[i].grad) for i in sequences if x[i] is not None}
    pairs |= {name: (case.tensor(f"grad{i}"), p.grad) for i, (name, p) in enumerate(m.named_parameters())}
    return list(compare(pairs, dtype))


NAMES = ["multihead_attention", "transformer_encoder_layer", "transformer_encoder", "transformer_decoder_layer",
         "transformer_decoder", "transformer", "positions"]
