/* Tensors and storages: made, referenced, let go, looked at. */
#include "tensor/core/handles_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- storages ---- */

static reel__storage *storage_new(const char *at, const char *made_by, size_t bytes,
                                  reel_device device, const reel__backend *backend) {
    reel__storage *s = malloc(sizeof *s);
    void *data = s ? backend->alloc(device.index, bytes) : NULL;
    if (!data) {
        free(s);
        if (backend->host)
            reel_fail(REEL_ERR_MEMORY, at, "%s: out of memory on %s: %zu bytes asked for",
                      reel__called(at, made_by), backend->name, bytes);
        else
            reel_fail(REEL_ERR_MEMORY, at, "%s: out of memory on %s:%d: %zu bytes asked for",
                      reel__called(at, made_by), backend->name, device.index, bytes);
        return NULL;
    }
    *s = (reel__storage){.backend = backend,
                         .device = device,
                         .data = data,
                         .bytes = bytes,
                         .recording = reel__self()->recording};
    atomic_init(&s->refs, 1);
    return s;
}

static void free_memory(reel__storage *s) {
    reel__await(s);
    if (s->data) s->backend->free(s->device.index, s->data, s->bytes);
    s->data = NULL;
}

static void storage_release(reel__storage *s) {
    const int captured = s->weak ? atomic_load(&s->captured) : 0;
    const int left = atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) - 1;
    if (left > captured) return;
    free_memory(s);
    if (left == 0) free(s);
}

/* ---- tensors ---- */

static reel_tensor *header_new(const char *at, const char *made_by, const reel__layout *layout,
                               reel__storage *storage) {
    if (!at) at = reel__self()->call.site; /* made by a function that takes none */
    reel_tensor *t = reel__handle_new(layout, storage, made_by, at);
    if (t) return t;
    storage_release(storage);
    reel_fail(REEL_ERR_MEMORY, at, "%s: out of memory", made_by);
    return NULL;
}

reel_tensor *reel__tensor_new(const char *at, const char *made_by, const reel__layout *layout,
                              reel_device d) {
    const reel__backend *b = reel__backend_of(at, d);
    return b ? reel__tensor_new_in(at, made_by, layout, d, b) : NULL;
}

reel_tensor *reel__tensor_new_in(const char *at, const char *made_by, const reel__layout *layout,
                                 reel_device d, const reel__backend *memory) {
    reel__layout l = *layout;
    int64_t n = reel__shape_numel(l.shape), bytes;
    if (reel_dtype_size(l.dtype) == 0) {
        reel_fail(REEL_ERR_DTYPE, at, "%s: no dtype %d", reel__called(at, made_by), (int)l.dtype);
        return NULL;
    }
    if (n < 0 || __builtin_mul_overflow(n, (int64_t)reel_dtype_size(l.dtype), &bytes)) {
        char shape[200];
        reel__shape_text(shape, sizeof shape, l.shape);
        reel_fail(REEL_ERR_SHAPE, at, "%s: %s is no shape of a tensor", reel__called(at, made_by),
                  shape);
        return NULL;
    }
    reel__layout_contiguous(&l);
    reel__storage *s = storage_new(at, made_by, (size_t)bytes, d, memory);
    return s ? header_new(at, made_by, &l, s) : NULL;
}

reel_tensor *reel__tensor_view(const char *at, const char *made_by, reel_tensor *of,
                               const reel__layout *layout) {
    atomic_fetch_add_explicit(&of->storage->refs, 1, memory_order_relaxed);
    return header_new(at, made_by, layout, of->storage);
}

void reel__tensor_become(reel_tensor *t, const reel_tensor *other) {
    atomic_fetch_add_explicit(&other->storage->refs, 1, memory_order_relaxed);
    storage_release(t->storage);
    t->storage = other->storage;
    t->layout = other->layout;
}

reel_tensor *reel_retain(reel_tensor *t) {
    if (!t || !reel__live(NULL, "retain", NULL, t)) return NULL;
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

static void end(reel_tensor *t, const char *at, bool by_scope) {
    char *name;
    if (t->track) reel__hooks_get()->release(t);
    storage_release(reel__handle_free(t, at, by_scope, &name));
    free(name);
}

void reel__release(reel_tensor *t, const char *at, bool by_scope) {
    if (!t) return;
    if (!reel__is_alive(t)) {
        reel__live_or_fail(at, by_scope ? "scope" : "release", NULL, t);
        return;
    }
    const int before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel);
    if (before == 1) end(t, at, by_scope);
    if (before < 1) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed); /* two at once */
}

void reel_release_at(const char *at, reel_tensor *t) {
    reel__release(t, at, false);
}

void(reel_release)(reel_tensor *t) {
    reel__release(t, NULL, false);
}

/* ---- what a tensor is ---- */

/* False for NULL, and, with a failure, for one that was let go. */
static bool is_here(const char *op, const reel_tensor *t) {
    if (!t) return false;
    if (atomic_load_explicit(&t->refs, memory_order_relaxed) > 0) return true;
    if (reel_failed()) return false;
    reel__live_or_fail(NULL, op, NULL, t);
    reel__self()->looked_at = t;
    return false;
}

int reel_ndim(const reel_tensor *t) {
    return is_here("ndim", t) ? t->layout.shape.ndim : 0;
}

int64_t reel_dim(const reel_tensor *t, int axis) {
    int i = is_here("dim", t) ? reel__axis(axis, t->layout.shape.ndim) : -1;
    return i < 0 ? 0 : t->layout.shape.dim[i];
}

int64_t reel_stride(const reel_tensor *t, int axis) {
    int i = is_here("stride", t) ? reel__axis(axis, t->layout.shape.ndim) : -1;
    return i < 0 ? 0 : t->layout.stride[i];
}

reel_shape reel_shape_of(const reel_tensor *t) {
    return is_here("shape_of", t) ? t->layout.shape : REEL_SCALAR;
}

int64_t reel_numel(const reel_tensor *t) {
    return is_here("numel", t) ? reel__shape_numel(t->layout.shape) : 0;
}

reel_dtype reel_dtype_of(const reel_tensor *t) {
    return is_here("dtype_of", t) ? t->layout.dtype : REEL_F32;
}

reel_device reel_device_of(const reel_tensor *t) {
    return is_here("device_of", t) ? t->storage->device : reel_cpu();
}

bool reel_is_contiguous(const reel_tensor *t) {
    return is_here("is_contiguous", t) && reel__layout_is_contiguous(&t->layout);
}

const char *reel_name(const reel_tensor *t) {
    return is_here("name", t) && t->name ? t->name : "";
}

reel_status reel_set_name(reel_tensor *t, const char *name) {
    if (!reel__live(NULL, "set_name", NULL, t)) return reel_error_status();
    char *copy = strdup(name ? name : "");
    if (!copy) return reel_fail(REEL_ERR_MEMORY, NULL, "set_name: out of memory");
    free(reel__handle_rename(t, copy));
    return REEL_OK;
}

void *reel_data(reel_tensor *t) {
    if (!is_here("data", t) || reel__refuse_recorded(NULL, "data") != REEL_OK) return NULL;
    return t->storage->backend->host ? reel__data(t) : NULL;
}
