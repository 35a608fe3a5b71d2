/* Reductions. The order in which elements come together depends on shape and strides alone.
 *
 * Any reduction is brought into one of two forms (nest.c): each result comes from one contiguous
 * run, or from the same column of several contiguous rows. Rows are cut into parts, columns into
 * chunks, and threads take these as they come; what the parts leave behind (reel__tally) is joined
 * in their order.
 *
 * What a row maps is written into a few pages, block by block, and folded from there: a fold's code
 * is there once, whatever is mapped. Sums of runs, which losses are, go without the pages. */
#include "tensor/cpu/kernels/cpu_reduce_internal.h"

#include <math.h>
#include <string.h>

#define CHUNK REEL__FOLD_CHUNK
#define TURNED REEL__TURNED
#define RUN REEL__REDUCED_RUN
#define PARTS 32   /* that columns are cut into, where there are few chunks, */
#define PART 32768 /* of at least so many elements */
#define GRAIN 32768
#define MAPPED 4096             /* elements of a block that is mapped, */
#define STRIP 128               /* of so many columns */
#define FAR ((int64_t)24 << 20) /* bytes of x beyond which runs are fetched ahead */

typedef reel__reducing reduction;

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
    const int64_t at = (outer * f->outer_stride + row * f->row_stride + column) * (int64_t)r->size;
    return (reel__slab){.x = r->x + at,
                        .y = r->y + at,
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
    const bool is_product = r->name == REEL__FOLD_product;
    if (r->name == REEL__FOLD_moments || r->name == REEL__FOLD_exponentials)
        for (int64_t i = 0; i < n; i++) t.b.real[i] *= r->times;
    if (r->name != REEL__FOLD_sum && r->name != REEL__FOLD_squares && !is_product) return;
    for (int64_t i = 0; i < n; i++) {
        if (r->is_whole)
            t.a.whole[i] = is_product ? whole_power(t.a.whole[i], (int64_t)r->times)
                                      : (int64_t)((uint64_t)t.a.whole[i] * (uint64_t)r->times);
        else
            t.a.real[i] = is_product ? pow(t.a.real[i], r->times) : t.a.real[i] * r->times;
    }
}

static void end_whole(const reduction *r, char *out, const int64_t *whole, int64_t n) {
    if (r->out_size == sizeof *whole)
        memcpy(out, whole, (size_t)n * sizeof *whole);
    else
        for (int64_t i = 0; i < n; i++) out[i] = (char)whole[i];
}

static void end(const reduction *r, int64_t result, reel__tally t, int64_t n) {
    char *out = r->out + (size_t)result * r->out_size;
    if (r->times > 1) repeat(r, t, n);
    if (r->end)
        r->end(out, t, n, r->left_of);
    else
        end_whole(r, out, reel__is_position(r->name) ? t.b.whole : t.a.whole, n);
}

/* ---- what parts leave behind, together ---- */

/* Of `rows` parts, of which each but the last comes from `each` of `all` rows. */
static void join(const reduction *r, reel__tally to, reel__tally parts, int64_t rows,
                 int64_t columns, int64_t stride, int64_t each, int64_t all) {
    const reel__slab s = {.x = parts.a.real, .rows = rows, .columns = columns, .stride = stride};
    if (r->fold->join)
        r->fold->join(to, &s, parts.b, (double)each, (double)all);
    else
        r->parts_fold->columns(to, &s);
}

/* ---- mapped blocks ---- */

static void map_block(reel__map_loop map, double *room, size_t size, const reduction *r,
                      const reel__slab *s) {
    const bool together = r->form.columns == 1 || s->stride == s->columns;
    const int64_t lines = together ? 1 : s->rows, n = s->rows * s->columns / lines;
    for (int64_t i = 0; i < lines; i++) {
        const size_t at = (size_t)(i * s->stride) * r->size;
        map((char *)room + (size_t)(i * n) * size, (const char *)s->x + at, (const char *)s->y + at,
            n, r->left_of.p);
    }
}

static bool are_within(const double *sum, int64_t n) {
    int64_t without = 0; /* as wide as a sum, so that both lie in vectors of as many */
    for (int64_t i = 0; i < n; i++) without += !reel__is_within(sum[i]);
    return without == 0;
}

/* How many of n sums f32 had room for or, if not `has`, had none for, before the first other. */
static int64_t span(const double *sum, int64_t n, bool has) {
    int64_t i = 0;
    while (i < n && reel__is_within(sum[i]) == has) i++;
    return i;
}

