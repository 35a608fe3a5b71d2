#!/usr/bin/env python3
"""Times Reel beside PyTorch and JAX: a training step, the loaders (--loader), or single ops (--ops); or says, beside
PyTorch, how much memory a step takes (--memory).

All programs are started once, then asked in turn, round after round, so that what the machine does meanwhile
meets all of them. A figure is the median over rounds of a round's median; a ratio is the median of the rounds'
ratios. A figure with a "?" is not to be trusted: its rounds differ by more than a factor of two, because something
else wanted the cores. What they are asked and answer stands in peer.py; build/tests/bench/bench_step answers also

    floor MODEL L SECONDS
        -> GEMM ELEMENTWISE       microseconds

which is the least that a step can take: its matrix products alone, and one pass for each thing that is not one.

With --device cuda the pixels lie on the GPU, where a step picks its rows by a random order, and steps are timed fifty
at a time, with one wait at their end. The floor is there the step's five products alone, by cuBLAS in a CUDA graph.
"""

import argparse
import importlib.metadata
import importlib.util
import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import compare_builds
import compare_memory
import compare_models
import compare_ops
import contest

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {
    "torch eager": ("torch", "peer_torch.py", "eager"),
    "torch fused": ("torch", "peer_torch.py", "fused"),
    "torch compile": ("torch", "peer_torch.py", "compile"),
    "torch graph": ("torch", "peer_torch.py", "graph"),
    "jax jit": ("jax", "peer_jax.py", "jit"),
    "jax scan": ("jax", "peer_jax.py", "scan"),
    "reel eager": None,
}
GEMMS = ("torch", "peer_torch.py", "gemms")
OPS_PEERS = {
    "torch": ("torch", "peer_torch_ops.py", "ops"),
    "jax": ("jax", "peer_jax_ops.py", "ops"),
}
MODELS_PEERS = {
    "torch eager": ("torch", "peer_models.py", "eager"),
    "torch compile": ("torch", "peer_models.py", "compile"),
    "torch graph": ("torch", "peer_models.py", "graph"),
    "torch compile graph": ("torch", "peer_models.py", "compiled"),
    "reel eager": None,
}
DEFAULTS = {  # by what is timed, and where
    ("steps", "cpu"): dict(batch=[40], latents=[10, 50, 100, 300], threads=[1, 2], rounds=7, seconds=0.5,
                           peers=["torch eager", "torch fused", "torch compile", "jax jit"]),
    ("steps", "cuda"): dict(batch=[40, 256, 4096], latents=[10, 100, 300], threads=[1], rounds=5, seconds=0.2,
                            peers=["torch eager", "torch fused", "torch graph", "jax jit"]),
    ("zoo", "cpu"): dict(threads=[1, 2], rounds=3, seconds=2, peers=["torch eager", "torch compile"]),
    ("zoo", "cuda"): dict(threads=[1], rounds=3, seconds=0.5,
                          peers=["reel eager", "torch compile", "torch graph", "torch compile graph"]),
    ("ops", "cpu"): dict(threads=[1, 2], rounds=3, seconds=0.03, peers=["torch", "jax"],
                         sizes=sorted([31360, *(4**k for k in range(5, 13))])),
    ("ops", "cuda"): dict(threads=[1], rounds=3, seconds=0.03, peers=["torch"],
                          sizes=sorted([31360, *(4**k for k in range(5, 15))])),
}


def names(text):
    return text.split(",")


def numbers(text):
    return [int(n) for n in text.split(",")]


