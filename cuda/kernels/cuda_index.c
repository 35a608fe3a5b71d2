/* index_select, dequantize_rows, gather, one_hot, index_add, scatter_add, slice_put, topk, sort. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_index_internal.h"

#include <string.h>

/* Contiguous operands around the axis; the open scope owns copies. False on failure. */
static bool prepare(const reel__call *c, reel__cuda_device **d, reel__cuda_move *m) {
    const int axis = c->with.index.axis;
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]),
                *index = reel_contiguous_at(c->at, c->in[1]);
    *d = x && index ? reel__cuda_enter(c) : NULL;
    if (!*d) return false;
    *m = (reel__cuda_move){.out = reel__data(c->out[0]),
                           .x = reel__data(x),
                           .index = reel__data(index),
                           .entries = reel_dim(x, axis),
                           .size = reel_dim(c->out[0], axis),
                           .errors = reel__cuda_error_slot_of(*d, c)};
    reel__around_axis(c->out[0]->layout.shape, axis, &m->outer, &m->inner);
    return true;
}

static int size_of(const reel__call *c) {
    return (int)reel_dtype_size(c->in[0]->layout.dtype);
}

reel_status reel__cuda_index_select(const reel__call *c) {
    reel__cuda_device *d;
    reel__cuda_move m;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    if (!prepare(c, &d, &m)) return reel_error_status();
    return reel__cuda_launched(c, reel__cuda_launch_index_select(&m, size_of(c), d->queue));
}

reel_status reel__cuda_dequantize_rows(const reel__call *c) {
    reel__cuda_device *d;
    reel__cuda_move m;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    if (!prepare(c, &d, &m)) return reel_error_status();
    return reel__cuda_launched(
        c, reel__cuda_launch_dequantize_rows(&m, c->with.index.scale, c->out[0]->layout.dtype,
                                             c->in[0]->layout.dtype, d->queue));
}

reel_status reel__cuda_gather(const reel__call *c) {
    reel__cuda_device *d;
    reel__cuda_move m;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    if (!prepare(c, &d, &m)) return reel_error_status();
    return reel__cuda_launched(c, reel__cuda_launch_gather(&m, size_of(c), d->queue));
}

/* The bits of a 1 of the dtype, by what casts make of it. */
static reel_status bits_of_one(const reel__call *c, reel_dtype dtype, uint64_t *bits) {
    const reel_tensor *one = reel_full_at(c->at, REEL_SCALAR, 1, dtype, reel_cpu());
    if (!one) return reel_error_status();
    *bits = 0;
    memcpy(bits, reel__data(one), reel_dtype_size(dtype)); /* little-endian, as GPUs are */
    return REEL_OK;
}

reel_status reel__cuda_one_hot(const reel__call *c) {
    const reel_dtype dtype = c->with.one_hot.dtype;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    uint64_t one;
    const reel_tensor *index = reel_contiguous_at(c->at, c->in[0]);
    const reel__cuda_device *d = index ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    REEL_TRY(bits_of_one(c, dtype, &one));
    const reel__cuda_move m = {.out = reel__data(c->out[0]),
                               .index = reel__data(index),
                               .outer = reel_numel(index),
                               .size = c->with.one_hot.classes,
                               .errors = reel__cuda_error_slot_of(d, c)};
    return reel__cuda_launched(
        c, reel__cuda_launch_one_hot(&m, one, (int)reel_dtype_size(dtype), d->queue));
}

/* ---- sorted pairs ---- */

/* Room for n pairs twice, for the sort itself, and for the runs of so many places. */
typedef struct {
    uint64_t *key, *other_key;
    int64_t *value, *other_value;
    reel__cuda_run *run;
    void *temporary;
    size_t bytes, temporary_bytes;
} pairs;

static size_t aligned(size_t bytes) {
    return (bytes + 255) / 256 * 256;
}

