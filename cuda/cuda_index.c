/* index_select, dequantize_rows, gather, index_add, scatter_add, slice_put, topk. */
#include "cuda/cuda_internal.h"

/* Contiguous operands around the axis; the open scope owns copies. False on failure. */
static bool prepare(const reel__call *c, reel__cuda_device **d, reel__cuda_move *m) {
    const int axis = (int)c->attr.i[0];
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]),
                *index = reel_contiguous_at(c->at, c->in[1]);
    *d = x && index ? reel__cuda_enter(c) : NULL;
    if (!*d) return false;
    *m = (reel__cuda_move){.out = reel__data(c->out[0]),
                           .x = reel__data(x),
                           .index = reel__data(index),
                           .entries = reel_dim(x, axis),
                           .size = reel_dim(c->out[0], axis),
                           .witness = reel__cuda_witness_of(*d, c)};
    reel__around_axis(c->out[0]->layout.shape, axis, &m->outer, &m->inner);
    return true;
}

static int size_of(const reel__call *c) {
    return (int)reel_dtype_size(c->in[0]->layout.dtype);
}

reel_status reel__cuda_index_select(const reel__call *c) {
    reel__cuda_device *d;
    reel__cuda_move m;
    reel_status status = REEL_OK;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE {
        if (!prepare(c, &d, &m)) return reel_error_status();
        status =
            reel__cuda_launched(d, c, reel__cuda_launch_index_select(&m, size_of(c), d->stream));
    }
    return status;
}

reel_status reel__cuda_dequantize_rows(const reel__call *c) {
    reel__cuda_device *d;
    reel__cuda_move m;
    reel_status status = REEL_OK;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE {
        if (!prepare(c, &d, &m)) return reel_error_status();
        status = reel__cuda_launched(
            d, c,
            reel__cuda_launch_dequantize_rows(&m, c->attr.f[0], c->out[0]->layout.dtype,
                                              c->in[0]->layout.dtype, d->stream));
    }
    return status;
}

reel_status reel__cuda_gather(const reel__call *c) {
    reel__cuda_device *d;
    reel__cuda_move m;
    reel_status status = REEL_OK;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE {
        if (!prepare(c, &d, &m)) return reel_error_status();
        status = reel__cuda_launched(d, c, reel__cuda_launch_gather(&m, size_of(c), d->stream));
    }
    return status;
}

/* ---- sorted pairs ---- */

/* Room for n pairs twice, and for the sort itself. */
typedef struct {
    uint64_t *key, *other_key;
    int64_t *value, *other_value;
    void *temporary;
    size_t bytes, temporary_bytes;
} pairs;

static bool make_pairs(const reel__call *c, reel__cuda_device *d, pairs *p, int64_t n) {
    const size_t list = (size_t)n * 8;
    p->temporary_bytes = 0;
    const cudaError_t e =
        reel__cuda_sort_pairs(NULL, &p->temporary_bytes, NULL, NULL, NULL, NULL, n, 64, d->stream);
    if (e != cudaSuccess) {
        reel__fail_call(REEL_ERR_DEVICE, c, "CUDA: %s", cudaGetErrorString(e));
        return false;
    }
    p->bytes = 4 * list + p->temporary_bytes + 512;
    p->key = reel__cuda_scratch(c, p->bytes);
    if (!p->key) return false;
    p->other_key = p->key + n;
    p->value = (int64_t *)p->key + 2 * n;
    p->other_value = p->value + n;
    p->temporary = (char *)p->key + (4 * list + 255) / 256 * 256;
    return true;
}

static void free_pairs(reel__cuda_device *d, pairs *p) {
    reel__cuda_free(d->index, p->key, p->bytes);
}

/* From the `other` lists, where kernels put pairs, to key and value. */
static reel_status sort(const reel__call *c, reel__cuda_device *d, pairs *p, int64_t n, int bits) {
    return reel__cuda_launched(d, c,
                               reel__cuda_sort_pairs(p->temporary, &p->temporary_bytes, p->key,
                                                     p->other_key, p->value, p->other_value, n,
                                                     bits, d->stream));
}

/* Bits that numbers up to `most` need. */
static int bits_for(int64_t most) {
    return most < 1 ? 1 : 64 - __builtin_clzll((unsigned long long)most);
}

/* ---- index_add, scatter_add: pairs (place, entry), sorted by place, then summed ---- */

