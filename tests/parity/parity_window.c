/* Random shapes and options of windows: pooling, padding, resampling, columns, by their layers or,
 * where there is none, functions. window_check.py compares them.
 *
 * Numbers along axes are packed into one constant, two decimals an axis; if they are alike, the
 * option is given as one number, and as nothing if they are 0. */
#include "tests/parity/parity_layers.h"

#include "nn/nn.h"
#include "nn/window_layers.h"
#include "tensor/windows.h"
#include "tests/parity/parity_shapes.h"

enum { AXES = 3, MILLION = 1000000 /* of the packed: three axes */ };

static int64_t packed(const int64_t *v, int axes) {
    int64_t number = 0;
    for (int i = 0; i < axes; i++) number = number * 100 + v[i];
    return number;
}

static reel_shape lengths(int64_t number, int axes) {
    reel_shape s = {.ndim = axes};
    for (int i = axes - 1; i >= 0; i--, number /= 100) s.dim[i] = number % 100;
    return s;
}
static reel_shape shortest(int64_t number, int axes) {
    reel_shape s = lengths(number, axes);
    for (int i = 1; i < axes; i++)
        if (s.dim[i] != s.dim[0]) return s;
    s.ndim = 1;
    return s;
}
static reel_shape option(int64_t number, int axes) {
    return number ? shortest(number, axes) : (reel_shape){0};
}

static reel_tensor *through(reel_module *layer, reel_tensor *x) {
    reel_tensor *y = reel_forward(layer, x);
    reel_module_free(layer);
    return y;
}

/* ---- drawing ---- */

typedef struct {
    int64_t kernel[AXES], stride[AXES], padding[AXES], dilation[AXES], x[AXES], y[AXES];
} window;

static window some_window(dice *d, int axes, bool dilated) {
    window w;
    const bool alike = dice_one_in(d, 3);
    for (int i = 0; i < axes; i++) {
        const bool is_long = axes < 3 && dice_one_in(d, 8), again = alike && i > 0;
        w.kernel[i] = again ? w.kernel[0] : dice_int(d, 1, is_long ? 11 : axes < 3 ? 4 : 3);
        w.stride[i] = again ? w.stride[0] : dice_int(d, 1, 4);
        w.padding[i] = again ? w.padding[0] : dice_int(d, 0, w.kernel[i] / 2);
        w.dilation[i] = !dilated ? 1 : again ? w.dilation[0] : dice_int(d, 1, 3);
        const int64_t reach = w.dilation[i] * (w.kernel[i] - 1) + 1;
        const int64_t rest = reach - 2 * w.padding[i]; /* and no window of padding alone */
        const int64_t least = rest > w.dilation[i] ? rest : w.dilation[i];
        w.x[i] = least + dice_int(d, 0, is_long ? 30 : 6);
        w.y[i] = (w.x[i] + 2 * w.padding[i] - reach) / w.stride[i] + 1;
    }
    return w;
}

static reel_shape images(dice *d, const int64_t *along, int axes) {
    reel_shape s = {.ndim = 2, .dim = {dice_int(d, dice_one_in(d, 12) ? 0 : 1, 3)}};
    s.dim[1] = dice_int(d, 1, dice_one_in(d, 8) ? 12 : 3);
    for (int i = 0; i < axes; i++) s.dim[s.ndim++] = along[i];
    return s;
}
static void without_batch(dice *d, reel_shape *s) {
    if (!dice_one_in(d, 5)) return;
    for (int i = 0; i + 1 < s->ndim; i++) s->dim[i] = s->dim[i + 1];
    s->ndim--;
}

/* ---- pools: param is kernel, stride, padding and dilation, and what the kind of pool takes ----
 */

static reel_shape kernel_of(const int64_t *param, int axes) {
    return shortest(param[0], axes);
}
static reel_pool_options options_of(const int64_t *param, int axes) {
    return (reel_pool_options){.stride = option(param[1], axes),
                               .padding = option(param[2] / MILLION, axes),
                               .ceil_mode = param[3] % 2 == 1};
}
static reel_pool_options max_options_of(const int64_t *param, int axes) {
    reel_pool_options o = options_of(param, axes);
    o.dilation = option(param[2] % MILLION, axes);
    return o;
}

