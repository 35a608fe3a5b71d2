#!/usr/bin/env python3
"""Times a training step of PyTorch: see peer.py. On cuda several steps are timed at a time and waited for.

    eager     as most write it: Adam with its defaults
    fused     Adam(fused=True)
    compile   the whole step, from the pixels to Adam, as one graph of torch.compile: faster here than
              compiling the loss alone, or the step as `eager` writes it, which breaks it into pieces;
              on cuda then captured in a CUDA graph
    graph     the step of `fused` captured in a CUDA graph
    gemms     the floor on cuda, no peer: a step's five matrix products alone in a CUDA graph
"""

import time

import torch
from torch import nn
from torch.nn import functional as F

import peer
import peer_memory

MODES = ["eager", "fused", "compile", "graph", "gemms"]


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


def network(model, width):
    torch.manual_seed(1)
    return {"tied": Tied, "classic": classic}[model](width)


def usual_step(net, **adam_options):
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, **adam_options)

    def step(x):
        adam.zero_grad()
        F.mse_loss(net(x), x).backward()
        adam.step()

    return step


def functional_step(net, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The same, with Adam (Kingma and Ba 2015, algorithm 1) written out: what a compiler takes whole."""
    params = {name: p.detach() for name, p in net.named_parameters()}
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in params.items()}
    t = torch.zeros((), device=next(iter(params.values())).device)

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


class Order:
    """Which images make step i, i64 [batch]: each image once in an epoch, a new permutation each."""

    def __init__(self, batch, device):
        self.batch, self.device, self.steps = batch, device, peer.IMAGES // batch

    def __call__(self, i):
        if i % self.steps == 0:
            order = torch.randperm(peer.IMAGES, device=self.device)
            self.rows = order[: self.steps * self.batch].view(self.steps, self.batch)
        return self.rows[i % self.steps]


class Graph:
    """run() captured in a CUDA graph. The graph knows tensors by their addresses: run is kept for their sake."""

    def __init__(self, run):
        self.run = run
        run()  # compiles
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # makes what is made at first: moments, workspaces
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            run()

    def replay(self):
        self.graph.replay()


def graph_step(whole, pool, order, gather):
    """A captured step reads its batch's index where the capture did, so that is where the next one is put."""
    index = order(0).clone()
    graph = Graph(lambda: whole(pool, index))

    def step(i):
        if gather:
            index.copy_(order(i))
        graph.replay()

    return step


def gemms(model, width, batch):
    """The products of floor.c, on numbers that mean nothing."""
    rand = lambda *shape: torch.rand(*shape, device="cuda")  # noqa: E731
    x, dz2 = rand(batch, peer.PIXELS), rand(batch, peer.PIXELS)
    h, dz1 = rand(batch, width), rand(batch, width)
    W1, dW1 = rand(peer.PIXELS, width), rand(peer.PIXELS, width)
    W2, dW2 = (W1, dW1) if model == "tied" else (rand(peer.PIXELS, width), rand(peer.PIXELS, width))
    z1, z2, dh = rand(batch, width), rand(batch, peer.PIXELS), rand(batch, width)

    def products():
        torch.mm(x, W1, out=z1)  # z1[B,L] = x[B,784] W1[784,L]
        torch.mm(h, W2.t(), out=z2)  # z2[B,784] = h[B,L] W2[784,L]^T
        torch.mm(dz2, W2, out=dh)  # dh[B,L] = dz2[B,784] W2[784,L]
        torch.mm(dz2.t(), h, out=dW2)  # dW2[784,L] = dz2[B,784]^T h[B,L]
        if model == "tied":
            dW1.addmm_(x.t(), dz1)  # dW1[784,L] += x[B,784]^T dz1[B,L]
        else:
            torch.mm(x.t(), dz1, out=dW1)

    graph = Graph(products)
    return lambda i: graph.replay()


def step_maker(o):
    pool = torch.from_numpy(peer.images(o.data)).to(o.device)
    order = Order(o.batch, o.device)
    fixed = pool[order(0)].float().div_(255)
    timing = {"chunk": peer.CUDA_BLOCK, "wait": torch.cuda.synchronize} if o.device == "cuda" else {}

    def training_step(model, width):
        net = network(model, width).to(o.device)
        adam_options = {"fused": {"fused": True}, "graph": {"fused": True, "capturable": True}}.get(o.mode, {})
        step = functional_step(net) if o.mode == "compile" else usual_step(net, **adam_options)

        def whole(pool, index):
            step(pool[index].float() / 255 if o.gather else fixed)

        if o.mode == "compile":
            whole = torch.compile(whole, fullgraph=True)
        if o.mode == "graph" or (o.mode == "compile" and o.device == "cuda"):
            return graph_step(whole, pool, order, o.gather)
        return lambda i: whole(pool, order(i))

    def make_step(model, width):
        if o.mode == "gemms":
            return {"step": gemms(model, int(width), o.batch), **timing}
        return {"step": training_step(model, int(width)), **timing}

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

    return lambda *words: " ".join("%.0f" % rate for rate in samples_per_second(int(words[0]), float(words[1])))


def touch_code():
    """A step of next to nothing: what a process does once is no model's."""
    usual_step(classic(1))(torch.zeros(1, peer.PIXELS))


def set_up(o):
    torch.set_num_threads(o.threads)
    torch.set_float32_matmul_precision("high" if o.precision == "tf32" else "highest")  # high: TF32, on a GPU


if __name__ == "__main__":
    o = peer.options(MODES)
    set_up(o)
    peer.serve(step=peer.timed(step_maker(o), peer.WARM_UP[o.device]), first=peer.first(step_maker(o)),
               loader=loader(o), memory=peer_memory.answers(step_maker(o), touch_code))
