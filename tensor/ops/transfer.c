/* Elements on their way: to and from the program's memory, to another device, into another tensor.
 */
#include "tensor/core/profile_internal.h"
#include "tensor/ops/call_internal.h"
#include "tensor/ops/record_internal.h"

#include <math.h>
#include <string.h>

/* ---- the program's memory ---- */

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
    REEL_TRY(reel__refuse_recorded(at, "read"));
    reel_status status = REEL_OK;
    REEL_SCOPE;
    reel_tensor *c = reel_contiguous_at(at, t);
    if (!c) return reel_error_status();
    if (bytes) {
        REEL__PROFILE_BLOCK(REEL__PROFILE_COPY, "read", at, bytes);
        status = c->storage->backend->to_host(c->storage->device.index, to, reel__data(c), bytes);
    }
    return status;
}

reel_status reel_write_at(const char *at, reel_tensor *t, const void *from, size_t bytes) {
    REEL_TRY(check_bytes(at, "write", t, from, bytes));
    REEL_TRY(reel__refuse_recorded(at, "write"));
    REEL_SCOPE;
    reel_tensor *source = reel_from_at(at, from, t->layout.shape, t->layout.dtype);
    if (!reel_copy_at_(at, t, source)) return reel_error_status();
    return REEL_OK;
}

double reel_item_at(const char *at, reel_tensor *t) {
    double value = NAN;
    if (!reel__live(at, "item", NULL, t)) return value;
    if (reel__refuse_recorded(at, "item") != REEL_OK) return value;
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
    if (reel__refuse_recorded(at, "from") != REEL_OK) return NULL;
    reel_tensor *t = reel_empty_at(at, shape, dtype, reel_cpu());
    size_t bytes = (size_t)reel_numel(t) * reel_dtype_size(dtype);
    if (t && bytes && !data) {
        reel_fail(REEL_ERR_ARGUMENT, at, "from: data is NULL");
        return NULL;
    }
    if (t && bytes) memcpy(reel__data(t), data, bytes);
    return t;
}

/* ---- another device, another tensor ---- */

reel_tensor *reel_to_at(const char *at, reel_tensor *t, reel_device device) {
    if (!t || !reel__live(at, "to", NULL, t)) return NULL;
    if (reel_device_equal(t->storage->device, device)) return t;
    if (reel__refuse_recorded(at, "to") != REEL_OK) return NULL;
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
    REEL__PROFILE_BLOCK(REEL__PROFILE_COPY, "to", at, bytes);
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

reel_tensor *reel_copy_at_(const char *at, reel_tensor *to, reel_tensor *from) {
    REEL__COMPOSITE(.name = "copy_", .at = at, .in = {to, from}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    REEL_SCOPE;
    from = reel_to_at(at, reel_cast_at(at, from, to->layout.dtype), to->storage->device);
    from = reel__apart(at, from, to);
    return reel__run_into(
        (reel__call){.op = REEL_OP_copy, .at = at, .first = 1, .nin = 1, .in = {from}}, to);
}
