#!/usr/bin/env python3
"""Times an epoch of each of the eight autoencoders in PyTorch, written in two ways:

    plain       a Dataset and a DataLoader (batch 40, shuffled, no workers) whose pictures are made floats one by one,
                as torchvision's ToTensor does; each batch goes to the device, and each loss comes back by item()
    on device   pixels, permutation and losses stay on the device; Adam(fused=True)

and says what all eight would take in 20 epochs each.
"""

import argparse
import time

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import peer
import peer_torch

BATCH, EPOCHS = 40, 20
STEPS = peer.IMAGES // BATCH  # of an epoch
MODELS = [(model, width) for model in ("tied", "classic") for width in (10, 50, 100, 300)]


class Pictures(Dataset):
    """u8 [N,28,28] and labels, a picture as f32 [1,28,28]."""

    def __init__(self, pixels):
        self.pixels = pixels.view(-1, 28, 28)
        self.labels = torch.arange(len(pixels)) % 10

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        return self.pixels[i].unsqueeze(0).float().div(255), int(self.labels[i])


def plain(net, pixels, device):
    """-> a generator that takes a step each time it is asked."""
    loader = DataLoader(Pictures(pixels), batch_size=BATCH, shuffle=True)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    while True:
        total = 0.0
        for x, _ in loader:
            x = x.to(device).view(len(x), -1)
            adam.zero_grad()
            loss = F.mse_loss(net(x), x)
            loss.backward()
            adam.step()
            total += loss.item()
            yield


def on_device(net, pixels, device):
    pixels = pixels.to(device)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    total = torch.zeros((), device=device)
    while True:
        order = torch.randperm(len(pixels), device=device)
        for index in order.split(BATCH):
            x = pixels[index].float().div_(255)
            adam.zero_grad()
            loss = F.mse_loss(net(x), x)
            loss.backward()
            adam.step()
            total += loss.detach()
            yield


def microseconds(way, model, width, pixels, o):
    """Of a step, the mean over o.steps of them, after twenty to warm up."""
    wait = torch.cuda.synchronize if o.device == "cuda" else lambda: None
    steps = way(peer_torch.network(model, width).to(o.device), pixels, o.device)
    for _ in range(20):
        next(steps)
    wait()
    start = time.perf_counter()
    for _ in range(o.steps):
        next(steps)
    wait()
    return (time.perf_counter() - start) / o.steps * 1e6


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--steps", type=int, default=STEPS, help="to time of each model (default: %d, an epoch)" % STEPS)
    p.add_argument("--threads", type=int, default=1, help="PyTorch's, on the CPU")
    p.add_argument("--data", help="directory with MNIST's train-images-idx3-ubyte.gz (default: synthetic pixels)")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.set_float32_matmul_precision("highest")
    pixels = torch.from_numpy(peer.images(o.data))
    name = torch.cuda.get_device_name() if o.device == "cuda" else "the CPU, threads %d" % o.threads
    print("PyTorch %s on %s: microseconds of a step, batch %d, %d steps each\n"
          % (torch.__version__, name, BATCH, o.steps))
    print("| model | L | plain | on device |\n|---|---|---|---|")
    sums = [0.0, 0.0]
    for model, width in MODELS:
        us = [microseconds(way, model, width, pixels, o) for way in (plain, on_device)]
        sums = [s + u for s, u in zip(sums, us)]
        print("| %s | %d | %.0f | %.0f |" % (model, width, *us), flush=True)
    seconds = [s * EPOCHS * STEPS * 1e-6 for s in sums]
    print("\nExtrapolated to %d models x %d epochs x %d steps, training alone: plain %.0f s, on device %.0f s"
          % (len(MODELS), EPOCHS, STEPS, *seconds))


if __name__ == "__main__":
    main()
