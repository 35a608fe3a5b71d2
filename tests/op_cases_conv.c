/* Cases of convolutions. param: strides, paddings (before * 1000 + behind), dilations, a digit an
 * axis each; groups * 10, and of conv_input_grad how much longer the result is than it must be. */
#include "tests/op_cases.h"

#include "tensor/ops/call_internal.h"

#define UNUSED (void)made

static int digit(int64_t number, int axes, int axis) {
    for (int i = axes - 1; i > axis; i--) number /= 10;
    return (int)(number % 10);
}

static reel__with with_of(const int64_t *param, int axes) {
    reel__with with = {.conv = {.dims = axes, .groups = param[3] / 10}};
    for (int i = 0; i < axes; i++) {
        with.conv.stride[i] = digit(param[0], axes, i);
        with.conv.padding[i] = digit(param[1] / 1000, axes, i);
        with.conv.after[i] = digit(param[1] % 1000, axes, i);
        with.conv.dilation[i] = digit(param[2], axes, i);
    }
    return with;
}

/* The length of x that goes with those of y and kernel, and that of the kernel with x and y. */
static int64_t length_of_x(const reel__with *with, int i, int64_t y, int64_t kernel, int64_t more) {
    return (y - 1) * with->conv.stride[i] + with->conv.dilation[i] * (kernel - 1) + 1 -
           with->conv.padding[i] - with->conv.after[i] + more;
}
static int64_t length_of_kernel(const reel__with *with, int i, int64_t x, int64_t y) {
    return (x + with->conv.padding[i] + with->conv.after[i] - (y - 1) * with->conv.stride[i] - 1) /
               with->conv.dilation[i] +
           1;
}

/* Calls at(out, first, second) with the elements of y, x and w that meet. */
typedef void (*meeting)(array *to, const array *y, const array *x, const array *w, int64_t iy,
                        int64_t ix, int64_t iw);

static void each_meeting(const reel__with *with, reel_shape y, reel_shape x, reel_shape w,
                         meeting meet, array *to, const array *ay, const array *ax,
                         const array *aw) {
    const int axes = with->conv.dims;
    const int64_t in = w.dim[1], out = w.dim[0] / with->conv.groups;
    int64_t at[REEL_MAX_DIMS] = {0}, k[REEL_MAX_DIMS];
    int64_t iy = 0;
    do {
        for (int i = 0; i < w.ndim; i++) k[i] = 0;
        int64_t iw = at[1] * in;
        for (int i = 0; i < axes; i++) iw *= w.dim[i + 2];
        reel_shape one = w;
        one.dim[0] = 1;
        do {
            int64_t ix = at[0] * x.dim[1] + at[1] / out * in + k[1];
            bool inside = true;
            for (int i = 0; i < axes; i++) {
                const int64_t p = at[i + 2] * with->conv.stride[i] - with->conv.padding[i] +
                                  k[i + 2] * with->conv.dilation[i];
                inside = inside && p >= 0 && p < x.dim[i + 2];
                ix = ix * x.dim[i + 2] + p;
            }
            if (inside) meet(to, ay, ax, aw, iy, ix, iw);
            iw++;
        } while (array_next(one, k));
        iy++;
    } while (array_next(y, at));
}

/* ---- conv ---- */

static void add_to_y(array *to, const array *y, const array *x, const array *w, int64_t iy,
                     int64_t ix, int64_t iw) {
    (void)y;
    to->v[iy] += x->v[ix] * w->v[iw];
}
static void add_to_x(array *to, const array *y, const array *x, const array *w, int64_t iy,
                     int64_t ix, int64_t iw) {
    (void)x;
    to->v[ix] += y->v[iy] * w->v[iw];
}
static void add_to_w(array *to, const array *y, const array *x, const array *w, int64_t iy,
                     int64_t ix, int64_t iw) {
    (void)w;
    to->v[iw] += y->v[iy] * x->v[ix];
}

