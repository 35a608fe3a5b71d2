"""The models of models.h in PyTorch, as its users write them, with the same names of parameters."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Cnn(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.dropout1, self.dropout2 = nn.Dropout(dropout / 2), nn.Dropout(dropout)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(self.dropout1(x), 1)
        return self.fc2(self.dropout2(F.relu(self.fc1(x))))


class Block(nn.Module):
    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or width != out:
            self.downsample = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Resnet(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64)
        for i in range(4):
            out = 64 << i
            blocks = nn.Sequential(Block(out // 2 if i else 64, out, 2 if i else 1), Block(out, out, 1))
            self.add_module("layer%d" % (i + 1), blocks)
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Convnext(nn.Module):
    def __init__(self, dropout, channels=96):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(1e-6 * torch.ones(channels))

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.pwconv2(F.gelu(self.pwconv1(y))) * self.gamma
        return x + y.permute(0, 3, 1, 2)


class Lstm(nn.Module):
    def __init__(self, dropout, words=10000, width=650):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(words, width)
        self.rnn = nn.LSTM(width, width, 2, dropout=dropout, batch_first=True)
        self.decoder = nn.Linear(width, words)

    def forward(self, x):
        return self.decoder(self.drop(self.rnn(self.drop(self.encoder(x)))[0]))


class GptBlock(nn.Module):
    def __init__(self, dropout, width=384, heads=6):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.c_attn = nn.Linear(width, 3 * width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=False)
        self.c_fc = nn.Linear(width, 4 * width, bias=False)
        self.c_out = nn.Linear(4 * width, width, bias=False)
        self.drop = nn.Dropout(dropout)

    def attend(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.c_attn(x).split(C, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))

    def forward(self, x):
        x = x + self.drop(self.attend(self.ln_1(x)))
        return x + self.drop(self.c_out(F.gelu(self.c_fc(self.ln_2(x)))))


class Gpt(nn.Module):
    def __init__(self, dropout, layers=6, width=384, context=256, characters=65):
        super().__init__()
        self.wte = nn.Parameter(0.02 * torch.randn(characters, width))
        self.wpe = nn.Parameter(0.02 * torch.randn(context, width))
        self.drop, self.ln_f = nn.Dropout(dropout), nn.LayerNorm(width, bias=False)
        for i in range(layers):
            self.add_module("h%d" % i, GptBlock(dropout, width))
        self.layers = layers
        for name, p in self.named_parameters():
            if p.dim() == 2:
                last = name.endswith(("c_proj.weight", "c_out.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if last else 0.02)

    def forward(self, x):
        y = self.drop(F.embedding(x, self.wte) + self.wpe[: x.shape[1]])
        for i in range(self.layers):
            y = getattr(self, "h%d" % i)(y)
        return self.ln_f(y) @ self.wte.t()


class Vit(nn.Module):
    def __init__(self, dropout, width=192, heads=3, layers=12, patch=4):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, 65, width))
        for i in range(layers):
            self.add_module("layer%d" % i, nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, F.gelu, batch_first=True, norm_first=True))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)
        self.layers = layers

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.places
        for i in range(self.layers):
            x = getattr(self, "layer%d" % i)(x)
        return self.head(self.norm(x)[:, 0])


MODELS = {"cnn": (Cnn, 0.5), "resnet": (Resnet, 0.0), "convnext": (Convnext, 0.0), "lstm": (Lstm, 0.5),
          "gpt": (Gpt, 0.2), "vit": (Vit, 0.0)}


def make(name, dropout=None):
    model, drops = MODELS[name]
    return model(drops if dropout is None else dropout)


def draw(name, batch, device):
    """A batch of the kind that zoo_draw makes."""
    randint = lambda n, *shape: torch.randint(n, shape, device=device)  # noqa: E731
    if name == "lstm":
        return randint(10000, batch, 35), randint(10000, batch, 35)
    if name == "gpt":
        return randint(65, batch, 256), randint(65, batch, 256)
    if name == "convnext":
        return torch.randn(batch, 96, 32, 32, device=device), torch.randn(batch, 96, 32, 32, device=device)
    shape = (1, 28, 28) if name == "cnn" else (3, 32, 32)
    return torch.randn(batch, *shape, device=device), randint(10, batch)


def loss_of(name, y, target):
    if name == "convnext":
        return F.mse_loss(y, target)
    return F.cross_entropy(y.reshape(-1, y.shape[-1]), target.reshape(-1))
