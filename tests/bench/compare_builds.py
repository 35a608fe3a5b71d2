"""Reel beside Reel: two builds are asked in turn, the order turned round each time, what a change did to speed."""

import itertools
import statistics

import compare_ops
import contest


def pair(o, program, *common):
    """The build under test, and the one that it is held against."""
    return [contest.Contestant(name, [build / "tests/bench" / program, "--device", o.device, *common])
            for name, build in (("new", o.build), ("old", o.against))]


def ratios(builds, rounds, *question):
    """-> {name: [median of each round]}, [new / old of each round]"""
    figures = {c.name: [] for c in builds}
    for c in builds:
        c.ask(*question[:-1], 0.05)  # builds, and warms up
    for turn in range(rounds):
        for c in builds[:: 1 if turn % 2 == 0 else -1]:
            answer = c.ask(*question)
            figures[c.name] += answer[:1]
    return figures, [new / old for new, old in zip(figures["new"], figures["old"])]


def table(o, say, builds, rows):
    """rows: (name, question). -> the median ratio of each row"""
    medians = []
    contest.head(say, ["", "new", "old", "new / old", "lowest", "highest"])
    for name, question in rows:
        figures, by_round = ratios(builds, o.rounds, *question, o.seconds)
        if not by_round:
            continue
        medians.append(statistics.median(by_round))
        contest.row(say, [name, *(contest.microseconds(figures[c.name]) for c in builds),
                          *("%.3f" % r for r in (medians[-1], min(by_round), max(by_round)))])
    return medians


def steps(o, say):
    for batch, threads in itertools.product(o.batch, o.threads):
        say("\nMicroseconds of a training step, batch %d, threads %d\n" % (batch, threads))
        common = ["--batch", batch, "--threads", threads] + (["--data", o.data] if o.data else [])
        builds = pair(o, "bench_step", *common)
        yield table(o, say, builds, [("%s %d" % which, ("step", *which))
                                     for which in itertools.product(o.models, o.latents)])
        for c in builds:
            c.close()


def single_ops(o, say):
    for threads in o.threads:
        say("\nMicroseconds of an op, threads %d\n" % threads)
        builds = pair(o, "bench_ops", "--threads", threads)
        cases = [(c.op, compare_ops.shape(c, size, o.device))
                 for c in compare_ops.CASES if c.op in o.ops and c.op != "matmul_tf32" for size in o.sizes]
        yield table(o, say, builds, [("%s %d x %d" % (op, *size), ("op", op, *size)) for op, size in cases if size])
        for c in builds:
            c.close()


def compare(o, say):
    medians = [m for part in (single_ops if o.ops else steps)(o, say) for m in part]
    say("\nnew / old, over %d rows: median %.3f, %.3f to %.3f"
        % (len(medians), statistics.median(medians), min(medians), max(medians)))