static reel_tensor *run_conv(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    const reel__with with = with_of(param, in[0] ? reel_ndim(in[0]) - 2 : 1);
    return reel__run_call((reel__call){.op = REEL_OP_conv, /* with a bias, even if it is NULL */
                                       .at = REEL_HERE,
                                       .nin = 3,
                                       .in = {in[0], in[1], in[2]},
                                       .with = with});
}
static array ref_conv(const array *in, const int64_t *param) {
    const reel__with with = with_of(param, in[0].shape.ndim - 2);
    reel_shape s = in[0].shape;
    s.dim[1] = in[1].shape.dim[0];
    for (int i = 0; i < with.conv.dims; i++)
        s.dim[i + 2] = (s.dim[i + 2] + with.conv.padding[i] + with.conv.after[i] -
                        with.conv.dilation[i] * (in[1].shape.dim[i + 2] - 1) - 1) /
                           with.conv.stride[i] +
                       1;
    array y = array_new(s);
    const int64_t each = array_size(y) / (s.dim[0] * s.dim[1] + (s.dim[0] == 0));
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] = in[2].v[i / each % s.dim[1]];
    if (array_size(y) > 0)
        each_meeting(&with, s, in[0].shape, in[1].shape, add_to_y, &y, NULL, &in[0], &in[1]);
    return y;
}
static const op_shapes convolved[] = {
    {{S(2, 3, 5, 4), S(2, 3, 3, 2), S(2)}, {11, 0, 11, 10}},
    {{S(1, 2, 7), S(3, 2, 3), S(3)}, {2, 1001, 1, 10}},
    {{S(2, 4, 6), S(6, 2, 2), S(6)}, {1, 2000, 2, 20}},
    {{S(1, 3, 5, 5), S(3, 1, 3, 3), S(3)}, {11, 11011, 11, 30}},
    {{S(1, 2, 4, 5), S(4, 1, 3, 2), S(4)}, {21, 11001, 12, 20}},
    {{S(1, 2, 3, 4, 3), S(2, 2, 2, 2, 2), S(2)}, {121, 101101, 111, 10}},
    {{S(2, 3, 4, 3), S(2, 3, 1, 1), S(2)}, {11, 0, 11, 10}},
    {{S(0, 2, 4), S(1, 2, 2), S(1)}, {1, 0, 1, 10}},
    {{S(3, 8, 9, 30), S(20, 8, 3, 3), S(20)}, {11, 11011, 11, 10}},
    {{S(2, 5, 30, 41), S(18, 5, 2, 5), S(18)}, {32, 12011, 11, 10}},
    {{S(9, 20, 5, 4), S(33, 20, 3, 3), S(33)}, {11, 11011, 11, 10}},
    {{S(2, 3, 900), S(7, 3, 9), S(7)}, {1, 4004, 1, 10}},
    {{S(2, 6, 17, 40), S(6, 1, 7, 7), S(6)}, {11, 33033, 11, 60}},
    {{S(2, 6, 17, 40), S(12, 1, 3, 3), S(12)}, {22, 11011, 21, 60}},
    {{S(2, 70, 8, 9), S(40, 70, 1, 1), S(40)}, {11, 0, 11, 10}},
    {{S(2, 130, 6, 5), S(100, 130, 3, 3), S(100)}, {11, 11011, 11, 10}},
    {{S(3, 24, 21, 34), S(25, 24, 3, 3), S(25)}, {11, 11011, 11, 10}},
    {{S(13, 30, 4, 4), S(40, 30, 3, 3), S(40)}, {11, 2011, 11, 10}},
    {{S(2, 48, 9, 4), S(50, 24, 3, 3), S(50)}, {11, 0, 11, 20}}};
static const op_shapes convolved_bad[] = {{{S(2, 3, 5), S(2, 4, 3), S(2)}, {1, 0, 1, 10}},
                                          {{S(2, 3, 5), S(2, 3, 6), S(2)}, {1, 0, 1, 10}},
                                          {{S(2, 3, 5), S(2, 3, 3), S(3)}, {1, 0, 1, 10}},
                                          {{S(2, 3, 5), S(2, 1, 3), S(2)}, {1, 0, 1, 20}},
                                          {{S(2, 3, 5), S(2, 3, 3, 3), S(2)}, {1, 0, 1, 10}},
                                          {{S(2, 3, 5), S(2, 3, 0), S(2)}, {1, 0, 1, 10}},
                                          {{S(2, 0, 5), S(2, 0, 3), S(2)}, {1, 0, 1, 10}},
                                          {{S(2, 3, 5), S(2, 3, 3), S(2)}, {1, 0, 3, 10}}};
