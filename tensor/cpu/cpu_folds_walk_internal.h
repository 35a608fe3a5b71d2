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
#define MOST_LANES (4 * LANES)
#define WIDE_LANES (LANES < 16 ? LANES : 16) /* of BROAD */

/* ---- in NUMBER ---- */

/* How numbers come together: one with another, and one with four, which gives what the first would
 * give four times. */
typedef struct {
    NUMBER (*one)(NUMBER a, NUMBER x);
    NUMBER (*four)(NUMBER y, NUMBER a, NUMBER b, NUMBER c, NUMBER d);
} F(folder);

/* to[j] = f(...f(to[j], x[0, j])..., x[rows - 1, j]) */
INLINE void F(fold)(NUMBER *to, const NUMBER *x, int64_t rows, int64_t columns, int64_t stride,
                    F(folder) f) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const NUMBER *a = x + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f.four(to[j], a[j], b[j], c[j], d[j]);
    }
    for (; i < rows; i++) {
        const NUMBER *a = x + i * stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f.one(to[j], a[j]);
    }
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

/* By so many lanes, what is left by LANES, and the last few one by one. */
INLINE NUMBER F(fold_by)(int64_t lanes, const NUMBER *x, int64_t n, F(folder) f) {
    NUMBER lane[MOST_LANES];
    const NUMBER *end = x + n;
    const int64_t rows = n / lanes, rest = n % lanes / LANES;
    memcpy(lane, x, (size_t)lanes * sizeof *lane);
    F(fold)(lane, x + lanes, rows - 1, lanes, lanes, f);
    x += rows * lanes;
    F(fold)(lane, x, rest, LANES, LANES, f);
    NUMBER y = F(fold_lanes)(lane, lanes, f.one);
    for (x += rest * LANES; x < end; x++) y = f.one(y, *x);
    return y;
}

/* By lanes that are as many as pay. */
INLINE NUMBER F(fold_run)(const NUMBER *x, int64_t n, F(folder) f) {
    if (n >= 16 * LANES) return F(fold_by)(4 * LANES, x, n, f);
    if (n >= LANES) return F(fold_by)(LANES, x, n, f);
    NUMBER y = x[0];
    for (int64_t i = 1; i < n; i++) y = f.one(y, x[i]);
    return y;
}

INLINE void F(fold_columns)(NUMBER *to, const reel__slab *s, F(folder) f) {
    const NUMBER *x = s->x;
    memcpy(to, x, (size_t)s->columns * sizeof *to);
    F(fold)(to, x + s->stride, s->rows - 1, s->columns, s->stride, f);
}

/* ---- in BROAD ---- */

INLINE void F(fold_wide)(BROAD *to, const NUMBER *x, int64_t rows, int64_t columns, int64_t stride,
                         BROAD (*f)(BROAD, NUMBER)) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const NUMBER *a = x + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f(f(f(f(to[j], a[j]), b[j]), c[j]), d[j]);
    }
    for (; i < rows; i++) {
        const NUMBER *a = x + i * stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] = f(to[j], a[j]);
    }
}

INLINE BROAD F(join_lanes)(BROAD *lane, int64_t lanes, BROAD (*join)(BROAD, BROAD)) {
    HALVE_ALL(join)
    return lane[0];
}

INLINE BROAD F(fold_wide_by)(int64_t lanes, const NUMBER *x, int64_t n, BROAD none,
                             BROAD (*f)(BROAD, NUMBER), BROAD (*join)(BROAD, BROAD)) {
    BROAD lane[4 * WIDE_LANES];
    const NUMBER *end = x + n;
    const int64_t rows = n / lanes, rest = n % lanes / WIDE_LANES;
    for (int64_t j = 0; j < lanes; j++) lane[j] = none;
    F(fold_wide)(lane, x, rows, lanes, lanes, f);
    x += rows * lanes;
    F(fold_wide)(lane, x, rest, WIDE_LANES, WIDE_LANES, f);
    BROAD y = F(join_lanes)(lane, lanes, join);
    for (x += rest * WIDE_LANES; x < end; x++) y = f(y, *x);
    return y;
}

/* `join` is f for what f gave. */
INLINE BROAD F(fold_run_wide)(const NUMBER *x, int64_t n, BROAD none, BROAD (*f)(BROAD, NUMBER),
                              BROAD (*join)(BROAD, BROAD)) {
    if (n >= 32 * WIDE_LANES) return F(fold_wide_by)(4 * WIDE_LANES, x, n, none, f, join);
    if (n >= WIDE_LANES) return F(fold_wide_by)(WIDE_LANES, x, n, none, f, join);
    BROAD y = none;
    for (int64_t i = 0; i < n; i++) y = f(y, x[i]);
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
