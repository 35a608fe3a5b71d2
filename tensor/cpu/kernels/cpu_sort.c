/* sort: each row's keys with their indices, by radix. An entry's upper bits are the key, its lower
 * ones the index, so that entries are numbers, no two alike, and equal elements stay in their
 * order. */
#include "tensor/cpu/kernels/cpu_copy_internal.h"
#include "tensor/cpu/kernels/cpu_sort_internal.h"

#include <stdatomic.h>

#define DIGITS 256 /* values of a digit */
#define FEW 24     /* entries that are compared with each other */
#define MERGED 32  /* entries, for each digit of the key, that are merged sooner than counted */
#define LONG 65536 /* a row that is worth all threads */

/* One row of x, contiguous, and of the results. */
typedef struct {
    const void *x;
    char *values;
    int64_t *indices;
    int64_t n, chunks; /* chunks: threads at work on it */
    reel_dtype dtype;
    uint64_t flip; /* of the key's bits, to turn the order around */
    int digits;
    void *entries;
} sort_row;

/* All entries moved to where one digit of theirs sends them. */
typedef struct {
    const void *from;
    void *to;
    int64_t n, chunks;
    int shift;
    int64_t (*count)[DIGITS]; /* of each chunk; then where its next one goes */
} pass;

/* From how many of each digit each chunk has to where its first one goes; false if all n are of one
 * digit, and stay where they are. */
static bool count_to_places(int64_t (*count)[DIGITS], int64_t chunks, int64_t n) {
    int64_t place = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        const int64_t first = place;
        for (int64_t c = 0; c < chunks; c++) {
            const int64_t mine = count[c][digit];
            count[c][digit] = place;
            place += mine;
        }
        if (place - first == n) return false;
    }
    return true;
}

static void take_values(const sort_row *r, int64_t begin, int64_t end) {
    const size_t size = reel_dtype_size(r->dtype);
    if (size == 4)
        for (int64_t i = begin; i < end; i++)
            ((uint32_t *)r->values)[i] = ((const uint32_t *)r->x)[r->indices[i]];
    else if (size == 8)
        for (int64_t i = begin; i < end; i++)
            ((uint64_t *)r->values)[i] = ((const uint64_t *)r->x)[r->indices[i]];
    else
        for (int64_t i = begin; i < end; i++)
            memcpy(r->values + (size_t)i * size, (const char *)r->x + (size_t)r->indices[i] * size,
                   size);
}

#define F(name) name##_narrow
#define ENTRY uint64_t
#define SHIFT 32
#include "tensor/cpu/kernels/cpu_sort_of_internal.h"
#undef F
#undef ENTRY
#undef SHIFT
__extension__ typedef unsigned __int128 two_words;
#define F(name) name##_wide
#define ENTRY two_words
#define SHIFT 64
#include "tensor/cpu/kernels/cpu_sort_of_internal.h"

typedef struct {
    sort_row row; /* the first one */
    char *scratch;
    size_t share; /* of scratch, for each caller of work */
    bool narrow;
    atomic_int callers;
} task;

static void sort_rows(const task *t, char *scratch, int64_t begin, int64_t end) {
    const size_t bytes = (size_t)t->row.n * reel_dtype_size(t->row.dtype);
    for (int64_t i = begin; i < end; i++) {
        sort_row r = t->row;
        r.x = (const char *)r.x + (size_t)i * bytes;
        r.values += (size_t)i * bytes;
        r.indices += i * r.n;
        (t->narrow ? sort_narrow : sort_wide)(&r, scratch);
    }
}

static void work(void *context, int64_t begin, int64_t end) {
    task *t = context;
    sort_rows(t, t->scratch + (size_t)atomic_fetch_add(&t->callers, 1) * t->share, begin, end);
}

/* Long rows one after the other, each by all threads; else many at a time. */
static reel_status sort(const reel__call *c, task *t, int64_t rows) {
    const int64_t n = t->row.n, threads = reel_threads();
    const bool together = n >= LONG && rows < 4 * threads;
    t->row.chunks = together ? threads : 1;
    t->narrow = reel_dtype_size(t->row.dtype) <= 4 && n <= UINT32_MAX;
    t->share = 2 * (size_t)n * (t->narrow ? sizeof(uint64_t) : sizeof(two_words)) +
               (size_t)t->row.chunks * DIGITS * sizeof(int64_t);
    t->share = (t->share + 63) / 64 * 64;
    const size_t bytes = (size_t)(together ? 1 : rows < threads ? rows : threads) * t->share;
    t->scratch = reel__cpu_alloc(0, bytes);
    if (!t->scratch) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    if (together)
        sort_rows(t, t->scratch, 0, rows);
    else
        reel__cpu_parallel(rows, 2048 / n + 1, work, t);
    reel__cpu_free(0, t->scratch, bytes);
    return REEL_OK;
}

/* With the axis last and contiguous; the results are permuted back into their place. */
static reel_status along_last(const reel__call *c, reel_shape order, bool moved) {
    reel_tensor *x =
        reel_contiguous_at(c->at, moved ? reel_permute_at(c->at, c->in[0], order) : c->in[0]);
    if (!x) return reel_error_status();
    const reel__layout *l = &x->layout;
    reel_tensor *values = moved ? reel_empty_at(c->at, l->shape, l->dtype, c->device) : c->out[0],
                *indices = moved ? reel_empty_at(c->at, l->shape, REEL_I64, c->device) : c->out[1];
    if (!values || !indices) return reel_error_status();
    const size_t size = reel_dtype_size(l->dtype);
    task t = {.row = {.x = reel__data(x),
                      .values = reel__data(values),
                      .indices = reel__data(indices),
                      .n = c->with.topk.k,
                      .dtype = l->dtype,
                      .flip = c->with.topk.largest ? UINT64_MAX >> (64 - 8 * size) : 0,
                      .digits = (int)size}};
    REEL_TRY(sort(c, &t, reel_numel(x) / t.row.n));
    if (moved && (!reel_copy_at_(c->at, reel_permute_at(c->at, c->out[0], order), values) ||
                  !reel_copy_at_(c->at, reel_permute_at(c->at, c->out[1], order), indices)))
        return reel_error_status();
    return REEL_OK;
}

reel_status reel__cpu_sort(const reel__call *c) {
    const int ndim = c->in[0]->layout.shape.ndim, axis = c->with.topk.axis;
    reel_shape order = {ndim, {0}};
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    for (int i = 0; i < ndim; i++) order.dim[i] = i;
    order.dim[axis] = ndim - 1; /* the axis and the last change places: its own inverse */
    order.dim[ndim - 1] = axis;
    REEL_SCOPE;
    return along_last(c, order, axis != ndim - 1);
}