const op_case case_conv = {.inputs = 3,
                           .run = run_conv,
                           .reference = ref_conv,
                           .tolerance32 = 1e-4,
                           .shapes = convolved,
                           .shape_count = COUNT(convolved),
                           .bad = convolved_bad,
                           .bad_count = COUNT(convolved_bad)};

/* ---- conv_input_grad: g, w ---- */

static reel_tensor *run_conv_input_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel__with with = with_of(param, in[0] ? reel_ndim(in[0]) - 2 : 1);
    for (int i = 0; in[0] && in[1] && i < with.conv.dims; i++)
        with.conv.size[i] =
            length_of_x(&with, i, reel_dim(in[0], i + 2),
                        i + 2 < reel_ndim(in[1]) ? reel_dim(in[1], i + 2) : 1, param[3] % 10);
    return reel__conv_input_grad(REEL_HERE, in[0], in[1], &with);
}
static array ref_conv_input_grad(const array *in, const int64_t *param) {
    const reel__with with = with_of(param, in[0].shape.ndim - 2);
    reel_shape s = in[0].shape;
    s.dim[1] = in[1].shape.dim[1] * with.conv.groups;
    for (int i = 0; i < with.conv.dims; i++)
        s.dim[i + 2] = length_of_x(&with, i, s.dim[i + 2], in[1].shape.dim[i + 2], param[3] % 10);
    array x = array_new(s);
    if (array_size(in[0]) > 0)
        each_meeting(&with, in[0].shape, s, in[1].shape, add_to_x, &x, &in[0], NULL, &in[1]);
    return x;
}
static const op_shapes transposed[] = {{{S(2, 2, 3, 3), S(2, 3, 3, 2)}, {11, 0, 11, 10}},
                                       {{S(1, 3, 4), S(3, 2, 3)}, {2, 1001, 1, 11}},
                                       {{S(2, 6, 4), S(6, 2, 2)}, {1, 0, 2, 20}},
                                       {{S(1, 3, 5, 5), S(3, 1, 3, 3)}, {11, 11011, 11, 30}},
                                       {{S(1, 4, 3, 5), S(4, 1, 3, 2)}, {21, 11000, 12, 20}},
                                       {{S(1, 2, 2, 3, 2), S(2, 2, 2, 2, 2)}, {121, 0, 111, 10}},
                                       {{S(0, 1, 3), S(1, 2, 2)}, {1, 0, 1, 10}},
                                       {{S(3, 20, 9, 30), S(20, 8, 3, 3)}, {11, 11011, 11, 10}},
                                       {{S(2, 18, 10, 20), S(18, 5, 2, 5)}, {32, 12011, 11, 11}},
                                       {{S(9, 33, 5, 4), S(33, 20, 3, 3)}, {22, 11011, 11, 11}},
                                       {{S(2, 6, 17, 40), S(6, 1, 7, 7)}, {11, 33033, 11, 60}},
                                       {{S(2, 12, 9, 20), S(12, 1, 3, 3)}, {22, 11011, 21, 61}},
                                       {{S(2, 40, 4, 5), S(40, 70, 1, 1)}, {22, 0, 11, 11}},
                                       {{S(3, 25, 9, 34), S(25, 30, 3, 3)}, {11, 11011, 11, 10}},
                                       {{S(7, 48, 5, 4), S(48, 24, 3, 3)}, {11, 20, 11, 20}}};
static const op_shapes transposed_bad[] = {{{S(2, 3, 5), S(2, 3, 3)}, {1, 0, 1, 10}},
                                           {{S(2, 3, 5), S(3, 3, 3)}, {1, 0, 1, 20}},
                                           {{S(2, 3, 5), S(3, 3, 3)}, {2, 0, 1, 12}},
                                           {{S(2, 3, 5), S(3, 3)}, {1, 0, 1, 10}}};
