#!/usr/bin/env python3
"""Every layer that torch.nn has in the groups below stands in doc/coming-from-pytorch.md, with Reel's name for it or
the reason why there is none; and nothing else does. That Reel's names are declared is a rule of test_structure.sh."""

import importlib
import pathlib
import re
import sys

GROUPS = ["conv", "pooling", "padding", "fold", "activation", "batchnorm", "instancenorm", "normalization", "rnn",
          "transformer", "linear", "dropout", "sparse", "distance", "pixelshuffle", "channelshuffle", "upsampling",
          "flatten", "container"]
DOC = pathlib.Path(__file__).resolve().parents[2] / "doc/coming-from-pytorch.md"


def rows():
    """{layer: Reel's side of the table}"""
    found = {}
    for line in DOC.read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == 2:
            for name in re.findall(r"`nn\.(\w+)`", cells[0]):
                found[name] = cells[1]
    return found


def main():
    theirs = {n for g in GROUPS for n in importlib.import_module("torch.nn.modules." + g).__all__}
    ours, wrong = rows(), []
    wrong += [f"nn.{n}: not in {DOC.name}" for n in sorted(theirs - set(ours))]
    wrong += [f"nn.{n}: torch.nn has no such layer" for n in sorted(set(ours) - theirs)]
    wrong += [f"nn.{n}: neither a name nor a reason" for n, cell in sorted(ours.items())
              if not re.search(r"`reel_\w+`|left out: \w+", cell)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(theirs)} layers of torch.nn, {sum('left out' in c for c in ours.values())} left out")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
