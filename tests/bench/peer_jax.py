#!/usr/bin/env python3
"""Times a training step of JAX: see peer.py. The whole step is one jitted function that takes over its state's
memory, and picks its rows itself: of an epoch's order, which lies where the pixels do, by a count in its state.
JAX hands work over and goes on, so several steps are timed at a time and waited for.

    jit     a call is a step
    scan    a call is fifty, in a loop of XLA's
"""

import peer

o = peer.options(["jit", "scan"])
peer.before_jax(o)

import jax  # noqa: E402  (after what it reads when it starts)
import jax.numpy as jnp  # noqa: E402

if o.device == "cuda":
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if o.precision == "tf32" else "highest")

STEPS = peer.IMAGES // o.batch
EACH = 50 if o.mode == "scan" else 1
CHUNK = 1 if o.mode == "scan" else peer.CUDA_BLOCK if o.device == "cuda" else 10


def tied(params, x):
    """h = relu(x W + b1), y = sigmoid(h W^T + b2), one element a bias."""
    W, b1, b2 = params
    return jax.nn.sigmoid(jax.nn.relu(x @ W + b1) @ W.T + b2)


def classic(params, x):
    W1, b1, W2, b2 = params
    return jax.nn.sigmoid(jax.nn.relu(x @ W1 + b1) @ W2 + b2)


def draw(model, width):
    k1, k2 = jax.random.split(jax.random.key(1))
    W1 = jax.random.normal(k1, (peer.PIXELS, width)) * peer.PIXELS**-0.5
    if model == "tied":
        return [W1, jnp.zeros(1), jnp.zeros(1)]
    W2 = jax.random.normal(k2, (width, peer.PIXELS)) * width**-0.5
    return [W1, jnp.zeros(width), W2, jnp.zeros(peer.PIXELS)]


def adam(params, grads, moments, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Kingma and Ba 2015, algorithm 1."""
    ms, vs, t = moments
    t = t + 1
    ms = [beta1 * m + (1 - beta1) * g for m, g in zip(ms, grads)]
    vs = [beta2 * v + (1 - beta2) * g * g for v, g in zip(vs, grads)]
    a, b = 1 - beta1**t, 1 - beta2**t
    params = [p - lr * (m / a) / (jnp.sqrt(v / b) + eps) for p, m, v in zip(params, ms, vs)]
    return params, (ms, vs, t)


@jax.jit
def shuffled(epoch):
    """i32 [STEPS, batch]: which images make which step, each once in an epoch."""
    order = jax.random.permutation(jax.random.fold_in(jax.random.key(2), epoch), peer.IMAGES)
    return order[: STEPS * o.batch].reshape(STEPS, o.batch)


def make_step(model, width):
    forward = {"tied": tied, "classic": classic}[model]

    def update(state, pool, order):
        params, moments, turn = state
        x = pool[order[turn % STEPS]].astype(jnp.float32) / 255 if o.gather else pool
        loss, grads = jax.value_and_grad(lambda p: jnp.mean((forward(p, x) - x) ** 2))(params)
        return (*adam(params, grads, moments), turn + 1), loss

    def updates(state, pool, order):
        return jax.lax.scan(lambda s, _: update(s, pool, order), state, length=EACH)

    update_in_place = jax.jit(update if EACH == 1 else updates, donate_argnums=0)
    params = draw(model, int(width))
    zeros = lambda: [jnp.zeros_like(p) for p in params]  # noqa: E731
    now = {"state": (params, (zeros(), zeros(), jnp.float32(0)), jnp.int32(0)), "order": shuffled(0)}
    calls = -(-STEPS // EACH)  # of an epoch

    def step(i):
        if i % calls == 0:
            now["order"] = shuffled(i // calls)
        now["state"], now["loss"] = update_in_place(now["state"], POOL if o.gather else FIXED, now["order"])

    return {"step": step, "chunk": CHUNK, "each": EACH, "wait": lambda: jax.block_until_ready(now)}


POOL = jnp.asarray(peer.images(o.data))
FIXED = POOL[: o.batch].astype(jnp.float32) / 255

if __name__ == "__main__":
    peer.serve(step=peer.timed(make_step, peer.WARM_UP[o.device]), first=peer.first(make_step))
