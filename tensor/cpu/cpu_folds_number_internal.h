/* Reductions of any number: included by cpu_folds.c once per dtype, with
 *
 *   NUMBER      what is reduced            F(name)     name with the dtype's suffix
 *   BROAD, CELL  double, real; int64_t, whole: what is left of it (reel__tally)
 *   ADD, MULTIPLY    of BROAD               IS_NAN(x), UNORDERED(x, y), NO_NUMBER
 *   INDEX       counts rows; as wide as NUMBER, so that both lie in vectors of as many
 *   BITS, MAGNITUDE  NUMBER's bits, and those that are 0 in a 0 of either sign */

#define LANES ((int64_t)(64 / sizeof(NUMBER)))
#define MOST_LANES (4 * LANES)

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
    BROAD lane[4 * LANES];
    const NUMBER *end = x + n;
    const int64_t rows = n / lanes, rest = n % lanes / LANES;
    for (int64_t j = 0; j < lanes; j++) lane[j] = none;
    F(fold_wide)(lane, x, rows, lanes, lanes, f);
    x += rows * lanes;
    F(fold_wide)(lane, x, rest, LANES, LANES, f);
    BROAD y = F(join_lanes)(lane, lanes, join);
    for (x += rest * LANES; x < end; x++) y = f(y, *x);
    return y;
}

/* `join` is f for what f gave. */
INLINE BROAD F(fold_run_wide)(const NUMBER *x, int64_t n, BROAD none, BROAD (*f)(BROAD, NUMBER),
                              BROAD (*join)(BROAD, BROAD)) {
    if (n >= 32 * LANES) return F(fold_wide_by)(4 * LANES, x, n, none, f, join);
    if (n >= LANES) return F(fold_wide_by)(LANES, x, n, none, f, join);
    BROAD y = none;
    for (int64_t i = 0; i < n; i++) y = f(y, x[i]);
    return y;
}

/* ---- max, min ---- */

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

INLINE void F(pick_run)(reel__tally to, const reel__slab *s, F(folder) f) {
    to.a.CELL[0] = (BROAD)F(fold_run)(s->x, s->rows, f);
}

INLINE void F(pick_columns)(reel__tally to, const reel__slab *s, F(folder) f) {
    NUMBER y[CHUNK];
    F(fold_columns)(y, s, f);
    for (int64_t j = 0; j < s->columns; j++) to.a.CELL[j] = (BROAD)y[j];
}

/* clang-format off */
static void F(max_run)(reel__tally to, const reel__slab *s) { F(pick_run)(to, s, F(max)); }
static void F(min_run)(reel__tally to, const reel__slab *s) { F(pick_run)(to, s, F(min)); }
static void F(max_columns)(reel__tally to, const reel__slab *s) { F(pick_columns)(to, s, F(max)); }
static void F(min_columns)(reel__tally to, const reel__slab *s) { F(pick_columns)(to, s, F(min)); }
/* clang-format on */

/* ---- any, all: read as integers and never as NUMBER, since a compiler that sees a number's bits
 * compared with those of 0 may compare the number, of which a denormal is 0 here ---- */

typedef BITS F(word) __attribute__((may_alias));

/* What makes it false (all) or true (any), as bits to be gathered by |. */
INLINE BITS F(if_zero)(BITS x) {
    return (x & MAGNITUDE) == 0;
}
INLINE BITS F(if_not_zero)(BITS x) {
    return x & MAGNITUDE;
}

INLINE bool F(gather_run)(const reel__slab *s, BITS (*f)(BITS)) {
    const F(word) *x = s->x;
    BITS found = 0;
#pragma omp simd reduction(| : found)
    for (int64_t i = 0; i < s->rows; i++) found |= f(x[i]);
    return found != 0;
}

INLINE void F(gather_columns)(BITS *found, const reel__slab *s, BITS (*f)(BITS)) {
    memset(found, 0, (size_t)s->columns * sizeof *found);
    for (int64_t i = 0; i < s->rows; i++) {
        const F(word) *x = (const F(word) *)s->x + i * s->stride;
#pragma omp simd
        for (int64_t j = 0; j < s->columns; j++) found[j] |= f(x[j]);
    }
}

static void F(any_run)(reel__tally to, const reel__slab *s) {
    to.a.whole[0] = F(gather_run)(s, F(if_not_zero));
}

static void F(all_run)(reel__tally to, const reel__slab *s) {
    to.a.whole[0] = !F(gather_run)(s, F(if_zero));
}

static void F(any_columns)(reel__tally to, const reel__slab *s) {
    BITS found[CHUNK];
    F(gather_columns)(found, s, F(if_not_zero));
    for (int64_t j = 0; j < s->columns; j++) to.a.whole[j] = found[j] != 0;
}

static void F(all_columns)(reel__tally to, const reel__slab *s) {
    BITS found[CHUNK];
    F(gather_columns)(found, s, F(if_zero));
    for (int64_t j = 0; j < s->columns; j++) to.a.whole[j] = found[j] == 0;
}

/* ---- the end ---- */

static void F(end_number)(void *out, reel__tally t, int64_t n, double divisor) {
    (void)divisor;
    NUMBER *y = out;
    for (int64_t i = 0; i < n; i++) y[i] = (NUMBER)t.a.CELL[i];
}

