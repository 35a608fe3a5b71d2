/* How numbers are gone along: included once per dtype, with
 *
 *   NUMBER      what is reduced            F(name)     name with the dtype's suffix
 *   BROAD, CELL  double, real; int64_t, whole: what is left of it (reel__tally)
 *   ADD, MULTIPLY    of BROAD               IS_NAN(x), UNORDERED(x, y), NO_NUMBER
 *   INDEX       counts rows; as wide as NUMBER, so that both lie in vectors of as many
 *   BITS, MAGNITUDE  NUMBER's bits, and those that are 0 in a 0 of either sign
 *
 * A contiguous run is looked at as rows of lanes, so that runs and columns are walked by the same
 * loops, in which a result waits for no other. */

#define LANES ((int64_t)(64 / sizeof(NUMBER)))
#define WIDE_LANES ((int64_t)(256 / sizeof(BROAD)))

/* ---- in NUMBER ---- */

/* How numbers come together: one with another, and one with four, which gives what the first would
 * give four times. */
typedef struct {
    NUMBER (*one)(NUMBER a, NUMBER x);
    NUMBER (*four)(NUMBER y, NUMBER a, NUMBER b, NUMBER c, NUMBER d);
} F(folder);

/* to[j] = f(...f(to[j], x[0, j])..., x[rows - 1, j]), row by row. */
INLINE void F(fold_singly)(NUMBER *to, const NUMBER *x, int64_t rows, int64_t columns,
                           int64_t stride, F(folder) f) {
    for (int64_t i = 0; i < rows; i++, x += stride) {
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f.one(to[j], x[j]);
    }
}

/* The same, four at a time. */
INLINE void F(fold)(NUMBER *to, const NUMBER *x, int64_t rows, int64_t columns, int64_t stride,
                    F(folder) f) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const NUMBER *a = x + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f.four(to[j], a[j], b[j], c[j], d[j]);
    }
    F(fold_singly)(to, x + i * stride, rows - i, columns, stride, f);
}

/* Of as many lanes as a power of two, by halves. Their number and each half's are known where this
 * is compiled, so that a half is a vector or two and no loop. */
#define HALVE(half, f)                                                                             \
    if (lanes > (half))                                                                            \
        for (int64_t j = 0; j < (half); j++) lane[j] = f(lane[j], lane[j + (half)]);
#define HALVE_ALL(f)                                                                               \
    HALVE(128, f)                                                                                  \
    HALVE(64, f) HALVE(32, f) HALVE(16, f) HALVE(8, f) HALVE(4, f) HALVE(2, f) HALVE(1, f)

INLINE NUMBER F(fold_lanes)(NUMBER *lane, int64_t lanes, NUMBER (*f)(NUMBER, NUMBER)) {
    HALVE_ALL(f)
    return lane[0];
}

/* By 4 LANES, what is left by LANES, and the last few one by one; of few numbers by LANES alone. */
INLINE NUMBER F(fold_run)(const NUMBER *x, int64_t n, F(folder) f) {
    NUMBER lane[4 * LANES], y = x[0];
    const NUMBER *end = x + n;
    if (n >= 16 * LANES) {
        const int64_t rows = n / (4 * LANES), rest = n % (4 * LANES) / LANES;
        memcpy(lane, x, sizeof lane);
        F(fold)(lane, x + 4 * LANES, rows - 1, 4 * LANES, 4 * LANES, f);
        x += rows * 4 * LANES;
        F(fold_singly)(lane, x, rest, LANES, LANES, f);
        x += rest * LANES;
        y = F(fold_lanes)(lane, 4 * LANES, f.one);
    } else if (n >= LANES) {
        memcpy(lane, x, LANES * sizeof *lane);
        F(fold_singly)(lane, x + LANES, n / LANES - 1, LANES, LANES, f);
        x += n / LANES * LANES;
        y = F(fold_lanes)(lane, LANES, f.one);
    }
    for (; x < end; x++) y = f.one(y, *x);
    return y;
}

