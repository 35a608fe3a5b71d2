/* Windows over the last one, two or three axes: pooling, padding, resampling, columns.
 *
 *     // x[B,64,32,32] -> y[B,64,16,16]
 *     reel_tensor *y = reel_max_pool2d(x, reel_shape(2), (reel_pool_options){0}, NULL);
 *     // x[B,3,32,32] -> y[B,3,64,64]
 *     reel_tensor *z = reel_interpolate(x, (reel_interpolate_options){
 *                                              .scale = {2, 2}, .mode =
 * REEL_INTERPOLATE_BILINEAR});
 *
 * Names, defaults and formulas are PyTorch's. Options of axes are shapes: reel_shape(2) is 2 along
 * each axis, reel_shape(2, 1) names each of two, and what is left out is the default. x is
 * x[N,C,S...], or x[C,S...] without N. Results are borrowed. Floats of one dtype.
 *
 * Errors, all kept as error.h says, besides those of ops.h: a kernel, stride, dilation or length
 * below 1, padding below 0 or larger than half of a kernel, a window larger than the padded input,
 * another number of axes. */
#ifndef REEL_TENSOR_WINDOWS_H
#define REEL_TENSOR_WINDOWS_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pooling ---- */

/* stride is the kernel by default, padding 0, dilation (of max_pool alone) 1. ceil_mode: a last
 * window may reach beyond the padded end, as long as it begins before x's. Of averages alone:
 * exclude_pad, padding does not count (PyTorch's count_include_pad = False); divisor, what a sum is
 * divided by instead of how many there are. */
typedef struct {
    reel_shape stride, padding, dilation;
    bool ceil_mode, exclude_pad;
    int64_t divisor;
} reel_pool_options;

/* y[n,c,j] = max over k of x[n,c, j stride - padding + k dilation]: x[N,C,S...] -> y[N,C,S'...],
 * S' = floor((S + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. NaN wins, and of equals the
 * first. In *indices, unless that is NULL, i64 of y's shape: where in its plane, flattened, the
 * element lies. */
REEL_API reel_tensor *reel_max_pool_at(const char *at, int axes, reel_tensor *x, reel_shape kernel,
                                       reel_pool_options options, reel_tensor **indices);
