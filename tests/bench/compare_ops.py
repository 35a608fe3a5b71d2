"""Single ops of Reel beside those of its peers: `./dev bench --ops`. All f32 (indices i64), each result in new memory.

The operands stay the same from call to call, so that small ones lie in a cache: more than the whole of the bandwidth
that a large copy has is no error there. GB/s counts what an op must read and write at the least.
"""

import collections
import itertools
import math
import statistics

import contest

LARGE = 1 << 26  # elements of the copy, into memory that is there, which the others are measured by

# op: as bench_ops.c names it; columns: None for those of shape(); bytes: of an [r,c] that it must move.
Case = collections.namedtuple("Case", "title op columns bytes")
CASES = [
    Case("add", "add", None, lambda r, c: 12 * r * c),
    Case("add a row", "add_row", None, lambda r, c: 8 * r * c + 4 * c),
    Case("add a column", "add_column", None, lambda r, c: 8 * r * c + 4 * r),
    Case("div", "div", None, lambda r, c: 12 * r * c),
    Case("maximum", "maximum", None, lambda r, c: 12 * r * c),
    Case("x > y", "gt", None, lambda r, c: 9 * r * c),
    Case("relu", "relu", None, lambda r, c: 8 * r * c),
    Case("exp", "exp", None, lambda r, c: 8 * r * c),
    Case("log", "log", None, lambda r, c: 8 * r * c),
    Case("tanh", "tanh", None, lambda r, c: 8 * r * c),
    Case("sin", "sin", None, lambda r, c: 8 * r * c),
    Case("cos", "cos", None, lambda r, c: 8 * r * c),
    Case("silu", "silu", None, lambda r, c: 8 * r * c),
    Case("gelu", "gelu", None, lambda r, c: 8 * r * c),
    Case("sigmoid", "sigmoid", None, lambda r, c: 8 * r * c),
    Case("sum", "sum", None, lambda r, c: 4 * r * c),
    Case("sum over axis 0", "sum_0", None, lambda r, c: 4 * r * c + 4 * c),
    Case("sum over axis 0, 16 columns", "sum_0", 16, lambda r, c: 4 * r * c + 4 * c),
    Case("sum over axis 1", "sum_1", None, lambda r, c: 4 * r * c + 4 * r),
    Case("sum over axis 1, 16 columns", "sum_1", 16, lambda r, c: 4 * r * c + 4 * r),
    Case("norm", "norm", None, lambda r, c: 4 * r * c),
    Case("norm over axis 1", "norm_1", None, lambda r, c: 4 * r * c + 4 * r),
    Case("max", "max", None, lambda r, c: 4 * r * c),
    Case("max over axis 0", "max_0", None, lambda r, c: 4 * r * c + 4 * c),
    Case("max over axis 1", "max_1", None, lambda r, c: 4 * r * c + 4 * r),
    Case("argmax over axis 0", "argmax_0", None, lambda r, c: 4 * r * c + 8 * c),
    Case("argmax over axis 1", "argmax_1", None, lambda r, c: 4 * r * c + 8 * r),
    Case("argmax over axis 1, 10 columns", "argmax_1", 10, lambda r, c: 4 * r * c + 8 * r),
    Case("var over axis 0", "var_0", None, lambda r, c: 4 * r * c + 4 * c),
    Case("var over axis 1", "var_1", None, lambda r, c: 4 * r * c + 4 * r),
    Case("logsumexp over axis 1", "logsumexp_1", None, lambda r, c: 4 * r * c + 4 * r),
    Case("log_softmax over axis 1", "log_softmax_1", None, lambda r, c: 8 * r * c),
    Case("layer_norm of rows", "layer_norm", None, lambda r, c: 8 * r * c),
    Case("rms_norm of rows", "rms_norm", None, lambda r, c: 8 * r * c),
    Case("batch_norm of columns", "batch_norm", None, lambda r, c: 8 * r * c),
    Case("softmax over axis 0", "softmax_0", None, lambda r, c: 8 * r * c),
    Case("softmax over axis 1", "softmax_1", None, lambda r, c: 8 * r * c),
    Case("causal attention, 6 heads of 64, 256 long", "attention", 384, lambda r, c: 16 * r * c),
    Case("the same, forward and backward", "attention_step", 384, lambda r, c: 48 * r * c),
    Case("transpose, copied", "transpose", None, lambda r, c: 8 * r * c),
    Case("copy", "copy", None, lambda r, c: 8 * r * c),
    Case("fill", "fill", None, lambda r, c: 4 * r * c),
    Case("index_select of rows", "index_select", None, lambda r, c: 8 * r * c + 8 * r),
    Case("index_add of rows", "index_add", None, lambda r, c: 8 * r * c + 8 * r),
    Case("gather along axis 1", "gather", None, lambda r, c: 16 * r * c),
    Case("matmul of squares", "matmul", None, None),
    Case("matmul of squares, TF32", "matmul_tf32", None, None),
]

