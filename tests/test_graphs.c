/* Random graphs of ops against central differences.
 *
 * A graph grows from a seed: each op takes tensors made so far, the inputs among them. Its form
 * depends on the seed alone, so that gradcheck can call it again and again. */
#include "tests/expect.h"

#include "autograd/autograd.h"
#include "tensor/random.h"
#include "tensor/tensor_internal.h"

#include <stdlib.h>

#define DEVICE test_device()

enum { INPUTS = 3, OPS = 12 };

typedef struct {
    uint64_t state;
    reel_tensor *made[INPUTS + OPS];
    int count;
} graph;

static int below(graph *g, int n) {
    g->state = g->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((g->state >> 33) % (uint64_t)n);
}

static reel_tensor *any(graph *g) {
    return g->made[below(g, g->count)];
}

static int any_axis(graph *g, const reel_tensor *x) {
    return below(g, reel_ndim(x));
}

static reel_shape any_shape(graph *g) {
    reel_shape s = {below(g, 4), {0}};
    for (int i = 0; i < s.ndim; i++) s.dim[i] = 1 + below(g, 3);
    return s;
}

/* Between 1 and 2. */
static reel_tensor *positive(reel_tensor *x) {
    return reel_affine(reel_sigmoid(x), 1, 1);
}

/* Between 0.1 and 0.9. */
static reel_tensor *probability(reel_tensor *x) {
    return reel_affine(reel_sigmoid(x), 0.8, 0.1);
}

/* Values stay small enough for differences to be exact. */
static reel_tensor *small(reel_tensor *x) {
    return reel_tanh(reel_affine(x, 0.5, 0.1));
}

static reel_tensor *unary(graph *g, reel_tensor *x) {
    switch (below(g, 11)) {
    case 0:
        return reel_neg(x);
    case 1:
        return reel_relu(x);
    case 2:
        return reel_sigmoid(x);
    case 3:
        return reel_tanh(x);
    case 4:
        return reel_exp(small(x));
    case 5:
        return reel_log(positive(x));
    case 6:
        return reel_sqrt(positive(x));
    case 7:
        return reel_square(small(x));
    case 8:
        return reel_affine(x, -0.7, 0.3);
    case 9:
        return reel_contiguous(reel_ndim(x) > 1 ? reel_t(x) : x);
    default:
        return reel_ndim(x) ? reel_softmax(x, any_axis(g, x)) : reel_neg(x);
    }
}

/* Another tensor that x broadcasts with: as it is, or its mean. */
static reel_tensor *partner(graph *g, const reel_tensor *x) {
    reel_tensor *y = any(g);
    reel_shape s;
    return reel__broadcast(reel_shape_of(x), reel_shape_of(y), &s) && reel__shape_numel(s) <= 64
               ? y
               : reel_mean(y);
}

static reel_tensor *binary(graph *g, reel_tensor *x) {
    reel_tensor *y = partner(g, x);
    switch (below(g, 8)) {
    case 0:
        return reel_add(x, y);
    case 1:
        return reel_add(y, x);
    case 2:
        return reel_sub(y, x);
    case 3:
        return small(reel_mul(x, y));
    case 4:
        return reel_div(x, positive(y));
    case 5:
        return reel_bce(probability(x), probability(y));
    case 6:
        return small(
            reel_mse(x, reel_shape_equal(reel_shape_of(x), reel_shape_of(y)) ? y : small(x)));
    default:
        return reel_add(x, x);
    }
}

static reel_tensor *matrix(graph *g, reel_tensor *x) {
    if (reel_ndim(x) != 2) x = reel_reshape(x, reel_shape(1, -1));
    reel_tensor *y = any(g);
    if (reel_ndim(y) == 2 && reel_dim(x, 1) == reel_dim(y, 0)) return small(reel_matmul(x, y));
    if (reel_ndim(y) == 2 && reel_dim(x, 1) == reel_dim(y, 1))
        return small(reel_matmul(x, reel_t(y)));
    return small(below(g, 2) ? reel_matmul(x, reel_t(x)) : reel_matmul(reel_t(x), x));
}

/* Of vectors, batches, or one of them and a matrix. */
static reel_tensor *batch(graph *g, reel_tensor *x) {
    const int64_t k = reel_dim(x, -1);
    if (reel_ndim(x) == 0) return reel_square(small(x));
    if (reel_ndim(x) == 1) return small(reel_matmul(x, below(g, 2) ? x : reel_unsqueeze(x, 1)));
    switch (below(g, 4)) {
    case 0:
        return small(reel_matmul(x, reel_t(x)));
    case 1:
        return small(reel_matmul(reel_t(x), reel_unsqueeze(x, 0)));
    case 2:
        return small(reel_matmul(x, reel_select(reel_reshape(x, reel_shape(-1, k)), 0, 0)));
    default:
        return small(reel_matmul(x, reel_t(reel_reshape(x, reel_shape(-1, k)))));
    }
}

