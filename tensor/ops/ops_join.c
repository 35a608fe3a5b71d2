/* What joins tensors, cuts them in pieces, and rearranges their elements. */
#include "tensor/ops/call_internal.h"

/* ---- joined ---- */

/* The axis is one of `more` than the inputs have. */
static reel_tensor *join(reel__op op, const char *at, reel_tensor *const *x, int count, int axis,
                         int more) {
    if (!x || count < 0) count = 0; /* the rule says so */
    const int ndim = count ? reel_ndim(x[0]) + more : 0;
    return reel__run_call((reel__call){
        .op = op, .at = at, .nin = count, .list = x, .with.axis = reel__axis(axis, ndim)});
}

reel_tensor *reel_concat_at(const char *at, reel_tensor *const *x, int count, int axis) {
    return join(REEL_OP_concat, at, x, count, axis, 0);
}

reel_tensor *reel_stack_at(const char *at, reel_tensor *const *x, int count, int axis) {
    return join(REEL_OP_stack, at, x, count, axis, 1);
}

/* ---- cut in pieces: views ---- */

/* What pieces begin with: none made yet. */
static reel_status begin_pieces(const reel__composite *c, int axis, int count,
                                reel_tensor **parts) {
    if (!parts && count > 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "there is nowhere to put the parts");
    for (int i = 0; i < count; i++) parts[i] = NULL;
    if (!reel__composite_is_whole(c)) return reel_error_status();
    if (reel__axis(axis, reel_ndim(c->in[0])) < 0)
        return reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
    return REEL_OK;
}

static reel_status cut(const char *at, reel_tensor *x, int axis, int64_t *first, int64_t size,
                       reel_tensor **part) {
    *part = reel_slice_at(at, x, axis, *first, *first + size, 1);
    *first += size;
    return *part ? REEL_OK : reel_error_status();
}

reel_status reel_split_at(const char *at, reel_tensor *x, int axis, const int64_t *sizes, int count,
                          reel_tensor **parts) {
    REEL__COMPOSITE(.name = "split", .at = at, .in = {x}, .given = 1);
    int64_t first = 0, left;
    REEL_TRY(begin_pieces(&composite, axis, count, parts));
    if (!sizes && count > 0) return reel__fail_composite(REEL_ERR_ARGUMENT, "sizes is NULL");
    left = reel_dim(x, axis);
    for (int i = 0; i < count && left >= 0; i++) left = sizes[i] < 0 ? -1 : left - sizes[i];
    if (left != 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "the sizes do not add up to %lld",
                                    (long long)reel_dim(x, axis));
    for (int i = 0; i < count; i++) REEL_TRY(cut(at, x, axis, &first, sizes[i], &parts[i]));
    return REEL_OK;
}

reel_status reel_chunk_at(const char *at, reel_tensor *x, int axis, int count,
                          reel_tensor **parts) {
    REEL__COMPOSITE(.name = "chunk", .at = at, .in = {x}, .given = 1);
    int64_t first = 0;
    REEL_TRY(begin_pieces(&composite, axis, count, parts));
    if (count < 1) return reel__fail_composite(REEL_ERR_ARGUMENT, "%d chunks", count);
    const int64_t n = reel_dim(x, axis), most = n / count + (n % count > 0);
    for (int i = 0; i < count; i++)
        REEL_TRY(cut(at, x, axis, &first, n - first < most ? n - first : most, &parts[i]));
    return REEL_OK;
}

reel_status reel_unbind_at(const char *at, reel_tensor *x, int axis, int count,
                           reel_tensor **parts) {
    REEL__COMPOSITE(.name = "unbind", .at = at, .in = {x}, .given = 1);
    REEL_TRY(begin_pieces(&composite, axis, count, parts));
    if (count != reel_dim(x, axis))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "%lld entries along axis %d, not %d",
                                    (long long)reel_dim(x, axis), axis, count);
    for (int i = 0; i < count; i++)
        if (!(parts[i] = reel_select_at(at, x, axis, i))) return reel_error_status();
    return REEL_OK;
}

/* ---- rearranged ---- */

reel_tensor *reel_flip_at(const char *at, reel_tensor *x, int axis) {
    return reel__run_call((reel__call){.op = REEL_OP_flip,
                                       .at = at,
                                       .nin = 1,
                                       .in = {x},
                                       .with.axis = reel__axis(axis, reel_ndim(x))});
}

/* Beyond the last diagonals is all or nothing: clamped, so that no sum overflows. */
static int64_t clamp_diagonal(const reel_tensor *x, int64_t diagonal) {
    const int64_t rows = reel_dim(x, -2), columns = reel_dim(x, -1);
    return diagonal < -rows ? -rows : diagonal > columns ? columns : diagonal;
}

static reel_tensor *triangle(reel__op op, const char *at, reel_tensor *x, int64_t diagonal) {
    return reel__run_call((reel__call){.op = op,
                                       .at = at,
                                       .nin = 1,
                                       .in = {x},
                                       .with.triangle.diagonal = clamp_diagonal(x, diagonal)});
}

reel_tensor *reel_tril_at(const char *at, reel_tensor *x, int64_t diagonal) {
    return triangle(REEL_OP_tril, at, x, diagonal);
}

reel_tensor *reel_triu_at(const char *at, reel_tensor *x, int64_t diagonal) {
    return triangle(REEL_OP_triu, at, x, diagonal);
}

/* ---- repeated ---- */

/* [outer, 1, n inner], stretched to [outer, times, n inner]. */
static reel_tensor *repeat_axis(const char *at, reel_tensor *x, int axis, int64_t times) {
    reel_shape s = x->layout.shape;
    int64_t outer = 1, rest = 1;
    for (int i = 0; i < s.ndim; i++) *(i < axis ? &outer : &rest) *= s.dim[i];
    reel_tensor *rows = reel_reshape_at(at, x, reel_shape(outer, 1, rest));
    rows = reel_expand_at(at, rows, reel_shape(outer, times, rest));
    s.dim[axis] *= times;
    return reel_reshape_at(at, rows, s);
}

reel_tensor *reel_repeat_at(const char *at, reel_tensor *x, reel_shape times) {
    REEL__COMPOSITE(.name = "repeat", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int ndim = reel_ndim(x), more = times.ndim - ndim;
    reel_shape s = {times.ndim, {0}};
    int64_t n = reel_numel(x);
    bool good = more >= 0 && times.ndim <= REEL_MAX_DIMS;
    for (int i = 0; good && i < times.ndim; i++) {
        s.dim[i] = i < more ? 1 : x->layout.shape.dim[i - more];
        int64_t unused; /* of an empty x, whose n is 0, an axis may grow too long all the same */
        good = times.dim[i] >= 0 && !__builtin_mul_overflow(n, times.dim[i], &n) &&
               !__builtin_mul_overflow(s.dim[i], times.dim[i], &unused);
    }
    if (!good) {
        char text[200];
        reel__shape_text(text, sizeof text, times);
        reel__fail_composite(REEL_ERR_SHAPE, "can't be repeated %s times", text);
        return NULL;
    }
    if (more > 0) x = reel_reshape_at(at, x, s);
    for (int i = times.ndim - 1; x && i >= 0; i--)
        if (times.dim[i] != 1) x = repeat_axis(at, x, i, times.dim[i]);
    return x;
}