# as bench_convs.c names them: the image's side, and multiplications of one output's sum and the outputs of an image
Conv = collections.namedtuple("Conv", "title name side terms outputs")
CONVS = [
    Conv("3x3, 1 to 32", "mnist1", 28, 9, 32 * 26**2),
    Conv("3x3, 32 to 64", "mnist2", 26, 288, 64 * 24**2),
    Conv("3x3, 3 to 64", "rgb", 32, 27, 64 * 32**2),
    Conv("7x7 by 2, 3 to 64", "stem", 112, 147, 64 * 56**2),
    Conv("3x3, 64", "64", 32, 576, 64 * 32**2),
    Conv("3x3, 128", "128", 16, 1152, 128 * 16**2),
    Conv("3x3, 256", "256", 8, 2304, 256 * 8**2),
    Conv("3x3, 512", "512", 4, 4608, 512 * 4**2),
    Conv("3x3 by 2, 64 to 128", "down", 32, 576, 128 * 16**2),
    Conv("1x1 by 2, 64 to 128", "short", 32, 64, 128 * 16**2),
    Conv("1x1, 256", "point", 14, 256, 256 * 14**2),
    Conv("3x3, 128 depthwise", "depth3", 28, 9, 128 * 28**2),
    Conv("7x7, 96 depthwise", "depth7", 32, 49, 96 * 32**2),
    Conv("4x4 patches, 3 to 96", "patch4", 112, 48, 96 * 28**2),
    Conv("16x16 patches, 3 to 768", "patch16", 112, 768, 768 * 7**2),
    Conv("3x3, 128 in 32 groups", "grouped", 28, 36, 128 * 28**2),
]
CONV_OPS = {"conv": "y", "conv_dx": "dx", "conv_dw": "dw"}
CONV_BATCH = {"cpu": 32, "cuda": 128}

# as bench_layers.c names them, and batches and sizes by device
Layer = collections.namedtuple("Layer", "title name cpu cuda")
IMAGES = [(1, 32), (32, 32)], [(1, 32), (128, 56)]
TABLE = [(1, 256), (64, 256)], [(64, 256), (256, 768)]
LAYERS = [
    Layer("max_pool 2x2", "max_pool", *IMAGES),
    Layer("max_pool 3x3 by 2", "max_pool3", *IMAGES),
    Layer("avg_pool 2x2", "avg_pool", *IMAGES),
    Layer("avg_pool 3x3 by 2", "avg_pool3", *IMAGES),
    Layer("adaptive_avg_pool to 7x7", "adaptive_avg", *IMAGES),
    Layer("adaptive_avg_pool to 1x1", "adaptive_avg1", *IMAGES),
    Layer("adaptive_max_pool to 7x7", "adaptive_max", *IMAGES),
    Layer("pad by 1, zeros", "pad_zero", *IMAGES),
    Layer("pad by 1, reflected", "pad_reflect", *IMAGES),
    Layer("interpolate by 2, nearest", "nearest", *IMAGES),
    Layer("interpolate by 2, bilinear", "bilinear", *IMAGES),
    Layer("unfold 3x3, 16 channels", "unfold", *IMAGES),
    Layer("fold 3x3, 16 channels", "fold", *IMAGES),
    Layer("embedding of 64 words, 10000 rows", "embedding", *TABLE),
    Layer("embedding_bag of 16 words, 10000 rows", "embedding_bag", *TABLE),
    Layer("LSTM, 64 steps", "lstm", [(1, 128), (32, 256)], [(1, 256), (64, 512)]),
    Layer("einsum bhqd,bhkd->bhqk, 8 heads of 64", "einsum", [(1, 64), (4, 256)], [(4, 256), (32, 512)]),
    Layer("einsum bqhd,bkhd->bhqk, 8 heads of 64", "einsum_behind", [(1, 64), (4, 256)], [(4, 256), (32, 512)]),
]
LAYER_PARTS = {"forward": "y", "step": "y and gradients"}
OPS = sorted({c.op for c in CASES} | set(CONV_OPS) | {x.name for x in LAYERS})

LARGEST_SQUARE = {"cpu": 1 << 22, "cuda": 1 << 26}  # elements


