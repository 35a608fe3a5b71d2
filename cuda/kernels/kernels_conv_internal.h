/* Convolutions (conv_*.cu): launchers, of which kernels_internal.h says what they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_CONV_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_CONV_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A convolution of 3 axes in space; those that a smaller one lacks come first and are 1 long. All
 * contiguous: big[images, groups, big_channels, size...] is what a forward one reads,
 * small[images, groups, small_channels, small_size...] what it makes, of
 * w[groups, small_channels, big_channels, kernel...].
 *
 * The kernels but the plain ones count an image's elements in 32 bits. */
typedef struct {
    int64_t images, groups, big_channels, small_channels; /* channels of a group */
    int64_t size[3], small_size[3], kernel[3];
    int64_t stride[3], before[3], dilation[3];
} reel__cuda_conv_shape;

static inline int64_t reel__cuda_volume(const int64_t size[3]) {
    return size[0] * size[1] * size[2];
}

/* Forward: out is small, in is big. Transposed: the other way round. bias, of out's channels, may
 * be NULL. By tiles, as products of matrices; element by element, which is good for few channels of
 * a group; and element by element in 64 bits and f64. */
typedef struct {
    reel__cuda_conv_shape of;
    bool transposed;
    void *out;
    const void *in, *w, *bias;
} reel__cuda_conv_gather;
cudaError_t reel__cuda_launch_conv_tiles(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                         reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_conv_direct(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                          reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_conv_plain(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                         reel__cuda_queue *queue);

/* out[groups, big_channels, small_channels, taps] = w[groups, small_channels, big_channels, taps],
 * the taps in reverse. */
cudaError_t reel__cuda_launch_conv_turn(float *out, const float *w, const reel__cuda_conv_shape *v,
                                        reel__cuda_queue *queue);

/* out, of w's shape, from big and small. What is added up is cut into `parts`, of `pieces` of the
 * images each, whose sums meet in `partial`, [pieces parts, out's elements] of the dtype, if there
 * are several. */
typedef struct {
    reel__cuda_conv_shape of;
    void *out, *partial;
    const void *big, *small;
    bool direct; /* good for few channels of a group */
    int64_t pieces, parts;
} reel__cuda_conv_weight;
/* Fills in pieces and parts. */
void reel__cuda_conv_weight_parts(reel__cuda_conv_weight *g);
cudaError_t reel__cuda_launch_conv_weight(const reel__cuda_conv_weight *g, reel_dtype dtype,
                                          reel__cuda_queue *queue);
/* Element by element in 64 bits and f64. */
cudaError_t reel__cuda_launch_conv_weight_plain(const reel__cuda_conv_weight *g, reel_dtype dtype,
                                                reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
