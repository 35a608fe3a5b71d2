/* Copies to a device that go on beside its kernels: what a loader does ahead of time. */
#ifndef REEL_TENSOR_OPS_UPLOAD_INTERNAL_H
#define REEL_TENSOR_OPS_UPLOAD_INTERNAL_H

#include "tensor/tensor.h"

/* A copy under way. A zeroed one is none. */
typedef struct {
    reel_tensor *device; /* owned */
    void *ticket;        /* NULL: it is there already */
} reel__upload;

/* Begins a copy of t, which may be on any device and may be changed or released as soon as this
 * returns: what travels beside kernels is a copy in pinned memory. */
reel_status reel__upload_start(reel__upload *u, reel_tensor *t, reel_device d);
/* The tensor on its device, owned by the caller: ops from here on find its elements. NULL on
 * failure. u is none afterwards. */
reel_tensor *reel__upload_finish(reel__upload *u);
/* Lets a copy go that nobody wants any more. */
void reel__upload_cancel(reel__upload *u);

#endif