def shape(case, n, device):
    """Rows and columns of an x with about n elements: a square up to 1024 columns, 784 (MNIST's) where they fit.
    None where the op is not timed at that size."""
    if case.bytes is None:
        side = math.isqrt(n)
        return (side, side) if side * side == n <= LARGEST_SQUARE[device] else None
    square = 1 << (n.bit_length() - 1) // 2
    columns = case.columns or (784 if n % 784 == 0 else min(square, 1024))
    return (n // columns, columns) if n >= columns else None


def race(contestants, o, *question):
    ready = [c for c in contestants if c.ask(*question, 0.001)]  # each has made its operands
    return contest.race(ready, o.rounds, *question, o.seconds)


def rate(case, rows, columns, rounds, bandwidth):
    """How fast, and which share of a large copy's bandwidth that is."""
    if not rounds:
        return "-", "-"
    us = statistics.median(rounds)
    if case.bytes is None:
        return "%.0f GFLOP/s" % (2 * rows**3 / us * 1e-3), "-"
    speed = case.bytes(rows, columns) / us * 1e-3
    return "%.1f GB/s" % speed, "%.0f %%" % (100 * speed / bandwidth) if bandwidth else "-"


def copy_bandwidth(contestants, o, say):
    """GB/s: of PyTorch on a GPU, of Reel on the CPU."""
    by = next((c for c in contestants if o.device == "cuda" and c.name == "torch"), contestants[0])
    rounds = race([by], o, "op", "copy_into", LARGE // 1024, 1024).get(by.name)
    if not rounds:
        return None
    bandwidth = 8 * LARGE / statistics.median(rounds) * 1e-3
    say("A copy of %d elements by %s, read and written: %.1f GB/s\n" % (LARGE, by.name, bandwidth))
    return bandwidth


def compare_convolutions(o, say, contestants, peers):
    asked = [op for op in CONV_OPS if op in o.ops]
    batch = CONV_BATCH[o.device]
    if not asked:
        return
    say("\nConvolutions of %d square images\n" % batch)
    contest.head(say, ["op", "side", "result", "reel", *peers, *("reel / " + p for p in peers), "reel's rate"])
    for conv, op in itertools.product(CONVS, asked):
        figures = race(contestants, o, "op", "%s/%s" % (op, conv.name), batch, conv.side)
        reel = figures.get("reel")
        speed = "%.0f GFLOP/s" % (2e-3 * batch * conv.terms * conv.outputs / statistics.median(reel)) if reel else "-"
        contest.row(say, [conv.title, str(conv.side), CONV_OPS[op], contest.microseconds(reel),
                          *(contest.microseconds(figures.get(p)) for p in peers),
                          *(contest.ratio(reel, figures.get(p)) for p in peers), speed])


def compare_layers(o, say, contestants, peers):
    asked = [layer for layer in LAYERS if layer.name in o.ops]
    if not asked:
        return
    say("\nImages of 64 channels, tables and sequences\n")
    contest.head(say, ["op", "batch", "size", "result", "reel", *peers, *("reel / " + p for p in peers)])
    for layer in asked:
        for (batch, size), part in itertools.product(getattr(layer, o.device), LAYER_PARTS):
            figures = race(contestants, o, "op", "%s/%s" % (part, layer.name), batch, size)
            reel = figures.get("reel")
            contest.row(say, [layer.title, str(batch), str(size), LAYER_PARTS[part], contest.microseconds(reel),
                              *(contest.microseconds(figures.get(p)) for p in peers),
                              *(contest.ratio(reel, figures.get(p)) for p in peers)])


def compare(o, say, start):
    """start(threads) -> contestants, Reel the first of them."""
    for threads in o.threads:
        contestants = start(threads)
        peers = [c.name for c in contestants[1:]]
        where = "threads %d" % threads if o.device == "cpu" else "on the GPU"
        say("\nMicroseconds of single ops, f32, %s; operands stay the same, in a cache where they fit\n" % where)
        bandwidth = copy_bandwidth(contestants, o, say)
        contest.head(say, ["op", "shape", "elements", "reel", *peers, *("reel / " + p for p in peers), "reel's rate",
                           "of the copy's"])
        for case, n in itertools.product([c for c in CASES if c.op in o.ops], o.sizes):
            size = shape(case, n, o.device)
            if not size or (case.op == "matmul_tf32" and o.device == "cpu"):
                continue
            figures = race(contestants, o, "op", case.op, *size)
            reel = figures.get("reel")
            contest.row(say, [case.title, "%d x %d" % size, str(math.prod(size)), contest.microseconds(reel),
                              *(contest.microseconds(figures.get(p)) for p in peers),
                              *(contest.ratio(reel, figures.get(p)) for p in peers),
                              *rate(case, *size, reel, bandwidth)])
        compare_convolutions(o, say, contestants, peers)
        compare_layers(o, say, contestants, peers)
        for c in contestants:
            c.close()