static reel_tensor *joined(graph *g, reel_tensor *x) {
    reel_tensor *parts[2];
    if (reel_ndim(x) == 0) return reel_stack(0, x, reel_mean(any(g)), x);
    const int axis = any_axis(g, x);
    switch (below(g, 7)) {
    case 0:
        return reel_concat(axis, x, reel_flip(x, axis), x);
    case 1:
        return reel_stack(axis, x, reel_neg(x));
    case 2:
        return reel_sort(x, axis, below(g, 2) != 0, NULL);
    case 3:
        return reel_ndim(x) > 1 ? reel_tril(x, below(g, 3) - 1) : reel_flip(x, 0);
    case 4:
        return reel_ndim(x) > 1 ? reel_triu(x, below(g, 3) - 1) : reel_flip(x, 0);
    case 5:
        reel_chunk(x, axis, 2, parts);
        return reel_numel(parts[1]) ? reel_concat(axis, parts[1], parts[0], parts[1]) : parts[0];
    default:
        return reel_ndim(x) > 3 ? x : reel_repeat(x, reel_shape(2, 1, 1));
    }
}

static reel_tensor *reduce(graph *g, reel_tensor *x) {
    reel_shape axes = {0, {0}};
    for (int i = 0; i < reel_ndim(x); i++)
        if (below(g, 2)) axes.dim[axes.ndim++] = below(g, 2) ? i : i - reel_ndim(x);
    const bool keepdim = below(g, 2);
    return below(g, 2) ? small(reel_sum_over(x, axes, keepdim)) : reel_mean_over(x, axes, keepdim);
}

static reel_tensor *widened(reel_tensor *x) {
    reel_shape wide = {reel_ndim(x) + 1, {2}};
    for (int i = 0; i < reel_ndim(x); i++) wide.dim[i + 1] = reel_dim(x, i);
    return reel_expand(x, wide);
}

static reel_tensor *rotated(reel_tensor *x, int first) {
    reel_shape axes = {reel_ndim(x), {0}};
    for (int i = 0; i < axes.ndim; i++) axes.dim[i] = (first + i) % axes.ndim;
    return reel_permute(x, axes);
}

static reel_tensor *view(graph *g, reel_tensor *x) {
    if (reel_ndim(x) == 0) return widened(x);
    const int axis = any_axis(g, x), n = (int)reel_dim(x, axis);
    switch (below(g, 6)) {
    case 0:
        return reel_reshape(x, reel_shape(-1));
    case 1:
        return rotated(x, axis);
    case 2:
        return reel_select(x, axis, below(g, n));
    case 3:
        return reel_slice(x, axis, below(g, n), INT64_MAX, 1 + below(g, 2));
    case 4:
        return reel_slice(x, axis, 0, 1 + below(g, n), 1);
    default:
        return reel_ndim(x) < 3 ? widened(x) : reel_neg(x);
    }
}

static reel_tensor *indices(graph *g, reel_shape shape, int64_t size) {
    int64_t i[64];
    const int64_t n = reel__shape_numel(shape);
    for (int64_t k = 0; k < n; k++) i[k] = below(g, (int)size);
    return to_device(reel_from(i, shape, REEL_I64));
}

static reel_tensor *indexed(graph *g, reel_tensor *x) {
    if (reel_ndim(x) == 0) x = reel_reshape(x, reel_shape(1));
    const int axis = any_axis(g, x);
    const int64_t n = reel_dim(x, axis);
    reel_shape s = reel_shape_of(x);
    switch (below(g, 5)) {
    case 0:
        return reel_index_select(x, axis, indices(g, reel_shape(1 + below(g, 3)), n));
    case 1:
        return reel_index_add(x, axis, indices(g, reel_shape(n), 2), 2);
    case 2:
        s.dim[axis] = 2;
        return reel_gather(x, axis, indices(g, s, n));
    case 3:
        return reel_scatter_add(x, axis, indices(g, s, 3), 3);
    default:
        return reel_topk(x, 1 + below(g, (int)n), axis, below(g, 2) != 0, NULL);
    }
}

