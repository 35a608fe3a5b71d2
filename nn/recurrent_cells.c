/* Recurrent cells: a single step of the units that recurrent layers have. */
#include "nn/recurrent_units_internal.h"

#include <inttypes.h>

typedef struct {
    reel_module base;
    int cell;
    int64_t in, hidden;
    reel__units units;
} cell;

static bool fits(const cell *m, reel_tensor *const *in, int i, const char *what) {
    reel_shape s = reel_shape_of(in[0]);
    if (!in[i]) return true;
    s.dim[s.ndim - 1] = m->hidden;
    if (reel_shape_equal(reel_shape_of(in[i]), s)) return true;
    char text[200];
    reel__shape_text(text, sizeof text, s);
    reel__fail_composite(REEL_ERR_SHAPE, "%s must be %s", what, text);
    return false;
}

static bool check(const cell *m, reel_tensor *const *in) {
    const bool lstm = m->cell == REEL__CELL_LSTM;
    const int ndim = reel_ndim(in[0]);
    if ((ndim != 1 && ndim != 2) || reel_dim(in[0], -1) != m->in) {
        reel__fail_composite(REEL_ERR_SHAPE, "x must be [B, %" PRId64 "], or [%" PRId64 "]", m->in,
                             m->in);
        return false;
    }
    if (lstm && !in[1] != !in[2]) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "h and c are given both, or neither");
        return false;
    }
    return fits(m, in, 1, "h") && (!lstm || fits(m, in, 2, "c"));
}

/* A state as [B,hidden]; zeros where none is given. */
static reel_tensor *state_of(const cell *m, reel_tensor *given, reel_tensor *x) {
    const reel_shape s = reel_shape(reel_dim(x, 1), m->hidden);
    return given ? reel_reshape_at(NULL, given, s)
                 : reel_full_at(NULL, s, 0, reel_dtype_of(x), reel_device_of(x));
}

static void run(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const cell *m = (const cell *)base;
    const bool lstm = m->cell == REEL__CELL_LSTM;
    static const char *const called[] = {"x", "h", "c"};
    REEL__COMPOSITE(.name = base->type, .at = reel__self()->call.site, .first = 1,
                    .in = {in[0], in[1], lstm ? in[2] : NULL}, .given = 1, .called = called);
    if (!reel__composite_is_whole(&composite) || !check(m, in)) return;
    reel_shape s = reel_shape_of(in[0]);
    const int64_t batch = s.ndim == 2 ? s.dim[0] : 1;
    reel_tensor *x = reel_reshape_at(NULL, in[0], reel_shape(1, batch, m->in));
    if (!x) return;
    reel_tensor *h = state_of(m, in[1], x), *c = lstm ? state_of(m, in[2], x) : NULL;
    const reel__units_result r = reel__units_run(&m->units, m->cell, false, x, h, c, NULL);
    s.dim[s.ndim - 1] = m->hidden;
    if (r.h) out[0] = reel_reshape_at(NULL, r.h, s);
    if (r.c) out[1] = reel_reshape_at(NULL, r.c, s);
}

static reel_module *cell_new(const char *type, const char *what, int of, int64_t in, int64_t hidden,
                             const reel_recurrent_cell_options *o) {
    if (in < 1 || hidden < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a size below 1: in %" PRId64 ", hidden %" PRId64,
                  what, in, hidden);
        return NULL;
    }
    if (reel__module_check_dtype(what, o->dtype) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = what);
    cell *m = reel__module_new(sizeof *m, type, NULL, NULL);
    if (!m) return NULL;
    m->base.run = run;
    m->base.inputs = of == REEL__CELL_LSTM ? 3 : 2;
    m->base.results = of == REEL__CELL_LSTM ? 2 : 1;
    m->cell = of;
    m->in = in;
    m->hidden = hidden;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(o->generator);
    const bool whole =
        d.ok && reel__units_make(&m->units, &m->base, of, "", in, hidden, o->no_bias, o->dtype, &d);
    reel__draws_end(&d);
    return reel__module_made(&m->base, whole);
}

reel_module *reel_rnn_cell_new(int64_t in, int64_t hidden, reel_recurrent_cell_options options) {
    return cell_new("rnn_cell", "rnn_cell_new", options.relu ? REEL__CELL_RELU : REEL__CELL_TANH,
                    in, hidden, &options);
}

reel_module *reel_lstm_cell_new(int64_t in, int64_t hidden, reel_recurrent_cell_options options) {
    return cell_new("lstm_cell", "lstm_cell_new", REEL__CELL_LSTM, in, hidden, &options);
}

reel_module *reel_gru_cell_new(int64_t in, int64_t hidden, reel_recurrent_cell_options options) {
    return cell_new("gru_cell", "gru_cell_new", REEL__CELL_GRU, in, hidden, &options);
}
