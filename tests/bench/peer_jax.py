#!/usr/bin/env python3
"""Times a training step of JAX: see peer.py. The whole step is one jitted function that takes over its
parameters' memory. JAX hands work over and goes on, so ten steps are timed at a time and waited for."""

import os

import peer

o = peer.options(["jit"])
# XLA has as many threads as it sees processors, and no other way to ask for fewer.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: o.threads])
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  (after what it reads when it starts)
import jax.numpy as jnp  # noqa: E402


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


def make_step(model, width):
    forward = {"tied": tied, "classic": classic}[model]

    def update(params, moments, pool, index):
        x = pool[index].astype(jnp.float32) / 255 if o.gather else pool
        loss, grads = jax.value_and_grad(lambda p: jnp.mean((forward(p, x) - x) ** 2))(params)
        return *adam(params, grads, moments), loss

    update = jax.jit(update, donate_argnums=(0, 1))
    params = draw(model, width)
    zeros = lambda: [jnp.zeros_like(p) for p in params]  # noqa: E731
    state = [params, (zeros(), zeros(), jnp.float32(0)), None]

    def step(i):
        state[:] = update(state[0], state[1], POOL if o.gather else FIXED, ORDER[i % len(ORDER)])

    return {"step": step, "chunk": 10, "wait": lambda: jax.block_until_ready(state)}


POOL = jnp.asarray(peer.images(o.data))
ORDER = peer.order(o.batch).astype("int32")
FIXED = POOL[ORDER[0]].astype(jnp.float32) / 255

if __name__ == "__main__":
    peer.serve(make_step)