#define reel_max_pool1d(x, ...)                                                                    \
    reel_max_pool_at(REEL__AS("max_pool1d", #x ", " #__VA_ARGS__), 1, x, __VA_ARGS__)
#define reel_max_pool2d(x, ...)                                                                    \
    reel_max_pool_at(REEL__AS("max_pool2d", #x ", " #__VA_ARGS__), 2, x, __VA_ARGS__)
#define reel_max_pool3d(x, ...)                                                                    \
    reel_max_pool_at(REEL__AS("max_pool3d", #x ", " #__VA_ARGS__), 3, x, __VA_ARGS__)

/* y[n,c,j] = mean over k of x[n,c, j stride - padding + k], where x is 0 outside. */
REEL_API reel_tensor *reel_avg_pool_at(const char *at, int axes, reel_tensor *x, reel_shape kernel,
                                       reel_pool_options options);
#define reel_avg_pool1d(x, ...)                                                                    \
    reel_avg_pool_at(REEL__AS("avg_pool1d", #x ", " #__VA_ARGS__), 1, x, __VA_ARGS__)
#define reel_avg_pool2d(x, ...)                                                                    \
    reel_avg_pool_at(REEL__AS("avg_pool2d", #x ", " #__VA_ARGS__), 2, x, __VA_ARGS__)
#define reel_avg_pool3d(x, ...)                                                                    \
    reel_avg_pool_at(REEL__AS("avg_pool3d", #x ", " #__VA_ARGS__), 3, x, __VA_ARGS__)

/* y = (sum over k of x^p)^(1/p); NaN where the sum is negative and 1/p no whole number; where it is
 * 0 so is the gradient. Of options stride and ceil_mode. */
REEL_API reel_tensor *reel_lp_pool_at(const char *at, int axes, reel_tensor *x, double p,
                                      reel_shape kernel, reel_pool_options options);
#define reel_lp_pool1d(x, ...)                                                                     \
    reel_lp_pool_at(REEL__AS("lp_pool1d", #x ", " #__VA_ARGS__), 1, x, __VA_ARGS__)
#define reel_lp_pool2d(x, ...)                                                                     \
    reel_lp_pool_at(REEL__AS("lp_pool2d", #x ", " #__VA_ARGS__), 2, x, __VA_ARGS__)

/* The same over windows floor(j S / S') .. ceil((j + 1) S / S') - 1, of the size S' asked for: one
 * number for all axes, or one each; 0 keeps x's. */
REEL_API reel_tensor *reel_adaptive_avg_pool_at(const char *at, int axes, reel_tensor *x,
                                                reel_shape size);
REEL_API reel_tensor *reel_adaptive_max_pool_at(const char *at, int axes, reel_tensor *x,
                                                reel_shape size, reel_tensor **indices);
#define reel_adaptive_avg_pool1d(x, ...)                                                           \
    reel_adaptive_avg_pool_at(REEL__AS("adaptive_avg_pool1d", #x ", " #__VA_ARGS__), 1, x,         \
                              __VA_ARGS__)
#define reel_adaptive_avg_pool2d(x, ...)                                                           \
    reel_adaptive_avg_pool_at(REEL__AS("adaptive_avg_pool2d", #x ", " #__VA_ARGS__), 2, x,         \
                              __VA_ARGS__)
#define reel_adaptive_avg_pool3d(x, ...)                                                           \
    reel_adaptive_avg_pool_at(REEL__AS("adaptive_avg_pool3d", #x ", " #__VA_ARGS__), 3, x,         \
                              __VA_ARGS__)
#define reel_adaptive_max_pool1d(x, ...)                                                           \
    reel_adaptive_max_pool_at(REEL__AS("adaptive_max_pool1d", #x ", " #__VA_ARGS__), 1, x,         \
                              __VA_ARGS__)
#define reel_adaptive_max_pool2d(x, ...)                                                           \
    reel_adaptive_max_pool_at(REEL__AS("adaptive_max_pool2d", #x ", " #__VA_ARGS__), 2, x,         \
                              __VA_ARGS__)
#define reel_adaptive_max_pool3d(x, ...)                                                           \
    reel_adaptive_max_pool_at(REEL__AS("adaptive_max_pool3d", #x ", " #__VA_ARGS__), 3, x,         \
                              __VA_ARGS__)

/* Zeros with x where max_pool's indices (of x's shape) say that its elements lay; those of one
 * place are added. size: of the result's last axes; ndim 0: (S - 1) stride - 2 padding + kernel. */
REEL_API reel_tensor *reel_max_unpool_at(const char *at, int axes, reel_tensor *x,
                                         reel_tensor *indices, reel_shape kernel,
                                         reel_pool_options options, reel_shape size);
#define reel_max_unpool1d(x, ...)                                                                  \
    reel_max_unpool_at(REEL__AS("max_unpool1d", #x ", " #__VA_ARGS__), 1, x, __VA_ARGS__)
#define reel_max_unpool2d(x, ...)                                                                  \
    reel_max_unpool_at(REEL__AS("max_unpool2d", #x ", " #__VA_ARGS__), 2, x, __VA_ARGS__)
#define reel_max_unpool3d(x, ...)                                                                  \
    reel_max_unpool_at(REEL__AS("max_unpool3d", #x ", " #__VA_ARGS__), 3, x, __VA_ARGS__)

/* ---- padding ---- */

typedef enum {
    REEL_PAD_CONSTANT = 0,
    REEL_PAD_REFLECT,   /* about the edge element, which is not repeated; padding < S */
    REEL_PAD_REPLICATE, /* the edge element */
    REEL_PAD_CIRCULAR   /* the other end, of what is left; padding <= S */
} reel_pad_mode;

/* Elements before and behind, of the last axis first: reel_shape(left, right, top, bottom). Below
 * 0: so many are taken away. Three axes at most. value: of a constant. */
REEL_API reel_tensor *reel_pad_at(const char *at, reel_tensor *x, reel_shape padding,
                                  reel_pad_mode mode, double value);
#define reel_pad(...) reel_pad_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- resampling ---- */

typedef enum {
    REEL_INTERPOLATE_NEAREST = 0,
    REEL_INTERPOLATE_NEAREST_EXACT,
    REEL_INTERPOLATE_LINEAR,
    REEL_INTERPOLATE_BILINEAR = REEL_INTERPOLATE_LINEAR,
    REEL_INTERPOLATE_TRILINEAR = REEL_INTERPOLATE_LINEAR,
    REEL_INTERPOLATE_BICUBIC, /* Keys (1981), a = -0.75 */
    REEL_INTERPOLATE_AREA     /* adaptive_avg_pool */
} reel_interpolate_mode;

/* Either size, of the result, or scale, S' = floor(S scale): of each spatial axis, or of all if
 * only the first is given. With a scale, that is what x is sampled by, unless
 * recompute_scale_factor; with a size, or if S' = S (of nearest, linear) or 2 S (of nearest), it is
 * S' / S. align_corners: of linear and cubic; the first
 * and last elements stay where they are. */
typedef struct {
    reel_shape size;
    double scale[3];
    reel_interpolate_mode mode;
    bool align_corners, recompute_scale_factor;
} reel_interpolate_options;

/* x[N,C,S...] -> y[N,C,S'...], of one, two or three spatial axes: x has N. */
REEL_API reel_tensor *reel_interpolate_at(const char *at, reel_tensor *x,
                                          reel_interpolate_options options);
#define reel_interpolate(...) reel_interpolate_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- columns ---- */

typedef struct {
    reel_shape dilation, padding, stride; /* 1, 0, 1 */
} reel_unfold_options;

/* Windows as columns (im2col): x[N,C,H,W] -> y[N,C kh kw,L], L = H' W' as convolutions have them.
 */
REEL_API reel_tensor *reel_unfold_at(const char *at, reel_tensor *x, reel_shape kernel,
                                     reel_unfold_options options);
/* Its transpose (col2im), which adds what lies in one place: x[N,C kh kw,L] -> y[N,C,H,W], of the
 * size H, W given. */
REEL_API reel_tensor *reel_fold_at(const char *at, reel_tensor *x, reel_shape size,
                                   reel_shape kernel, reel_unfold_options options);
#define reel_unfold(...) reel_unfold_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_fold(...) reel_fold_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- channels and places ---- */

/* x[...,C r r,H,W] -> y[...,C,H r,W r]: y[c, h r + i, w r + j] = x[(c r + i) r + j, h, w]. Shi et
 * al., "Real-time single image and video super-resolution" (2016) */
REEL_API reel_tensor *reel_pixel_shuffle_at(const char *at, reel_tensor *x, int64_t r);
/* and back. */
REEL_API reel_tensor *reel_pixel_unshuffle_at(const char *at, reel_tensor *x, int64_t r);
/* x[N,g k,...] -> y, whose channel i g + j is x's j k + i. Zhang et al., "ShuffleNet" (2018) */
REEL_API reel_tensor *reel_channel_shuffle_at(const char *at, reel_tensor *x, int64_t groups);
#define reel_pixel_shuffle(...) reel_pixel_shuffle_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_pixel_unshuffle(...) reel_pixel_unshuffle_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_channel_shuffle(...) reel_channel_shuffle_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
