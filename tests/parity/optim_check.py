"""Optimizers, clipping and schedules, and their twins in torch.optim: after every step."""

import torch
from torch import optim
from torch.optim import lr_scheduler as rates

import function_check


def options(c, *names):
    """Those of a case that PyTorch names alike, and as plain loops, which are what its documentation has."""
    found = {name: c[name] for name in ("lr", "eps", "weight_decay", "momentum", *names) if name in c}
    found |= {name: bool(c[name]) for name in ("nesterov", "amsgrad", "centered", "maximize") if name in c}
    if "beta1" in c:
        found["betas"] = float(c["beta1"]), float(c["beta2"])
    if "decoupled" in c:
        found["decoupled_weight_decay"] = bool(c["decoupled"])
    return {**found, "foreach": False}


class Lion(optim.Optimizer):
    """Program 1 of Chen et al. (2023); PyTorch has none."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(group["betas"][0] * m + (1 - group["betas"][0]) * g))
                m.mul_(group["betas"][1]).add_(g, alpha=1 - group["betas"][1])


OPTIMIZERS = {
    "sgd": lambda groups, c: optim.SGD(groups, **options(c, "dampening")),
    "adam": lambda groups, c: optim.Adam(groups, **options(c)),
    "adamw": lambda groups, c: optim.AdamW(groups, **options(c)),
    "nadam": lambda groups, c: optim.NAdam(groups, **options(c, "momentum_decay")),
    "radam": lambda groups, c: optim.RAdam(groups, **options(c)),
    "adamax": lambda groups, c: optim.Adamax(groups, **options(c)),
    "rmsprop": lambda groups, c: optim.RMSprop(groups, **options(c, "alpha")),
    "adagrad": lambda groups, c: optim.Adagrad(groups, **options(c, "lr_decay", "initial_accumulator_value")),
    "adadelta": lambda groups, c: optim.Adadelta(groups, **options(c, "rho")),
    "lion": lambda groups, c: Lion(groups, options(c)),
    "asgd": lambda groups, c: optim.ASGD(groups, **options(c, "lambd", "alpha", "t0")),
}


def clip_grad_norm(parameters, limit):
    return torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=False)


def clip_grad_value(parameters, limit):
    torch.nn.utils.clip_grad_value_(parameters, limit, foreach=False)


CLIPS = {"clip_grad_norm": clip_grad_norm, "clip_grad_value": clip_grad_value}


# ---- optimizers ----

def run(case, dtype):
    """-> [parameters after each step]"""
    parameters = [torch.nn.Parameter(t.to(dtype)) for t in case.all_tensors("before").values()]
    gradients = [t.to(dtype) for t in case.all_tensors("gradients").values()]
    present = case.all_tensors("present")
    first = case["first_of_second"]
    groups = [{"params": parameters[:first]}]
    if first < len(parameters):
        groups.append({"params": parameters[first:], "lr": case["lr1"], "weight_decay": case["weight_decay1"]})
    optimizer = OPTIMIZERS[case["name"]](groups, case)
    after = [[] for _ in parameters]
    for step in range(len(gradients[0])):
        for i, (p, g) in enumerate(zip(parameters, gradients)):
            p.grad = g[step].view(p.shape).clone() if present[i][step] else None
        optimizer.step()
        for p, rows in zip(parameters, after):
            rows.append(p.detach().flatten().clone())
    return [torch.stack(rows) for rows in after]


def check_optimizer(case):
    """In f32 steps may make errors grow: up to four times as far from the truth as PyTorch's own have been."""
    single = case["dtype"] == "f32"
    relative, absolute = (2e-5, 2e-6) if single else (1e-10, 1e-10)
    truth = run(case, torch.float64)
    peers = run(case, torch.float32) if single else truth
    lines = []
    for i, got in case.all_tensors("after").items():
        right = function_check.close(got, truth[i], relative, absolute)
        if single and got.numel():
            apart = (peers[i] - truth[i]).abs().amax(1).cummax(0).values
            right |= (got - truth[i]).abs() <= 4 * apart[:, None]
        if not right.all():
            lines.append(f"parameter {i}, [step, element]: {function_check.largest(got, truth[i], ~right)}")
    return lines


# ---- clipping ----