static void draw_pool(dice *d, op_shapes *s, int axes, bool dilated) {
    const window w = some_window(d, axes, dilated);
    s->in[0] = images(d, w.x, axes);
    without_batch(d, &s->in[0]);
    s->param[0] = packed(w.kernel, axes);
    s->param[1] = dice_one_in(d, 4) ? 0 : packed(w.stride, axes);
    s->param[2] = packed(w.padding, axes) * MILLION + packed(w.dilation, axes);
    s->param[3] = dice_one_in(d, 2);
}
static void draw_max_pool(dice *d, op_shapes *s, int axes) {
    draw_pool(d, s, axes, true);
}
/* Bit 1: exclude_pad; tens: a divisor. */
static void draw_avg_pool(dice *d, op_shapes *s, int axes) {
    draw_pool(d, s, axes, false);
    for (int i = 0; axes == 3 && i < axes; i++) /* PyTorch wants as much as the kernel */
        s->in[0].dim[s->in[0].ndim - 1 - i] += 2;
    s->param[3] += 2 * dice_one_in(d, 2) + (dice_one_in(d, 3) ? 10 * dice_int(d, 1, 9) : 0);
}
/* Tens: p in halves. */
static void draw_lp_pool(dice *d, op_shapes *s, int axes) {
    draw_pool(d, s, axes, false);
    s->param[2] = 0;
    s->param[3] += 10 * dice_int(d, 2, 8);
    for (int i = 0; i < axes; i++) /* padding that is not there */
        s->in[0].dim[s->in[0].ndim - 1 - i] += 11;
}
static void draw_adaptive(dice *d, op_shapes *s, int axes) {
    int64_t x[AXES], y[AXES];
    const bool alike = dice_one_in(d, 3);
    for (int i = 0; i < axes; i++) {
        x[i] = dice_int(d, 1, dice_one_in(d, 6) ? 20 : 7);
        y[i] = alike && i > 0 ? y[0] : dice_one_in(d, 5) ? 0 : dice_int(d, 1, 9);
    }
    s->in[0] = images(d, x, axes);
    without_batch(d, &s->in[0]);
    s->param[0] = packed(y, axes);
}

typedef reel_module *new_pool(reel_shape kernel, reel_pool_options options);
typedef reel_module *new_adaptive(reel_shape size);
static new_pool *const max_pools[] = {reel_max_pool1d_new, reel_max_pool2d_new,
                                      reel_max_pool3d_new};
static new_pool *const avg_pools[] = {reel_avg_pool1d_new, reel_avg_pool2d_new,
                                      reel_avg_pool3d_new};
static new_adaptive *const adaptive_avg_pools[] = {
    reel_adaptive_avg_pool1d_new, reel_adaptive_avg_pool2d_new, reel_adaptive_avg_pool3d_new};
static new_adaptive *const adaptive_max_pools[] = {
    reel_adaptive_max_pool1d_new, reel_adaptive_max_pool2d_new, reel_adaptive_max_pool3d_new};

static reel_tensor *max_pool(int axes, reel_tensor **in, const int64_t *param) {
    return through(max_pools[axes - 1](kernel_of(param, axes), max_options_of(param, axes)), in[0]);
}
static reel_tensor *max_indices(int axes, reel_tensor **in, const int64_t *param) {
    reel_tensor *indices = NULL;
    reel_max_pool_at(REEL_HERE, axes, in[0], kernel_of(param, axes), max_options_of(param, axes),
                     &indices);
    return indices;
}
static reel_tensor *avg_pool(int axes, reel_tensor **in, const int64_t *param) {
    reel_pool_options o = options_of(param, axes);
    o.exclude_pad = param[3] / 2 % 5 % 2 == 1;
    o.divisor = param[3] / 10;
    return through(avg_pools[axes - 1](kernel_of(param, axes), o), in[0]);
}
static reel_tensor *lp_pool(int axes, reel_tensor **in, const int64_t *param) {
    const reel_pool_options o = options_of(param, axes);
    const double p = (double)(param[3] / 10) / 2;
    return through(axes == 1 ? reel_lp_pool1d_new(p, kernel_of(param, 1), o)
                             : reel_lp_pool2d_new(p, kernel_of(param, 2), o),
                   in[0]);
}
static reel_tensor *adaptive_avg_pool(int axes, reel_tensor **in, const int64_t *param) {
    return through(adaptive_avg_pools[axes - 1](shortest(param[0], axes)), in[0]);
}
static reel_tensor *adaptive_max_pool(int axes, reel_tensor **in, const int64_t *param) {
    return through(adaptive_max_pools[axes - 1](shortest(param[0], axes)), in[0]);
}
static reel_tensor *adaptive_indices(int axes, reel_tensor **in, const int64_t *param) {
    reel_tensor *indices = NULL;
    reel_adaptive_max_pool_at(REEL_HERE, axes, in[0], shortest(param[0], axes), &indices);
    return indices;
}