/* ---- sum of integers, prod ---- */

/* clang-format off */
INLINE BROAD F(add_wide)(BROAD a, NUMBER x) { return ADD(a, (BROAD)x); }
INLINE BROAD F(multiply_wide)(BROAD a, NUMBER x) { return MULTIPLY(a, (BROAD)x); }
INLINE BROAD F(add_both)(BROAD a, BROAD b) { return ADD(a, b); }
INLINE BROAD F(multiply_both)(BROAD a, BROAD b) { return MULTIPLY(a, b); }
/* clang-format on */

static inline void F(whole_sum_run)(reel__tally to, const reel__slab *s) {
    to.a.CELL[0] = F(fold_run_wide)(s->x, s->rows, 0, F(add_wide), F(add_both));
}

static inline void F(whole_sum_columns)(reel__tally to, const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j++) to.a.CELL[j] = 0;
    F(fold_wide)(to.a.CELL, s->x, s->rows, s->columns, s->stride, F(add_wide));
}

static void F(prod_run)(reel__tally to, const reel__slab *s) {
    to.a.CELL[0] = F(fold_run_wide)(s->x, s->rows, 1, F(multiply_wide), F(multiply_both));
}

static void F(prod_columns)(reel__tally to, const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j++) to.a.CELL[j] = 1;
    F(fold_wide)(to.a.CELL, s->x, s->rows, s->columns, s->stride, F(multiply_wide));
}

/* ---- argmax, argmin: the first of equals, NaN before all ---- */

/* clang-format off */
INLINE int F(above)(NUMBER x, NUMBER a) { return (x > a) | (IS_NAN(x) & !IS_NAN(a)); }
INLINE int F(below)(NUMBER x, NUMBER a) { return (x < a) | (IS_NAN(x) & !IS_NAN(a)); }
INLINE int F(alike)(NUMBER x, NUMBER a) { return (x == a) | (IS_NAN(x) & IS_NAN(a)); }
/* clang-format on */

/* Where `a` is first, which is there. */
INLINE int64_t F(find)(const NUMBER *x, int64_t n, NUMBER a) {
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        int found = 0;
#pragma omp simd reduction(| : found)
        for (int64_t j = 0; j < 4 * LANES; j++) found |= F(alike)(x[i + j], a);
        if (found) break;
    }
    while (!F(alike)(x[i], a)) i++;
    return i;
}

/* The best of a block is known before it is looked for, which is in few blocks. */
INLINE void F(seek_run)(reel__tally to, const reel__slab *s, F(folder) pick,
                        int (*is_better)(NUMBER, NUMBER)) {
    const NUMBER *x = s->x;
    NUMBER top = x[0];
    int64_t at = 0;
    for (int64_t i = 0; i < s->rows; i += BLOCK) {
        const int64_t n = reel__least(BLOCK, s->rows - i);
        const NUMBER best = F(fold_run)(x + i, n, pick);
        if (!is_better(best, top)) continue;
        top = best;
        at = i + F(find)(x + i, n, best);
    }
    to.a.CELL[0] = (BROAD)top;
    to.b.whole[0] = s->first + at;
}

/* Rows are counted within a block, so that INDEX is enough. */
INLINE void F(seek_columns)(reel__tally to, const reel__slab *s, int (*is_better)(NUMBER, NUMBER)) {
    NUMBER best[CHUNK];
    INDEX at[CHUNK];
    for (int64_t i = 0; i < s->rows; i += SEEK_ROWS) {
        const NUMBER *x = (const NUMBER *)s->x + i * s->stride;
        const int64_t rows = reel__least(SEEK_ROWS, s->rows - i);
        for (int64_t j = 0; j < s->columns; j++) {
            best[j] = x[j];
            at[j] = 0;
        }
        for (int64_t r = 1; r < rows; r++) {
            const NUMBER *row = x + r * s->stride;
#pragma omp simd
            for (int64_t j = 0; j < s->columns; j++) {
                const int better = is_better(row[j], best[j]);
                best[j] = better ? row[j] : best[j];
                at[j] = better ? (INDEX)r : at[j];
            }
        }
        for (int64_t j = 0; j < s->columns; j++) {
            if (i > 0 && !is_better(best[j], (NUMBER)to.a.CELL[j])) continue;
            to.a.CELL[j] = (BROAD)best[j];
            to.b.whole[j] = s->first + i + (int64_t)at[j];
        }
    }
}

/* clang-format off */
static void F(argmax_run)(reel__tally to, const reel__slab *s) { F(seek_run)(to, s, F(max), F(above)); }
static void F(argmin_run)(reel__tally to, const reel__slab *s) { F(seek_run)(to, s, F(min), F(below)); }
static void F(argmax_columns)(reel__tally to, const reel__slab *s) { F(seek_columns)(to, s, F(above)); }
static void F(argmin_columns)(reel__tally to, const reel__slab *s) { F(seek_columns)(to, s, F(below)); }
/* clang-format on */

#undef HALVE
#undef HALVE_ALL
#undef LANES
#undef MOST_LANES
#undef NUMBER
#undef F
#undef INDEX
#undef BITS
#undef MAGNITUDE
