"""Functions of several ops and their twins in PyTorch: of a case's inputs and constants, which are those of
parity_functions.c."""

import pathlib
import re

import torch
from torch.nn import functional as F

import function_check

SOURCE = (pathlib.Path(__file__).parent / "parity_functions.c").read_text()
EQUATIONS = re.findall('"([^"]*)"', re.search(r"equations\[\] = \{(.*?)NULL", SOURCE, re.S)[1])


def einsum(x, y, z, which, *_):
    equation = EQUATIONS[which]
    return torch.einsum(equation, *(x, y, z)[:equation.count(",") + 1])


TWINS = {
    "einsum": einsum,
    "cosine_similarity": lambda x, y, axis, *_: F.cosine_similarity(x, y, axis),
    "pairwise_distance": lambda x, y, _, p, keep, *__: F.pairwise_distance(x, y, p / 2, keepdim=bool(keep)),
    "bilinear": lambda x, y, weight, bias, has, *_: F.bilinear(x, y, weight, bias if has else None),
    "repeat_interleave": lambda x, axis, times, *_: x.repeat_interleave(times, axis),
}
UNLIKE = {  # what is not compared for some values, and why
    "einsum": [("wide special", "out grad second", "the order decides what overflows")],
    "bilinear": [("wide special", "out grad second", "the same")],
    "cosine_similarity": [("wide special", "out grad second", "squares overflow, and PyTorch's norm is constant below eps")],
    "pairwise_distance": [("wide special", "out grad second", "powers overflow; where p < 2, at 0 PyTorch's are NaN")],
}


def check(case):
    return function_check.check(case, TWINS[case["name"]], UNLIKE.get(case["name"], ()))
