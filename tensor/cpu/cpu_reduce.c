/* Reductions. The order in which elements come together depends on shape and strides alone.
 *
 * Any reduction is brought into one of two forms (nest.c): each result comes from one contiguous
 * run, or from the same column of several contiguous rows. Rows are cut into parts, columns into
 * chunks, and threads take these as they come; what the parts leave behind (reel__tally) is joined
 * in their order. */
#include "tensor/cpu/cpu_copy_internal.h"
#include "tensor/cpu/cpu_fold_internal.h"
#include "tensor/nest_internal.h"

#include <math.h>

#define CHUNK REEL__FOLD_CHUNK
#define TURNED REEL__TURNED
#define RUN 16384  /* elements of a contiguous part */
#define PARTS 32   /* that columns are cut into, where there are few chunks, */
#define PART 32768 /* of at least so many elements */
#define GRAIN 32768
#define FAR ((int64_t)24 << 20) /* bytes of x beyond which runs are fetched ahead */

typedef struct {
    reel__reduction form;
    const reel__fold *fold, *parts_fold; /* of x, and of cells a of parts */
    reel__tile tile;
    const char *x;
    char *out;
    size_t size, out_size;
    double divisor, times; /* each element counts so often */
    reel__op op;
    bool is_whole;               /* what parts leave behind */
    bool far;                    /* too much for a cache */
    int64_t chunks, parts, each; /* of columns; of rows, each of so many */
    reel__tally left;            /* by several parts: [outer, parts, columns] */
} reduction;

static reel__tally tally_of(reel__cell *a, reel__cell *b) {
    return (reel__tally){{&a->real}, {&b->real}};
}

static reel__tally tally_at(reel__tally t, int64_t i) {
    return (reel__tally){{t.a.real + i}, {t.b.real + i}};
}

static void cut(reduction *r) {
    const reel__reduction *f = &r->form;
    r->chunks = (f->columns + CHUNK - 1) / CHUNK;
    r->each = RUN;
    if (f->columns > 1) {
        const int64_t blocks = f->outer * r->chunks,
                      worth = f->rows * reel__least(f->columns, CHUNK);
        int64_t parts = reel__least(PARTS / reel__least(blocks, PARTS), worth / PART);
        if (parts < 1) parts = 1;
        r->each = (f->rows + parts - 1) / parts;
    }
    r->parts = (f->rows + r->each - 1) / r->each;
}

static reel__slab slab_of(const reduction *r, int64_t outer, int64_t part, int64_t chunk) {
    const reel__reduction *f = &r->form;
    const int64_t row = part * r->each, column = chunk * CHUNK;
    return (reel__slab){.x = r->x + (outer * f->outer_stride + row * f->row_stride + column) *
                                        (int64_t)r->size,
                        .rows = reel__least(r->each, f->rows - row),
                        .columns = reel__least(CHUNK, f->columns - column),
                        .stride = f->row_stride,
                        .first = row};
}

static int64_t whole_power(int64_t x, int64_t n) {
    uint64_t y = 1, factor = (uint64_t)x;
    for (; n > 0; n /= 2, factor *= factor)
        if (n % 2) y *= factor;
    return (int64_t)y;
}

/* What each element of x leaves behind if it is there so many times; of what is not said here, no
 * more than once. */
static void repeat(const reduction *r, reel__tally t, int64_t n) {
    const reel__op op = r->op;
    const bool is_product = op == REEL_OP_prod;
    if (op == REEL_OP_var || op == REEL_OP_std || op == REEL_OP_logsumexp)
        for (int64_t i = 0; i < n; i++) t.b.real[i] *= r->times;
    if (op != REEL_OP_sum && op != REEL_OP_norm && !is_product) return;
    for (int64_t i = 0; i < n; i++) {
        if (r->is_whole)
            t.a.whole[i] = is_product ? whole_power(t.a.whole[i], (int64_t)r->times)
                                      : (int64_t)((uint64_t)t.a.whole[i] * (uint64_t)r->times);
        else
            t.a.real[i] = is_product ? pow(t.a.real[i], r->times) : t.a.real[i] * r->times;
    }
}

