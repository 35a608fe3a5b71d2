/* Sorting one row: included by cpu_sort.c for each width of entry. ENTRY: an integer with the key
 * in its upper bits, from SHIFT on, and the index below. */

/* Entries begin..end of a row, whose order is the row's. `dtype` is a constant where it is called.
 */
static inline __attribute__((always_inline)) void F(fill_of)(ENTRY *entry, const sort_row *r,
                                                             reel_dtype dtype) {
    for (int64_t i = 0; i < r->n; i++)
        entry[i] = (ENTRY)(reel__order_key(dtype, r->x, i) ^ r->flip) << SHIFT | (ENTRY)i;
}

static void F(fill)(ENTRY *entry, const sort_row *r) {
    switch (r->dtype) {
    case REEL_F32:
        F(fill_of)(entry, r, REEL_F32);
        break;
    case REEL_F64:
        F(fill_of)(entry, r, REEL_F64);
        break;
    case REEL_I64:
        F(fill_of)(entry, r, REEL_I64);
        break;
    case REEL_U8:
        F(fill_of)(entry, r, REEL_U8);
        break;
    }
}

/* ---- few entries: merged from runs in which each is compared with each ---- */

/* Each goes where as many lie before it as are less. */
static void F(rank)(ENTRY *to, const ENTRY *from, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < n; j++) before += from[j] < from[i];
        to[before] = from[i];
    }
}

static void F(merge)(ENTRY *to, const ENTRY *a, const ENTRY *a_end, const ENTRY *b,
                     const ENTRY *b_end) {
    while (a < a_end && b < b_end) { /* without a branch that nobody could foresee */
        const bool second = *b < *a;
        *to++ = second ? *b : *a;
        a += !second;
        b += second;
    }
    while (a < a_end) *to++ = *a++;
    while (b < b_end) *to++ = *b++;
}

/* Sorts `from` into `to`, and spoils it. */
static void F(merge_sort)(ENTRY *to, ENTRY *from, int64_t n) {
    if (n <= FEW) {
        F(rank)(to, from, n);
        return;
    }
    const int64_t half = n / 2;
    F(merge_sort)(to, from, half);
    F(merge_sort)(to + half, from + half, n - half);
    memcpy(from, to, (size_t)n * sizeof *to);
    F(merge)(to, from, from + half, from + half, from + n);
}

/* ---- many: by the digits of the key, 8 bits each, the least first ---- */

typedef struct {
    const ENTRY *from;
    ENTRY *to;
    int64_t n, chunks;
    int shift;
    int64_t (*count)[DIGITS]; /* of each chunk; then where its next one goes */
} F(pass);

static void F(count)(void *context, int64_t begin, int64_t end) {
    const F(pass) *p = context;
    const ENTRY *from = p->from;
    const int shift = p->shift;
    for (int64_t c = begin; c < end; c++) {
        int64_t *count = p->count[c];
        memset(count, 0, sizeof p->count[c]);
        const int64_t first = p->n * c / p->chunks, last = p->n * (c + 1) / p->chunks;
        for (int64_t i = first; i < last; i++) count[from[i] >> shift & (DIGITS - 1)]++;
    }
}

static void F(move)(void *context, int64_t begin, int64_t end) {
    const F(pass) *p = context;
    const ENTRY *from = p->from;
    ENTRY *to = p->to;
    const int shift = p->shift;
    for (int64_t c = begin; c < end; c++) {
        int64_t *next = p->count[c];
        const int64_t first = p->n * c / p->chunks, last = p->n * (c + 1) / p->chunks;
        for (int64_t i = first; i < last; i++)
            to[next[from[i] >> shift & (DIGITS - 1)]++] = from[i];
    }
}

/* Sorts `a` with as much room in `b`; returns which of them has the result. */
static ENTRY *F(radix)(ENTRY *a, ENTRY *b, const sort_row *r, int64_t (*count)[DIGITS]) {
    for (int digit = 0; digit < r->digits; digit++) {
        F(pass)
        p = {.from = a,
             .to = b,
             .n = r->n,
             .chunks = r->chunks,
             .shift = SHIFT + 8 * digit,
             .count = count};
        reel__cpu_parallel(r->chunks, 1, F(count), &p);
        if (!count_to_places(count, r->chunks, r->n)) continue; /* all alike */
        reel__cpu_parallel(r->chunks, 1, F(move), &p);
        a = b;
        b = (ENTRY *)p.from;
    }
    return a;
}

static void F(sort)(const sort_row *r, void *scratch, void *values, int64_t *indices) {
    ENTRY *a = scratch, *b = a + r->n;
    F(fill)(a, r);
    if (r->n <= MERGED * r->digits) {
        F(merge_sort)(b, a, r->n);
        a = b;
    } else {
        a = F(radix)(a, b, r, (int64_t(*)[DIGITS])(b + r->n));
    }
    for (int64_t i = 0; i < r->n; i++) indices[i] = (int64_t)(a[i] & (((ENTRY)1 << SHIFT) - 1));
    take_values(values, r, indices);
}
