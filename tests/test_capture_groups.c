/* Groups of elementwise calls of the CPU's, of more elements than a tile has: captured, they give
 * the bits of the same step run as it is, however many threads there are. */
#include "tests/capture_rig.h"
#include "tests/temp_dir.h"

enum { REPLAYS = 3, OUTPUTS = 8 };

/* Of x, and of what is broadcast to it. */
typedef struct {
    reel_shape x, row, column;
} shapes;

static const shapes cases[] = {
    {{2, {40, 784}}, {1, {784}}, {2, {40, 1}}},           /* two parts of a reduction */
    {{2, {7, 5000}}, {1, {5000}}, {2, {7, 1}}},           /* rows longer than a tile */
    {{2, {9000, 3}}, {1, {3}}, {2, {9000, 1}}},           /* short ones */
    {{3, {5, 6, 999}}, {3, {1, 6, 1}}, {3, {5, 1, 1}}},   /* channels */
    {{3, {6, 33, 130}}, {2, {33, 130}}, {3, {6, 33, 1}}}, /* matrices again and again */
    {{1, {16384}}, {1, {1}}, {0, {0}}},                   /* a part and no more, and numbers */
    {{1, {16385}}, {0, {0}}, {1, {16385}}},               /* one element more; and no broadcast */
    {{2, {1, 300}}, {2, {1, 1}}, {2, {1, 300}}},          /* less than a tile */
    {{4, {2, 3, 50, 200}}, {4, {1, 1, 50, 1}}, {3, {3, 1, 1}}},
};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct side side;
typedef void (*body)(side *s);

struct side {
    body body;
    reel_tensor *x, *row, *column, *mask, *total, *out[OUTPUTS]; /* owned */
    reel_generator *noise;
    int outputs;
};

static bool step(void *user) {
    side *s = user;
    s->outputs = 0;
    s->body(s);
    return true;
}

/* What it leaves behind. */
static void leave(side *s, reel_tensor *t) {
    reel_tensor **to = &s->out[s->outputs++], *was = *to;
    *to = reel_retain(t);
    reel_release(was);
}

/* ---- steps ---- */

static void broadcasts(side *s) {
    reel_tensor *a = reel_add(s->x, s->row), *b = reel_sigmoid(reel_mul(a, s->column));
    reel_tensor *c = reel_sub(s->row, b);
    leave(s, reel_where(s->mask, reel_affine(c, 2, 0.5), s->column));
    leave(s, reel_maximum(reel_tanh(b), s->row));
}

/* Reductions of all elements at a group's end and in its middle, and what is made of them. */
static void reductions(side *s) {
    reel_tensor *y = reel_sigmoid(reel_add(s->x, s->row)), *d = reel_mul(y, s->column);
    reel_tensor *loss = reel_mse(y, s->x), *most = reel_max(d);
    leave(s, reel_square(d));
    leave(s, reel_mul(loss, most));
    leave(s, reel_sum(d));
    leave(s, reel_argmax(d));
    leave(s, reel_std(d));
    leave(s, reel_add(reel_norm(d, 2), loss));
}

static void dtypes(side *s) {
    reel_tensor *wide = reel_cast(reel_mul(s->x, s->row), REEL_F64);
    reel_tensor *whole = reel_cast(reel_affine(wide, 10, 0), REEL_I64);
    leave(s, reel_add(whole, whole));
    leave(s, reel_cast(reel_cast(reel_exp(wide), REEL_F16), REEL_F32));
    leave(s, reel_logical_and(reel_gt(s->x, s->column), reel_cast(s->mask, REEL_U8)));
}

static void noise(side *s) {
    reel_tensor *a = reel_dropout(reel_relu(s->x), 0.3, s->noise);
    leave(s, reel_add(a, s->row));
    leave(s, reel_mul(reel_dropout(reel_neg(a), 0.6, s->noise), s->column));
}

/* In place, into tensors that were there before. */
static void in_place(side *s) {
    reel_tensor *a = reel_add(s->x, s->column);
    reel_in_place(mul, s->x, a);
    reel_in_place(add, s->x, s->row);
    reel_in_place(sigmoid, s->x);
    reel_in_place(add, s->total, reel_mse(s->x, a));
    leave(s, reel_mul(a, s->total));
}

