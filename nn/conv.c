/* Convolutions as layers, and transposed ones. */
#include "nn/conv_layers.h"

#include "nn/module_internal.h"

#include <inttypes.h>
#include <math.h>

typedef struct {
    reel_module base;
    int axes;
    reel_conv_options options;
    reel_conv_transpose_options transposed; /* or these */
    reel_pad_mode mode;
    int64_t before[3], after[3]; /* of a mode other than a constant */
    reel_tensor *weight, *bias;  /* bias NULL: none */
} conv;

/* ---- padding with other than zeros ---- */

/* What is no convolution's input is left as it is, for reel_conv to refuse. */
static reel_tensor *padded(const conv *m, reel_tensor *x) {
    const int first = reel_ndim(x) - m->axes;
    reel_shape ends = {.ndim = 2 * m->axes};
    if (first < 1) return x;
    for (int i = 0; i < m->axes; i++) {
        if (reel_dim(x, first + i) == 0) {
            reel__fail_composite(REEL_ERR_SHAPE, "padding of nothing");
            return NULL;
        }
        ends.dim[2 * (m->axes - 1 - i)] = m->before[i];
        ends.dim[2 * (m->axes - 1 - i) + 1] = m->after[i];
    }
    return reel_pad_at(NULL, x, ends, m->mode, 0);
}

/* ---- forward ---- */

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const conv *m = (const conv *)base;
    reel_tensor *weight = m->weight, *bias = m->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    if (!reel__composite_is_whole(&composite)) return NULL;
    REEL_SCOPE;
    reel_tensor *p = m->mode == REEL_PAD_CONSTANT ? x : padded(m, x);
    return p ? reel_scope_return(reel_conv_at(NULL, m->axes, p, weight, bias, m->options)) : NULL;
}

static reel_tensor *forward_transposed(reel_module *base, reel_tensor *x) {
    const conv *m = (const conv *)base;
    reel_tensor *weight = m->weight, *bias = m->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    return reel_conv_transpose_at(NULL, m->axes, x, weight, bias, m->transposed);
}

/* ---- options ---- */

typedef struct {
    const char *what; /* "conv2d_new" */
    int axes;
    int64_t in, out, groups;
    reel_shape kernel;
} plan;

enum { MOST = 1 << 30 };

static bool is_option(const plan *p, const char *name, reel_shape given, int64_t least) {
    if (given.ndim < 0 || (given.ndim > 1 && given.ndim != p->axes)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s for %d axes, where there are %d", p->what, name,
                  given.ndim, p->axes);
        return false;
    }
    for (int i = 0; i < given.ndim; i++)
        if (given.dim[i] < least || given.dim[i] > MOST) {
            reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must be %" PRId64 " or more: %" PRId64,
                      p->what, name, least, given.dim[i]);
            return false;
        }
    return true;
}

static int64_t along(reel_shape given, int axis, int64_t otherwise) {
    return given.ndim == 0 ? otherwise : given.dim[given.ndim == 1 ? 0 : axis];
}

static bool is_whole(plan *p, reel_dtype dtype) {
    if (p->groups == 0) p->groups = 1;
    if (p->in < 1 || p->out < 1 || p->groups < 1 || p->in % p->groups || p->out % p->groups) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "%s: wants channels of 1 or more, which groups divide: in %" PRId64
                  ", out %" PRId64 ", groups %" PRId64,
                  p->what, p->in, p->out, p->groups);
        return false;
    }
    if (p->kernel.ndim == 0) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: wants a kernel", p->what);
        return false;
    }
    return is_option(p, "kernel", p->kernel, 1) &&
           reel__module_check_dtype(p->what, dtype) == REEL_OK;
}

/* [first, second, K...] */
static reel_shape weight_shape(const plan *p, int64_t first, int64_t second) {
    reel_shape s = {.ndim = 2 + p->axes, .dim = {first, second}};
    for (int i = 0; i < p->axes; i++) s.dim[2 + i] = along(p->kernel, i, 1);
    return s;
}

/* ---- making them ---- */

static reel_module *with_parameters(conv *m, const plan *p, reel_shape weight, bool has_bias,
                                    reel_dtype dtype, reel_generator *generator) {
    double fan_in = 1;
    for (int i = 1; i < weight.ndim; i++) fan_in *= (double)weight.dim[i];
    m->axes = p->axes;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(generator);
    const double a = 1.0 / sqrt(fan_in);
    m->weight = reel__param_uniform(&m->base, "weight", weight, a, dtype, &d);
    if (has_bias) m->bias = reel__param_uniform(&m->base, "bias", reel_shape(p->out), a, dtype, &d);
    reel__draws_end(&d);
    return reel__module_made(&m->base, m->weight && (m->bias || !has_bias));
}

