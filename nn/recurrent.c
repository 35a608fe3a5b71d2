/* Recurrent layers: units of several layers and directions over a sequence. */
#include "nn/recurrent_units_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MOST_LAYERS = 1024 };

typedef struct {
    reel_module base;
    int cell, layers, directions;
    int64_t in, hidden;
    bool batch_first;
    double dropout;
    reel_generator *generator; /* of dropout; NULL: none */
    reel__units units[];       /* [layers * directions] */
} recurrent;

/* ---- what is given ---- */

typedef struct {
    reel_tensor *x, *h, *c, *lengths; /* x[T,B,in], states [L D,B,hidden] */
    bool unbatched;
} inputs;

static bool fits(const reel_tensor *t, reel_shape s) {
    return reel_shape_equal(reel_shape_of(t), s);
}

static bool refuse(const char *what, reel_shape s) {
    char text[200];
    reel__shape_text(text, sizeof text, s);
    reel__fail_composite(REEL_ERR_SHAPE, "%s must be %s", what, text);
    return false;
}

static bool check_x(const recurrent *m, const reel_tensor *x) {
    const int ndim = reel_ndim(x);
    if ((ndim == 2 || ndim == 3) && reel_dim(x, -1) == m->in) {
        if (reel_dim(x, ndim == 3 && m->batch_first ? 1 : 0) > 0) return true;
        reel__fail_composite(REEL_ERR_SHAPE, "there is no step");
        return false;
    }
    reel__fail_composite(REEL_ERR_SHAPE, "x must be [%s, %" PRId64 "], or [T, %" PRId64 "]",
                         m->batch_first ? "B, T" : "T, B", m->in, m->in);
    return false;
}

/* A state as [L D,B,hidden]; zeros where none is given. */
static reel_tensor *state_of(const recurrent *m, reel_tensor *given, const inputs *i,
                             const char *what) {
    const int64_t all = m->layers * m->directions, batch = reel_dim(i->x, 1);
    const reel_shape s = reel_shape(all, batch, m->hidden), single = reel_shape(all, m->hidden);
    if (!given) return reel_full_at(NULL, s, 0, reel_dtype_of(i->x), reel_device_of(i->x));
    if (!fits(given, i->unbatched ? single : s)) {
        refuse(what, i->unbatched ? single : s);
        return NULL;
    }
    return i->unbatched ? reel_reshape_at(NULL, given, s) : given;
}

static bool check_lengths(const inputs *i) {
    if (!i->lengths) return true;
    const reel_shape s = reel_shape(reel_dim(i->x, 1));
    if (i->unbatched) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "lengths without a batch");
        return false;
    }
    if (reel_dtype_of(i->lengths) != REEL_I64) {
        reel__fail_composite(REEL_ERR_DTYPE, "lengths must be i64");
        return false;
    }
    return fits(i->lengths, s) || refuse("lengths", s);
}

static bool take(inputs *i, const recurrent *m, reel_tensor *const *in) {
    const bool lstm = m->cell == REEL__CELL_LSTM;
    if (!check_x(m, in[0])) return false;
    *i = (inputs){.x = in[0], .unbatched = reel_ndim(in[0]) == 2};
    i->lengths = in[lstm ? 3 : 2];
    if (i->unbatched)
        i->x = reel_unsqueeze_at(NULL, i->x, 1);
    else if (m->batch_first)
        i->x = reel_transpose_at(NULL, i->x, 0, 1);
    if (!i->x || !check_lengths(i)) return false;
    if (lstm && !in[1] != !in[2]) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "h and c are given both, or neither");
        return false;
    }
    i->h = state_of(m, in[1], i, "h");
    if (lstm && i->h) i->c = state_of(m, in[2], i, "c");
    return i->h && (i->c || !lstm);
}

/* ---- layers ---- */

static reel_tensor *dropped(const recurrent *m, reel_tensor *y) {
    if (!m->generator || !m->base.training) return y;
    return reel_dropout_at(NULL, y, m->dropout, m->generator);
}

static reel_tensor *state_at(reel_tensor *states, int i) {
    return states ? reel_select_at(NULL, states, 0, i) : NULL;
}

/* All layers; the last states of each into h and c, [layers * directions]. */
static reel_tensor *go_through(const recurrent *m, const inputs *in, reel_tensor **h,
                               reel_tensor **c) {
    reel_tensor *y = in->x;
    for (int k = 0; k < m->layers && y; k++) {
        reel_tensor *both[2] = {NULL};
        if (k) y = dropped(m, y);
        for (int d = 0; d < m->directions; d++) {
            const int i = k * m->directions + d;
            const reel__units_result r =
                reel__units_run(&m->units[i], m->cell, d == 1, y, state_at(in->h, i),
                                state_at(in->c, i), in->lengths);
            both[d] = r.y;
            h[i] = r.h;
            c[i] = r.c;
        }
        y = m->directions == 2 ? reel_concat_at(NULL, both, 2, -1) : both[0];
    }
    return y;
}

