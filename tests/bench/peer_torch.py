#!/usr/bin/env python3
"""Times a training step of PyTorch: see peer.py.

    eager     as most write it: Adam with its defaults
    fused     Adam(fused=True)
    compile   the whole step, from the pixels to Adam, as one graph of torch.compile: faster here than
              compiling the loss alone, or the step as `eager` writes it, which breaks it into pieces
"""

import time

import torch
from torch import nn
from torch.nn import functional as F

import peer

MODES = ["eager", "fused", "compile"]


class Tied(nn.Module):
    """h = relu(x W + b1), y = sigmoid(h W^T + b2), one element a bias."""

    def __init__(self, width):
        super().__init__()
        self.W = nn.Parameter(torch.randn(peer.PIXELS, width) * peer.PIXELS**-0.5)
        self.b1 = nn.Parameter(torch.zeros(1))
        self.b2 = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        h = torch.relu(x @ self.W + self.b1)
        return torch.sigmoid(h @ self.W.t() + self.b2)


def classic(width):
    return nn.Sequential(nn.Linear(peer.PIXELS, width), nn.ReLU(), nn.Linear(width, peer.PIXELS), nn.Sigmoid())


def usual_step(net, fused):
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)

    def step(x):
        adam.zero_grad()
        F.mse_loss(net(x), x).backward()
        adam.step()

    return step


def functional_step(net, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The same, with Adam (Kingma and Ba 2015, algorithm 1) written out: what a compiler takes whole."""
    params = {name: p.detach() for name, p in net.named_parameters()}
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in params.items()}
    t = torch.zeros(())

    def loss(params, x):
        return F.mse_loss(torch.func.functional_call(net, params, (x,)), x)

    def step(x):
        t.add_(1)
        grads = torch.func.grad(loss)(params, x)
        for name, g in grads.items():
            m, v = moments[name]
            m.mul_(beta1).add_(g, alpha=1 - beta1)
            v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
            params[name].sub_(lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps))

    return step


def step_maker(o):
    pool = torch.from_numpy(peer.images(o.data))
    order = torch.from_numpy(peer.order(o.batch))
    fixed = pool[order[0]].float().div_(255)

    def make_step(model, width):
        torch.manual_seed(1)
        net = {"tied": Tied, "classic": classic}[model](width)
        step = functional_step(net) if o.mode == "compile" else usual_step(net, o.mode == "fused" or None)

        def whole(pool, index):
            step(pool[index].float() / 255 if o.gather else fixed)

        if o.mode == "compile":
            whole = torch.compile(whole, fullgraph=True)
        return {"step": lambda i: whole(pool, order[i % len(order)])}

    return make_step


class Pixels(torch.utils.data.TensorDataset):
    """u8 images and labels; an image as floats, as torchvision's ToTensor makes it."""

    def __getitem__(self, i):
        x, y = super().__getitem__(i)
        return x.float().div_(255), y


def loader(o):
    def samples_per_second(batch, seconds):
        pool = torch.from_numpy(peer.images(o.data))
        dataset = Pixels(pool, torch.arange(len(pool)) % 10)
        for workers in (0, 2):
            batches = torch.utils.data.DataLoader(dataset, batch, shuffle=True, num_workers=workers)
            turns = iter(batches)
            next(turns)  # starts the workers
            start, samples = time.perf_counter(), 0
            for x, _ in turns:
                samples += len(x)
                if time.perf_counter() - start > seconds:
                    break
            yield samples / (time.perf_counter() - start)

    return samples_per_second


if __name__ == "__main__":
    o = peer.options(MODES)
    torch.set_num_threads(o.threads)
    peer.serve(step_maker(o), loader(o))
