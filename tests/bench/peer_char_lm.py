#!/usr/bin/env python3
"""char_lm's recipe in PyTorch: the same models, drawn as PyTorch draws them, AdamW, one cycle, the same windows in
number; prints what char_lm prints. The validation losses of both are to be within 1 % of each other.

    peer_char_lm.py --model gpt|lstm --text FILE [--steps N] [--device cuda] ...
"""

import argparse

import torch
from torch import nn
from torch.nn import functional as F


class Gpt(nn.Module):
    def __init__(self, o, characters):
        super().__init__()
        self.tokens, self.places = nn.Embedding(characters, o.width), nn.Embedding(o.context, o.width)
        self.drop = nn.Dropout(o.dropout)
        layers = [nn.TransformerEncoderLayer(o.width, o.heads, 4 * o.width, o.dropout, F.gelu, batch_first=True,
                                             norm_first=True) for _ in range(o.layers)]
        self.body, self.norm = nn.ModuleList(layers), nn.LayerNorm(o.width)
        self.head = nn.Linear(o.width, characters)

    def forward(self, x):
        T = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(T, device=x.device)
        x = self.drop(self.tokens(x) + self.places.weight[:T])
        for layer in self.body:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.head(self.norm(x))


class Lstm(nn.Module):
    def __init__(self, o, characters):
        super().__init__()
        self.tokens, self.drop = nn.Embedding(characters, o.width), nn.Dropout(o.dropout)
        self.body = nn.LSTM(o.width, o.width, o.layers, dropout=o.dropout, batch_first=True)
        self.head = nn.Linear(o.width, characters)

    def forward(self, x):
        return self.head(self.drop(self.body(self.drop(self.tokens(x)))[0]))


def windows(text, starts, T):
    w = text[starts[:, None] + torch.arange(T + 1, device=text.device)]
    return w[:, :-1], w[:, 1:]


def loss_of(net, x, y):
    return F.cross_entropy(net(x).flatten(0, 1), y.flatten())


def validate(net, text, o):
    net.eval()
    starts = torch.arange((len(text) - 1) // o.context, device=text.device) * o.context
    total = 0.0
    with torch.no_grad():
        for part in starts.split(o.batch):
            total += loss_of(net, *windows(text, part, o.context)).item() * len(part)
    net.train()
    return total / len(starts)


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", choices=["gpt", "lstm"], default="gpt")
    p.add_argument("--text", required=True)
    p.add_argument("--device", default="cpu")
    for name, value in dict(steps=2000, batch=64, context=256, width=384, layers=6, heads=6, seed=1).items():
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--dropout", type=float, default=0.2)
    return p.parse_args()


def main():
    o = options()
    torch.backends.cudnn.allow_tf32 = False  # of the LSTM; as char_lm computes
    torch.manual_seed(o.seed)
    raw = open(o.text, "rb").read()
    number = {c: i for i, c in enumerate(sorted(set(raw)))}
    text = torch.tensor([number[c] for c in raw], device=o.device)
    cut = len(text) - len(text) // 10
    train, valid = text[:cut], text[cut:]
    net = {"gpt": Gpt, "lstm": Lstm}[o.model](o, len(number)).to(o.device)
    adam = torch.optim.AdamW(net.parameters(), lr=o.lr, betas=(0.9, 0.99), weight_decay=0.1, fused=o.device != "cpu")
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, o.lr, total_steps=o.steps, pct_start=0.05, cycle_momentum=False)
    for step in range(1, o.steps + 1):
        starts = torch.randint(len(train) - o.context, (o.batch,), device=o.device)
        loss = loss_of(net, *windows(train, starts, o.context))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        if step < o.steps:
            schedule.step()
        if step % 250 == 0 or step == o.steps:
            print(f"step {step}  loss {loss.item():.4f}  validation {validate(net, valid, o):.4f}", flush=True)


if __name__ == "__main__":
    main()
