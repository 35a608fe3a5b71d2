/* Cases of creation and of random numbers. */
#include "tests/op_cases.h"

#include "tensor/random.h"

#include <math.h>

/* ---- filled, counted, spaced ---- */

static const op_shapes made[] = {
    {{S0}, {3, 4}}, {{S0}, {0, 5}}, {{S0}, {1, 1}}, {{S0}, {700, 100}}};
static const op_shapes made_bad[] = {{{S0}, {-1, 2}}, {{S0}, {INT64_MAX, INT64_MAX}}};
#define CREATED                                                                                    \
    .inputs = 0, .shapes = made, .shape_count = COUNT(made), .bad = made_bad,                      \
    .bad_count = COUNT(made_bad)

static reel_tensor *run_fill(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in;
    return reel_full(reel_shape(param[0], param[1]), 7.0, dtype, test_device());
}
static array ref_fill(const array *in, const int64_t *param) {
    (void)in;
    array a = array_new(reel_shape(param[0], param[1]));
    for (int64_t i = 0; i < array_size(a); i++) a.v[i] = 7;
    return a;
}
const op_case case_fill = {CREATED, .run = run_fill, .reference = ref_fill};

/* param: n; where to begin and how far apart, 0 and 1 if both are 0 */
static reel_tensor *run_arange(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in;
    const double start = (double)param[1], step = (double)param[2];
    if (step == 0) return reel_arange(param[0], dtype, test_device());
    const double stop = start + (double)param[0] * step;
    return reel_arange_from(start, stop, step, dtype, test_device());
}
static array ref_arange(const array *in, const int64_t *param) {
    (void)in;
    array a = array_new(reel_shape(param[0]));
    for (int64_t i = 0; i < array_size(a); i++)
        a.v[i] = (double)(param[1] + i * (param[2] ? param[2] : 1));
    return a;
}
static const op_shapes counted[] = {{{S0}, {0}},          {{S0}, {1}},          {{S0}, {200}},
                                    {{S0}, {20, 5, 3}},   {{S0}, {20, 60, -3}}, {{S0}, {0, 5, 2}},
                                    {{S0}, {40000, 7, 1}}};
static const op_shapes counted_bad[] = {{{S0}, {-1}}, {{S0}, {INT64_MAX}}};
const op_case case_arange = {.inputs = 0,
                             .run = run_arange,
                             .reference = ref_arange,
                             .shapes = counted,
                             .shape_count = COUNT(counted),
                             .bad = counted_bad,
                             .bad_count = COUNT(counted_bad)};

/* param: n, the ends; a dtype that is refused */
static reel_tensor *run_linspace(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in;
    return reel_linspace((double)param[1], (double)param[2], param[0],
                         param[3] ? (reel_dtype)param[3] : dtype, test_device());
}
static array ref_linspace(const array *in, const int64_t *param) {
    (void)in;
    array a = array_new(reel_shape(param[0]));
    const double start = (double)param[1], stop = (double)param[2];
    for (int64_t i = 0; i < array_size(a); i++)
        a.v[i] = i == 0 ? start : start + (stop - start) * (double)i / (double)(param[0] - 1);
    return a;
}
static const op_shapes spaced[] = {{{S0}, {0, 0, 1}},    {{S0}, {1, 3, 4}},    {{S0}, {2, -1, 1}},
                                   {{S0}, {5, -2, 2}},   {{S0}, {6, -2, 2}},   {{S0}, {7, 9, 9}},
                                   {{S0}, {100, 10, 1}}, {{S0}, {40000, 0, 1}}};
static const op_shapes spaced_bad[] = {{{S0}, {-1, 0, 1}}, {{S0}, {3, 0, 1, REEL_U8}}};
const op_case case_linspace = {.inputs = 0,
                               .run = run_linspace,
                               .reference = ref_linspace,
                               .shapes = spaced,
                               .shape_count = COUNT(spaced),
                               .bad = spaced_bad,
                               .bad_count = COUNT(spaced_bad)};

/* ---- random numbers: each op once more from the words, of a fresh generator each time ---- */

#define SEED 5
#define FLOATS_ONLY .floats_only = true

/* Word i, of 32 bits, and of 64. */
static uint32_t word(int64_t i) {
    const uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0},
                   key[2] = {SEED, 0};
    uint32_t out[4];
    reel_philox(counter, key, out);
    return out[i % 4];
}
static uint64_t word64(int64_t i) {
    return word(2 * i) | (uint64_t)word(2 * i + 1) << 32;
}

/* What uniform and normal draw is in a suite of their own (test_random); here: the shape, and the
 * map from one draw to another. */
