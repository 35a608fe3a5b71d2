"""What the peers of bench_step and bench_ops have in common: the options, the data, the clock and the protocol.

A peer is started once and then asked, a line at a time, on its standard input:

    step MODEL L SECONDS             MODEL is tied or classic, L the width of the code
        -> MEDIAN P10 P90 COUNT           microseconds of a training step
    first MODEL L
        -> SECONDS                        to make and compile it, and do one step
    op NAME ROWS COLUMNS SECONDS     as bench_ops.c names them
        -> MEDIAN P10 P90 COUNT           microseconds of a call
    loader BATCH SECONDS
        -> SAMPLES SAMPLES                a second, without and with two workers
    memory MODEL L                   of a new process, on the CPU
        -> KEPT PEAK RESIDENT             bytes: of tensors between steps, and at most in one; by how much the
                                          process grew

It answers each with one line, `error: WHY` where it cannot, or does not do such things. The first question about a
model or an op builds it and warms it up, so that a driver can ask several programs in turn, again and again.
"""

import argparse
import gzip
import os
import sys
import time

import numpy as np

PIXELS = 784
IMAGES = 60000
CUDA_BLOCK = 50  # steps that a GPU is asked for between two waits
WARM_UP = {"cpu": 1.0, "cuda": 0.3}  # seconds


def options(modes):
    p = argparse.ArgumentParser(description="times steps or ops; see peer.py for what it reads and answers")
    p.add_argument("--mode", choices=modes, default=modes[0])
    p.add_argument("--batch", type=int, default=40)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--precision", choices=["f32", "tf32", "strict"], default="f32", help="of matrix products on cuda")
    p.add_argument("--gather", action=argparse.BooleanOptionalAction, default=True,
                   help="a step begins with picking its rows of u8 pixels and making them floats (default: yes)")
    p.add_argument("--data", help="directory with MNIST's train-images-idx3-ubyte.gz (default: synthetic pixels)")
    return p.parse_args()


def before_jax(o):
    """Sets what JAX reads when it is imported."""
    os.environ["JAX_PLATFORMS"] = o.device
    if o.device == "cuda":
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # others want memory too
    else:  # XLA has as many threads as it sees processors, and no other way to ask for fewer
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: o.threads])


def images(directory=None):
    """u8 [60000, 784]: MNIST's training images, or pixels of which a fifth are not 0, as in MNIST."""
    if directory:
        with gzip.open(os.path.join(directory, "train-images-idx3-ubyte.gz")) as f:
            return np.frombuffer(f.read(), np.uint8, offset=16).reshape(IMAGES, PIXELS).copy()
    rng = np.random.default_rng(1)
    pixels = rng.integers(1, 256, (IMAGES, PIXELS), np.uint8)
    pixels[rng.integers(0, 5, (IMAGES, PIXELS), np.uint8) > 0] = 0
    return pixels


def measure(step, seconds, chunk=1, each=1, wait=lambda: None):
    """Calls step(i) for i = 0, 1, ... for `seconds`, timed in chunks; a call is `each` steps.
    -> microseconds of a step, sorted, and how many there were."""
    times, i = [], 0
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(chunk):
            step(i)
            i += 1
        wait()
        times.append((time.perf_counter() - start) / (chunk * each) * 1e6)
    return sorted(times), i * each


def chunk_of(step, wait):
    """How many calls take a millisecond, after some to warm up."""
    chunk = 1
    measure(step, 0, 3, wait=wait)
    # The best of three: a chunk that something else held up would look long enough.
    while chunk < 4096 and min(measure(step, 0, chunk, wait=wait)[0][0] for _ in range(3)) * chunk < 1000:
        chunk *= 2
    return chunk


def timed(make, warm_up=0.0, keep=sys.maxsize):
    """Answers `WHAT... SECONDS` from make(*WHAT), keywords for measure(), of which the last `keep` are kept."""
    made = {}

    def answer(*words):
        *what, seconds = words
        key = tuple(what)
        if key not in made:
            while len(made) >= keep:
                made.pop(next(iter(made)))
            made[key] = make(*key)
            measure(seconds=warm_up, **made[key])
        times, count = measure(seconds=float(seconds), **made[key])
        p10, median, p90 = (times[int(q * (len(times) - 1))] for q in (0.1, 0.5, 0.9))
        return "%.3f %.3f %.3f %d" % (median, p10, p90, count)

    return answer


def first(make):
    """Answers `WHAT...` from make(*WHAT), keywords for measure(): how long it takes until one step is done."""

    def answer(*what):
        start = time.perf_counter()
        measure(seconds=0, **{**make(*what), "chunk": 1})
        return "%.3f" % (time.perf_counter() - start)

    return answer


def serve(**answers):
    """answers: for each verb what its words are handed to; it returns a line."""

    def answer(verb, *words):
        if verb not in answers:
            raise ValueError("cannot " + verb)
        return answers[verb](*words)

    # Libraries print what they like; answers alone go where the driver reads.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            print(answer(*line.split()), file=out)
        except Exception as e:  # the driver is to hear of anything at all
            print("error: %s: %s" % (type(e).__name__, " ".join(str(e).split())[:300]), file=out)
