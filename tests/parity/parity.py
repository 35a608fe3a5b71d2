#!/usr/bin/env python3
"""Compares what the parity programs wrote into a directory with PyTorch: prints what differs, and counts of cases.

It is an error, too, if something is not compared: an op, a loss or an optimizer that has no twin, or one that a public
header declares and no program has cases of; and, without --lenient, a twin of nothing.
"""

import argparse
import collections
import pathlib
import re
import sys
import warnings

import torch

import cases
import function_check
import nn_check
import ops_check
import optim_check

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKS = {"op": ops_check.check, **nn_check.CHECKS, **optim_check.CHECKS}
TWINS = {"op": ops_check.TWINS, **nn_check.TWINS, **optim_check.TWINS}
DECLARED = {  # what a header calls those of a family
    "loss": ("nn/nn.h", r"reel_tensor \*reel_(\w+)_loss_at\("),
    "layer": ("nn/*.h", r"reel_module \*reel_(\w+)_new\("),
    "init": ("nn/nn.h", r"reel_tensor \*reel_(\w+)_\(reel_tensor \*t, reel_generator"),
    "optimizer": ("optim/optim.h", r"reel_optim \*reel_(\w+)_new\("),
    "schedule": ("optim/optim.h", r"reel_schedule \*reel_([a-z]\w*)_schedule_new\("),
    "clip": ("optim/optim.h", r"reel_(clip_\w+)\("),
}
ELSEWHERE = {  # declared as a layer, and what it is compared as
    "linear": "a family of its own",
    "dropout": "a family of its own",
    "sequential": "a list of layers",
    "module_list": "the same",
    "module_dict": "layers by name: it computes nothing",
    "parameter_list": "holds tensors: it computes nothing",
    "parameter_dict": "the same",
    "identity": "gives what it gets",
    "flatten": "a reshape, which is an op's",
    "unflatten": "the same",
    "dropout1d": "draws Reel's own random numbers, by channels",
    "dropout2d": "the same",
    "dropout3d": "the same",
    "alpha_dropout": "the same, by elements",
    "feature_alpha_dropout": "the same",
}
MOST_SHOWN = 3  # mismatches of a name


def missing(subjects, lenient):
    """Lines about what is not compared."""
    for family, names in subjects.items():
        without = ops_check.WITHOUT_TWIN if family == "op" else {}
        for name in names:
            if name not in TWINS[family] and name not in without:
                yield f"{family} {name}: has no twin, nor a reason in WITHOUT_TWIN"
        for name in [*TWINS[family], *without]:
            if name not in names and not lenient:
                yield f"{family} {name}: a twin of nothing"
    for family, (header, pattern) in DECLARED.items():
        text = "".join(path.read_text() for path in sorted(ROOT.glob(header)))
        for name in re.findall(pattern, text):
            if not covered(family, name, subjects):
                yield f"{family} {name}: {header} declares it, and no program has cases of it"


def covered(family, name, subjects):
    """Whether there are cases of what is declared: layers of one, two and three axes may share theirs."""
    if family != "layer":
        return name in subjects[family]
    anywhere = set().union(*subjects.values())
    return name in ELSEWHERE or name in anywhere or re.sub("[123]d$", "", name) in anywhere


def mismatches(case):
    """Lines that say what is wrong with a case."""
    if "failure" in case:
        return [f"Reel fails: {case['failure']}"]
    try:
        return CHECKS[case["family"]](case)
    except Exception as e:  # of PyTorch: another case may do
        return [f"the twin fails: {type(e).__name__}: {' '.join(str(e).split())[:300]}"]


def describe(case):
    if "inputs" in case:
        return function_check.describe(case)
    known = {"family", "name", "seed", "number", "part", "failure"}
    return ", ".join(f"{name} {value}" for name, value in case.items() if name not in known)


def show(case, lines):
    print(f"{case['family']} {case['name']} differs: {describe(case)}", *lines,
          f"again: ./dev parity --only {case['name']} --seed {case['seed']} --cases 1", sep="\n    ")


def compare(all_cases, counts, wrong):
    """Counts cases by family, and those that differ by (family, name)."""
    for case in all_cases:
        key = case["family"], case["name"]
        if case["family"] == "op" and case["name"] in ops_check.WITHOUT_TWIN:
            continue
        counts[case["family"]] += 1
        lines = mismatches(case)
        wrong[key] += bool(lines)
        if lines and wrong[key] <= MOST_SHOWN:
            show(case, lines)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("directory", type=pathlib.Path)
    p.add_argument("--lenient", action="store_true", help="let twins of nothing pass")
    o = p.parse_args()
    torch.set_num_threads(1)  # the tensors are small
    torch.set_default_dtype(torch.float64)  # of optimizers' own scalars too
    warnings.simplefilter("ignore")
    subjects, counts, wrong = {}, collections.Counter(), collections.Counter()
    for program in ("ops", "nn", "optim"):
        found, all_cases = cases.read(o.directory / program)
        subjects.update(found)
        compare(all_cases, counts, wrong)
    gaps = [f"{family} {name}: {count} cases differ" for (family, name), count in wrong.items() if count]
    gaps += missing(subjects, o.lenient)
    print(*gaps, sep="\n", end="\n" if gaps else "")
    print(", ".join(f"{family} {count}" for family, count in counts.items()))
    print(f"{sum(counts.values())} cases beside PyTorch {torch.__version__}, {sum(wrong.values())} differ")
    return 1 if gaps or not counts else 0


if __name__ == "__main__":
    sys.exit(main())
