#include "tests/parity/parity_shapes.h"

/* ---- shapes ---- */

/* Long enough for the vector and thread code. */
static reel_shape long_shape(dice *d, int least, int most) {
    reel_shape s = {1, {dice_int(d, 500, 6000)}};
    if (least > 1 || (most > 1 && dice_one_in(d, 2)))
        s = reel_shape(dice_int(d, 30, 80), dice_int(d, 30, 80));
    for (; s.ndim < least; s.ndim++) s.dim[s.ndim] = 1;
    return s;
}

reel_shape draw_shape(dice *d, int least_axes, int most_axes) {
    if (most_axes > 0 && dice_one_in(d, 24)) return long_shape(d, least_axes, most_axes);
    reel_shape s = {(int)dice_int(d, least_axes, most_axes), {0}};
    for (int i = 0; i < s.ndim; i++)
        s.dim[i] = dice_one_in(d, 5) ? 1 : dice_int(d, 2, s.ndim > 3 ? 4 : 7);
    if (s.ndim && dice_one_in(d, 16)) s.dim[dice_int(d, 0, s.ndim - 1)] = 0;
    return s;
}

/* One that broadcasts to s: without some first axes, and with some of size 1. */
static reel_shape narrower(dice *d, reel_shape s) {
    const int cut = dice_one_in(d, 3) ? (int)dice_int(d, 0, s.ndim) : 0;
    reel_shape n = {s.ndim - cut, {0}};
    const int stretched = dice_one_in(d, 2) ? 3 : 1000;
    for (int i = 0; i < n.ndim; i++) n.dim[i] = dice_one_in(d, stretched) ? 1 : s.dim[i + cut];
    return n;
}

void draw_broadcast(dice *d, int inputs, op_shapes *s) {
    const reel_shape whole = draw_shape(d, 0, 5);
    for (int i = 0; i < inputs; i++) s->in[i] = inputs == 1 ? whole : narrower(d, whole);
}

void draw_pair(dice *d, op_shapes *s) {
    s->in[0] = s->in[1] = draw_shape(d, 0, 5);
}

/* ---- reductions, products ---- */

void draw_reduced(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 0, 5);
    s->param[0] = dice_int(d, 0, ((int64_t)1 << s->in[0].ndim) - 1);
    s->param[1] = dice_int(d, 0, 1);
}

void draw_extreme(dice *d, op_shapes *s) {
    draw_reduced(d, s);
    for (int i = 0; i < s->in[0].ndim; i++)
        if ((s->param[0] == 0 || s->param[0] >> i & 1) && s->in[0].dim[i] == 0) s->in[0].dim[i] = 1;
}

void draw_spread(dice *d, op_shapes *s) {
    draw_extreme(d, s);
    if (s->in[0].ndim == 0) s->in[0] = reel_shape(4);
    int axis = 0;
    while (s->param[0] && !(s->param[0] >> axis & 1)) axis++;
    s->in[0].dim[axis] += 3;
    s->param[2] = dice_int(d, 0, 2);
}

void draw_power(dice *d, op_shapes *s) {
    static const int64_t powers[] = {0, 2, 5, 6, 10, 12, -4, -6};
    draw_extreme(d, s);
    s->param[2] = powers[dice_int(d, 0, COUNT(powers) - 1)];
}

void draw_position(dice *d, op_shapes *s) {
    draw_extreme(d, s);
    const int n = s->in[0].ndim;
    s->param[0] = n && dice_one_in(d, 2) ? (int64_t)1 << dice_int(d, 0, n - 1) : 0;
    for (int i = 0; i < n; i++)
        if (s->in[0].dim[i] == 0) s->in[0].dim[i] = 2;
}

/* An axis of x, which has one; where it lies, from the front. */
static int some_axis(dice *d, op_shapes *s) {
    const int n = s->in[0].ndim, axis = (int)dice_int(d, 0, n - 1);
    s->param[0] = dice_one_in(d, 3) ? axis - n : axis;
    return axis;
}

void draw_axis(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    some_axis(d, s);
}

static int64_t length(dice *d) {
    return dice_one_in(d, 12) ? 0 : dice_one_in(d, 8) ? dice_int(d, 10, 90) : dice_int(d, 1, 9);
}

void draw_product(dice *d, op_shapes *s) {
    const int64_t m = length(d), k = length(d), n = length(d);
    s->in[0] = reel_shape(m, k);
    s->in[1] = reel_shape(k, n);
}

static reel_shape with_matrix(reel_shape batch, reel_shape matrix) {
    batch.dim[batch.ndim] = matrix.dim[0], batch.dim[batch.ndim + 1] = matrix.dim[1];
    batch.ndim += 2;
    return batch;
}

void draw_products(dice *d, op_shapes *s) {
    reel_shape batch = {(int)dice_int(d, 0, 3), {0}};
    for (int i = 0; i < batch.ndim; i++) batch.dim[i] = dice_int(d, dice_one_in(d, 9) ? 0 : 1, 3);
    draw_product(d, s);
    const reel_shape x = s->in[0], y = s->in[1];
    s->in[0] = with_matrix(narrower(d, batch), x);
    s->in[1] = with_matrix(narrower(d, batch), y);
    if (dice_one_in(d, 8)) s->in[0] = reel_shape(x.dim[1]);
    if (dice_one_in(d, 8)) s->in[1] = reel_shape(y.dim[0]);
}