/* What max_pool's indices say of another input; bit 1: the size is given. Windows do not
 * overlap: of elements that meet PyTorch keeps any. */
static reel_tensor *max_unpool(int axes, reel_tensor **in, const int64_t *param) {
    const reel_shape kernel = kernel_of(param, axes), whole = reel_shape_of(in[1]);
    const reel_pool_options o = options_of(param, axes);
    reel_shape size = {0};
    if (param[3])
        for (int i = whole.ndim - axes; i < whole.ndim; i++) size.dim[size.ndim++] = whole.dim[i];
    reel_tensor *indices = NULL;
    reel_max_pool_at(REEL_HERE, axes, in[1], kernel, o, &indices);
    return reel_max_unpool_at(REEL_HERE, axes, in[0], indices, kernel,
                              (reel_pool_options){.stride = o.stride, .padding = o.padding}, size);
}
static void draw_max_unpool(dice *d, op_shapes *s, int axes) {
    window w = some_window(d, axes, false);
    s->param[3] = dice_one_in(d, 2) ? 2 : 0;
    for (int i = 0; i < axes; i++) {
        if (w.stride[i] < w.kernel[i]) w.stride[i] = w.kernel[i];
        const int64_t free = w.x[i] + 2 * w.padding[i] - w.kernel[i];
        w.y[i] = free / w.stride[i] + 1;
        if (!s->param[3]) w.x[i] -= free % w.stride[i];
        if (w.x[i] < 1) w.x[i] += w.stride[i], w.y[i]++;
    }
    s->in[1] = images(d, w.x, axes);
    without_batch(d, &s->in[1]);
    s->in[0] = s->in[1];
    for (int i = 0; i < axes; i++) s->in[0].dim[s->in[0].ndim - axes + i] = w.y[i];
    s->param[0] = packed(w.kernel, axes);
    s->param[1] = packed(w.stride, axes);
    s->param[2] = packed(w.padding, axes) * MILLION;
}

/* ---- pad: param is the ends, two decimals each and 50 more than they are, how many there are, the
 * mode, the value in quarters ---- */

static reel_tensor *run_pad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    reel_shape ends = lengths(param[0], (int)param[1]);
    for (int i = 0; i < ends.ndim; i++) ends.dim[i] -= 50;
    return through(reel_pad_new(ends, (reel_pad_mode)param[2], (double)param[3] / 4), in[0]);
}
static void draw_pad(dice *d, op_shapes *s) {
    const int axes = (int)dice_int(d, 1, 3);
    const reel_pad_mode mode = (reel_pad_mode)dice_int(d, 0, 3);
    int64_t x[AXES], ends[2 * AXES];
    for (int i = 0; i < axes; i++) {
        const int64_t n = x[axes - 1 - i] = dice_int(d, 1, 7), taken = n > 2 && dice_one_in(d, 3);
        const int64_t most = mode == REEL_PAD_REFLECT    ? n - 1
                             : mode == REEL_PAD_CIRCULAR ? n - 2 * taken
                                                         : 4;
        for (int end = 0; end < 2; end++) ends[2 * i + end] = 50 + dice_int(d, -taken, most);
    }
    s->in[0] = images(d, x, axes);
    without_batch(d, &s->in[0]);
    s->param[0] = packed(ends, 2 * axes);
    s->param[1] = 2 * axes;
    s->param[2] = mode;
    s->param[3] = mode == REEL_PAD_CONSTANT ? dice_int(d, -4, 4) : 0;
}

/* ---- resampling: param is the mode in tens, 1 of corners, 2 of recompute; the size; or else the
 * scales in twelfths, and how many of them ---- */

