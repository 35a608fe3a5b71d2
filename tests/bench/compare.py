#!/usr/bin/env python3
"""Times a training step of Reel beside PyTorch's and JAX's, and beside the least it can take (the floor: its
matrix products alone, and one pass for each thing that is not one).

All programs are started once, then asked in turn, round after round, so that what the machine does meanwhile
meets all of them. A figure is the median over rounds of a round's median; a ratio is the median of the rounds'
ratios. A figure with a "?" is not to be trusted: its rounds differ by more than a factor of two, because something
else wanted the cores. What they are asked and answer stands in peer.py; build/tests/bench/bench_step answers also

    floor MODEL L SECONDS
        -> GEMM ELEMENTWISE       microseconds
"""

import argparse
import importlib.metadata
import importlib.util
import itertools
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {
    "torch eager": ("torch", "peer_torch.py", "eager"),
    "torch fused": ("torch", "peer_torch.py", "fused"),
    "torch compile": ("torch", "peer_torch.py", "compile"),
    "jax jit": ("jax", "peer_jax.py", "jit"),
}


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    numbers = lambda text: [int(n) for n in text.split(",")]  # noqa: E731
    p.add_argument("--models", type=names, default=["tied", "classic"])
    p.add_argument("--latents", type=numbers, default=[10, 50, 100, 300])
    p.add_argument("--batch", type=numbers, default=[40], help="one or more, as 40,256")
    p.add_argument("--threads", type=numbers, default=[1, 2])
    p.add_argument("--peers", type=names, default=list(PEERS), help="of: " + ",".join(PEERS))
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=0.5, help="of each program in each round")
    p.add_argument("--no-gather", action="store_true", help="leave the making of the batch out of the step")
    p.add_argument("--data", help="directory with MNIST (default: synthetic pixels)")
    p.add_argument("--loader", action="store_true", help="time the loaders instead")
    p.add_argument("--build", default=HERE.parent.parent / "build", type=pathlib.Path)
    p.add_argument("--out", type=pathlib.Path, help="write the tables here too")
    o = p.parse_args()
    for name in o.peers:
        if name not in PEERS:
            p.error("no such peer: " + name)
    if not (o.build / "tests/bench/bench_step").exists():
        p.error("no bench_step in %s: build it first" % o.build)
    return o


class Contestant:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen([str(word) for word in command], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        """The numbers it answers; None, and a line to stderr, if it cannot."""
        question, line = " ".join(map(str, words)), ""
        try:
            print(question, file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
            return [float(number) for number in line.split()] or None
        except (ValueError, BrokenPipeError):
            print("%s: %s: %s" % (self.name, question, line.strip() or "no answer"), file=sys.stderr)
            return None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start(o, batch, threads):
    common = ["--batch", batch, "--threads", threads]
    if o.no_gather:
        common += ["--no-gather"]
    if o.data:
        common += ["--data", o.data]
    contestants = [Contestant("reel", [o.build / "tests/bench/bench_step"] + common)]
    for name in o.peers:
        module, script, mode = PEERS[name]
        if importlib.util.find_spec(module):
            contestants.append(Contestant(name, [sys.executable, HERE / script, "--mode", mode] + common))
    return contestants


def race(contestants, o, model, width):
    """-> {name: [median of each round]}, with "gemm" and "elementwise" for the floor."""
    question = model, width, o.seconds
    for c in contestants:  # builds, compiles, warms up
        c.ask("step", model, width, 0.1)
    figures = {}
    for _ in range(o.rounds):
        for c in contestants:
            answer = c.ask("step", *question)
            if answer:
                figures.setdefault(c.name, []).append(answer[0])
        floor = contestants[0].ask("floor", *question)
        if floor:
            figures.setdefault("gemm", []).append(floor[0])
            figures.setdefault("elementwise", []).append(floor[1])
    return figures


def ratio(a, b):
    return "%.2f" % statistics.median(x / y for x, y in zip(a, b)) if a and b else "-"


def microseconds(rounds):
    if not rounds:
        return "-"
    return "%.0f%s" % (statistics.median(rounds), "?" if max(rounds) > 2 * min(rounds) else "")


def row(figures, peers):
    middle = lambda name: microseconds(figures.get(name))  # noqa: E731
    reel, eager = figures.get("reel"), figures.get("torch eager")
    floor = [g + e for g, e in zip(figures.get("gemm", []), figures.get("elementwise", []))]
    fastest = min((figures[p] for p in peers if p in figures), key=statistics.median, default=None)
    return [middle("reel"), middle("gemm"), middle("elementwise"), *map(middle, peers),
            ratio(reel, floor), ratio(reel, eager), ratio(reel, fastest)]


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        lines = open("/proc/cpuinfo").read().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    versions = ["%s %s" % (m, importlib.metadata.version(m)) for m in ("torch", "jax") if importlib.util.find_spec(m)]
    return "%s, %d processors; %s" % (model, len(os.sched_getaffinity(0)), ", ".join(versions) or "no peers here")


def compare_steps(o, say):
    for batch, threads in itertools.product(o.batch, o.threads):
        contestants = start(o, batch, threads)
        peers = [c.name for c in contestants[1:]]
        say("\nMicroseconds of a training step, batch %d, threads %d%s\n"
            % (batch, threads, ", batch made beforehand" if o.no_gather else ""))
        head = ["model", "L", "reel", "GEMM alone", "elementwise alone", *peers,
                "reel / floor", "reel / torch eager", "reel / fastest peer"]
        say("| " + " | ".join(head) + " |")
        say("|" + "---|" * len(head))
        for model, width in itertools.product(o.models, o.latents):
            cells = row(race(contestants, o, model, width), peers)
            say("| " + " | ".join([model, str(width)] + cells) + " |")
        for c in contestants:
            c.close()


def compare_loaders(o, say):
    o.peers = [p for p in o.peers if p == "torch eager"]
    for batch in o.batch:
        say("\nSamples a second from a shuffled loader, batch %d\n" % batch)
        say("| | 0 workers | 2 workers |\n|---|---|---|")
        contestants = start(o, batch, 1)
        for c in contestants:
            rounds = list(filter(None, (c.ask("loader", batch, o.seconds) for _ in range(o.rounds))))
            say("| %s | %s |" % (c.name, " | ".join("%.0f" % statistics.median(r) for r in zip(*rounds)) or "-"))
            c.close()


def main():
    o = options()
    lines = []

    def say(line):
        print(line, flush=True)
        lines.append(line)

    say(machine())
    (compare_loaders if o.loader else compare_steps)(o, say)
    if o.out:
        o.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
