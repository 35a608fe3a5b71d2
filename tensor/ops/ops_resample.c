/* Padding and resampling. */
#include "tensor/windows.h"

#include "tensor/ops/window_options_internal.h"

/* ---- padding ---- */

reel_status reel__check_pad(reel_shape padding, reel_pad_mode mode) {
    if ((unsigned)mode > REEL_PAD_CIRCULAR)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "mode %d is none", (int)mode);
    if (padding.ndim % 2 == 0 && padding.ndim > 0 && padding.ndim <= 2 * REEL__WINDOW_AXES)
        return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT,
                                "takes two numbers of each of 1 to 3 axes, not %d", padding.ndim);
}

static reel_status read_pad(reel__with *with, const reel_tensor *x, reel_shape padding,
                            reel_pad_mode mode) {
    static const uint8_t kind[] = {REEL__KEPT, REEL__REFLECT, REEL__REPLICATE, REEL__CIRCULAR};
    const int axes = padding.ndim / 2, first = reel_ndim(x) - axes;
    REEL_TRY(reel__check_pad(padding, mode));
    if (first < 0) return reel__fail_composite(REEL_ERR_ARGUMENT, "padding of %d axes", axes);
    with->window.dims = axes;
    with->window.times = 1;
    for (int i = 0; i < axes; i++) {
        reel__span *a = &with->window.axis[i];
        const int64_t before = padding.dim[2 * (axes - 1 - i)],
                      after = padding.dim[2 * (axes - 1 - i) + 1];
        a->in = reel_dim(x, first + i);
        const int64_t most = mode == REEL_PAD_REFLECT    ? a->in - 1
                             : mode == REEL_PAD_CIRCULAR ? a->in
                                                         : REEL__LONGEST;
        if (before > most || after > most || before < -REEL__LONGEST || after < -REEL__LONGEST)
            return reel__fail_composite(REEL_ERR_SHAPE,
                                        "padding of %" PRId64 " where there are %" PRId64,
                                        before > after ? before : after, a->in);
        a->out = a->in + before + after;
        if (a->in > REEL__LONGEST || a->out < 0 || a->in + before < 0 || a->in + after < 0 ||
            (a->out < 1 && mode != REEL_PAD_CONSTANT) || (a->in < 1 && mode != REEL_PAD_CONSTANT))
            return reel__fail_composite(REEL_ERR_SHAPE, "axis %d would have length %" PRId64,
                                        first + i, a->out);
        a->kind = kind[mode];
        a->before = (int32_t)before;
    }
    return REEL_OK;
}

/* x without what a padding below 0 takes away, which leaves the rest of the padding. */
static reel_tensor *cut(const char *at, reel_tensor *x, reel_shape *padding) {
    reel_shape taken = *padding;
    bool takes = false;
    for (int i = 0; i < padding->ndim; i++) {
        takes = takes || padding->dim[i] < 0;
        if (padding->dim[i] < 0)
            padding->dim[i] = 0;
        else
            taken.dim[i] = 0;
    }
    return takes ? reel_pad_at(at, x, taken, REEL_PAD_CONSTANT, 0) : x;
}

reel_tensor *reel_pad_at(const char *at, reel_tensor *x, reel_shape padding, reel_pad_mode mode,
                         double value) {
    REEL__COMPOSITE(.name = "pad", .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!reel__composite_is_whole(&composite) || read_pad(&with, x, padding, mode) != REEL_OK)
        return NULL;
    if (mode == REEL_PAD_CIRCULAR) { /* the other end of what is left */
        x = cut(at, x, &padding);
        with = (reel__with){0};
        if (!x || read_pad(&with, x, padding, mode) != REEL_OK) return NULL;
    }
    with.window.value = mode == REEL_PAD_CONSTANT ? value : 0;
    return reel__resample(at, x, &with);
}

/* ---- resampling ---- */

static const uint8_t kinds[] = {REEL__NEAREST, REEL__NEAREST_EXACT, REEL__LINEAR, REEL__CUBIC,
                                REEL__ADAPTIVE};