/* Sums of columns that f32 had no room for, again in f64. */
static void sum_apart(const reduction *r, reel__tally to, double *room, const reel__slab *s) {
    int64_t j = span(to.a.real, s->columns, true);
    while (j < s->columns) {
        const size_t at = (size_t)j * r->size;
        reel__slab part = *s, block = *s;
        part.x = (const char *)s->x + at;
        part.y = (const char *)s->y + at;
        part.columns = span(to.a.real + j, s->columns - j, false);
        map_block(r->apart, room, sizeof(double), r, &part);
        block.x = room;
        block.columns = block.stride = part.columns;
        r->parts_fold->columns(tally_at(to, j), &block);
        j += part.columns;
        j += span(to.a.real + j, s->columns - j, true);
    }
}

/* Up to MAPPED elements. */
static void fold_block(const reduction *r, reel__tally to, double *room, const reel__slab *s) {
    const reel__slab block = {
        .x = room, .rows = s->rows, .columns = s->columns, .stride = s->columns, .first = s->first};
    map_block(r->map, room, r->size, r, s);
    r->form.columns == 1 ? r->fold->run(to, &block) : r->fold->columns(to, &block);
    if (r->size < sizeof(double) && r->name == REEL__FOLD_sum && !are_within(to.a.real, s->columns))
        sum_apart(r, to, room, s);
}

static void fold_strip(const reduction *r, reel__tally to, const reel__slab *s) {
    double room[MAPPED];
    reel__cell a[2 * STRIP], b[2 * STRIP];
    const int64_t each = MAPPED / s->columns;
    const size_t bytes = (size_t)s->columns * sizeof(reel__cell);
    for (int64_t i = 0; i < s->rows; i += each) {
        const size_t at = (size_t)(i * s->stride) * r->size;
        reel__slab block = *s;
        block.x = (const char *)s->x + at;
        block.y = (const char *)s->y + at;
        block.rows = reel__least(each, s->rows - i);
        block.first = s->first + i;
        if (i == 0) {
            fold_block(r, to, room, &block);
            continue;
        }
        memcpy(a, to.a.real, bytes);
        memcpy(b, to.b.real, bytes);
        fold_block(r, tally_of(a + STRIP, b + STRIP), room, &block);
        join(r, to, tally_of(a, b), 2, s->columns, STRIP, i, i + block.rows);
    }
}

static __attribute__((noinline)) void fold_mapped(const reduction *r, reel__tally to,
                                                  const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j += STRIP) {
        reel__slab strip = *s;
        strip.x = (const char *)s->x + (size_t)j * r->size;
        strip.y = (const char *)s->y + (size_t)j * r->size;
        strip.columns = reel__least(STRIP, s->columns - j);
        fold_strip(r, tally_at(to, j), &strip);
    }
}

static void fold_run(const reduction *r, reel__tally to, const reel__slab *s, bool plain) {
    if (r->sum && !plain)
        *to.a.real = r->sum(s->x, s->y, s->rows, r->left_of.p);
    else if (r->map)
        fold_mapped(r, to, s);
    else
        r->fold->run(to, s);
}

/* ---- the work that threads share ---- */

/* Whole runs begin..end, as they are: there is little to be done for each. */
static void work_whole_runs(void *context, int64_t begin, int64_t stop) {
    const reduction *r = context;
    reel__cell a[CHUNK], b[CHUNK];
    const reel__tally t = tally_of(a, b);
    const size_t step = (size_t)r->form.outer_stride * r->size;
    reel__slab s = slab_of(r, begin, 0, 0);
    for (int64_t i = begin; i < stop; i += CHUNK) {
        const int64_t n = reel__least(CHUNK, stop - i);
        for (int64_t k = 0; k < n; k++, s.x = (const char *)s.x + step)
            r->fold->run(tally_at(t, k), &s);
        end(r, i, t, n);
    }
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
            fold_run(r, tally_at(t, k), &s, false);
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
        if (r->map)
            fold_mapped(r, t, &s);
        else
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
        const int64_t n = reel__least(CHUNK, columns - column);
        join(r, t, parts, r->parts, n, columns, r->each, r->form.rows);
        end(r, outer * columns + column, t, n);
    }
}

static int64_t grain_of(int64_t elements) {
    return GRAIN / (elements + 1) + 1;
}

static void reduce_parts(reduction *r) {
    const reel__reduction *f = &r->form;
    if (f->columns == 1 && f->rows <= REEL__SHORT && f->outer >= TURNED && !r->map)
        reel__cpu_parallel(f->outer, grain_of(f->rows), work_short_runs, r);
    else if (f->columns == 1 && r->parts == 1 && !r->map && !r->far)
        reel__cpu_parallel(f->outer, grain_of(f->rows), work_whole_runs, r);
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
        reduce_parts(r);
        return REEL_OK;
    }
    const size_t bytes = (size_t)n * 2 * sizeof(reel__cell);
    reel__cell *cells = bytes <= sizeof few ? few : reel__cpu_alloc(0, bytes);
    if (!cells) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    r->left = tally_of(cells, cells + n);
    reduce_parts(r);
    if (cells != few) reel__cpu_free(0, cells, bytes);
    return REEL_OK;
}