static reel_interpolate_options resampled_of(const reel_tensor *x, const int64_t *param) {
    const int axes = reel_ndim(x) - 2;
    reel_interpolate_options o = {.mode = (reel_interpolate_mode)(param[0] / 10),
                                  .align_corners = param[0] % 2 == 1,
                                  .recompute_scale_factor = param[0] % 10 > 1};
    if (param[1]) o.size = shortest(param[1], axes);
    const reel_shape twelfths = lengths(param[2], (int)param[3]);
    for (int i = 0; i < twelfths.ndim; i++) o.scale[i] = (double)twelfths.dim[i] / 12;
    return o;
}
static reel_tensor *run_interpolate(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_interpolate(in[0], resampled_of(in[0], param));
}
static reel_tensor *run_upsample(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(reel_upsample_new(resampled_of(in[0], param)), in[0]);
}
static void draw_interpolate(dice *d, op_shapes *s) {
    const int64_t mode = dice_int(d, 0, 4);
    const int axes = mode == REEL_INTERPOLATE_BICUBIC ? 2 : (int)dice_int(d, 1, 3);
    const bool has_corners = mode == REEL_INTERPOLATE_LINEAR || mode == REEL_INTERPOLATE_BICUBIC;
    const bool by_size = dice_one_in(d, 2);
    const int scales = by_size ? 0 : dice_one_in(d, 2) ? 1 : axes;
    int64_t x[AXES], size[AXES], scale[AXES];
    for (int i = 0; i < axes; i++) {
        x[i] = dice_int(d, 1, axes < 3 && dice_one_in(d, 6) ? 25 : 6);
        size[i] = dice_int(d, 1, axes < 3 && dice_one_in(d, 6) ? 40 : 9);
        scale[i] = dice_int(d, 3, 36);
        const int64_t twelfths = scale[scales > 1 ? i : 0];
        while (x[i] * twelfths < 12) x[i]++;
    }
    s->in[0] = images(d, x, axes);
    s->param[0] =
        mode * 10 + (has_corners && dice_one_in(d, 2)) + (!by_size && dice_one_in(d, 4) ? 2 : 0);
    s->param[1] = by_size ? packed(size, axes) : 0;
    s->param[2] = packed(scale, scales);
    s->param[3] = scales;
}

/* ---- columns: param is kernel, stride, padding and dilation, size ---- */

static reel_unfold_options unfold_options_of(const int64_t *param) {
    return (reel_unfold_options){.dilation = option(param[2] % MILLION, 2),
                                 .padding = option(param[2] / MILLION, 2),
                                 .stride = option(param[1], 2)};
}
static reel_tensor *run_unfold(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(reel_unfold_new(kernel_of(param, 2), unfold_options_of(param)), in[0]);
}
static reel_tensor *run_fold(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(
        reel_fold_new(shortest(param[3], 2), kernel_of(param, 2), unfold_options_of(param)), in[0]);
}
static window draw_columns(dice *d, op_shapes *s) {
    const window w = some_window(d, 2, true);
    s->param[0] = packed(w.kernel, 2);
    s->param[1] = packed(w.stride, 2);
    s->param[2] = packed(w.padding, 2) * MILLION + packed(w.dilation, 2);
    s->param[3] = packed(w.x, 2);
    return w;
}
static void draw_unfold(dice *d, op_shapes *s) {
    const window w = draw_columns(d, s);
    s->in[0] = images(d, w.x, 2);
}
static void draw_fold(dice *d, op_shapes *s) {
    const window w = draw_columns(d, s);
    const int64_t n = w.y[0] * w.y[1];
    s->in[0] = images(d, &n, 1);
    s->in[0].dim[1] *= w.kernel[0] * w.kernel[1];
}

/* ---- channels and places: param is r, or the groups ---- */

static reel_tensor *run_pixel_shuffle(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(reel_pixel_shuffle_new(param[0]), in[0]);
}
static reel_tensor *run_pixel_unshuffle(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(reel_pixel_unshuffle_new(param[0]), in[0]);
}
static reel_tensor *run_channel_shuffle(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(reel_channel_shuffle_new(param[0]), in[0]);
}
/* Not empty: of those PyTorch's gradients fail. */
static reel_shape some_pictures(dice *d) {
    reel_shape s = draw_shape(d, 3, 5);
    for (int i = 0; i < s.ndim; i++)
        if (s.dim[i] == 0) s.dim[i] = 1;
    return s;
}
static void draw_pixel_shuffle(dice *d, op_shapes *s) {
    s->in[0] = some_pictures(d);
    s->param[0] = dice_int(d, 1, 4);
    s->in[0].dim[s->in[0].ndim - 3] *= s->param[0] * s->param[0];
}
static void draw_pixel_unshuffle(dice *d, op_shapes *s) {
    s->in[0] = some_pictures(d);
    s->param[0] = dice_int(d, 1, 4);
    for (int i = 1; i < 3; i++) s->in[0].dim[s->in[0].ndim - i] *= s->param[0];
}
static void draw_channel_shuffle(dice *d, op_shapes *s) {
    s->in[0] = some_pictures(d);
    s->param[0] = dice_int(d, 1, 5);
    s->in[0].dim[1] *= s->param[0];
}

