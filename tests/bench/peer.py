"""What the peers of bench_step have in common: the options, the data, the clock and the protocol.

A peer is started once and then asked, a line at a time, on its standard input:

    step MODEL L SECONDS      MODEL is tied or classic, L the width of the code
        -> MEDIAN P10 P90 COUNT       microseconds of a training step
    loader BATCH SECONDS
        -> SAMPLES SAMPLES            a second, without and with two workers

It answers each with one line, `error: WHY` where it cannot. The first question about a model builds it and
warms it up, so that a driver can ask several programs in turn, again and again.
"""

import argparse
import gzip
import os
import sys
import time

import numpy as np

PIXELS = 784
IMAGES = 60000


def options(modes):
    p = argparse.ArgumentParser(description="times training steps; see peer.py for what it reads and answers")
    p.add_argument("--mode", choices=modes, default=modes[0])
    p.add_argument("--batch", type=int, default=40)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--gather", action=argparse.BooleanOptionalAction, default=True,
                   help="a step begins with picking its rows of u8 pixels and making them floats (default: yes)")
    p.add_argument("--data", help="directory with MNIST's train-images-idx3-ubyte.gz (default: synthetic pixels)")
    return p.parse_args()


def images(directory=None):
    """u8 [60000, 784]: MNIST's training images, or pixels of which a fifth are not 0, as in MNIST."""
    if directory:
        with gzip.open(os.path.join(directory, "train-images-idx3-ubyte.gz")) as f:
            return np.frombuffer(f.read(), np.uint8, offset=16).reshape(IMAGES, PIXELS).copy()
    rng = np.random.default_rng(1)
    pixels = rng.integers(1, 256, (IMAGES, PIXELS), np.uint8)
    pixels[rng.integers(0, 5, (IMAGES, PIXELS), np.uint8) > 0] = 0
    return pixels


def order(batch):
    """i64 [steps, batch]: which images make which step, each once in an epoch."""
    steps = IMAGES // batch
    return np.random.default_rng(2).permutation(IMAGES)[: steps * batch].reshape(steps, batch)


def measure(step, seconds, chunk=1, wait=lambda: None):
    """Calls step(i) for i = 0, 1, ... for `seconds`, timed in chunks; -> microseconds of a step, sorted."""
    times, i = [], 0
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(chunk):
            step(i)
            i += 1
        wait()
        times.append((time.perf_counter() - start) / chunk * 1e6)
    return sorted(times), i


def serve(make_step, loader=None):
    """make_step(model, width) -> keywords for measure(); loader(batch, seconds) -> numbers."""
    made = {}

    def answer(verb, *words):
        if verb == "loader" and loader:
            batch, seconds = words
            return " ".join("%.0f" % rate for rate in loader(int(batch), float(seconds)))
        if verb != "step":
            raise ValueError("cannot " + verb)
        model, width, seconds = words
        key = model, int(width)
        if key not in made:
            made[key] = make_step(*key)
            measure(seconds=1.0, **made[key])
        times, count = measure(seconds=float(seconds), **made[key])
        p10, median, p90 = (times[int(q * (len(times) - 1))] for q in (0.1, 0.5, 0.9))
        return "%.2f %.2f %.2f %d" % (median, p10, p90, count)

    # Libraries print what they like; answers alone go where the driver reads.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            print(answer(*line.split()), file=out)
        except Exception as e:  # the driver is to hear of anything at all
            print("error: %s: %s" % (type(e).__name__, " ".join(str(e).split())[:300]), file=out)
