/* Attention's tiles in f32 or f64: included by cpu_attention_loops.c once per type. */

/* ---- scores ---- */

/* Key j's products as scores. */
INLINE void R(score_row)(const reel__attention_tile *t, REAL *restrict s, int64_t j) {
    const REAL scale = (REAL)t->scale;
    if (!t->bias) {
#pragma omp simd
        for (int64_t i = 0; i < t->queries; i++) s[i] *= scale;
    } else {
        const REAL *bias = (const REAL *)t->bias + j * t->bias_key;
        const int64_t step = t->bias_query;
        const REAL one = step == 0 ? *bias : 0;
        if (step == 0) {
#pragma omp simd
            for (int64_t i = 0; i < t->queries; i++) s[i] = s[i] * scale + one;
        } else {
            for (int64_t i = 0; i < t->queries; i++) s[i] = s[i] * scale + bias[i * step];
        }
    }
    if (!t->causal) return;
    const int64_t before = reel__least(t->first + j, t->queries);
    for (int64_t i = 0; i < before; i++) s[i] = -(REAL)__builtin_inff();
}

/* What is dropped becomes 0. */
INLINE void R(drop_row)(const reel__attention_tile *t, REAL *restrict row,
                        const uint32_t *restrict word) {
#pragma omp simd
    for (int64_t i = 0; i < t->queries; i++) row[i] = word[i] >= t->threshold ? row[i] : 0;
}

INLINE void R(drop_weights)(const reel__attention_tile *t, REAL *x) {
    uint32_t word[4][QUERIES];
    for (int64_t j = 0; j < t->keys; j++) {
        if (j % 4 == 0) draw_words(word, t, (uint64_t)(j / 4));
        R(drop_row)(t, x + j * QUERIES, word[j % 4]);
    }
}

/* ---- forward ---- */

/* 0 stands for what nothing can be taken from. */
INLINE REAL R(shift_of)(REAL most) {
    return most == -(REAL)__builtin_inff() ? 0 : most;
}

static void R(soften_tile)(const reel__attention_tile *t, const reel__attention_state *state) {
    REAL *s = t->s, *most = state->most, *sum = state->sum, *fade = state->fade;
    const int64_t n = t->queries;
    REAL top[QUERIES], shift[QUERIES], here[QUERIES];
    memcpy(top, most, (size_t)n * sizeof *top);
    for (int64_t j = 0; j < t->keys; j++) {
        const REAL *row = s + j * QUERIES;
        R(score_row)(t, s + j * QUERIES, j);
#pragma omp simd
        for (int64_t i = 0; i < n; i++) top[i] = row[i] > top[i] ? row[i] : top[i];
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        shift[i] = R(shift_of)(top[i]);
        fade[i] = R(exp_down)(most[i] - shift[i]);
        most[i] = top[i];
        here[i] = 0;
    }
    for (int64_t j = 0; j < t->keys; j++) {
        REAL *row = s + j * QUERIES;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            row[i] = R(exp_down)(row[i] - shift[i]);
            here[i] += row[i];
        }
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) sum[i] = sum[i] * fade[i] + here[i];
    if (t->drops) R(drop_weights)(t, s);
}

static void R(finish_rows)(const reel__attention_state *state, int64_t queries, double kept,
                           void *lse) {
    const REAL *most = state->most, *sum = state->sum;
    REAL *factor = state->fade, *to = lse;
#pragma omp simd
    for (int64_t i = 0; i < queries; i++) {
        const REAL log = R(log)(sum[i] == 0 ? 1 : sum[i]) + most[i];
        factor[i] = sum[i] == 0 ? 0 : (REAL)kept / sum[i];
        to[i] = sum[i] == 0 ? (REAL)__builtin_inff() : log;
    }
}

static void R(scale_rows)(void *y, int64_t step, int64_t rows, int64_t n, const void *factor) {
    for (int64_t r = 0; r < rows; r++) {
        REAL *row = (REAL *)y + r * step;
        const REAL by = ((const REAL *)factor)[r];
        if (by == 1) continue;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) row[i] *= by;
    }
}

/* ---- backward ---- */

/* Weights, of which there is none above 1 but by rounding, of one key. */
INLINE void R(bend_row)(const reel__attention_tile *t, REAL *restrict s, REAL *restrict dp,
                        const REAL *restrict log, const REAL *restrict less) {
    const REAL scale = (REAL)t->scale, kept = (REAL)t->kept;
#pragma omp simd
    for (int64_t i = 0; i < t->queries; i++) {
        const REAL x = s[i] - log[i];
        const REAL weight = R(exp_down)(x > 0 ? 0 : x);
        dp[i] = weight * scale * (dp[i] * kept - less[i]);
        s[i] = weight * kept;
    }
}

static void R(bend_tile)(const reel__attention_tile *t, const void *lse, const void *delta) {
    uint32_t word[4][QUERIES];
    for (int64_t j = 0; j < t->keys; j++) {
        REAL *s = (REAL *)t->s + j * QUERIES, *dp = (REAL *)t->dp + j * QUERIES;
        if (t->drops && j % 4 == 0) draw_words(word, t, (uint64_t)(j / 4));
        R(score_row)(t, s, j);
        if (t->drops) R(drop_row)(t, dp, word[j % 4]);
        R(bend_row)(t, s, dp, lse, delta);
        if (t->drops) R(drop_row)(t, s, word[j % 4]);
    }
}

static void R(dot_rows)(void *out, const void *x, int64_t x_step, const void *y, int64_t y_step,
                        int64_t rows, int64_t n) {
    for (int64_t r = 0; r < rows; r++) {
        const REAL *a = (const REAL *)x + r * x_step, *b = (const REAL *)y + r * y_step;
        REAL lane[LANES] = {0}, sum = 0;
        int64_t i = 0;
        for (; i + LANES <= n; i += LANES) {
#pragma omp simd
            for (int64_t k = 0; k < LANES; k++) lane[k] += a[i + k] * b[i + k];
        }
        for (int64_t k = 0; i < n; i++, k++) lane[k] += a[i] * b[i];
        for (int64_t k = 0; k < LANES; k++) sum += lane[k];
        ((REAL *)out)[r] = sum;
    }
}
