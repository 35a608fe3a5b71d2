"""Attention in PyTorch, beside the rows of Reel: scores are scaled by 0.7, and what is given is a bias."""

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel


def mask(q, k, bias, causal, biased):
    """What is added to the scores, or None."""
    added = bias if biased else None
    if causal:
        lower = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
        lower = torch.zeros(lower.shape, dtype=q.dtype).masked_fill(~lower, -torch.inf)
        added = lower if added is None else added + lower
    return None if added is None else added.expand(*q.shape[:3], k.shape[2])


def attention(q, k, v, bias, causal, biased, *_):
    with sdpa_kernel(SDPBackend.MATH):  # which has second derivatives
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask(q, k, bias, causal, biased), scale=0.7,
                                           enable_gqa=True)
    return y.transpose(1, 2)


def attention_grad(q, k, v, bias, g, causal, biased, *_):
    with torch.enable_grad():
        q, k, v = (x if x.requires_grad else x.detach().requires_grad_() for x in (q, k, v))
        y = attention(q, k, v, bias, causal, biased)
        grads = torch.autograd.grad(y, (q, k, v), g, create_graph=True)
    return torch.cat([x.transpose(1, 2).flatten() for x in grads])


TWINS = {"attention": attention, "attention_grad": attention_grad}
WITHOUT_TWIN = {"attention_kept": "random numbers are Reel's own"}
UNLIKE = {name: [("wide special", "out grad second", "scores are infinite, or NaN")] for name in TWINS}
LOOSER = {name: {"near_zero": 1} for name in TWINS}  # dp - delta cancel, where there is one key all of it
