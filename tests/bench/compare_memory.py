"""The tables of ./dev bench --memory: each figure is of a new process."""

import itertools
import os

import contest

WHAT = ["kept", "peak", "process"]


def megabytes(answer):
    return ["%.2f" % (n / 1e6) for n in answer] or ["-"] * len(WHAT)


def compare(o, say, start):
    """start(batch) -> contestants, Reel the first of them."""
    os.environ.update(KINETO_LOG_LEVEL="5", TORCH_CPP_LOG_LEVEL="ERROR")  # PyTorch's profiler talks
    names = ["reel", *o.peers]
    for batch in o.batch:
        say("\nMB of memory, batch %d: what tensors keep between steps, and their peak in a step (PyTorch's with an "
            "epoch's order, 0.48 MB, which Reel has elsewhere); by how much the process grew in 50 steps\n" % batch)
        contest.head(say, ["model", "L", *("%s %s" % pair for pair in itertools.product(names, WHAT))])
        for model, width in itertools.product(o.models, o.latents):
            answers = {}
            for c in start(batch):
                answers[c.name] = c.ask("memory", model, width)
                c.close()
            figures = (megabytes(answers.get(name, [])) for name in names)
            contest.row(say, [model, str(width), *itertools.chain(*figures)])