def default(name):
    """What --help says of an option's default."""
    show = lambda value: ",".join(map(str, value)) if isinstance(value, list) else str(value)  # noqa: E731
    return "default: " + "; ".join("%s on %s %s" % (*key, show(d[name])) for key, d in DEFAULTS.items() if name in d)


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--ops", type=names, nargs="?", const=compare_ops.OPS,
                   help="time single ops instead; all, or some: add,sum_0")
    p.add_argument("--sizes", type=numbers, help="elements of the ops' x; " + default("sizes"))
    p.add_argument("--models", type=names, default=["tied", "classic"], dest="models",
                   help="autoencoders (default: tied,classic)")
    p.add_argument("--zoo", type=names, nargs="?", const=compare_models.NAMES,
                   help="time steps of larger models instead; all, or some of " + ",".join(compare_models.NAMES))
    p.add_argument("--latents", type=numbers, help=default("latents"))
    p.add_argument("--batch", type=numbers, help=default("batch"))
    p.add_argument("--threads", type=numbers, help=default("threads"))
    p.add_argument("--peers", type=names, help="of: %s; for ops of: %s" % (",".join(PEERS), ",".join(OPS_PEERS)))
    p.add_argument("--precision", choices=["f32", "tf32", "strict"], default="f32", help="of a step's products on cuda")
    p.add_argument("--rounds", type=int, help=default("rounds"))
    p.add_argument("--seconds", type=float, help="of each program in each round; " + default("seconds"))
    p.add_argument("--no-gather", action="store_true", help="leave the making of the batch out of the step")
    p.add_argument("--data", help="directory with MNIST (default: synthetic pixels)")
    p.add_argument("--loader", action="store_true", help="time the loaders instead (on the CPU)")
    p.add_argument("--memory", action="store_true", help="say what memory a step takes instead (on the CPU)")
    p.add_argument("--build", default=HERE.parent.parent / "build", type=pathlib.Path)
    p.add_argument("--against", type=pathlib.Path, metavar="BUILD",
                   help="in place of the peers: another build of Reel, of an older commit say, with its benchmarks")
    p.add_argument("--out", type=pathlib.Path, help="write the tables here too")
    o = p.parse_args()
    if o.memory and not o.zoo and o.peers is None:
        o.peers, o.batch = ["torch eager", "torch fused"], o.batch or [40, 256]
    for name, value in DEFAULTS["ops" if o.ops else "zoo" if o.zoo else "steps", o.device].items():
        if getattr(o, name) is None:
            setattr(o, name, value)
    check(o, p.error)
    return o


def check(o, error):
    for name in o.peers:
        if name not in (OPS_PEERS if o.ops else MODELS_PEERS if o.zoo else PEERS):
            error("no such peer: " + name)
        if name.endswith("graph") and o.device == "cpu":
            error(name + ": it is CUDA's")
    for name in o.ops or []:
        if name not in compare_ops.OPS:
            error("no such op: " + name)
    if o.loader and (o.ops or o.device != "cpu"):
        error("--loader: the loaders are timed alone, and on the CPU")
    if o.memory and (o.ops or o.loader or (o.device != "cpu" and not o.zoo)):
        error("--memory: of steps, and on the CPU")
    if o.precision != "f32" and (o.ops or o.device == "cpu"):
        error("--precision: of a step, and on cuda")
    if not (o.build / "tests/bench/bench_step").exists():
        error("no bench_step in %s: build it first" % o.build)


def start(o, program, peers, *common):
    """peers: {name: (module, script, mode)}, None for Reel itself without capture; those whose module is not here are
    left out."""
    common = ["--device", o.device, *common]
    contestants = [contest.Contestant("reel", [o.build / "tests/bench" / program, *common])]
    for name, peer in peers.items():
        if peer is None:  # the same, as it is
            contestants.append(contest.Contestant(name, [o.build / "tests/bench" / program, *common, "--eager", "yes"]))
            continue
        module, script, mode = peer
        if importlib.util.find_spec(module):
            contestants.append(contest.Contestant(name, [sys.executable, HERE / script, "--mode", mode, *common]))
    return contestants


def start_steps(o, batch, threads):
    common = ["--batch", batch, "--threads", threads, "--precision", o.precision]
    if o.no_gather:
        common += ["--no-gather"]
    if o.data:
        common += ["--data", o.data]
    peers = {name: PEERS[name] for name in o.peers}
    if o.device == "cuda" and not o.loader:
        peers["gemm"] = GEMMS
    return start(o, "bench_step", peers, *common)


def start_ops(o, threads):
    return start(o, "bench_ops", {name: OPS_PEERS[name] for name in o.peers}, "--threads", threads)


