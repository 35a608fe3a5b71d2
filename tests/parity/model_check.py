#!/usr/bin/env python3
"""Loads Reel's state dict strictly, compares what the model makes of x, and writes one of PyTorch's:

    model_check.py REEL THEIRS

Each is a file of weights, and beside it, with .io behind its name, an x and its y; parity_model.c has the same model.
"""

import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import parametrizations


def main(ours, theirs):
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    m = nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.3), nn.PReLU(6), parametrizations.weight_norm(nn.Linear(6, 6)),
                      nn.RReLU(), nn.AlphaDropout(0.1), parametrizations.spectral_norm(nn.Linear(6, 4))).eval()
    drawn = {name: t.clone() for name, t in m.state_dict().items()}
    m.load_state_dict(load_file(ours), strict=True)
    pair = load_file(f"{ours}.io")
    off = (m(pair["x"]) - pair["y"]).abs().max().item()
    if not off < 1e-12:
        sys.exit(f"model: y is off by {off}")
    m.load_state_dict(drawn)
    x = torch.randn(4, 5)
    save_file({name: t.contiguous() for name, t in m.state_dict().items()}, theirs)
    save_file({"x": x, "y": m(x).detach()}, f"{theirs}.io")
    print("a model's state dict goes there and back")


if __name__ == "__main__":
    main(*sys.argv[1:])
