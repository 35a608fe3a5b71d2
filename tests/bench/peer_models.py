#!/usr/bin/env python3
"""Times a training step of PyTorch's models in models/: what bench_models.c answers to, asked alike.

    eager     as most write it, with AdamW(fused=True)
    compile   the model through torch.compile, and the same AdamW
    graph     the step of `eager` captured in a CUDA graph
    compiled  the step of `compile` captured in a CUDA graph
"""

import pathlib
import sys

import torch

import peer
import peer_memory

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "models"))
import models  # noqa: E402

from peer_torch import Graph  # noqa: E402


GRAPHS = ["graph", "compiled"]


def step_of(name, batch, o):
    torch.manual_seed(1)
    net = models.make(name).to(o.device)
    x, target = models.draw(name, batch, o.device)
    adam = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True, capturable=o.mode in GRAPHS)
    run = torch.compile(net) if o.mode in ("compile", "compiled") else net

    def step(i=0):
        adam.zero_grad(set_to_none=True)
        models.loss_of(name, run(x), target).backward()
        adam.step()

    if o.mode in GRAPHS:
        graph = Graph(step)
        return lambda i: graph.replay()
    return step


BATCH = {"cnn": 64, "resnet": 128, "convnext": 32, "lstm": 20, "gpt": 64, "vit": 128}


def main():
    o = peer.options(["eager", "compile", *GRAPHS])
    torch.set_num_threads(o.threads)
    torch.set_float32_matmul_precision("high" if o.precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = o.precision == "tf32"
    size = lambda name, batch: int(batch) or BATCH[name]  # noqa: E731
    timing = {"chunk": 5, "wait": torch.cuda.synchronize} if o.device == "cuda" else {}

    def make(name, batch):
        return {"step": step_of(name, size(name, batch), o), **timing}

    def memory(name, batch):
        if o.device == "cpu":
            return peer_memory.kept_and_peak(lambda: step_of(name, size(name, batch), o))[1]
        step = step_of(name, size(name, batch), o)
        for i in range(3):
            step(i)
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()

    peer.serve(step=peer.timed(make, 0.5, keep=1), first=peer.first(make), memory=memory)


if __name__ == "__main__":
    main()
