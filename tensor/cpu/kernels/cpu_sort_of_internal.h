/* Sorting one row: included by cpu_sort.c for each width of entry. ENTRY: an integer with the key
 * in its upper bits, from SHIFT on, and the index below. */

/* Entries begin..end of a row. `dtype` is a constant where it is called. */
static inline __attribute__((always_inline)) void
F(fill_of)(ENTRY *entry, const sort_row *r, int64_t begin, int64_t end, reel_dtype dtype) {
    for (int64_t i = begin; i < end; i++)
        entry[i] = (ENTRY)(reel__order_key(dtype, r->x, i) ^ r->flip) << SHIFT | (ENTRY)i;
}

static void F(fill)(void *context, int64_t begin, int64_t end) {
    const sort_row *r = context;
    switch (r->dtype) {
    case REEL_F32:
        F(fill_of)(r->entries, r, begin, end, REEL_F32);
        break;
    case REEL_F64:
        F(fill_of)(r->entries, r, begin, end, REEL_F64);
        break;
    case REEL_I64:
        F(fill_of)(r->entries, r, begin, end, REEL_I64);
        break;
    case REEL_U8:
        F(fill_of)(r->entries, r, begin, end, REEL_U8);
        break;
    default: /* is not computed with */
        break;
    }
}

/* The results begin..end, from sorted entries. */
static void F(take)(void *context, int64_t begin, int64_t end) {
    const sort_row *r = context;
    const ENTRY *entry = r->entries;
    for (int64_t i = begin; i < end; i++)
        r->indices[i] = (int64_t)(entry[i] & (((ENTRY)1 << SHIFT) - 1));
    take_values(r, begin, end);
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

static void F(count)(void *context, int64_t begin, int64_t end) {
    const pass *p = context;
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
    const pass *p = context;
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
        pass p = {a, b, r->n, r->chunks, SHIFT + 8 * digit, count};
        reel__cpu_parallel(r->chunks, 1, F(count), &p);
        if (!count_to_places(count, r->chunks, r->n)) continue; /* all alike */
        reel__cpu_parallel(r->chunks, 1, F(move), &p);
        ENTRY *sorted = b;
        b = a;
        a = sorted;
    }
    return a;
}

static void F(sort)(sort_row *r, void *scratch) {
    const int64_t n = r->n, grain = n / r->chunks;
    ENTRY *a = scratch, *b = a + n;
    r->entries = a;
    reel__cpu_parallel(n, grain, F(fill), r);
    if (n <= MERGED * r->digits) {
        F(merge_sort)(b, a, n);
        r->entries = b;
    } else {
        r->entries = F(radix)(a, b, r, (int64_t(*)[DIGITS])(b + n));
    }
    reel__cpu_parallel(n, grain, F(take), r);
}