/* ---- rows ---- */

#define SUBJECT(function, axes, row, many)                                                         \
    static reel_tensor *run_##function##axes(reel_tensor **in, const int64_t *param,               \
                                             reel_dtype made) {                                    \
        (void)made;                                                                                \
        return function(axes, in, param);                                                          \
    }                                                                                              \
    static void draw_##function##axes(dice *d, op_shapes *s) {                                     \
        row(d, s, axes);                                                                           \
    }                                                                                              \
    static const op_case function##axes##_case = {.inputs = many, .run = run_##function##axes};
#define SUBJECTS(function, row, many)                                                              \
    SUBJECT(function, 1, row, many)                                                                \
    SUBJECT(function, 2, row, many)                                                                \
    SUBJECT(function, 3, row, many)
#define INDICES(function, axes)                                                                    \
    static reel_tensor *function##axes(reel_tensor **in, const int64_t *param) {                   \
        return function(axes, in, param);                                                          \
    }

SUBJECTS(max_pool, draw_max_pool, 1)
SUBJECTS(avg_pool, draw_avg_pool, 1)
SUBJECT(lp_pool, 1, draw_lp_pool, 1)
SUBJECT(lp_pool, 2, draw_lp_pool, 1)
SUBJECTS(adaptive_avg_pool, draw_adaptive, 1)
SUBJECTS(adaptive_max_pool, draw_adaptive, 1)
SUBJECTS(max_unpool, draw_max_unpool, 2)
INDICES(max_indices, 1)
INDICES(max_indices, 2)
INDICES(max_indices, 3)
INDICES(adaptive_indices, 1)
INDICES(adaptive_indices, 2)
INDICES(adaptive_indices, 3)

#define CASE(function) static const op_case function##_case = {.inputs = 1, .run = run_##function};
CASE(pad)
CASE(interpolate)
CASE(upsample)
CASE(unfold)
CASE(fold)
CASE(pixel_shuffle)
CASE(pixel_unshuffle)
CASE(channel_shuffle)

#define WINDOW .family = "layer", .dtypes = REEL__FLOAT, .differentiable = true
#define ROW(function, draws)                                                                       \
    { WINDOW, .name = #function, .c = &function##_case, .draw = draws }
#define POOL(function, axes, ...)                                                                  \
    {                                                                                              \
        WINDOW, .name = #function #axes "d", .c = &function##axes##_case,                          \
                .draw = draw_##function##axes, __VA_ARGS__                                         \
    }
const parity_subject parity_windows[] = {POOL(max_pool, 1, .second = max_indices1),
                                         POOL(max_pool, 2, .second = max_indices2),
                                         POOL(max_pool, 3, .second = max_indices3),
                                         POOL(avg_pool, 1, .second = NULL),
                                         POOL(avg_pool, 2, .second = NULL),
                                         POOL(avg_pool, 3, .second = NULL),
                                         POOL(lp_pool, 1, .second = NULL),
                                         POOL(lp_pool, 2, .second = NULL),
                                         POOL(adaptive_avg_pool, 1, .second = NULL),
                                         POOL(adaptive_avg_pool, 2, .second = NULL),
                                         POOL(adaptive_avg_pool, 3, .second = NULL),
                                         POOL(adaptive_max_pool, 1, .second = adaptive_indices1),
                                         POOL(adaptive_max_pool, 2, .second = adaptive_indices2),
                                         POOL(adaptive_max_pool, 3, .second = adaptive_indices3),
                                         POOL(max_unpool, 1, .second = NULL),
                                         POOL(max_unpool, 2, .second = NULL),
                                         POOL(max_unpool, 3, .second = NULL),
                                         ROW(pad, draw_pad),
                                         ROW(interpolate, draw_interpolate),
                                         ROW(upsample, draw_interpolate),
                                         ROW(unfold, draw_unfold),
                                         ROW(fold, draw_fold),
                                         ROW(pixel_shuffle, draw_pixel_shuffle),
                                         ROW(pixel_unshuffle, draw_pixel_unshuffle),
                                         ROW(channel_shuffle, draw_channel_shuffle),
                                         {.name = NULL}};