/* The step along x: by the scale given, or by the lengths. */
static double step_of(const reel__span *a, double scale, bool corners) {
    if (corners) return a->out > 1 ? (double)(a->in - 1) / (double)(a->out - 1) : 0;
    return scale > 0 ? 1 / scale : (double)a->in / (double)a->out;
}

static reel_status read_scales(double *scale, int axes, const reel_interpolate_options *o) {
    for (int i = 0; i < axes; i++) {
        scale[i] = o->scale[1] == 0 && o->scale[2] == 0 ? o->scale[0] : o->scale[i];
        if (!(scale[i] > 0) || scale[i] > 1e9)
            return reel__fail_composite(REEL_ERR_ARGUMENT, "the scale must be above 0: %g",
                                        scale[i]);
    }
    return REEL_OK;
}

/* Either sizes or scales, of each of so many axes; the others stay as they are. */
static reel_status read_target(const reel_interpolate_options *o, int axes, int64_t *size,
                               double *scale) {
    const bool scaled = o->scale[0] != 0 || o->scale[1] != 0 || o->scale[2] != 0,
               bent = o->mode == REEL_INTERPOLATE_LINEAR || o->mode == REEL_INTERPOLATE_BICUBIC;
    if ((unsigned)o->mode > REEL_INTERPOLATE_AREA)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "mode %d is none", (int)o->mode);
    if (o->align_corners && !bent)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "align_corners: of linear and cubic alone");
    if (scaled && o->size.ndim != 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "either a size or a scale");
    return o->size.ndim == 0 ? read_scales(scale, axes, o)
                             : reel__spread(size, axes, o->size, 1, 1, "size");
}

reel_status reel__check_interpolate(const reel_interpolate_options *o) {
    int64_t size[REEL__WINDOW_AXES];
    double scale[REEL__WINDOW_AXES];
    int axes = o->size.ndim; /* as many as are spoken of */
    if (axes == 0) axes = o->scale[2] != 0 ? 3 : o->scale[1] != 0 ? 2 : 1;
    if (axes > REEL__WINDOW_AXES)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "size for %d axes", axes);
    return read_target(o, axes, size, scale);
}

static reel_status read_interpolate(reel__with *with, int axes, const reel_tensor *x,
                                    const reel_interpolate_options *o) {
    int64_t size[REEL__WINDOW_AXES] = {0};
    double scale[REEL__WINDOW_AXES] = {0};
    const bool scaled = o->size.ndim == 0;
    REEL_TRY(read_target(o, axes, size, scale));
    if (o->mode == REEL_INTERPOLATE_BICUBIC && axes != 2)
        return reel__fail_composite(REEL_ERR_SHAPE, "bicubic: takes an input of 4 axes");
    REEL_TRY(reel__read_lengths(with, axes, x));
    for (int i = 0; i < axes; i++) {
        reel__span *a = &with->window.axis[i];
        a->kind = kinds[o->mode];
        const double length = scaled ? (double)a->in * scale[i] : (double)size[i];
        a->out = length < (double)REEL__LONGEST ? (int64_t)length : REEL__LONGEST + 1;
        if (a->out < 1 || a->out > REEL__LONGEST)
            return reel__fail_composite(REEL_ERR_SHAPE, "the result has length %" PRId64, a->out);
        a->corners = o->align_corners;
        a->scale = step_of(a, scaled && !o->recompute_scale_factor ? scale[i] : 0, a->corners);
        /* PyTorch has these whatever the scale */
        const bool nearest = a->kind == REEL__NEAREST;
        if ((nearest || a->kind == REEL__LINEAR) && a->out == a->in) a->scale = 1;
        if (nearest && a->out == 2 * a->in) a->scale = 0.5;
    }
    return REEL_OK;
}

reel_tensor *reel_interpolate_at(const char *at, reel_tensor *x, reel_interpolate_options options) {
    REEL__COMPOSITE(.name = "interpolate", .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int axes = reel_ndim(x) - 2;
    if (axes < 1 || axes > 3) {
        reel__fail_composite(REEL_ERR_SHAPE, "takes an input of 3, 4 or 5 axes");
        return NULL;
    }
    if (read_interpolate(&with, axes, x, &options) != REEL_OK) return NULL;
    return reel__resample(at, x, &with);
}
