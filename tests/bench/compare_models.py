"""Training steps of the models in models/ beside PyTorch's: `./dev bench --zoo cnn,gpt`, all by default; with
--memory the bytes of tensors at a step's peak."""

import statistics

import contest

NAMES = ["cnn", "resnet", "convnext", "lstm", "gpt", "vit"]
SMALL = {"cnn": 64, "resnet": 32, "convnext": 8, "lstm": 20, "gpt": 4, "vit": 16}  # batches that a CPU has time for


def batches(o, name):
    if o.batch:
        return o.batch
    if o.device == "cpu":
        return [SMALL[name]]
    return [64, 1000] if name == "cnn" else [0]


def compare(o, say, start):
    """start(threads) -> contestants, Reel the first of them."""
    for threads in o.threads:
        where = "threads %d" % threads if o.device == "cpu" else "on the GPU, products in " + o.precision
        say("\nMicroseconds of a training step, %s; batch 0 is the model's own\n" % where)
        peers = list(o.peers)
        contest.head(say, ["model", "batch", "reel", *peers, *("reel / " + p for p in peers), "reel / fastest"])
        for name in o.zoo:
            for batch in batches(o, name):
                contestants = start(threads)
                for c in contestants:
                    c.send("step", name, batch, 0.1)
                ready = [c for c in contestants if c.receive()]
                f = contest.race(ready, o.rounds, "step", name, batch, o.seconds)
                fastest = min((f[p] for p in peers if p in f), key=statistics.median, default=None)
                contest.row(say, [name, str(batch), *(contest.microseconds(f.get(n)) for n in ("reel", *peers)),
                                  *(contest.ratio(f.get("reel"), f.get(p)) for p in peers),
                                  contest.ratio(f.get("reel"), fastest)])
                for c in contestants:
                    c.close()


def compare_memory(o, say, start):
    say("\nMB of tensors at the peak of a step\n")
    contest.head(say, ["model", "batch", "reel", *o.peers])
    for name in o.zoo:
        for batch in batches(o, name):
            answers = {}
            for c in start(o.threads[0]):
                answers[c.name] = c.ask("memory", name, batch)
                c.close()
            contest.row(say, [name, str(batch), *("%.1f" % (answers[n][0] / 1e6) if answers.get(n) else "-"
                                                  for n in ("reel", *o.peers))])