static reel_tensor *drawn(const int64_t *param, bool normal, double a, double b) {
    reel_tensor *t = NULL;
    reel_generator *g = reel_generator_new(SEED, test_device());
    reel_tensor *x = reel_empty(reel_shape(param[0], param[1]), REEL_F64, test_device());
    t = normal ? reel_normal_(x, g, a, b) : reel_uniform_(x, g, a, b);
    reel_generator_free(g);
    return t;
}
static array draw_array(const int64_t *param, bool normal) {
    array a = array_new(reel_shape(param[0], param[1]));
    {
        REEL_SCOPE;
        reel_read(drawn(param, normal, 0, 1), a.v, (size_t)array_size(a) * sizeof(double));
    }
    for (int64_t i = 0; i < array_size(a); i++) a.v[i] = 3 + 2 * a.v[i];
    return a;
}
static reel_tensor *run_uniform(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in, (void)dtype;
    return drawn(param, false, 3, 5);
}
static array ref_uniform(const array *in, const int64_t *param) {
    (void)in;
    return draw_array(param, false);
}
static reel_tensor *run_normal(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in, (void)dtype;
    return drawn(param, true, 3, 2);
}
static array ref_normal(const array *in, const int64_t *param) {
    (void)in;
    return draw_array(param, true);
}
const op_case case_uniform = {CREATED, FLOATS_ONLY, .run = run_uniform, .reference = ref_uniform};
const op_case case_normal = {CREATED, FLOATS_ONLY, .run = run_normal, .reference = ref_normal};

/* param: the shape; low and high - low, 20 and 200 if that is 0 */
static int64_t low_of(const int64_t *param) {
    return param[3] ? param[2] : 20;
}
static int64_t count_of(const int64_t *param) {
    return param[3] ? param[3] : 200;
}
static reel_tensor *run_randint(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in;
    reel_generator *g = reel_generator_new(SEED, test_device());
    reel_tensor *y = reel_randint(low_of(param), low_of(param) + count_of(param),
                                  reel_shape(param[0], param[1]), dtype, g);
    reel_generator_free(g);
    return y;
}
static array ref_randint(const array *in, const int64_t *param) {
    (void)in;
    array a = array_new(reel_shape(param[0], param[1]));
    for (int64_t i = 0; i < array_size(a); i++) /* counts below 2^11: exact in long double */
        a.v[i] = (double)low_of(param) +
                 (double)floorl((long double)word64(i) * (long double)count_of(param) * 0x1p-64L);
    return a;
}
static const op_shapes whole[] = {{{S0}, {3, 4}},        {{S0}, {0, 5}},       {{S0}, {1, 1}},
                                  {{S0}, {333, 101}},    {{S0}, {3, 5, 7, 1}}, {{S0}, {3, 5, 0, 2}},
                                  {{S0}, {3, 5, 0, 256}}};
static const op_shapes whole_bad[] = {
    {{S0}, {-1, 2}}, {{S0}, {3, 4, 5, -1}}, {{S0}, {1, 1, 0, ((int64_t)1 << 53) + 2}}};
const op_case case_randint = {.inputs = 0,
                              .run = run_randint,
                              .reference = ref_randint,
                              .shapes = whole,
                              .shape_count = COUNT(whole),
                              .bad = whole_bad,
                              .bad_count = COUNT(whole_bad)};

static reel_tensor *run_randperm(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in, (void)dtype;
    reel_generator *g = reel_generator_new(SEED, test_device());
    reel_tensor *y = reel_randperm(param[0], g);
    reel_generator_free(g);
    return y;
}
/* The words are compared without as many low bits as places need. */
static array ref_randperm(const array *in, const int64_t *param) {
    (void)in;
    array a = array_new(reel_shape(param[0]));
    int bits = 1;
    while (1 << bits < param[0]) bits++;
    for (int64_t i = 0; i < param[0]; i++) { /* by how many words come before */
        int64_t before = 0;
        for (int64_t j = 0; j < param[0]; j++) {
            const uint64_t x = word64(j) >> bits, y = word64(i) >> bits;
            before += x < y || (x == y && j < i);
        }
        a.v[before] = (double)i;
    }
    return a;
}
static const op_shapes permuted[] = {{{S0}, {0}},  {{S0}, {1}},  {{S0}, {2}},
                                     {{S0}, {31}}, {{S0}, {64}}, {{S0}, {5000}}};
static const op_shapes permuted_bad[] = {{{S0}, {-1}}, {{S0}, {INT64_MAX}}};
const op_case case_randperm = {.inputs = 0,
                               .run = run_randperm,
                               .reference = ref_randperm,
                               .shapes = permuted,
                               .shape_count = COUNT(permuted),
                               .bad = permuted_bad,
                               .bad_count = COUNT(permuted_bad)};

/* ---- by probabilities ---- */

static reel_tensor *run_bernoulli(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)param, (void)dtype;
    reel_generator *g = reel_generator_new(SEED, reel_device_of(in[0]));
    reel_tensor *y = reel_bernoulli(in[0], g);
    reel_generator_free(g);
    return y;
}
static array ref_bernoulli(const array *in, const int64_t *param) {
    (void)param;
    array a = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(a); i++) a.v[i] = word(i) * 0x1p-32 < in[0].v[i];
    return a;
}
static const op_shapes chances[] = {{{S(3, 4)}, {0}},   {{S(5)}, {0}},    {{S0}, {0}},
                                    {{S(0, 3)}, {0}},   {{S(1, 1)}, {0}}, {{S(2, 3, 4)}, {0}},
                                    {{S(33, 67)}, {0}}, {{S(17001)}, {0}}};