/* Of nothing, cells a; cells b are 0. */
static const double nothing[REEL__FOLDS] = {
    [REEL__FOLD_product] = 1, [REEL__FOLD_all] = 1, [REEL__FOLD_exponentials] = -INFINITY};

static void end_nothing(reduction *r, int64_t results) {
    reel__cell a[CHUNK], b[CHUNK];
    r->times = 1;
    for (int64_t i = 0; i < results; i += CHUNK) {
        for (int64_t k = 0; k < CHUNK; k++) {
            a[k].real = b[k].real = 0;
            if (r->is_whole)
                a[k].whole = (int64_t)nothing[r->name];
            else
                a[k].real = nothing[r->name];
        }
        end(r, i, tally_of(a, b), reel__least(CHUNK, results - i));
    }
}

static reel_status take_inputs(const reel__call *c, reduction *r) {
    const reel_tensor *second = NULL;
    REEL_TRY(c->nin > 1 ? reel__reduction_make_both(&r->form, &second, c, c->with.reduce.axes)
                        : reel__reduction_make(&r->form, c, c->with.reduce.axes));
    r->x = reel__data(r->form.x);
    r->y = second ? reel__data(second) : r->x;
    return REEL_OK;
}

/* What comes of the row and its dtype. */
static reduction reduction_of(const reel__call *c) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    const reel__folds *folds = reel__cpu_folds();
    const reel__fold_name name = reel__fold_of[c->op];
    const bool is_whole = reel__is_truth(name) || !reel_dtype_is_float(dtype);
    const bool has_end = !is_whole && !reel__is_position(name);
    const reel__fold *fold = reel__cpu_fold(folds, name);
    return (reduction){.fold = &fold[dtype],
                       .parts_fold = &fold[is_whole ? REEL_I64 : REEL_F64],
                       .map = reel_dtype_is_float(dtype) ? folds->map[c->op][dtype] : NULL,
                       .apart = folds->apart[c->op],
                       .sum = name == REEL__FOLD_sum && !is_whole ? folds->sum[c->op][dtype] : NULL,
                       .end = has_end ? folds->end[c->op][dtype] : NULL,
                       .tile = reel__cpu_tile(reel_dtype_size(dtype)),
                       .size = reel_dtype_size(dtype),
                       .out_size = reel_dtype_size(c->out[0]->layout.dtype),
                       .times = reel__times(c),
                       .left_of = reel__left_of(c),
                       .name = name,
                       .is_whole = is_whole};
}

reel_status reel__cpu_reduce(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    reduction r = reduction_of(c);
    r.out = reel__data(c->out[0]);
    if (reel_numel(c->in[0]) == 0) {
        end_nothing(&r, reel_numel(c->out[0]));
        return REEL_OK;
    }
    const int64_t expanded = c->nin == 1 ? reel__expanded_axes(c) : 0;
    if (expanded) return reel__reduce_narrow(c, expanded);
    REEL_SCOPE;
    REEL_TRY(take_inputs(c, &r));
    r.far = reel_numel(r.form.x) * (int64_t)r.size > FAR;
    cut(&r);
    return run_parts(c, &r);
}

/* ---- all elements, by who has them part by part ---- */

void reel__cpu_reduce_all_begin(reel__reducing *r, const reel__call *c, int64_t n, void *out,
                                reel__cell *left) {
    *r = reduction_of(c);
    r->form =
        (reel__reduction){.outer = 1, .rows = n, .columns = 1, .outer_stride = 1, .row_stride = 1};
    r->out = out;
    r->far = n * (int64_t)r->size > FAR;
    cut(r);
    r->left = tally_of(left, left + r->parts);
}

void reel__cpu_reduce_all_part(reel__reducing *r, int64_t part, const void *x, const void *y) {
    const int64_t first = part * r->each;
    const reel__slab s = {.x = x,
                          .y = y,
                          .rows = reel__least(r->each, r->form.rows - first),
                          .columns = 1,
                          .stride = 1,
                          .first = first};
    fold_run(r, tally_at(r->left, part), &s, r->parts == 1 && !r->map && !r->far);
}

void reel__cpu_reduce_all_end(reel__reducing *r) {
    if (r->parts == 1)
        end(r, 0, r->left, 1);
    else
        work_joins(r, 0, 1);
}