static bool make_pairs(const reel__call *c, reel__cuda_device *d, pairs *p, int64_t n,
                       int64_t places) {
    const size_t list = aligned((size_t)n * 8), runs = aligned((size_t)places * sizeof *p->run);
    p->temporary_bytes = 0;
    const cudaError_t e =
        reel__cuda_sort_pairs(NULL, &p->temporary_bytes, NULL, NULL, NULL, NULL, n, 64, d->stream);
    if (e != cudaSuccess) {
        reel__fail_call(REEL_ERR_DEVICE, c, "CUDA: %s", cudaGetErrorString(e));
        return false;
    }
    p->bytes = 4 * list + runs + p->temporary_bytes;
    char *memory = reel__cuda_scratch(c, p->bytes);
    if (!memory) return false;
    p->key = (void *)memory;
    p->other_key = (void *)(memory + list);
    p->value = (void *)(memory + 2 * list);
    p->other_value = (void *)(memory + 3 * list);
    p->run = (void *)(memory + 4 * list);
    p->temporary = memory + 4 * list + runs;
    return true;
}

static void free_pairs(reel__cuda_device *d, pairs *p) {
    reel__cuda_free(d->index, p->key, p->bytes);
}

/* From the `other` lists, where kernels put pairs, to key and value. */
static reel_status sort(const reel__call *c, reel__cuda_device *d, const pairs *p, int64_t n,
                        int bits) {
    size_t bytes = p->temporary_bytes;
    return reel__cuda_launched(c, reel__cuda_sort_pairs(p->temporary, &bytes, p->key, p->other_key,
                                                        p->value, p->other_value, n, bits,
                                                        reel__cuda_stream(d->queue)));
}

/* Bits that numbers up to `most` need. */
static int bits_for(int64_t most) {
    return most < 1 ? 1 : 64 - __builtin_clzll((unsigned long long)most);
}

/* ---- index_add, scatter_add ---- */

/* Whether looking through the index for each place costs less than sorting it: a place's block
 * takes about as long to come and go as a thousand entries. */
static bool has_few_rows(const reel__cuda_move *m) {
    const int64_t places = m->outer * m->size;
    return m->entries <= REEL__CUDA_FEW_ROWS && m->inner <= INT32_MAX && places > 0 &&
           places <= ((int64_t)1 << 25) / (m->entries + 1024);
}

/* The same for elements; in the cost of looking at an entry, a launch is about 2^24, an element to
 * sort 64, and a place's run 8. */
static bool has_few_elements(const reel__cuda_move *m) {
    const int64_t places = m->outer * m->size * m->inner,
                  elements = m->outer * m->entries * m->inner;
    return m->entries <= 64 && places > 0 &&
           places * m->entries <= ((int64_t)1 << 24) + 64 * elements + 8 * places;
}

/* Pairs (place, entry), sorted by place, then summed. */
static reel_status add_rows(const reel__call *c, reel__cuda_device *d, const reel__cuda_move *m,
                            const pairs *p) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_index_keys(m, p->other_key, p->other_value, d->queue)));
    if (m->size == 0) return REEL_OK; /* each index is out of range */
    REEL_TRY(sort(c, d, p, m->entries, bits_for(m->size)));
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_runs(p->run, m->size, p->key, m->entries, d->queue)));
    return reel__cuda_launched(c,
                               reel__cuda_launch_index_sums(m, p->run, p->value, dtype, d->queue));
}

static reel_status add_elements(const reel__call *c, reel__cuda_device *d, const reel__cuda_move *m,
                                const pairs *p) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    const int64_t n = m->outer * m->entries * m->inner, places = m->outer * m->size * m->inner;
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_scatter_keys(m, p->other_key, p->other_value, d->queue)));
    if (m->size == 0) return REEL_OK;
    REEL_TRY(sort(c, d, p, n, bits_for(places)));
    REEL_TRY(reel__cuda_launched(c, reel__cuda_launch_runs(p->run, places, p->key, n, d->queue)));
    return reel__cuda_launched(
        c, reel__cuda_launch_scatter_sums(m, p->run, p->value, dtype, d->queue));
}

