#include "tests/parity/parity_case.h"

#include "autograd/autograd.h"
#include "tests/same_bits.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND_MOST = 300 }; /* elements of a result whose second derivatives are looked at */

static op_shapes some_shapes(dice *d, const parity_subject *s) {
    op_shapes shapes = {0};
    if (s->draw)
        s->draw(d, &shapes);
    else if (s->c->formula)
        draw_broadcast(d, s->c->inputs, &shapes);
    else
        shapes = s->c->shapes[dice_int(d, 0, s->c->shape_count - 1)];
    return shapes;
}

/* Halves where elements are moved. */
static reel_dtype some_dtype(dice *d, reel__dtypes taken, bool moved) {
    if (taken == REEL__ALIKE && moved && dice_one_in(d, 6))
        return dice_one_in(d, 2) ? REEL_F16 : REEL_BF16;
    const bool floats = taken == REEL__FLOAT || taken == REEL__FULL || taken == REEL__INDEXED_FLOAT;
    if (!floats && dice_one_in(d, 4)) return dice_one_in(d, 2) ? REEL_I64 : REEL_U8;
    return dice_one_in(d, 2) ? REEL_F64 : REEL_F32;
}

/* "relu_grad": its derivatives are another op's second ones. */
static bool is_gradient(const char *name) {
    const char *end = strstr(name, "_grad");
    return end && strcmp(end, "_grad") == 0;
}

/* Gradients of outputs[] by inputs[], begun with weights[]; NULL where there is none. */
static bool gradients(int outputs, reel_tensor *const *output, reel_tensor *const *weight,
                      int inputs, reel_tensor *const *input, reel_tensor **gradient,
                      bool recorded) {
    return reel_grad_of(output, outputs, input, inputs, gradient,
                        (reel_grad_of_options){.gradients = weight,
                                               .create_graph = recorded,
                                               .allow_unused = true}) == REEL_OK;
}

/* A case on its way. */
typedef struct {
    record *r;
    dice *d;
    const op_case *c;
    reel_tensor *in[CASE_INPUTS], *out;
    bool second; /* derivatives are wanted */
} turn;

static void record_second(const turn *t, int n, reel_tensor *const *x, reel_tensor *const *g,
                          reel_tensor *weight) {
    reel_tensor *by[CASE_INPUTS + 1], *of[CASE_INPUTS], *w[CASE_INPUTS], *gg[CASE_INPUTS + 1];
    int given = 0;
    for (int i = 0; i < n; i++) {
        by[i] = x[i];
        if (!g[i]) continue;
        of[given] = g[i];
        w[given] = parity_weight(t->d, g[i]);
        record_tensor_at(t->r, "weight", i, w[given++]);
    }
    by[n] = weight;
    if (!given || !gradients(given, of, w, n + 1, by, gg, false)) return;
    for (int i = 0; i < n; i++) record_tensor_at(t->r, "second", i, gg[i]);
    record_tensor(t->r, "second_weight", gg[n]);
}

static void record_gradients(const turn *t) {
    reel_tensor *x[CASE_INPUTS], *g[CASE_INPUTS];
    int n = 0;
    for (int i = 0; i < t->c->inputs; i++)
        if (reel_is_tracked(t->in[i])) x[n++] = t->in[i];
    if (!n || !t->out || !reel_is_tracked(t->out)) return;
    reel_tensor *weight = reel_track(parity_weight(t->d, t->out));
    record_tensor(t->r, "weight", weight);
    if (!gradients(1, &t->out, &weight, n, x, g, t->second)) return;
    for (int i = 0; i < n; i++) record_tensor_at(t->r, "grad", i, g[i]);
    if (t->second) record_second(t, n, x, g, weight);
}

/* ---- the same, captured ---- */

enum { CAPTURED_REPLAYS = 3 };

/* A step that computes the case's result and gradients. */
typedef struct {
    const op_case *c;
    const int64_t *param;
    reel_dtype dtype;
    reel_tensor *in[CASE_INPUTS], *weight;
    reel_tensor *result[1 + CASE_INPUTS]; /* owned; gradients behind the result itself */
} captured;

static void keep(captured *k, int i, reel_tensor *t) {
    reel_tensor *was = k->result[i];
    k->result[i] = t ? reel_retain(reel_detach(t)) : NULL;
    reel_release(was);
}