def check_clip(case):
    single = case["dtype"] == "f32"
    relative, absolute = (4e-6, 1e-30) if single else (1e-10, 1e-300)
    parameters = [torch.nn.Parameter(torch.zeros_like(t)) for t in case.all_tensors("before").values()]
    for p, t in zip(parameters, case.all_tensors("before").values()):
        p.grad = t.clone()
    norm = CLIPS[case["name"]](parameters, case["limit"])
    pairs = {f"gradient {i}": (got, parameters[i].grad) for i, got in case.all_tensors("after").items()}
    if norm is not None:
        pairs["norm"] = case.tensor("norm"), norm
    lines = []
    for name, (got, want) in pairs.items():
        right = function_check.close(got, want, relative, absolute)
        if not right.all():
            lines.append(f"{name} {function_check.largest(got, want, ~right)}")
    return lines


# ---- schedules ----

def linear(o, c):
    return rates.LinearLR(o, c["start_factor"], c["end_factor"], c["linear_steps"])


def one_cycle(o, c):
    return rates.OneCycleLR(o, [c["max_lr"] or g["lr"] for g in o.param_groups], c["steps"],
                            pct_start=float(c["pct_start"]), anneal_strategy="linear" if c["linear"] else "cos",
                            cycle_momentum=False, div_factor=c["div_factor"],
                            final_div_factor=c["final_div_factor"], three_phase=bool(c["three_phase"]))


def plateau(o, c):
    return rates.ReduceLROnPlateau(o, "max" if c["maximize"] else "min", c["factor"], c["patience"], c["threshold"],
                                   "abs" if c["absolute"] else "rel", c["cooldown"], c["min_lr"], c["eps"])


def warmup(o, c):
    steps = c["warmup_steps"]
    ramp = rates.LambdaLR(o, lambda s: min(1, (s + 1) / steps))
    return rates.SequentialLR(o, [ramp, SCHEDULES["cosine"](o, c)], [steps]) if "steps" in c else ramp


def sequential(o, c):
    parts = [linear(o, c), SCHEDULES["polynomial"](o, c), SCHEDULES["exponential"](o, c)]
    return rates.SequentialLR(o, parts, c["milestones"])


SCHEDULES = {
    "cosine": lambda o, c: rates.CosineAnnealingLR(o, c["steps"], c["floor"]),
    "cosine_restarts": lambda o, c: rates.CosineAnnealingWarmRestarts(o, c["steps"], c["multiply"], c["floor"]),
    "step": lambda o, c: rates.StepLR(o, c["every"], c["gamma"]),
    "multi_step": lambda o, c: rates.MultiStepLR(o, c["milestones"], c["gamma"]),
    "exponential": lambda o, c: rates.ExponentialLR(o, c["gamma"]),
    "constant": lambda o, c: rates.ConstantLR(o, c["factor"], c["steps"]),
    "linear": linear,
    "polynomial": lambda o, c: rates.PolynomialLR(o, c["steps"], c["power"]),
    "lambda": lambda o, c: rates.LambdaLR(o, lambda s: 1 / (1 + 0.1 * s)),
    "one_cycle": one_cycle,
    "plateau": plateau,
    "warmup": warmup,
    "sequential": sequential,
    "chained": lambda o, c: rates.ChainedScheduler(
        [linear(o, c), SCHEDULES["step"](o, c), SCHEDULES["constant"](o, c)]),
}


def last_step(case):
    """From where PyTorch goes on otherwise: its cosine rises again, its cycle is an error."""
    if case["name"] == "cosine":
        return case["steps"]
    if case["name"] == "warmup" and "steps" in case:
        return case["warmup_steps"] + case["steps"]
    return case["steps"] - 1 if case["name"] == "one_cycle" else None


def check_schedule(case):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": case[lr]} for lr in ("lr", "lr1")]
    optimizer = optim.SGD(groups, 1.0)
    schedule = SCHEDULES[case["name"]](optimizer, case)
    got, metrics, last = case.tensor("rates"), case.tensor("metrics").tolist(), last_step(case)
    want = [[g["lr"] for g in optimizer.param_groups]]
    for step in range(1, len(got)):
        if last is None or step <= last:
            optimizer.step()
            schedule.step(*([metrics[step - 1]] if case["name"] == "plateau" else []))
        want.append([g["lr"] for g in optimizer.param_groups])
    want = torch.tensor(want, dtype=torch.float64)
    right = function_check.close(got, want, 1e-10, 1e-12)
    return [] if right.all() else [f"rates [step, group] {function_check.largest(got, want, ~right)}"]


CHECKS = {"optimizer": check_optimizer, "clip": check_clip, "schedule": check_schedule}
TWINS = {"optimizer": OPTIMIZERS, "clip": CLIPS, "schedule": SCHEDULES}
