/* The loops of cpu_scan.c, once for each dtype: NUMBER, RESULT, ACC (what sums are), F(name). */

/* Elements begin..begin + count of a row, in the order in which they are added: element i lies at
 * first[i step]. */
static inline const NUMBER *F(of_row)(const scan *s, int64_t row, int64_t *step) {
    *step = s->reverse ? -1 : 1;
    return (const NUMBER *)s->x + row * s->n + (s->reverse ? s->n - 1 : 0);
}

static inline int64_t F(block_length)(const scan *s, int64_t block) {
    const int64_t left = s->n - block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

/* The sums of LANES lanes of `each` elements. */
static inline void F(lane_sums)(const NUMBER *x, int64_t step, int64_t each, ACC sum[LANES]) {
    for (int k = 0; k < LANES; k++) sum[k] = 0;
    for (int64_t i = 0; i < each; i++)
        for (int k = 0; k < LANES; k++) sum[k] += (ACC)x[(k * each + i) * step];
}

/* What comes before each lane, from what comes before the block; gives what comes after the last.
 */
static inline ACC F(lane_starts)(ACC before, ACC sum[LANES]) {
    for (int k = 0; k < LANES; k++) {
        const ACC own = sum[k];
        sum[k] = before;
        before += own;
    }
    return before;
}

static void F(sum)(const scan *s, int64_t row, int64_t block) {
    int64_t step;
    const NUMBER *x = F(of_row)(s, row, &step) + block * BLOCK * step;
    const int64_t count = F(block_length)(s, block), each = count / LANES;
    ACC sum[LANES], total;
    F(lane_sums)(x, step, each, sum);
    total = F(lane_starts)(0, sum);
    for (int64_t i = each * LANES; i < count; i++) total += (ACC)x[i * step];
    ((ACC *)s->sums)[row * s->blocks + block] = total;
}

/* Sums of blocks become what comes before each. */
static void F(before)(const scan *s, int64_t row) {
    ACC *sums = (ACC *)s->sums + row * s->blocks, before = 0;
    for (int64_t i = 0; i < s->blocks; i++) {
        const ACC own = sums[i];
        sums[i] = before;
        before += own;
    }
}

/* One block of LANES lanes and a rest; gives its sum, which is F(sum)'s. */
static inline ACC F(block)(const NUMBER *x, RESULT *y, int64_t step, int64_t count, ACC before) {
    const int64_t each = count / LANES;
    ACC sum[LANES], total, at[LANES];
    F(lane_sums)(x, step, each, sum);
    for (int k = 0; k < LANES; k++) at[k] = sum[k];
    total = F(lane_starts)(0, sum);
    for (int k = 0; k < LANES; k++) at[k] = before + sum[k];
    for (int64_t i = 0; i < each; i++)
        for (int k = 0; k < LANES; k++) {
            at[k] += (ACC)x[(k * each + i) * step];
            y[(k * each + i) * step] = (RESULT)at[k];
        }
    for (int64_t i = each * LANES; i < count; i++) {
        total += (ACC)x[i * step];
        y[i * step] = (RESULT)(before + total);
    }
    return total;
}

static void F(rows)(const scan *s, int64_t row, int64_t block, int64_t end) {
    int64_t step;
    const NUMBER *x = F(of_row)(s, row, &step);
    RESULT *y = (RESULT *)s->y + row * s->n + (s->reverse ? s->n - 1 : 0);
    ACC before = s->sums ? ((const ACC *)s->sums)[row * s->blocks + block] : 0;
    for (; block < end; block++) {
        const int64_t first = block * BLOCK * step;
        before += F(block)(x + first, y + first, step, F(block_length)(s, block), before);
    }
}

static void F(columns)(const scan *s, int64_t outer, int64_t column, int64_t count) {
    ACC sum[WIDE] = {0};
    for (int64_t i = 0; i < s->n; i++) {
        const int64_t entry = outer * s->n + (s->reverse ? s->n - 1 - i : i);
        const NUMBER *x = (const NUMBER *)s->x + entry * s->inner + column;
        RESULT *y = (RESULT *)s->y + entry * s->inner + column;
        for (int64_t j = 0; j < count; j++) {
            sum[j] += (ACC)x[j];
            y[j] = (RESULT)sum[j];
        }
    }
}

#undef NUMBER
#undef RESULT
#undef F
