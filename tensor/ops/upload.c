/* Copies to a device beside its kernels. A copy is made in pinned memory first, which the backend
 * keeps from being used again before the copy has been made from it. */
#include "tensor/ops/upload_internal.h"

#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"

#include <string.h>

/* t's elements in memory that uploads may come from. */
static reel_tensor *pinned_copy(reel_tensor *t, const reel__backend *b) {
    const size_t bytes = (size_t)reel_numel(t) * reel_dtype_size(t->layout.dtype);
    reel__layout l = t->layout;
    reel_tensor *copy = reel__tensor_new_in(NULL, "upload", &l, reel_cpu(), b->pinned);
    if (copy) memcpy(reel__data(copy), reel__data(t), bytes);
    return copy;
}

static reel_status begin(reel__upload *u, reel_tensor *t, reel_device d, const reel__backend *b) {
    reel_tensor *host = reel_contiguous(t);
    reel_tensor *to = reel_empty(t->layout.shape, t->layout.dtype, d);
    if (!host || !to) return reel_error_status();
    host = pinned_copy(host, b);
    if (!host) return reel_error_status();
    reel_status status =
        b->upload(d.index, reel__data(to), reel__data(host), to->storage->bytes, &u->ticket);
    reel_release(host); /* its memory waits for the copy */
    if (status == REEL_OK) u->device = reel_retain(to);
    return status;
}

reel_status reel__upload_start(reel__upload *u, reel_tensor *t, reel_device d) {
    *u = (reel__upload){NULL, NULL};
    if (!t) return reel_error_status();
    const reel__backend *b = reel__backend_of(NULL, d);
    reel_status status = b ? REEL_OK : REEL_ERR_DEVICE;
    if (b) {
        REEL_SCOPE;
        if (b->pinned && t->storage->backend->host)
            status = begin(u, t, d, b);
        else
            u->device = reel_retain(reel_to(t, d));
    }
    return u->device ? status : reel_error_status();
}

reel_tensor *reel__upload_finish(reel__upload *u) {
    reel_tensor *t = u->device;
    const reel__upload done = *u;
    *u = (reel__upload){NULL, NULL};
    if (!t || !done.ticket) return t;
    if (t->storage->backend->arrive(t->storage->device.index, done.ticket) == REEL_OK) return t;
    reel_release(t);
    return NULL;
}

void reel__upload_cancel(reel__upload *u) {
    reel_release(reel__upload_finish(u));
}