/* Padding that is not of zeros comes before the convolution, which has none left then. */
static void take_padding(conv *m, const plan *p, reel_conv_layer_options o) {
    for (int i = 0; i < p->axes; i++) {
        const int64_t all = along(o.dilation, i, 1) * (along(p->kernel, i, 1) - 1);
        m->before[i] = o.same ? all / 2 : along(o.padding, i, 0);
        m->after[i] = o.same ? all - all / 2 : m->before[i];
    }
    m->options.same = false;
    m->options.padding.ndim = 0;
}

static bool has_a_stride(reel_shape stride) {
    for (int i = 0; i < stride.ndim; i++)
        if (stride.dim[i] != 1) return true;
    return false;
}

static reel_module *conv_new(const char *type, plan p, reel_conv_layer_options o) {
    if (!is_whole(&p, o.dtype) || !is_option(&p, "stride", o.stride, 1) ||
        !is_option(&p, "padding", o.padding, 0) || !is_option(&p, "dilation", o.dilation, 1))
        return NULL;
    if (o.same && has_a_stride(o.stride)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: same: the stride must be 1", p.what);
        return NULL;
    }
    if ((unsigned)o.padding_mode > REEL_PAD_CIRCULAR) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no such padding mode: %d", p.what,
                  (int)o.padding_mode);
        return NULL;
    }
    REEL__COMPOSITE(.name = p.what);
    conv *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    m->options = (reel_conv_options){.stride = o.stride,
                                     .padding = o.padding,
                                     .dilation = o.dilation,
                                     .groups = p.groups,
                                     .same = o.same};
    m->mode = o.padding_mode;
    if (m->mode != REEL_PAD_CONSTANT) take_padding(m, &p, o);
    return with_parameters(m, &p, weight_shape(&p, p.out, p.in / p.groups), !o.no_bias, o.dtype,
                           o.generator);
}

static reel_module *transposed_new(const char *type, plan p, reel_conv_transpose_layer_options o) {
    if (!is_whole(&p, o.dtype) || !is_option(&p, "stride", o.stride, 1) ||
        !is_option(&p, "padding", o.padding, 0) ||
        !is_option(&p, "output_padding", o.output_padding, 0) ||
        !is_option(&p, "dilation", o.dilation, 1))
        return NULL;
    REEL__COMPOSITE(.name = p.what);
    conv *m = reel__module_new(sizeof *m, type, forward_transposed, NULL);
    if (!m) return NULL;
    m->transposed = (reel_conv_transpose_options){.stride = o.stride,
                                                  .padding = o.padding,
                                                  .output_padding = o.output_padding,
                                                  .dilation = o.dilation,
                                                  .groups = p.groups};
    return with_parameters(m, &p, weight_shape(&p, p.in, p.out / p.groups), !o.no_bias, o.dtype,
                           o.generator);
}

reel_module *reel_conv1d_new(int64_t in, int64_t out, reel_shape kernel,
                             reel_conv_layer_options options) {
    return conv_new("conv1d", (plan){"conv1d_new", 1, in, out, options.groups, kernel}, options);
}

reel_module *reel_conv2d_new(int64_t in, int64_t out, reel_shape kernel,
                             reel_conv_layer_options options) {
    return conv_new("conv2d", (plan){"conv2d_new", 2, in, out, options.groups, kernel}, options);
}

reel_module *reel_conv3d_new(int64_t in, int64_t out, reel_shape kernel,
                             reel_conv_layer_options options) {
    return conv_new("conv3d", (plan){"conv3d_new", 3, in, out, options.groups, kernel}, options);
}

reel_module *reel_conv_transpose1d_new(int64_t in, int64_t out, reel_shape kernel,
                                       reel_conv_transpose_layer_options options) {
    return transposed_new("conv_transpose1d",
                          (plan){"conv_transpose1d_new", 1, in, out, options.groups, kernel},
                          options);
}

reel_module *reel_conv_transpose2d_new(int64_t in, int64_t out, reel_shape kernel,
                                       reel_conv_transpose_layer_options options) {
    return transposed_new("conv_transpose2d",
                          (plan){"conv_transpose2d_new", 2, in, out, options.groups, kernel},
                          options);
}

reel_module *reel_conv_transpose3d_new(int64_t in, int64_t out, reel_shape kernel,
                                       reel_conv_transpose_layer_options options) {
    return transposed_new("conv_transpose3d",
                          (plan){"conv_transpose3d_new", 3, in, out, options.groups, kernel},
                          options);
}