static void end(const reduction *r, int64_t result, reel__tally t, int64_t n) {
    if (r->times > 1) repeat(r, t, n);
    r->fold->end(r->out + (size_t)result * r->out_size, t, n, r->divisor);
}

/* Parts begin..end of runs, of which those of one result follow each other. */
static void work_runs(void *context, int64_t begin, int64_t stop) {
    const reduction *r = context;
    reel__cell a[CHUNK], b[CHUNK];
    int64_t outer = begin / r->parts, part = begin % r->parts;
    for (int64_t i = begin; i < stop; i += CHUNK) {
        const int64_t n = reel__least(CHUNK, stop - i);
        const reel__tally t = r->parts > 1 ? tally_at(r->left, i) : tally_of(a, b);
        for (int64_t k = 0; k < n; k++) {
            const reel__slab s = slab_of(r, outer, part, 0);
            const int64_t bytes = s.rows * (int64_t)r->size;
            if (r->far) reel__cpu_fetch((const char *)s.x + bytes, bytes);
            r->fold->run(tally_at(t, k), &s);
            if (++part == r->parts) part = 0, outer++;
        }
        if (r->parts == 1) end(r, i, t, n);
    }
}

/* Short runs begin..end, which are turned and then are columns. */
static void work_short_runs(void *context, int64_t begin, int64_t stop) {
    const reduction *r = context;
    reel__cell a[TURNED], b[TURNED], turned[TURNED * REEL__SHORT]; /* as wide as any element */
    const reel__tally t = tally_of(a, b);
    for (int64_t i = begin; i < stop; i += TURNED) {
        const reel__slab runs = slab_of(r, i, 0, 0);
        const reel__slab s = {.x = turned,
                              .rows = runs.rows,
                              .columns = reel__least(TURNED, stop - i),
                              .stride = TURNED};
        r->tile(turned, TURNED, runs.x, 1, r->form.outer_stride, s.rows, s.columns);
        r->fold->columns(t, &s);
        end(r, i, t, s.columns);
    }
}

static void work_columns(void *context, int64_t begin, int64_t stop) {
    const reduction *r = context;
    reel__cell a[CHUNK], b[CHUNK];
    for (int64_t i = begin; i < stop; i++) {
        const int64_t chunk = i % r->chunks, row = i / r->chunks, part = row % r->parts;
        const reel__slab s = slab_of(r, row / r->parts, part, chunk);
        const int64_t first = row * r->form.columns + chunk * CHUNK; /* of results or tallies */
        const reel__tally t = r->parts > 1 ? tally_at(r->left, first) : tally_of(a, b);
        r->fold->columns(t, &s);
        if (r->parts == 1) end(r, first, t, s.columns);
    }
}

/* Chunks of results begin..end. */
static void work_joins(void *context, int64_t begin, int64_t stop) {
    const reduction *r = context;
    const int64_t columns = r->form.columns;
    reel__cell a[CHUNK], b[CHUNK];
    for (int64_t i = begin; i < stop; i++) {
        const int64_t outer = i / r->chunks, column = i % r->chunks * CHUNK;
        const reel__tally parts = tally_at(r->left, outer * r->parts * columns + column);
        const reel__tally t = tally_of(a, b);
        const reel__slab s = {.x = parts.a.real,
                              .rows = r->parts,
                              .columns = reel__least(CHUNK, columns - column),
                              .stride = columns};
        if (r->fold->join)
            r->fold->join(t, &s, parts.b, (double)r->each, (double)r->form.rows);
        else
            r->parts_fold->columns(t, &s);
        end(r, outer * columns + column, t, s.columns);
    }
}

static int64_t grain_of(int64_t elements) {
    return GRAIN / (elements + 1) + 1;
}