INLINE void F(fold_columns)(NUMBER *to, const reel__slab *s, F(folder) f) {
    const NUMBER *x = s->x;
    memcpy(to, x, (size_t)s->columns * sizeof *to);
    F(fold)(to, x + s->stride, s->rows - 1, s->columns, s->stride, f);
}

/* ---- in BROAD ---- */

INLINE void F(fold_wide_singly)(BROAD *to, const NUMBER *x, int64_t rows, int64_t columns,
                                int64_t stride, BROAD (*f)(BROAD, NUMBER)) {
    for (int64_t i = 0; i < rows; i++, x += stride) {
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f(to[j], x[j]);
    }
}

INLINE void F(fold_wide)(BROAD *to, const NUMBER *x, int64_t rows, int64_t columns, int64_t stride,
                         BROAD (*f)(BROAD, NUMBER)) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const NUMBER *a = x + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f(f(f(f(to[j], a[j]), b[j]), c[j]), d[j]);
    }
    F(fold_wide_singly)(to, x + i * stride, rows - i, columns, stride, f);
}

INLINE BROAD F(join_lanes)(BROAD *lane, int64_t lanes, BROAD (*join)(BROAD, BROAD)) {
    HALVE_ALL(join)
    return lane[0];
}

INLINE BROAD F(fold_wide_by)(int64_t lanes, const NUMBER *x, int64_t rows, BROAD none,
                             BROAD (*f)(BROAD, NUMBER), BROAD (*join)(BROAD, BROAD)) {
    BROAD lane[WIDE_LANES];
    for (int64_t j = 0; j < lanes; j++) lane[j] = none;
    F(fold_wide_singly)(lane, x, rows, lanes, lanes, f);
    return F(join_lanes)(lane, lanes, join);
}

/* `join` is f for what f gave. */
INLINE BROAD F(fold_run_wide)(const NUMBER *x, int64_t n, BROAD none, BROAD (*f)(BROAD, NUMBER),
                              BROAD (*join)(BROAD, BROAD)) {
    const int64_t lanes = n >= 4 * WIDE_LANES ? WIDE_LANES : WIDE_LANES / 4, rows = n / lanes;
    const NUMBER *end = x + n;
    BROAD y = lanes == WIDE_LANES ? F(fold_wide_by)(WIDE_LANES, x, rows, none, f, join)
                                  : F(fold_wide_by)(WIDE_LANES / 4, x, rows, none, f, join);
    for (x += rows * lanes; x < end; x++) y = f(y, *x);
    return y;
}

/* ---- the greatest and the least ---- */

/* clang-format off */
INLINE NUMBER F(larger)(NUMBER a, NUMBER x) { return x > a ? x : a; }
INLINE NUMBER F(smaller)(NUMBER a, NUMBER x) { return x < a ? x : a; }

/* NaN is chosen apart, so that all else is one instruction. */
INLINE NUMBER F(max_of)(NUMBER a, NUMBER x) { return IS_NAN(x) ? x : F(larger)(a, x); }
INLINE NUMBER F(min_of)(NUMBER a, NUMBER x) { return IS_NAN(x) ? x : F(smaller)(a, x); }
/* clang-format on */

#define OF_FOUR(name, pick)                                                                        \
    INLINE NUMBER F(name)(NUMBER y, NUMBER a, NUMBER b, NUMBER c, NUMBER d) {                      \
        const NUMBER best = F(pick)(y, F(pick)(F(pick)(a, b), F(pick)(c, d)));                     \
        return (UNORDERED(a, b) | UNORDERED(c, d)) ? NO_NUMBER : best;                             \
    }
OF_FOUR(max_of_four, larger)
OF_FOUR(min_of_four, smaller)
#undef OF_FOUR

static const F(folder) F(max) = {F(max_of), F(max_of_four)}, F(min) = {F(min_of), F(min_of_four)};

/* Of a run, called by all that ask for it. */
static __attribute__((noinline)) NUMBER F(top)(const NUMBER *x, int64_t n) {
    return F(fold_run)(x, n, F(max));
}

#undef HALVE
#undef HALVE_ALL
