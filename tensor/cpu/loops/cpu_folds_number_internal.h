/* The folds of any number: included by cpu_folds.c once per dtype, after cpu_folds_walk_internal.h,
 * with what that was. */

static __attribute__((noinline)) NUMBER F(bottom)(const NUMBER *x, int64_t n) {
    return F(fold_run)(x, n, F(min));
}

/* ---- greatest, least ---- */

INLINE void F(pick_columns)(reel__tally to, const reel__slab *s, F(folder) f) {
    NUMBER y[CHUNK];
    F(fold_columns)(y, s, f);
    for (int64_t j = 0; j < s->columns; j++) to.a.CELL[j] = (BROAD)y[j];
}

static void F(greatest_run)(reel__tally to, const reel__slab *s) {
    to.a.CELL[0] = (BROAD)F(fold_run)(s->x, s->rows, F(max));
}

static void F(least_run)(reel__tally to, const reel__slab *s) {
    to.a.CELL[0] = (BROAD)F(fold_run)(s->x, s->rows, F(min));
}

static void F(greatest_columns)(reel__tally to, const reel__slab *s) {
    F(pick_columns)(to, s, F(max));
}

static void F(least_columns)(reel__tally to, const reel__slab *s) {
    F(pick_columns)(to, s, F(min));
}

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

/* ---- sum of integers, product ---- */

/* clang-format off */
INLINE BROAD F(add_wide)(BROAD a, NUMBER x) { return ADD(a, (BROAD)x); }
INLINE BROAD F(multiply_wide)(BROAD a, NUMBER x) { return MULTIPLY(a, (BROAD)x); }
INLINE BROAD F(add_both)(BROAD a, BROAD b) { return ADD(a, b); }
INLINE BROAD F(multiply_both)(BROAD a, BROAD b) { return MULTIPLY(a, b); }
/* clang-format on */

static inline __attribute__((unused)) void F(whole_sum_run)(reel__tally to, const reel__slab *s) {
    to.a.CELL[0] = F(fold_run_wide)(s->x, s->rows, 0, F(add_wide), F(add_both));
}

static inline __attribute__((unused)) void F(whole_sum_columns)(reel__tally to,
                                                                const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j++) to.a.CELL[j] = 0;
    F(fold_wide)(to.a.CELL, s->x, s->rows, s->columns, s->stride, F(add_wide));
}

static void F(product_run)(reel__tally to, const reel__slab *s) {
    to.a.CELL[0] = F(fold_run_wide)(s->x, s->rows, 1, F(multiply_wide), F(multiply_both));
}

static void F(product_columns)(reel__tally to, const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j++) to.a.CELL[j] = 1;
    F(fold_wide)(to.a.CELL, s->x, s->rows, s->columns, s->stride, F(multiply_wide));
}

/* ---- first_greatest, first_least: the first of equals, NaN before all ---- */

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
INLINE void F(seek_run)(reel__tally to, const reel__slab *s,
                        NUMBER (*pick)(const NUMBER *, int64_t), int (*is_better)(NUMBER, NUMBER)) {
    const NUMBER *x = s->x;
    NUMBER top = x[0];
    int64_t at = 0;
    for (int64_t i = 0; i < s->rows; i += BLOCK) {
        const int64_t n = reel__least(BLOCK, s->rows - i);
        const NUMBER best = pick(x + i, n);
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

static void F(first_greatest_run)(reel__tally to, const reel__slab *s) {
    F(seek_run)(to, s, F(top), F(above));
}

static void F(first_least_run)(reel__tally to, const reel__slab *s) {
    F(seek_run)(to, s, F(bottom), F(below));
}

static void F(first_greatest_columns)(reel__tally to, const reel__slab *s) {
    F(seek_columns)(to, s, F(above));
}

static void F(first_least_columns)(reel__tally to, const reel__slab *s) {
    F(seek_columns)(to, s, F(below));
}