static bool captured_step(void *user) {
    captured *k = user;
    reel_tensor *in[CASE_INPUTS], *x[CASE_INPUTS], *g[CASE_INPUTS];
    int n = 0;
    memcpy(in, k->in, sizeof in);
    reel_tensor *out = k->c->run(in, k->param, k->dtype);
    keep(k, 0, out);
    for (int i = 0; i < k->c->inputs; i++)
        if (reel_is_tracked(k->in[i])) x[n++] = k->in[i];
    if (!n || !k->weight || !out || !reel_is_tracked(out)) return true;
    if (!gradients(1, &out, &k->weight, n, x, g, false)) return true;
    for (int i = 0; i < n; i++) keep(k, 1 + i, g[i]);
    return true;
}

static bool same_elements(reel_tensor *a, reel_tensor *b) {
    if (!a || !b) return !a && !b;
    const reel_dtype dtype = reel_dtype_of(a);
    const size_t size = reel_dtype_size(dtype), bytes = (size_t)reel_numel(a) * size;
    char *x = malloc(bytes + 1), *y = malloc(bytes + 1);
    bool same = x && y && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)) &&
                reel_read(a, x, bytes) == REEL_OK && reel_read(b, y, bytes) == REEL_OK;
    for (size_t i = 0; same && i < bytes; i += size) same = same_element(x + i, y + i, dtype);
    free(x);
    free(y);
    return same;
}

/* Fails where replays give other bits. On a GPU the passes that add up in another order are left
 * out. What the host does in a step is refused, which is no fault. */
static void check_captured(captured eager) {
    captured k = eager;
    const unsigned without = passes_of_other_bits();
    if (reel_failed()) return;
    captured_step(&eager);
    reel_plan *plan = reel_capture(captured_step, &k, (reel_capture_options){.without = without});
    for (int n = 0; n < CAPTURED_REPLAYS && !reel_failed(); n++) {
        if (reel_replay(plan, 1) != 1) break;
        for (int i = 0; i < 1 + CASE_INPUTS; i++)
            if (!reel_failed() && !same_elements(eager.result[i], k.result[i]))
                reel_fail(REEL_ERR_STATE, NULL, "captured, replay %d: result %d differs", n, i);
    }
    if (reel_error_status() == REEL_ERR_STATE && strstr(reel_error(), "host")) reel_clear_error();
    reel_plan_free(plan);
    for (int i = 0; i < 1 + CASE_INPUTS; i++)
        reel_release(eager.result[i]), reel_release(k.result[i]);
}

static void record_one(record *r, const parity_subject *s, int64_t seed) {
    const op_case *c = s->c;
    dice d = dice_of(s->name, seed);
    const op_shapes shapes = some_shapes(&d, s);
    const reel_dtype dtype =
        some_dtype(&d, s->floats_only ? REEL__FLOAT : s->dtypes, c->inputs > 0);
    const bool smooth = is_gradient(s->name) || (dtype == REEL_F64 && dice_one_in(&d, 2));
    const parity_values values = {.kind = parity_some_kind(&d),
                                  .dtype = dtype,
                                  .smooth = smooth,
                                  .probabilities = s->probabilities};
    turn t = {.r = r, .d = &d, .c = c};
    record_case(r, s->family, s->name, seed);
    record_text(r, "dtype", reel_dtype_name(dtype));
    record_text(r, "values", parity_kind_name[values.kind]);
    record_integer(r, "inputs", c->inputs);
    record_integers(r, "param", shapes.param, c->formula ? 0 : CASE_PARAMS);
    record_number(r, "tolerance32", c->tolerance32 > 0 ? c->tolerance32 : 4e-6);
    record_text(r, "kind", c->formula ? "elementwise" : "other");
    for (int i = 0; i < c->inputs; i++)
        t.in[i] = parity_input(r, &d, c, i, &shapes, values, s->differentiable);
    t.out = c->run(t.in, shapes.param, dtype);
    t.second = smooth && dtype == REEL_F64 && reel_numel(t.out) <= SECOND_MOST;
    record_tensor(r, "out", t.out);
    if (s->second) record_tensor(r, "out1", s->second(t.in, shapes.param));
    if (s->differentiable) record_gradients(&t);
    if (r->captured) {
        captured k = {.c = c, .param = shapes.param, .dtype = dtype};
        memcpy(k.in, t.in, sizeof k.in);
        if (s->differentiable && t.out && reel_is_tracked(t.out))
            k.weight = parity_weight(&d, t.out);
        check_captured(k);
    }
    record_end(r);
}

void parity_cases(record *r, const parity_subject *s) {
    if (!record_subject(r, s->family, s->name)) return;
    for (int64_t seed = r->first; seed < r->first + r->count; seed++) {
        REEL_SCOPE;
        record_one(r, s, seed);
    }
}