const op_case case_conv_input_grad = {.inputs = 2,
                                      .run = run_conv_input_grad,
                                      .reference = ref_conv_input_grad,
                                      .tolerance32 = 1e-4,
                                      .shapes = transposed,
                                      .shape_count = COUNT(transposed),
                                      .bad = transposed_bad,
                                      .bad_count = COUNT(transposed_bad)};

/* ---- conv_weight_grad: g, x ---- */

static reel_tensor *run_conv_weight_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel__with with = with_of(param, in[0] ? reel_ndim(in[0]) - 2 : 1);
    for (int i = 0; in[0] && in[1] && i < with.conv.dims; i++)
        with.conv.size[i] =
            length_of_kernel(&with, i, i + 2 < reel_ndim(in[1]) ? reel_dim(in[1], i + 2) : 1,
                             reel_dim(in[0], i + 2));
    return reel__conv_weight_grad(REEL_HERE, in[0], in[1], &with);
}
static array ref_conv_weight_grad(const array *in, const int64_t *param) {
    const reel__with with = with_of(param, in[0].shape.ndim - 2);
    reel_shape s = in[0].shape;
    s.dim[0] = in[0].shape.dim[1];
    s.dim[1] = in[1].shape.dim[1] / with.conv.groups;
    for (int i = 0; i < with.conv.dims; i++)
        s.dim[i + 2] = length_of_kernel(&with, i, in[1].shape.dim[i + 2], in[0].shape.dim[i + 2]);
    array w = array_new(s);
    if (array_size(in[0]) > 0)
        each_meeting(&with, in[0].shape, in[1].shape, s, add_to_w, &w, &in[0], &in[1], NULL);
    return w;
}
static const op_shapes weighed[] = {{{S(2, 2, 3, 3), S(2, 3, 5, 4)}, {11, 0, 11, 10}},
                                    {{S(1, 3, 4), S(1, 2, 7)}, {2, 1001, 1, 10}},
                                    {{S(2, 6, 4), S(2, 4, 6)}, {1, 0, 2, 20}},
                                    {{S(1, 3, 5, 5), S(1, 3, 5, 5)}, {11, 11011, 11, 30}},
                                    {{S(1, 4, 2, 5), S(1, 2, 4, 6)}, {21, 11000, 12, 20}},
                                    {{S(0, 1, 3), S(0, 2, 4)}, {1, 0, 1, 10}},
                                    {{S(3, 20, 9, 30), S(3, 8, 9, 30)}, {11, 11011, 11, 10}},
                                    {{S(9, 33, 5, 4), S(9, 20, 5, 4)}, {11, 11011, 11, 10}},
                                    {{S(2, 18, 9, 21), S(2, 5, 30, 41)}, {32, 12011, 11, 10}},
                                    {{S(2, 6, 17, 40), S(2, 6, 17, 40)}, {11, 33033, 11, 60}},
                                    {{S(2, 12, 8, 20), S(2, 6, 17, 40)}, {22, 11011, 21, 60}},
                                    {{S(3, 25, 9, 34), S(3, 70, 9, 34)}, {11, 11011, 11, 10}},
                                    {{S(1, 24, 2, 2), S(1, 24, 2, 2)}, {11, 11011, 11, 10}},
                                    {{S(30, 50, 5, 4), S(30, 48, 5, 6)}, {11, 10010, 11, 20}}};
static const op_shapes weighed_bad[] = {{{S(2, 3, 5), S(3, 3, 7)}, {1, 0, 1, 10}},
                                        {{S(2, 3, 5), S(2, 3, 4)}, {1, 0, 1, 10}},
                                        {{S(2, 3, 5), S(2, 3, 7)}, {1, 0, 1, 20}},
                                        {{S(2, 3, 5), S(2, 3)}, {1, 0, 1, 10}}};
const op_case case_conv_weight_grad = {.inputs = 2,
                                       .run = run_conv_weight_grad,
                                       .reference = ref_conv_weight_grad,
                                       .tolerance32 = 4e-4,
                                       .shapes = weighed,
                                       .shape_count = COUNT(weighed),
                                       .bad = weighed_bad,
                                       .bad_count = COUNT(weighed_bad)};
