#!/usr/bin/env python3
"""Trains what parity_models wrote, from the same weights on the same batch, with PyTorch: the loss and all gradients
of the first step are the same to 1e-10 of their size, and the loss after 20 steps of AdamW to 1e-8."""

import pathlib
import sys

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench/models"))
import models  # noqa: E402


def part(state, prefix):
    return {k[len(prefix) + 1:]: v for k, v in state.items() if k.startswith(prefix + ".")}


def distance(a, b):
    """The greatest difference, by the greatest size."""
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-300)) if a.numel() else 0.0


def check(name, state):
    """Lines about what differs; and the figures."""
    net = models.make(name, 0.0).double()
    net.load_state_dict(part(state, "param"), strict=True)
    adam = torch.optim.AdamW(net.parameters(), lr=1e-3)
    want, wrong, grads, losses = state["losses"], [], part(state, "grad"), []
    for i in range(len(want)):
        adam.zero_grad()
        loss = models.loss_of(name, net(state["x"]), state["target"])
        losses.append(float(loss))
        if i == len(want) - 1:
            break
        loss.backward()
        if i == 0:
            scale = max(p.grad.abs().max() for p in net.parameters())
            far = {n: float((p.grad - grads[n]).abs().max() / scale) for n, p in net.named_parameters()}
            wrong += [f"gradient of {n}: {d:.1e}" for n, d in far.items() if not d < 1e-10]
        adam.step()
    apart = [abs(a - float(b)) / abs(a) for a, b in zip(losses, want)]
    if not apart[0] < 1e-10:
        wrong.append(f"loss: {losses[0]} and {float(want[0])}")
    if not max(apart) < 1e-8:
        wrong.append(f"losses of {len(want)} steps: {max(apart):.1e} apart")
    return wrong, "loss %.6f to %.6f; apart at first %.1e, gradients %.1e, at most in %d steps %.1e" % (
        losses[0], losses[-1], apart[0], max(far.values()), len(want) - 1, max(apart))


def main():
    torch.set_default_dtype(torch.float64)
    failed = 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors")):
        wrong, figures = check(path.stem, load_file(path))
        print(f"model {path.stem}: {figures}", *wrong, sep="\n    ")
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
