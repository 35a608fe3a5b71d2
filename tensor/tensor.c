/* Tensors and storages: made, referenced, let go, looked at. */
#include "tensor/handles_internal.h"
#include "tensor/ops.h"

#include <math.h>
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
    *s = (reel__storage){.backend = backend, .device = device, .data = data, .bytes = bytes};
    atomic_init(&s->refs, 1);
    return s;
}

static void storage_release(reel__storage *s) {
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    s->backend->free(s->device.index, s->data, s->bytes);
    free(s);
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
    return is_here("data", t) && t->storage->backend->host ? reel__data(t) : NULL;
}

/* ---- to and from the host ---- */

static reel_status check_bytes(const char *at, const char *op, reel_tensor *t, const void *host,
                               size_t bytes) {
    if (!reel__live(at, op, NULL, t)) return reel_error_status();
    size_t need = (size_t)reel_numel(t) * reel_dtype_size(t->layout.dtype);
    if (bytes == need && (host || !bytes)) return REEL_OK;
    if (bytes == need) return reel_fail(REEL_ERR_ARGUMENT, at, "%s: the host memory is NULL", op);
    char operand[200];
    reel__describe(operand, sizeof operand, reel_name(t), t, true, false);
    return reel_fail(REEL_ERR_ARGUMENT, at, "%s: %s has %zu bytes, %zu given", op, operand, need,
                     bytes);
}

reel_status reel_read_at(const char *at, reel_tensor *t, void *to, size_t bytes) {
    REEL_TRY(check_bytes(at, "read", t, to, bytes));
    reel_status status = REEL_OK;
    REEL_SCOPE;
    reel_tensor *c = reel_contiguous_at(at, t);
    if (!c) return reel_error_status();
    if (bytes)
        status = c->storage->backend->to_host(c->storage->device.index, to, reel__data(c), bytes);
    return status;
}

reel_status reel_write_at(const char *at, reel_tensor *t, const void *from, size_t bytes) {
    REEL_TRY(check_bytes(at, "write", t, from, bytes));
    REEL_SCOPE;
    reel_tensor *source = reel_from_at(at, from, t->layout.shape, t->layout.dtype);
    if (!reel_copy_at_(at, t, source)) return reel_error_status();
    return REEL_OK;
}

double reel_item_at(const char *at, reel_tensor *t) {
    double value = NAN;
    if (!reel__live(at, "item", NULL, t)) return value;
    if (reel_numel(t) != 1) {
        char operand[200];
        reel__describe(operand, sizeof operand, reel_name(t), t, false, false);
        reel_fail(REEL_ERR_SHAPE, at, "item: %s has not one element", operand);
        return value;
    }
    REEL_SCOPE;
    double read;
    reel_tensor *x = reel_cast_at(at, t, REEL_F64);
    if (reel_read_at(at, x, &read, sizeof read) == REEL_OK) value = read;
    return value;
}

reel_tensor *reel_from_at(const char *at, const void *data, reel_shape shape, reel_dtype dtype) {
    REEL__COMPOSITE(.name = "from", .at = at);
    reel_tensor *t = reel_empty_at(at, shape, dtype, reel_cpu());
    size_t bytes = (size_t)reel_numel(t) * reel_dtype_size(dtype);
    if (t && bytes && !data) {
        reel_fail(REEL_ERR_ARGUMENT, at, "from: data is NULL");
        return NULL;
    }
    if (t && bytes) memcpy(reel__data(t), data, bytes);
    return t;
}

reel_tensor *reel_to_at(const char *at, reel_tensor *t, reel_device device) {
    if (!t || !reel__live(at, "to", NULL, t)) return NULL;
    if (reel_device_equal(t->storage->device, device)) return t;
    if (t->track && !reel__self()->no_grad) {
        reel_fail(REEL_ERR_STATE, at,
                  "to: the tensor is tracked, and moving it is not recorded: detach it");
        return NULL;
    }
    REEL_SCOPE;
    reel_tensor *from = reel_contiguous_at(at, t);
    reel_tensor *to = from ? reel_empty_at(at, t->layout.shape, t->layout.dtype, device) : NULL;
    if (!to) return NULL;
    size_t bytes = to->storage->bytes;
    reel_status status = REEL_OK;
    if (from->storage->backend->host)
        status =
            to->storage->backend->from_host(device.index, reel__data(to), reel__data(from), bytes);
    else if (to->storage->backend->host)
        status = from->storage->backend->to_host(from->storage->device.index, reel__data(to),
                                                 reel__data(from), bytes);
    else
        status = to->storage->backend->between(
            device.index, reel__data(to), from->storage->device.index, reel__data(from), bytes);
    if (status != REEL_OK) return NULL;
    return reel_scope_return(to);
}