static reel_status add_rows(const reel__call *c, reel__cuda_device *d, const reel__cuda_move *m,
                            pairs *p) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    REEL_TRY(reel__cuda_launched(
        d, c, reel__cuda_launch_index_keys(m, p->other_key, p->other_value, d->stream)));
    REEL_TRY(sort(c, d, p, m->entries, bits_for(m->size)));
    return reel__cuda_launched(d, c,
                               reel__cuda_launch_index_sums(m, p->key, p->value, dtype, d->stream));
}

static reel_status add_elements(const reel__call *c, reel__cuda_device *d, const reel__cuda_move *m,
                                pairs *p) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    REEL_TRY(reel__cuda_launched(
        d, c, reel__cuda_launch_scatter_keys(m, p->other_key, p->other_value, d->stream)));
    REEL_TRY(
        sort(c, d, p, m->outer * m->entries * m->inner, bits_for(m->outer * m->size * m->inner)));
    return reel__cuda_launched(
        d, c, reel__cuda_launch_scatter_sums(m, p->key, p->value, dtype, d->stream));
}

static reel_status add(const reel__call *c, bool whole_rows) {
    reel__cuda_device *d;
    reel__cuda_move m;
    pairs p;
    reel_status status = REEL_OK;
    if (reel_numel(c->in[0]) == 0) /* nothing to add */
        return reel_fill_at_(c->at, c->out[0], 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE {
        if (!prepare(c, &d, &m)) return reel_error_status();
        const int64_t n = whole_rows ? m.entries : m.outer * m.entries * m.inner;
        if (!make_pairs(c, d, &p, n)) return reel_error_status();
        status = whole_rows ? add_rows(c, d, &m, &p) : add_elements(c, d, &m, &p);
        free_pairs(d, &p);
    }
    return status;
}

reel_status reel__cuda_index_add(const reel__call *c) {
    return add(c, true);
}

reel_status reel__cuda_scatter_add(const reel__call *c) {
    return add(c, false);
}

/* i: axis, start, count, step. */
reel_status reel__cuda_slice_put(const reel__call *c) {
    reel_tensor *out = c->out[0];
    const int axis = (int)c->attr.i[0];
    reel_status status = REEL_OK;
    REEL_SCOPE {
        if (!reel_fill_at_(c->at, out, 0)) return reel_error_status();
        reel_tensor *part = reel_slice_at(c->at, out, axis, c->attr.i[1], INT64_MAX, c->attr.i[3]);
        reel_tensor *in = reel_slice_at(c->at, part, axis, 0, c->attr.i[2], 1);
        status = in ? reel__cuda_copy_into(c, in, c->in[0]) : reel_error_status();
    }
    return status;
}

/* ---- topk: the elements of all rows sorted, then, stably, by row ---- */

static reel_status take_best(const reel__call *c, reel__cuda_device *d, const reel_tensor *x,
                             pairs *p) {
    const int axis = (int)c->attr.i[0];
    const reel_dtype dtype = x->layout.dtype;
    const int size = (int)reel_dtype_size(dtype);
    const int64_t n = x->layout.shape.dim[axis], count = reel_numel(x);
    int64_t outer, inner;
    reel__around_axis(x->layout.shape, axis, &outer, &inner);
    REEL_TRY(reel__cuda_launched(
        d, c,
        reel__cuda_launch_order_keys(p->other_key, p->other_value, reel__data(x), outer, n, inner,
                                     c->attr.i[2] != 0, dtype, d->stream)));
    REEL_TRY(sort(c, d, p, count, 8 * size));
    if (outer * inner > 1) {
        pairs swapped = *p; /* back the other way */
        swapped.key = p->other_key, swapped.other_key = p->key;
        swapped.value = p->other_value, swapped.other_value = p->value;
        REEL_TRY(reel__cuda_launched(
            d, c, reel__cuda_launch_row_keys(p->key, p->value, count, n, d->stream)));
        REEL_TRY(sort(c, d, &swapped, count, bits_for(outer * inner)));
    }
    return reel__cuda_launched(
        d, c,
        reel__cuda_launch_take_best(reel__data(c->out[0]), reel__data(c->out[1]),
                                    outer * inner > 1 ? p->other_value : p->value, reel__data(x),
                                    outer, n, inner, c->attr.i[1], size, d->stream));
}

reel_status reel__cuda_topk(const reel__call *c) {
    pairs p;
    reel_status status = REEL_OK;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE {
        reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
        reel__cuda_device *d = x ? reel__cuda_enter(c) : NULL;
        if (!d || !make_pairs(c, d, &p, reel_numel(x))) return reel_error_status();
        status = take_best(c, d, x, &p);
        free_pairs(d, &p);
    }
    return status;
}
