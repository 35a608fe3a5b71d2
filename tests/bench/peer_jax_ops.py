#!/usr/bin/env python3
"""Times single ops of JAX, each jitted alone, f32: see peer.py, and bench_ops.c, whose operands these are. Indices are
i32, as JAX has them by default."""

import peer

o = peer.options(["ops"])
peer.before_jax(o)

import jax  # noqa: E402  (after what it reads when it starts)
import jax.numpy as jnp  # noqa: E402

KEY = jax.random.key(1)


def rand_like(x):
    return jax.random.uniform(KEY, x.shape)


def row(x):
    return jax.random.uniform(KEY, x.shape[1:])


def column(x):
    return jax.random.uniform(KEY, (x.shape[0], 1))


def rows_index(x):
    return jax.random.randint(KEY, x.shape[:1], 0, x.shape[0])


def elements_index(x):
    return jax.random.randint(KEY, x.shape, 0, x.shape[1])


def matmul(precision):
    return lambda x, y: jnp.matmul(x, y, precision=precision)


# What is taken beside x [R,C], and the op.
OPS = {
    "add": (rand_like, jnp.add),
    "add_row": (row, jnp.add),
    "add_column": (column, jnp.add),
    "div": (rand_like, jnp.divide),
    "maximum": (rand_like, jnp.maximum),
    "gt": (rand_like, jnp.greater),
    "relu": (None, jax.nn.relu),
    "exp": (None, jnp.exp),
    "log": (None, jnp.log),
    "tanh": (None, jnp.tanh),
    "sin": (None, jnp.sin),
    "cos": (None, jnp.cos),
    "silu": (None, jax.nn.silu),
    "gelu": (None, lambda x: jax.nn.gelu(x, approximate=False)),
    "sigmoid": (None, jax.nn.sigmoid),
    "sum": (None, jnp.sum),
    "sum_0": (None, lambda x: x.sum(0)),
    "sum_1": (None, lambda x: x.sum(1)),
    "norm": (None, lambda x: jnp.linalg.norm(x.ravel())),
    "norm_1": (None, lambda x: jnp.linalg.norm(x, axis=1)),
    "max": (None, jnp.max),
    "max_0": (None, lambda x: x.max(0)),
    "max_1": (None, lambda x: x.max(1)),
    "argmax_0": (None, lambda x: x.argmax(0)),
    "argmax_1": (None, lambda x: x.argmax(1)),
    "var_0": (None, lambda x: x.var(0, ddof=1)),
    "var_1": (None, lambda x: x.var(1, ddof=1)),
    "logsumexp_1": (None, lambda x: jax.nn.logsumexp(x, 1)),
    "log_softmax_1": (None, lambda x: jax.nn.log_softmax(x, 1)),
    "softmax_0": (None, lambda x: jax.nn.softmax(x, 0)),
    "softmax_1": (None, lambda x: jax.nn.softmax(x, 1)),
    "transpose": (None, jnp.transpose),
    "copy": (None, jnp.copy),
    "fill": (None, lambda x: jnp.full(x.shape, 1.5)),
    "index_select": (rows_index, lambda x, index: jnp.take(x, index, axis=0)),
    "index_add": (rows_index, lambda x, index: jnp.zeros_like(x).at[index].add(x)),
    "gather": (elements_index, lambda x, index: jnp.take_along_axis(x, index, axis=1)),
    "matmul": (rand_like, matmul("highest")),  # of squares
    "matmul_tf32": (rand_like, matmul("tensorfloat32")),
}


def make_op(name, rows, columns):
    second, op = OPS[name]
    x = jax.random.uniform(jax.random.key(0), (int(rows), int(columns)))
    operands = [x, second(x)] if second else [x]
    op, result = jax.jit(op), [None]

    def step(i):
        result[0] = op(*operands)

    wait = lambda: jax.block_until_ready(result)  # noqa: E731
    return {"step": step, "wait": wait, "chunk": peer.chunk_of(step, wait)}


if __name__ == "__main__":
    peer.serve(op=peer.timed(make_op, keep=1))
