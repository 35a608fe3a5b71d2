"""The memory of PyTorch's training step, on the CPU: what bench_step answers to `memory`.

Tensors' bytes are what the profiler says of each block that PyTorch's allocator hands out and takes back, from the
making of the model on; buffers within libraries (MKL's, oneDNN's) are not among them, as those of BLAS are not among
Reel's. The growth of the process is the peak of its resident memory over what it had after a first step of another
model, measured without the profiler.
"""

import re

from torch.profiler import ProfilerActivity, profile, record_function


def resident(field):
    """Bytes, by Linux' own count: VmRSS now, VmHWM at most."""
    with open("/proc/self/status") as f:
        return int(re.search(field + r":\s*(\d+) kB", f.read()).group(1)) * 1024


def restart_peak():
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def growth(make):
    restart_peak()
    before = resident("VmRSS")
    step = make()
    for i in range(50):
        step(i)
    return resident("VmHWM") - before


def kept_and_peak(make):
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as p:
        step = make()
        for i in range(5):
            step(i)
        with record_function("measured"):
            step(5)
    now, kept, peak, measuring = 0, 0, 0, (0, 0)
    for e in sorted(p.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
        if e.name() == "measured":
            kept, measuring = now, (e.start_ns(), e.start_ns() + e.duration_ns())
        if e.name() == "[memory]":
            now += e.nbytes()
            if measuring[0] <= e.start_ns() <= measuring[1]:
                peak = max(peak, now)
    return kept, peak


def answers(make_step, touch_code):
    """For peer.serve: make_step(model, width) -> {"step": step}"""

    def answer(model, width):
        touch_code()
        make = lambda: make_step(model, width)["step"]  # noqa: E731
        grown = growth(make)
        return "%d %d %d" % (*kept_and_peak(make), grown)

    return answer
