/* Recurrent steps in f32 or f64: included by cpu_recurrent_loops.c once per type. */

#include "tensor/formulas/recurrent_formulas_internal.h"

/* Where unit `first` of a row lies: a state, plane k, gate k of a row of gates. */
typedef struct {
    int64_t state, gates, hidden, plane;
} R(place);

INLINE R(place) R(place_of)(const reel__recurrent_step *s, int64_t row, int64_t first) {
    const int64_t wide = reel__cell_gates(s->cell) * s->hidden;
    return (R(place)){row * s->hidden + first, row * wide + first, s->hidden, s->plane};
}
#define STATE(of) ((REAL *)(of) + p.state)
#define PLANE(k) ((REAL *)s->planes + (k)*p.plane + p.state)
#define GATE(of, k) ((const REAL *)(of) + (k)*p.hidden + p.gates)
#define GATE_OUT(of, k) ((REAL *)(of) + (k)*p.hidden + p.gates)
#define BIAS(k) ((const REAL *)s->b + (k)*p.hidden + first)

/* ---- one gate: tanh, relu ---- */

INLINE void R(plain_forward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n,
                             bool relu, bool biased) {
    const R(place) p = R(place_of)(s, row, first);
    const REAL *x = GATE(s->x, 0), *z = GATE(s->z, 0), *b = biased ? BIAS(0) : x;
    REAL *restrict y = STATE(s->y), *restrict h = STATE(s->h), *restrict kept = PLANE(0);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const REAL in = x[i] + (biased ? z[i] + b[i] : z[i]);
        const REAL out = relu ? (in > 0 ? in : in != in ? in : 0) : R(tanh)(in);
        y[i] = h[i] = kept[i] = out;
    }
}

static void R(tanh_forward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    (s->b ? R(plain_forward)(s, row, first, n, false, true)
          : R(plain_forward)(s, row, first, n, false, false));
}
static void R(relu_forward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    (s->b ? R(plain_forward)(s, row, first, n, true, true)
          : R(plain_forward)(s, row, first, n, true, false));
}

INLINE void R(plain_backward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n,
                              bool relu) {
    const R(place) p = R(place_of)(s, row, first);
    const REAL *g = STATE(s->g), *dh = STATE(s->dh), *h = PLANE(0);
    REAL *restrict dx = GATE_OUT(s->dx, 0);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const REAL d = g[i] + dh[i];
        dx[i] = relu ? (h[i] > 0 ? d : 0) : d * (1 - h[i] * h[i]);
    }
}

static void R(tanh_backward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    R(plain_backward)(s, row, first, n, false);
}
static void R(relu_backward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    R(plain_backward)(s, row, first, n, true);
}

/* ---- LSTM ---- */

INLINE void R(lstm_row)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n,
                        bool biased) {
    const R(place) p = R(place_of)(s, row, first);
    const REAL *xi = GATE(s->x, 0), *xf = GATE(s->x, 1), *xg = GATE(s->x, 2), *xo = GATE(s->x, 3);
    const REAL *zi = GATE(s->z, 0), *zf = GATE(s->z, 1), *zg = GATE(s->z, 2), *zo = GATE(s->z, 3);
    const REAL *bi = biased ? BIAS(0) : xi, *bf = biased ? BIAS(1) : xi,
               *bg = biased ? BIAS(2) : xi, *bo = biased ? BIAS(3) : xi;
    const REAL *c = PLANE(4);
    REAL *restrict ki = PLANE(0), *restrict kf = PLANE(1), *restrict kg = PLANE(2),
                   *restrict ko = PLANE(3);
    REAL *restrict y = STATE(s->y), *restrict h = STATE(s->h), *restrict next = STATE(s->c);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        REAL in[4] = {zi[i] + xi[i], zf[i] + xf[i], zg[i] + xg[i], zo[i] + xo[i]};
        if (biased) in[0] += bi[i], in[1] += bf[i], in[2] += bg[i], in[3] += bo[i];
        const R(lstm_unit) u = R(lstm_open)(in[0], in[1], in[2], in[3], c[i]);
        const REAL memory = R(lstm_memory)(u);
        ki[i] = u.i;
        kf[i] = u.f;
        kg[i] = u.g;
        ko[i] = u.o;
        next[i] = memory;
        y[i] = h[i] = u.o * R(tanh)(memory);
    }
}