static void run(reduction *r) {
    const reel__reduction *f = &r->form;
    if (f->columns == 1 && f->rows <= REEL__SHORT && f->outer >= TURNED)
        reel__cpu_parallel(f->outer, grain_of(f->rows), work_short_runs, r);
    else if (f->columns == 1)
        reel__cpu_parallel(f->outer * r->parts, grain_of(reel__least(f->rows, RUN)), work_runs, r);
    else
        reel__cpu_parallel(f->outer * r->parts * r->chunks,
                           grain_of(reel__least(f->columns, CHUNK) * reel__least(f->rows, r->each)),
                           work_columns, r);
    if (r->parts > 1)
        reel__cpu_parallel(f->outer * r->chunks,
                           grain_of(r->parts * reel__least(f->columns, CHUNK)), work_joins, r);
}

/* With memory for what parts leave behind. */
static reel_status run_parts(const reel__call *c, reduction *r) {
    reel__cell few[256];
    const int64_t n = r->form.outer * r->parts * r->form.columns;
    if (r->parts == 1) {
        run(r);
        return REEL_OK;
    }
    const size_t bytes = (size_t)n * 2 * sizeof(reel__cell);
    reel__cell *cells = bytes <= sizeof few ? few : reel__cpu_alloc(0, bytes);
    if (!cells) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    r->left = tally_of(cells, cells + n);
    run(r);
    if (cells != few) reel__cpu_free(0, cells, bytes);
    return REEL_OK;
}

/* `none` is the result of nothing. */
static reel_status reduce(const reel__call *c, double divisor, double none) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    const reel__folds *folds = reel__cpu_folds();
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    if (reel_numel(c->in[0]) == 0)
        return reel_fill_at_(c->at, c->out[0], none) ? REEL_OK : reel_error_status();
    const int64_t expanded = reel__expanded_axes(c);
    if (expanded) return reel__reduce_narrow(c, expanded);
    const bool is_whole =
        c->op == REEL_OP_any || c->op == REEL_OP_all || !reel_dtype_is_float(dtype);
    reduction r = {.fold = &folds->fold[c->op][dtype],
                   .parts_fold = &folds->fold[c->op][is_whole ? REEL_I64 : REEL_F64],
                   .tile = reel__cpu_tile(reel_dtype_size(dtype)),
                   .out = reel__data(c->out[0]),
                   .size = reel_dtype_size(dtype),
                   .out_size = reel_dtype_size(c->out[0]->layout.dtype),
                   .divisor = divisor,
                   .times = reel__times(c),
                   .op = c->op,
                   .is_whole = is_whole};
    reel_status status = REEL_OK;
    REEL_SCOPE;
    status = reel__reduction_make(&r.form, c, c->with.reduce.axes);
    if (status == REEL_OK) {
        r.x = reel__data(r.form.x);
        r.far = reel_numel(r.form.x) * (int64_t)r.size > FAR;
        cut(&r);
        status = run_parts(c, &r);
    }
    return status;
}

/* Elements of x that go into a result: of a mean it does not matter how often. */
static double count_of(const reel__call *c) {
    return (double)reel__count_over(c->in[0]->layout.shape, c->with.reduce.axes);
}

/* clang-format off */
reel_status reel__cpu_sum(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_mean(const reel__call *c) { return reduce(c, count_of(c), __builtin_nan("")); }
reel_status reel__cpu_prod(const reel__call *c) { return reduce(c, 1, 1); }
reel_status reel__cpu_max(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_min(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_argmax(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_argmin(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_any(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_all(const reel__call *c) { return reduce(c, 1, 1); }
reel_status reel__cpu_norm(const reel__call *c) { return reduce(c, 1, 0); }
reel_status reel__cpu_logsumexp(const reel__call *c) { return reduce(c, 1, -__builtin_inf()); }
/* clang-format on */

static reel_status reduce_moments(const reel__call *c) {
    const double divisor = count_of(c) * reel__times(c) - c->with.reduce.correction;
    return reduce(c, divisor > 0 ? divisor : 0, __builtin_nan(""));
}

reel_status reel__cpu_var(const reel__call *c) {
    return reduce_moments(c);
}

reel_status reel__cpu_std(const reel__call *c) {
    return reduce_moments(c);
}