/* ---- indexing ---- */

static void select_along(dice *d, op_shapes *s, int axis) {
    const int64_t n = s->in[0].dim[axis];
    s->in[1] = reel_shape(n ? dice_int(d, 0, 9) : 0);
    s->param[3] = n;
}

void draw_selected(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    select_along(d, s, some_axis(d, s));
}

void draw_rows(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    select_along(d, s, 0);
}

/* The size of a result that x's n entries are added to; indices are below it. */
static void add_into(dice *d, op_shapes *s, int64_t n) {
    s->param[1] = s->param[3] = dice_int(d, n ? 1 : 0, 7);
}

void draw_added(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    const int64_t n = s->in[0].dim[some_axis(d, s)];
    s->in[1] = reel_shape(n);
    add_into(d, s, n);
}

void draw_gathered(dice *d, op_shapes *s) {
    s->in[0] = s->in[1] = draw_shape(d, 1, 5);
    const int axis = some_axis(d, s);
    s->param[3] = s->in[0].dim[axis];
    s->in[1].dim[axis] = s->param[3] ? dice_int(d, 0, 9) : 0;
}

void draw_scattered(dice *d, op_shapes *s) {
    s->in[0] = s->in[1] = draw_shape(d, 1, 5);
    add_into(d, s, s->in[0].dim[some_axis(d, s)]);
}

void draw_best(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    s->param[1] = dice_int(d, 0, s->in[0].dim[some_axis(d, s)]);
    s->param[2] = dice_int(d, 0, 1);
}

void draw_classes(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 0, 4);
    s->param[3] = dice_int(d, 1, 9);
    s->param[0] = s->param[3] + dice_int(d, 0, 2);
}

void draw_sorted(dice *d, op_shapes *s) {
    draw_axis(d, s);
    s->param[1] = dice_int(d, 0, 1);
}

/* ---- joining, rearranging ---- */

void draw_joined(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    s->in[1] = s->in[2] = s->in[0];
    const int axis = some_axis(d, s);
    for (int i = 1; i < 3; i++) s->in[i].dim[axis] = dice_int(d, 0, 5);
}

void draw_stacked(dice *d, op_shapes *s) {
    s->in[0] = s->in[1] = s->in[2] = draw_shape(d, 0, 4);
    const int n = s->in[0].ndim;
    s->param[0] = dice_int(d, -n - 1, n);
}

void draw_triangle(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 2, 5);
    s->param[0] = dice_one_in(d, 9) ? INT32_MAX : dice_int(d, -9, 9);
}

/* ---- views ---- */

/* Bounds from either end, in either order, and past the ends. */
void draw_slice(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    const int64_t n = s->in[0].dim[some_axis(d, s)];
    s->param[1] = dice_int(d, -n - 2, n + 2);
    s->param[2] = dice_one_in(d, 3) ? INT64_MAX : dice_int(d, -n - 2, n + 2);
    s->param[3] = dice_int(d, 1, 4);
}

void draw_put(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 4);
    const int axis = (int)(s->param[0] = dice_int(d, 0, s->in[0].ndim - 1));
    const int64_t n = s->in[0].dim[axis] = dice_int(d, 0, 9), gaps = n > 1 ? n - 1 : 1;
    s->param[3] = dice_int(d, 1, 8 / gaps);
    s->param[1] = dice_int(d, 0, n ? 8 - (n - 1) * s->param[3] : 8);
}

static int64_t some_divisor(dice *d, int64_t n) {
    for (int64_t k = dice_int(d, 1, n);; k--)
        if (n % k == 0) return k;
}

void draw_reshaped(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 0, 5);
    int64_t n = 1, *p = s->param;
    for (int i = 0; i < s->in[0].ndim; i++) n *= s->in[0].dim[i];
    p[0] = n ? some_divisor(d, n) : dice_int(d, 0, 5);
    p[1] = n ? some_divisor(d, n / p[0]) : 0;
    p[2] = n ? n / p[0] / p[1] : dice_int(d, 0, 5);
    if (n && dice_one_in(d, 2)) p[dice_int(d, 0, 2)] = -1;
}

void draw_permuted(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 3, 3);
    for (int i = 0; i < 3; i++) s->param[i] = i;
    for (int i = 2; i > 0; i--) {
        const int64_t j = dice_int(d, 0, i), at_j = s->param[j];
        s->param[j] = s->param[i], s->param[i] = at_j;
    }
    for (int i = 0; i < 3; i++)
        if (dice_one_in(d, 4)) s->param[i] -= 3;
}

void draw_expanded(dice *d, op_shapes *s) {
    const reel_shape whole = draw_shape(d, 3, 3);
    for (int i = 0; i < 3; i++) s->param[i] = whole.dim[i];
    s->in[0] = narrower(d, whole);
}

/* ---- creation ---- */

void draw_made(dice *d, op_shapes *s) {
    const reel_shape made = draw_shape(d, 2, 2);
    s->param[0] = made.dim[0], s->param[1] = made.dim[1];
}

void draw_counted(dice *d, op_shapes *s) {
    s->param[0] = dice_int(d, 0, 200);
}
