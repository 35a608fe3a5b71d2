/* topk: a heap of the k best of each row. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/cpu/kernels/cpu_sort_internal.h"

#include <stdlib.h>
#include <string.h>

/* Order by key, greatest first, then by index, least first. */
typedef struct {
    uint64_t key;
    int64_t index;
} entry;

static bool better(entry a, entry b) {
    return a.key != b.key ? a.key > b.key : a.index < b.index;
}

static int compare(const void *a, const void *b) {
    return better(*(const entry *)a, *(const entry *)b) ? -1 : 1;
}

/* heap[0] is the worst of the best. */
static void sift_down(entry *heap, int64_t n, int64_t i) {
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && better(heap[child], heap[child + 1])) child++;
        if (!better(heap[i], heap[child])) return;
        entry swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

typedef struct {
    const char *x;
    int64_t n, stride, k;
    bool largest;
    reel_dtype dtype;
} row;

static entry entry_at(const row *r, int64_t i) {
    uint64_t key = reel__order_key(r->dtype, r->x, i * r->stride);
    return (entry){r->largest ? key : ~key, i};
}

static void best_of(const row *r, entry *heap) {
    for (int64_t i = 0; i < r->k; i++) heap[i] = entry_at(r, i);
    for (int64_t i = r->k / 2 - 1; i >= 0; i--) sift_down(heap, r->k, i);
    for (int64_t i = r->k; i < r->n; i++) {
        entry e = entry_at(r, i);
        if (!better(e, heap[0])) continue;
        heap[0] = e;
        sift_down(heap, r->k, 0);
    }
    qsort(heap, (size_t)r->k, sizeof *heap, compare);
}

/* Rows are counted over the other axes, with `after` of them inside the axis. */
reel_status reel__cpu_topk(const reel__call *c) {
    const reel_tensor *x = c->in[0];
    const reel_shape s = x->layout.shape;
    const int axis = c->with.topk.axis;
    const size_t size = reel_dtype_size(x->layout.dtype);
    row r = {.n = s.dim[axis],
             .stride = x->layout.stride[axis],
             .k = c->with.topk.k,
             .largest = c->with.topk.largest,
             .dtype = x->layout.dtype};
    int64_t after = 1, rows = 1;
    for (int i = 0; i < s.ndim; i++) {
        if (i != axis) rows *= s.dim[i];
        if (i > axis) after *= s.dim[i];
    }
    if (r.k == 0 || rows == 0) return REEL_OK;
    entry *heap = malloc((size_t)r.k * sizeof *heap);
    if (!heap) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    for (int64_t i = 0; i < rows; i++) {
        int64_t from = 0, rest = i;
        for (int a = s.ndim - 1; a >= 0; a--) {
            if (a == axis) continue;
            from += rest % s.dim[a] * x->layout.stride[a];
            rest /= s.dim[a];
        }
        r.x = (const char *)reel__data(x) + from * (int64_t)size;
        best_of(&r, heap);
        int64_t to = i / after * r.k * after + i % after;
        for (int64_t j = 0; j < r.k; j++, to += after) {
            memcpy((char *)reel__data(c->out[0]) + (size_t)to * size,
                   r.x + heap[j].index * r.stride * (int64_t)size, size);
            ((int64_t *)reel__data(c->out[1]))[to] = heap[j].index;
        }
    }
    free(heap);
    return REEL_OK;
}