/* Forward and backward. */
static void gradients(side *s) {
    reel_zero_grad(s->x);
    reel_zero_grad(s->row);
    reel_track(s->x);
    reel_track(s->row);
    reel_tensor *y = reel_gelu(reel_mul(reel_sigmoid(reel_add(s->x, s->row)), s->column));
    reel_backward(reel_mse_loss(y, reel_detach(s->x)));
    leave(s, reel_detach(y));
}

static const body bodies[] = {broadcasts, reductions, dtypes, noise, in_place, gradients};
enum { BODIES = sizeof bodies / sizeof *bodies };

/* ---- sides ---- */

static reel_tensor *drawn(reel_shape s, reel_generator *g) {
    return reel_retain(reel_randn(s, REEL_F32, g));
}

static void open_side(side *s, const shapes *of, body b) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(7, reel_cpu());
    *s = (side){.body = b, .noise = reel_generator_new(8, reel_cpu())};
    s->x = drawn(of->x, g);
    s->row = drawn(of->row, g);
    s->column = drawn(of->column, g);
    s->mask = reel_retain(reel_gt(reel_randn(of->x, REEL_F32, g), s->row));
    s->total = reel_retain(reel_zeros(REEL_SCALAR, REEL_F32, reel_cpu()));
    reel_generator_free(g);
}

static void close_side(side *s) {
    reel_release(s->x);
    reel_release(s->row);
    reel_release(s->column);
    reel_release(s->mask);
    reel_release(s->total);
    for (int i = 0; i < OUTPUTS; i++) reel_release(s->out[i]);
    reel_generator_free(s->noise);
}

static void expect_same_sides(side *a, side *b, const char *what) {
    REEL_SCOPE;
    expect_same_bits(a->x, b->x, "%s: x", what);
    expect_same_bits(a->total, b->total, "%s: total", what);
    expect_same_bits(reel_grad(a->x), reel_grad(b->x), "%s: x's gradient", what);
    expect_same_bits(reel_grad(a->row), reel_grad(b->row), "%s: row's gradient", what);
    for (int i = 0; i < OUTPUTS; i++)
        expect_same_bits(a->out[i], b->out[i], "%s: output %d", what, i);
}

/* Other numbers than before, the same for both. */
static void change(side *a, side *b) {
    REEL_SCOPE;
    REEL_NO_GRAD;
    reel_in_place(affine, a->row, 0.75, 0.125);
    reel_in_place(affine, b->row, 0.75, 0.125);
}

static bool has_groups(reel_plan *plan) {
    const char *path = in_dir("plan.txt");
    char line[4096];
    bool found = false;
    ck_assert_int_eq(reel_plan_dump(plan, path), REEL_OK);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) found = found || strstr(line, "one kernel: tiles");
    if (f) fclose(f);
    return found;
}

/* ---- tests ---- */

START_TEST(groups_have_eager_bits) {
    const shapes *of = &cases[_i % CASES];
    side a, b;
    const int before = reel_threads();
    open_side(&a, of, bodies[_i / CASES]);
    open_side(&b, of, bodies[_i / CASES]);
    reel_plan *eager = eager_plan(step, &a),
              *plan = reel_capture(step, &b, (reel_capture_options){0});
    for (int i = 0; i < REPLAYS; i++) {
        char what[40];
        reel_set_threads(1 + i);
        replay_both(eager, plan, 2);
        snprintf(what, sizeof what, "step %d, shapes %d, replay %d", _i / CASES, _i % CASES, i);
        expect_same_sides(&a, &b, what);
        change(&a, &b);
    }
    ck_assert(has_groups(plan));
    reel_set_threads(before);
    reel_plan_free(eager);
    reel_plan_free(plan);
    close_side(&a);
    close_side(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_groups");
    TCase *c = add_dir_case(s, "groups");
    tcase_add_loop_test(c, groups_have_eager_bits, 0, BODIES * CASES);
    return run_suite(s);
}