static reel_status add_sorted(const reel__call *c, reel__cuda_device *d, const reel__cuda_move *m,
                              bool whole_rows) {
    pairs p;
    const int64_t n = whole_rows ? m->entries : m->outer * m->entries * m->inner,
                  places = whole_rows ? m->size : m->outer * m->size * m->inner;
    if (!make_pairs(c, d, &p, n, places)) return reel_error_status();
    const reel_status status = whole_rows ? add_rows(c, d, m, &p) : add_elements(c, d, m, &p);
    free_pairs(d, &p);
    return status;
}

static reel_status add(const reel__call *c, bool whole_rows) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    reel__cuda_device *d;
    reel__cuda_move m;
    reel_status status = REEL_OK;
    if (reel_numel(c->in[0]) == 0) /* nothing to add */
        return reel_fill_at_(c->at, c->out[0], 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE;
    if (!prepare(c, &d, &m)) return reel_error_status();
    if (whole_rows && has_few_rows(&m))
        status = reel__cuda_launched(c, reel__cuda_launch_index_add_few(&m, dtype, d->queue));
    else if (!whole_rows && has_few_elements(&m))
        status = reel__cuda_launched(c, reel__cuda_launch_scatter_add_few(&m, dtype, d->queue));
    else
        status = add_sorted(c, d, &m, whole_rows);
    return status;
}

reel_status reel__cuda_index_add(const reel__call *c) {
    return add(c, true);
}

reel_status reel__cuda_scatter_add(const reel__call *c) {
    return add(c, false);
}

reel_status reel__cuda_slice_put(const reel__call *c) {
    reel_tensor *out = c->out[0];
    const int axis = c->with.slice.axis;
    REEL_SCOPE;
    if (!reel_fill_at_(c->at, out, 0)) return reel_error_status();
    reel_tensor *part =
        reel_slice_at(c->at, out, axis, c->with.slice.start, INT64_MAX, c->with.slice.step);
    reel_tensor *in = reel_slice_at(c->at, part, axis, 0, c->with.slice.count, 1);
    return in ? reel__cuda_copy_into(c, in, c->in[0]) : reel_error_status();
}

/* ---- topk, sort: the elements of all rows sorted, then, stably, by row ---- */

static reel_status take_best(const reel__call *c, reel__cuda_device *d, const reel_tensor *x,
                             pairs *p) {
    const int axis = c->with.topk.axis;
    const reel_dtype dtype = x->layout.dtype;
    const int size = (int)reel_dtype_size(dtype);
    const int64_t n = x->layout.shape.dim[axis], count = reel_numel(x);
    int64_t outer, inner;
    reel__around_axis(x->layout.shape, axis, &outer, &inner);
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_order_keys(p->other_key, p->other_value, reel__data(x), outer, n,
                                        inner, c->with.topk.largest, dtype, d->queue)));
    REEL_TRY(sort(c, d, p, count, 8 * size));
    if (outer * inner > 1) {
        pairs swapped = *p; /* back the other way */
        swapped.key = p->other_key, swapped.other_key = p->key;
        swapped.value = p->other_value, swapped.other_value = p->value;
        REEL_TRY(reel__cuda_launched(
            c, reel__cuda_launch_row_keys(p->key, p->value, count, n, d->queue)));
        REEL_TRY(sort(c, d, &swapped, count, bits_for(outer * inner)));
    }
    return reel__cuda_launched(
        c, reel__cuda_launch_take_best(reel__data(c->out[0]), reel__data(c->out[1]),
                                       outer * inner > 1 ? p->other_value : p->value, reel__data(x),
                                       outer, n, inner, c->with.topk.k, size, d->queue));
}

reel_status reel__cuda_topk(const reel__call *c) {
    pairs p;
    reel_status status = REEL_OK;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    reel__cuda_device *d = x ? reel__cuda_enter(c) : NULL;
    if (!d || !make_pairs(c, d, &p, reel_numel(x), 0)) return reel_error_status();
    status = take_best(c, d, x, &p);
    free_pairs(d, &p);
    return status;
}

/* All of a row, best first. */
reel_status reel__cuda_sort(const reel__call *c) {
    return reel__cuda_topk(c);
}