const op_case case_bernoulli = {.inputs = 1,
                                FLOATS_ONLY,
                                .low = {0},
                                .high = {1},
                                .run = run_bernoulli,
                                .reference = ref_bernoulli,
                                .shapes = chances,
                                .shape_count = COUNT(chances)};

static reel_tensor *run_bernoulli_fill(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)in;
    reel_generator *g = reel_generator_new(SEED, test_device());
    reel_tensor *t = reel_empty(reel_shape(param[0], param[1]), dtype, test_device());
    t = reel_bernoulli_(t, g, 0.3);
    reel_generator_free(g);
    return t;
}
static array ref_bernoulli_fill(const array *in, const int64_t *param) {
    (void)in;
    array a = array_new(reel_shape(param[0], param[1]));
    for (int64_t i = 0; i < array_size(a); i++) a.v[i] = word(i) * 0x1p-32 < 0.3;
    return a;
}
const op_case case_bernoulli_fill = {CREATED, .run = run_bernoulli_fill,
                                     .reference = ref_bernoulli_fill};

/* ---- multinomial: param[0] draws of a row, param[1] replacement ---- */

static reel_tensor *run_multinomial(reel_tensor **in, const int64_t *param, reel_dtype dtype) {
    (void)dtype;
    reel_generator *g = reel_generator_new(SEED, reel_device_of(in[0]));
    reel_tensor *y = reel_multinomial(in[0], param[0], param[1] != 0, g);
    reel_generator_free(g);
    return y;
}
static double open_uniform(int64_t i) {
    return ((double)(word64(i) >> 12) + 0.5) * 0x1p-52;
}
static void reference_sums(double *y, const double *w, int64_t n, int64_t draws, int64_t first) {
    double all = 0;
    for (int64_t i = 0; i < n; i++) all += w[i];
    for (int64_t k = 0; k < draws; k++) {
        double sum = w[0];
        int64_t i = 0;
        while (sum <= open_uniform(first + k) * all) sum += w[++i];
        y[k] = (double)i;
    }
}
/* Winner after winner, of those that have not won yet. */
static void reference_race(double *y, const double *w, int64_t n, int64_t draws, int64_t first) {
    double last = -INFINITY;
    for (int64_t k = 0; k < draws; k++) {
        double best = INFINITY;
        for (int64_t i = 0; i < n; i++) {
            const double time = log(-log(open_uniform(first + i)) / w[i]);
            if (time <= last || time >= best) continue;
            best = time;
            y[k] = (double)i;
        }
        last = best;
    }
}
static array ref_multinomial(const array *in, const int64_t *param) {
    const reel_shape s = in[0].shape;
    const int64_t n = s.dim[s.ndim - 1], rows = s.ndim == 2 ? s.dim[0] : 1, draws = param[0];
    array a = array_new(s.ndim == 2 ? reel_shape(rows, draws) : reel_shape(draws));
    for (int64_t i = 0; i < rows; i++) {
        if (draws > 1 && !param[1])
            reference_race(a.v + i * draws, in[0].v + i * n, n, draws, i * n);
        else
            reference_sums(a.v + i * draws, in[0].v + i * n, n, draws, i * draws);
    }
    return a;
}
static const op_shapes drawn_by[] = {
    {{S(5)}, {4, 1}},       {{S(5)}, {1, 0}},    {{S(5)}, {5, 0}},    {{S(3, 7)}, {4, 0}},
    {{S(3, 7)}, {9, 1}},    {{S(1, 1)}, {3, 1}}, {{S(1)}, {1, 0}},    {{S(3, 7)}, {0, 0}},
    {{S(0, 3)}, {2, 0}},    {{S(0)}, {0, 1}},    {{S(2, 0)}, {0, 0}}, {{S(2, 3000)}, {40, 1}},
    {{S(2, 3000)}, {40, 0}}};
static const op_shapes drawn_by_bad[] = {
    {{S(5)}, {6, 0}}, {{S(5)}, {-1, 1}}, {{S0}, {1, 1}}, {{S(0)}, {1, 1}}, {{S(2, 2, 2)}, {1, 1}}};
const op_case case_multinomial = {.inputs = 1,
                                  FLOATS_ONLY,
                                  .low = {0.1},
                                  .high = {3},
                                  .run = run_multinomial,
                                  .reference = ref_multinomial,
                                  .shapes = drawn_by,
                                  .shape_count = COUNT(drawn_by),
                                  .bad = drawn_by_bad,
                                  .bad_count = COUNT(drawn_by_bad)};
