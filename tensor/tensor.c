/* Tensors and storages: made, referenced, let go, looked at. */
#include "tensor/tensor_internal.h"

#include "tensor/ops.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- all tensors alive, for the leak report ---- */

static pthread_mutex_t alive_lock = PTHREAD_MUTEX_INITIALIZER;
static reel_tensor *alive;
static size_t alive_count;

static void list_add(reel_tensor *t) {
    pthread_mutex_lock(&alive_lock);
    t->next = alive;
    if (alive) alive->previous = t;
    alive = t;
    alive_count++;
    pthread_mutex_unlock(&alive_lock);
}

static void list_remove(reel_tensor *t) {
    pthread_mutex_lock(&alive_lock);
    if (t->previous) t->previous->next = t->next;
    if (t->next) t->next->previous = t->previous;
    if (alive == t) alive = t->next;
    alive_count--;
    pthread_mutex_unlock(&alive_lock);
}

size_t reel_tensors_alive(void) {
    pthread_mutex_lock(&alive_lock);
    size_t n = alive_count;
    pthread_mutex_unlock(&alive_lock);
    return n;
}

size_t reel_leak_report(FILE *f) {
    pthread_mutex_lock(&alive_lock);
    for (const reel_tensor *t = alive; t; t = t->next) {
        char shape[200];
        const char *at = t->at;
        while (strncmp(at, "../", 3) == 0) at += 3;
        reel__describe(shape, sizeof shape, t->name ? t->name : "", t, true, false);
        int refs = atomic_load(&t->refs);
        fprintf(f, "%s -> %s, %d reference%s, made at %.*s\n", t->made_by, shape, refs,
                refs == 1 ? "" : "s", (int)strcspn(at, "\t"), at);
    }
    size_t n = alive_count;
    pthread_mutex_unlock(&alive_lock);
    return n;
}

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
    reel_tensor *t = malloc(sizeof *t);
    if (!t) {
        storage_release(storage);
        reel_fail(REEL_ERR_MEMORY, at, "%s: out of memory", reel__called(at, made_by));
        return NULL;
    }
    *t = (reel_tensor){.layout = *layout, .storage = storage, .made_by = made_by, .at = at};
    atomic_init(&t->refs, 1);
    list_add(t);
    return t;
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
    if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void reel_release(reel_tensor *t) {
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    if (t->track) reel__hooks_get()->release(t);
    list_remove(t);
    storage_release(t->storage);
    free(t->name);
    free(t);
}

/* ---- what a tensor is ---- */

int reel_ndim(const reel_tensor *t) {
    return t ? t->layout.shape.ndim : 0;
}

int64_t reel_dim(const reel_tensor *t, int axis) {
    int i = t ? reel__axis(axis, t->layout.shape.ndim) : -1;
    return i < 0 ? 0 : t->layout.shape.dim[i];
}

int64_t reel_stride(const reel_tensor *t, int axis) {
    int i = t ? reel__axis(axis, t->layout.shape.ndim) : -1;
    return i < 0 ? 0 : t->layout.stride[i];
}

reel_shape reel_shape_of(const reel_tensor *t) {
    return t ? t->layout.shape : REEL_SCALAR;
}

int64_t reel_numel(const reel_tensor *t) {
    return t ? reel__shape_numel(t->layout.shape) : 0;
}

reel_dtype reel_dtype_of(const reel_tensor *t) {
    return t ? t->layout.dtype : REEL_F32;
}

reel_device reel_device_of(const reel_tensor *t) {
    return t ? t->storage->device : reel_cpu();
}

bool reel_is_contiguous(const reel_tensor *t) {
    return t && reel__layout_is_contiguous(&t->layout);
}

const char *reel_name(const reel_tensor *t) {
    return t && t->name ? t->name : "";
}

reel_status reel_set_name(reel_tensor *t, const char *name) {
    if (!t)
        return reel_failed() ? reel_error_status()
                             : reel_fail(REEL_ERR_ARGUMENT, NULL, "set_name: NULL");
    char *copy = strdup(name ? name : "");
    if (!copy) return reel_fail(REEL_ERR_MEMORY, NULL, "set_name: out of memory");
    free(t->name);
    t->name = copy;
    return REEL_OK;
}

void *reel_data(reel_tensor *t) {
    return t && t->storage->backend->host ? reel__data(t) : NULL;
}

/* ---- to and from the host ---- */

static reel_status check_bytes(const char *at, const char *op, reel_tensor *t, const void *host,
                               size_t bytes) {
    if (!t) {
        if (reel_failed()) return reel_error_status();
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: the tensor is NULL", op);
    }
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
    if (!t) {
        if (!reel_failed()) reel_fail(REEL_ERR_ARGUMENT, at, "item: the tensor is NULL");
        return value;
    }
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
    if (!t) return NULL;
    if (reel_device_equal(t->storage->device, device)) return t;
    if (t->track && !reel__self()->no_grad) {
        reel_fail(REEL_ERR_STATE, at,
                  "to: the tensor is tracked, and moving it is not recorded: detach it");
        return NULL;
    }
    reel_tensor *moved = NULL;
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
    moved = reel_scope_return(to);
    return moved;
}