static void R(lstm_forward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    (s->b ? R(lstm_row)(s, row, first, n, true) : R(lstm_row)(s, row, first, n, false));
}

static void R(lstm_backward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    const R(place) p = R(place_of)(s, row, first);
    const REAL *ki = PLANE(0), *kf = PLANE(1), *kg = PLANE(2), *ko = PLANE(3), *c = PLANE(4);
    const REAL *g = STATE(s->g), *dh = STATE(s->dh);
    REAL *restrict dc = STATE(s->dc);
    REAL *restrict di = GATE_OUT(s->dx, 0), *restrict df = GATE_OUT(s->dx, 1),
                   *restrict dg = GATE_OUT(s->dx, 2), *restrict d_o = GATE_OUT(s->dx, 3);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const R(lstm_unit) u = {ki[i], kf[i], kg[i], ko[i], c[i]};
        const R(lstm_unit) d = R(lstm_back)(u, g[i] + dh[i], dc[i]);
        di[i] = d.i;
        df[i] = d.f;
        dg[i] = d.g;
        d_o[i] = d.o;
        dc[i] = d.c;
    }
}

/* ---- GRU ---- */

INLINE void R(gru_row)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n,
                       bool biased) {
    const R(place) p = R(place_of)(s, row, first);
    const REAL *xr = GATE(s->x, 0), *xz = GATE(s->x, 1), *xn = GATE(s->x, 2);
    const REAL *zr = GATE(s->z, 0), *zz = GATE(s->z, 1), *zn = GATE(s->z, 2);
    const REAL *br = biased ? BIAS(0) : xr, *bz = biased ? BIAS(1) : xr,
               *bn = biased ? BIAS(2) : xr;
    const REAL *before = PLANE(4);
    REAL *restrict kr = PLANE(0), *restrict kz = PLANE(1), *restrict kn = PLANE(2),
                   *restrict kq = PLANE(3);
    REAL *restrict y = STATE(s->y), *restrict h = STATE(s->h);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        REAL in[3] = {zr[i], zz[i], zn[i]};
        if (biased) in[0] += br[i], in[1] += bz[i], in[2] += bn[i];
        const R(gru_unit) u = R(gru_open)(in[0] + xr[i], in[1] + xz[i], xn[i], in[2], before[i]);
        kr[i] = u.r;
        kz[i] = u.z;
        kn[i] = u.n;
        kq[i] = u.q;
        y[i] = h[i] = R(gru_state)(u);
    }
}

static void R(gru_forward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    (s->b ? R(gru_row)(s, row, first, n, true) : R(gru_row)(s, row, first, n, false));
}

static void R(gru_backward)(const reel__recurrent_step *s, int64_t row, int64_t first, int64_t n) {
    const R(place) p = R(place_of)(s, row, first);
    const REAL *kr = PLANE(0), *kz = PLANE(1), *kn = PLANE(2), *kq = PLANE(3), *before = PLANE(4);
    const REAL *g = STATE(s->g);
    REAL *restrict dh = STATE(s->dh);
    REAL *restrict xr = GATE_OUT(s->dx, 0), *restrict xz = GATE_OUT(s->dx, 1),
                   *restrict xn = GATE_OUT(s->dx, 2);
    REAL *restrict zr = GATE_OUT(s->dz, 0), *restrict zz = GATE_OUT(s->dz, 1),
                   *restrict zn = GATE_OUT(s->dz, 2);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const R(gru_unit) u = {kr[i], kz[i], kn[i], kq[i], before[i]};
        const R(gru_unit) d = R(gru_back)(u, g[i] + dh[i]);
        xr[i] = zr[i] = d.r;
        xz[i] = zz[i] = d.z;
        xn[i] = d.n;
        zn[i] = d.q;
        dh[i] = d.h;
    }
}

#undef STATE
#undef PLANE
#undef GATE
#undef GATE_OUT
#undef BIAS