def start_models(o, threads):
    return start(o, "bench_models", {name: MODELS_PEERS[name] for name in o.peers}, "--threads", threads,
                 "--precision", o.precision)


def race(contestants, o, model, width):
    """-> {name: [median of each round]}, with "gemm" and "elementwise" for the floor."""
    for c in contestants:  # each builds, compiles, warms up, and all at once
        c.send("step", model, width, 0.1)
    ready = [c for c in contestants if c.receive()]
    figures = {}
    for _ in range(o.rounds):
        for name, medians in contest.race(ready, 1, "step", model, width, o.seconds).items():
            figures.setdefault(name, []).extend(medians)
        if o.device == "cpu":
            for part, us in zip(("gemm", "elementwise"), contestants[0].ask("floor", model, width, o.seconds)):
                figures.setdefault(part, []).append(us)
    return figures


def row(figures, floor, peers):
    reel, eager = figures.get("reel"), figures.get("torch eager")
    least = [sum(parts) for parts in zip(*(figures.get(part, []) for part in floor))]
    fastest = min((figures[p] for p in peers if p in figures), key=statistics.median, default=None)
    return [*(contest.microseconds(figures.get(name)) for name in ("reel", *floor, *peers)),
            contest.ratio(reel, least), contest.ratio(reel, eager), contest.ratio(reel, fastest)]


def compare_steps(o, say):
    floor = {"gemm": "GEMM alone", "elementwise": "elementwise alone"}
    if o.device == "cuda":
        floor = {"gemm": "GEMMs in a graph"}
    for batch, threads in itertools.product(o.batch, o.threads):
        contestants = start_steps(o, batch, threads)
        peers = [c.name for c in contestants[1:] if c.name not in floor]
        where = "threads %d" % threads if o.device == "cpu" else "on the GPU, products in " + o.precision
        say("\nMicroseconds of a training step, batch %d, %s%s\n"
            % (batch, where, ", batch made beforehand" if o.no_gather else ""))
        contest.head(say, ["model", "L", "reel", *floor.values(), *peers,
                           "reel / floor", "reel / torch eager", "reel / fastest peer"])
        for model, width in itertools.product(o.models, o.latents):
            contest.row(say, [model, str(width), *row(race(contestants, o, model, width), floor, peers)])
        for c in contestants:
            c.close()


def compare_loaders(o, say):
    o.peers = [p for p in o.peers if p == "torch eager"]
    for batch in o.batch:
        say("\nSamples a second from a shuffled loader, batch %d\n" % batch)
        contest.head(say, ["", "0 workers", "2 workers"])
        contestants = start_steps(o, batch, 1)
        for c in contestants:
            rounds = list(filter(None, (c.ask("loader", batch, o.seconds) for _ in range(o.rounds))))
            contest.row(say, [c.name, *(["%.0f" % statistics.median(r) for r in zip(*rounds)] or ["-", "-"])])
            c.close()


def machine(device):
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        lines = open("/proc/cpuinfo").read().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    parts = ["%s, %d processors" % (model, len(os.sched_getaffinity(0)))]
    if device == "cuda" and shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        parts += subprocess.run(query, text=True, capture_output=True).stdout.splitlines()[:1]
    peers = ["%s %s" % (m, importlib.metadata.version(m)) for m in ("torch", "jax") if importlib.util.find_spec(m)]
    return "; ".join([*parts, ", ".join(peers) or "no peers here"])


def main():
    o = options()
    lines = []

    def say(line):
        print(line, flush=True)
        lines.append(line)

    say(machine(o.device))
    if o.against:
        compare_builds.compare(o, say)
    elif o.zoo:
        compare = compare_models.compare_memory if o.memory else compare_models.compare
        compare(o, say, lambda threads: start_models(o, threads))
    elif o.memory:
        compare_memory.compare(o, say, lambda batch: start_steps(o, batch, 1))
    elif o.ops:
        compare_ops.compare(o, say, lambda threads: start_ops(o, threads))
    else:
        (compare_loaders if o.loader else compare_steps)(o, say)
    if o.out:
        o.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