static reel_tensor *states_of(const recurrent *m, reel_tensor *const *s, bool unbatched) {
    reel_tensor *all = reel_stack_at(NULL, s, m->layers * m->directions, 0);
    return unbatched ? reel_squeeze_at(NULL, all, 1) : all;
}

static void run(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const recurrent *m = (const recurrent *)base;
    static const char *const called[] = {"x", "h", "c"};
    REEL__COMPOSITE(.name = base->type, .at = reel__self()->call.site, .first = 1,
                    .in = {in[0], in[1], m->cell == REEL__CELL_LSTM ? in[2] : NULL}, .given = 1,
                    .called = called);
    inputs i;
    if (!reel__composite_is_whole(&composite) || !take(&i, m, in)) return;
    const size_t count = (size_t)(m->layers * m->directions);
    reel_tensor **last = calloc(2 * count, sizeof *last);
    if (!last) {
        reel__fail_composite(REEL_ERR_MEMORY, "out of memory");
        return;
    }
    reel_tensor *y = go_through(m, &i, last, last + count);
    if (y && i.unbatched)
        y = reel_squeeze_at(NULL, y, 1);
    else if (y && m->batch_first)
        y = reel_transpose_at(NULL, y, 0, 1);
    out[0] = y;
    if (y) out[1] = states_of(m, last, i.unbatched);
    if (y && i.c) out[2] = states_of(m, last + count, i.unbatched);
    free(last);
}

/* ---- making ---- */

static bool check(const char *what, int64_t in, int64_t hidden, const reel_recurrent_options *o) {
    if (in < 1 || hidden < 1)
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "%s_new: a size below 1: in %" PRId64 ", hidden %" PRId64, what, in, hidden);
    else if (o->num_layers < 0 || o->num_layers > MOST_LAYERS)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s_new: num_layers must lie in 1..%d, not %d", what,
                  MOST_LAYERS, o->num_layers);
    else if (!(o->dropout >= 0.0 && o->dropout <= 1.0))
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s_new: dropout must lie in [0, 1]: %g", what,
                  o->dropout);
    else
        return true;
    return false;
}

static bool make_units(recurrent *m, const reel_recurrent_options *o, const reel__draws *d) {
    for (int i = 0; i < m->layers * m->directions; i++) {
        char suffix[32];
        const int k = i / m->directions;
        snprintf(suffix, sizeof suffix, "_l%d%s", k, i % m->directions ? "_reverse" : "");
        if (!reel__units_make(&m->units[i], &m->base, m->cell, suffix,
                              k ? m->directions * m->hidden : m->in, m->hidden, o->no_bias,
                              o->dtype, d))
            return false;
    }
    return true;
}

static bool make_dropout(recurrent *m, const reel_recurrent_options *o, reel_device device) {
    m->dropout = o->dropout;
    if (o->dropout == 0.0) return true;
    m->generator = reel__module_draws(&m->base, o->seed, device);
    return m->generator != NULL;
}

static reel_module *layer_new(const char *type, int cell, int64_t in, int64_t hidden,
                              const reel_recurrent_options *o) {
    char what[16];
    snprintf(what, sizeof what, "%s_new", type);
    if (!check(type, in, hidden, o) || reel__module_check_dtype(what, o->dtype) != REEL_OK)
        return NULL;
    REEL__COMPOSITE(.name = what);
    const int layers = o->num_layers ? o->num_layers : 1, directions = o->bidirectional ? 2 : 1;
    recurrent *m = reel__module_new(sizeof *m + (size_t)(layers * directions) * sizeof m->units[0],
                                    type, NULL, NULL);
    if (!m) return NULL;
    m->base.run = run;
    m->base.inputs = cell == REEL__CELL_LSTM ? 4 : 3;
    m->base.results = cell == REEL__CELL_LSTM ? 3 : 2;
    m->cell = cell;
    m->layers = layers;
    m->directions = directions;
    m->in = in;
    m->hidden = hidden;
    m->batch_first = o->batch_first;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(o->generator);
    const bool whole = d.ok && make_units(m, o, &d) && make_dropout(m, o, d.device);
    reel__draws_end(&d);
    return reel__module_made(&m->base, whole);
}

reel_module *reel_rnn_new(int64_t in, int64_t hidden, reel_recurrent_options options) {
    return layer_new("rnn", options.relu ? REEL__CELL_RELU : REEL__CELL_TANH, in, hidden, &options);
}

reel_module *reel_lstm_new(int64_t in, int64_t hidden, reel_recurrent_options options) {
    return layer_new("lstm", REEL__CELL_LSTM, in, hidden, &options);
}

reel_module *reel_gru_new(int64_t in, int64_t hidden, reel_recurrent_options options) {
    return layer_new("gru", REEL__CELL_GRU, in, hidden, &options);
}
