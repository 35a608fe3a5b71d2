"""Compares a case of a function of tensors (parity_case.h) with its twin in PyTorch: results, gradients, and
gradients of gradients.

An element of Reel's is right if it equals PyTorch's in f64 on the same inputs or, in f32, PyTorch's in f32: to
1e-10 or 1e-12 in f64, in f32 to the case's tolerance, relative, or a tenth of that near 0. Results of
elementwise functions over all magnitudes are held to the relative bound alone, down to denormal numbers, which Reel may
flush. What is summed may cancel, so elsewhere such a difference is none as inputs that are changed by the tolerance
make; and what PyTorch's formulas let overflow over all magnitudes, or have no second derivative of, is not compared.
"""

import torch

SAMPLES = 24  # of changed inputs
DTYPES = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64, "u8": torch.uint8,
          "f16": torch.float16, "bf16": torch.bfloat16}


def as_tensor(t):
    return t.to(torch.uint8) if t.dtype == torch.bool else t


def leaf(t, dtype):
    """A copy in dtype, of floats, to differentiate by: f16 and bf16 are stored alone."""
    if not t.is_floating_point():
        return t
    return t.to(dtype, copy=True).requires_grad_(t.dtype in (torch.float32, torch.float64))


class Twin:
    """PyTorch's side of a case."""

    def __init__(self, function, case):
        self.function, self.case, self.dtype = function, case, DTYPES[case["dtype"]]
        self.inputs = [case.tensor(f"in{i}") for i in range(case["inputs"])]
        self.weight, self.weights = case.tensor("weight"), case.all_tensors("weight")

    def results(self, dtype, changed=lambda t: t):
        """{field of the case: tensor}, computed in dtype from inputs that `changed` changes."""
        take = lambda t: leaf(changed(t), dtype)  # noqa: E731
        x = [take(t) for t in self.inputs]
        out = self.function(*x, *self.case["param"])
        if all(t.dtype != self.dtype for t in self.inputs):  # made in the dtype that was asked for
            out = out.to(self.dtype)
        out, *more = out if isinstance(out, tuple) else (out,)
        found = {"out": as_tensor(out), **{f"out{i}": t for i, t in enumerate(more, 1)}}
        self.tracked = out.requires_grad
        if self.weight is not None:
            self.differentiate(found, x, out, take)
        return {name: t.detach() for name, t in found.items() if t is not None}

    def differentiate(self, found, x, out, take):
        x = [t for t in x if t.requires_grad]
        weight = take(self.weight)
        grads = gradients([out], x, [weight], create_graph=bool(self.weights))
        found.update({f"grad{i}": g for i, g in enumerate(grads)})
        if self.weights:
            *second, by_weight = gradients([grads[i] for i in self.weights], [*x, weight],
                                           [take(w).detach() for w in self.weights.values()])
            found.update({f"second{i}": g for i, g in enumerate(second)}, second_weight=by_weight)


def gradients(outputs, inputs, weights, **options):
    """Zeros where there are none."""
    kept = [(o, w) for o, w in zip(outputs, weights) if o.requires_grad]
    if not kept:
        return [torch.zeros_like(x) for x in inputs]
    grads = torch.autograd.grad([o for o, _ in kept], inputs, [w for _, w in kept], allow_unused=True, **options)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(grads, inputs)]


def close(got, want, relative, absolute):
    """By element; NaN and infinities are close to themselves."""
    got, want = got.double(), want.double()
    near = (got - want).abs() <= absolute + relative * want.abs()
    return (got == want) | (got.isnan() & want.isnan()) | (near & want.isfinite())


class Bounds:
    def __init__(self, case, near_zero, relative64):
        single = case["dtype"] == "f32"
        self.relative = case["tolerance32"] if single else relative64
        self.absolute = self.relative * max(near_zero, 0.1 if single else 0.01)
        self.least = max(self.relative * near_zero, torch.finfo(torch.float32 if single else torch.float64).tiny)
        self.elementwise = case["kind"] == "elementwise"
        self.wide = case["values"] == "wide"

    def absolute_of(self, name):
        return self.least if self.wide and self.elementwise and name == "out" else self.absolute

    def by_formula(self, name):
        """Whether an element is one formula's, in which nothing can cancel or overflow on the way."""
        return self.elementwise and name == "out"


def change(twin, name, truth, relative):
    """The most that results move, by element, if inputs move by the tolerance."""
    generator = torch.Generator().manual_seed(1)
    moved = torch.zeros_like(truth)
    for _ in range(SAMPLES):
        def shake(t):
            some = torch.randint(0, 2, t.shape, generator=generator).double()
            return (t * (1 - relative * some) if t.is_floating_point() else t).to(t.dtype)
        moved = torch.fmax(moved, (twin.results(torch.float64, shake)[name] - truth).abs())
    return moved


def largest(got, want, wrong):
    """What to say of the worst of the wrong elements."""
    error = (got.double() - want.double()).abs().where(wrong, torch.tensor(-1.0).double()).nan_to_num(nan=torch.inf)
    at = [int(i) for i in torch.unravel_index(error.argmax(), error.shape)] if error.dim() else []
    g, w = got[tuple(at)].item(), want[tuple(at)].item()
    return f"{int(wrong.sum())} of {wrong.numel()} differ; at {at}: {g!r}, not {w!r}"


def difference(name, got, twin, peers, bounds):
    """What is wrong with one tensor of a case; None if nothing is."""
    want = peers[-1][name]
    if got is None and name.startswith(("grad", "second")):
        got = torch.zeros_like(want)
    if got is None:
        return "is missing"
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"is {got.dtype} {list(got.shape)}, not {want.dtype} {list(want.shape)}"
    if not got.is_floating_point():
        wrong = got != want
        return largest(got, want, wrong) if wrong.any() else None
    right = torch.zeros(got.shape, dtype=torch.bool)
    for peer in peers:
        right |= close(got, peer[name].to(got.dtype), bounds.relative, bounds.absolute_of(name))
    if not right.all() and not bounds.by_formula(name):
        truth = peers[0][name]
        right |= (got.double() - truth).abs() <= 2 * change(twin, name, truth, bounds.relative)
        right |= bounds.wide & ~(want.abs() < torch.finfo(want.dtype).max / 1e3)
        right |= ~want.isfinite() & name.startswith("second")
    return None if right.all() else largest(got, want, ~right)


def check(case, function, unlike=(), near_zero=0.0, relative64=1e-10):
    """Compares a case; -> lines that say what differs. unlike: for which values which fields, by what they begin with,
    are not compared, and why; near_zero: the absolute bound, in units of the relative one."""
    but = tuple(field for values, fields, _ in unlike if case["values"] in values for field in fields.split())
    twin = Twin(function, case)
    peers = [twin.results(dtype) for dtype in dict.fromkeys([torch.float64, twin.dtype])]
    bounds = Bounds(case, near_zero, relative64)
    found = ((name, difference(name, case.tensor(name), twin, peers, bounds))
             for name in peers[-1] if not name.startswith(but))
    lines = [f"{name} {why}" for name, why in found if why]
    if twin.tracked and twin.weight is None and not "grad".startswith(but):
        lines.append("grad is missing: Reel does not differentiate it")
    return lines


def describe(case):
    """Shapes, layouts and constants, in one line."""
    parts = [f"{list(case.tensor(f'in{i}').shape)} {case[f'layout{i}']}" for i in range(case["inputs"])]
    constants = f"; constants {case['param']}" if case["param"] else ""
    return f"{case['dtype']}, {case['values']} values: {'; '.join(parts)}{constants}"