/* Any op on tensors small enough; their sum is what is checked. */
static reel_tensor *grown(reel_tensor **in, void *user) {
    static reel_tensor *(*const kinds[])(graph *, reel_tensor *) = {
        unary, binary, binary, matrix, batch, joined, reduce, view, indexed};
    graph g = {.state = *(const uint64_t *)user, .count = INPUTS};
    memcpy(g.made, in, INPUTS * sizeof *in);
    const int ops = 1 + below(&g, OPS);
    for (int i = 0; i < ops; i++) {
        reel_tensor *y = kinds[below(&g, 9)](&g, any(&g));
        g.made[g.count++] = reel_numel(y) <= 48 ? y : reel_mean_over(y, reel_axes(0), false);
    }
    reel_tensor *sum = reel_sum(g.made[g.count - 1]);
    for (int i = 0; i < 3; i++) sum = reel_add(sum, reel_sum(any(&g)));
    return sum;
}

/* Random inputs of the graph with this number, a constant among them now and then. */
static uint64_t draw_inputs(int number, reel_tensor **in) {
    graph g = {.state = (uint64_t)number + 1, .count = 0};
    reel_generator *random = reel_generator_new(g.state, DEVICE);
    below(&g, 2);
    for (int k = 0; k < INPUTS; k++)
        in[k] = reel_track(reel_randn(any_shape(&g), REEL_F64, random));
    if (below(&g, 4) == 0) reel_untrack(in[1]);
    reel_generator_free(random);
    return g.state;
}

static void expect_checked(int number) {
    if (strstr(reel_error(), "does not come from a tracked"))
        reel_clear_error(); /* made of the constant alone */
    ck_assert_msg(!reel_failed(), "graph %d: %s", number, reel_error());
}

START_TEST(random_graphs) {
    for (int i = 50 * _i; i < 50 * (_i + 1); i++) {
        REEL_SCOPE {
            reel_tensor *in[INPUTS];
            uint64_t seed = draw_inputs(i, in);
            reel_gradcheck(grown, &seed, in, INPUTS, (reel_gradcheck_options){0});
            expect_checked(i);
        }
        ck_assert_uint_eq(reel_tensors_alive(), 0);
    }
}
END_TEST

START_TEST(gradients_of_gradients) {
    for (int i = 50 * _i; i < 50 * (_i + 1); i++) {
        REEL_SCOPE {
            reel_tensor *in[INPUTS];
            uint64_t seed = draw_inputs(i, in);
            reel_gradgradcheck(grown, &seed, in, INPUTS, (reel_gradcheck_options){.h = 1e-5});
            expect_checked(i);
        }
        ck_assert_uint_eq(reel_tensors_alive(), 0);
    }
}
END_TEST

/* reel_grad_of gives what reel_backward adds to leaves, in one pass and in one of its own for each
 * leaf. */
START_TEST(grad_of_is_backward) {
    for (int i = 50 * _i; i < 50 * (_i + 1); i++) REEL_SCOPE {
            reel_tensor *in[INPUTS], *leaf[INPUTS], *together[INPUTS], *alone;
            uint64_t seed = draw_inputs(i, in);
            reel_tensor *y = grown(in, &seed);
            int n = 0;
            for (int k = 0; k < INPUTS; k++)
                if (reel_is_tracked(in[k])) leaf[n++] = in[k];
            if (!reel_is_tracked(y)) continue;
            const reel_grad_of_options keep = {.retain_graph = true, .allow_unused = true};
            reel_grad_of(&y, 1, leaf, n, together, keep);
            for (int k = 0; k < n; k++) ck_assert_ptr_null(reel_grad(leaf[k]));
            reel_backward_with(y, .retain_graph = true);
            for (int k = 0; k < n; k++) {
                reel_tensor *g = reel_grad(leaf[k]);
                reel_grad_of(&y, 1, &leaf[k], 1, &alone, keep);
                ck_assert((g == NULL) == (together[k] == NULL) && (g == NULL) == (alone == NULL));
                for (int64_t e = 0; g && e < reel_numel(g); e++) {
                    ck_assert_double_eq_tol(element(g, e), element(together[k], e), 1e-10);
                    ck_assert_double_eq_tol(element(g, e), element(alone, e), 1e-10);
                }
            }
            expect_fine();
        }
}
END_TEST

int main(void) {
    Suite *s = suite_create("graphs");
    TCase *c = add_case(s, "gradcheck");
    tcase_set_tags(c, "gradients");
    tcase_add_loop_test(c, random_graphs, 0, 4);
    tcase_add_loop_test(c, gradients_of_gradients, 0, 4);
    tcase_add_loop_test(c, grad_of_is_backward, 0, 4);
    return run_suite(s);
}
