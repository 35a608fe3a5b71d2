/* What the kernels of convolutions share: an image's sizes in 32 bits, and the steps along each
 * axis of one phase. */
#ifndef REEL_CUDA_KERNELS_CONV_INTERNAL_CUH
#define REEL_CUDA_KERNELS_CONV_INTERNAL_CUH

#include "cuda/kernels/kernels_conv_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#define REEL_FORMULA static __host__ __device__ __forceinline__
#include "tensor/formulas/conv_steps_internal.h"

/* The same in 32 bits. */
typedef struct {
    int out_first, out_step, count;
    int in_first, in_step, in_tap;
    int tap_first, tap_step, taps;
} axis;

/* A gather, from the side of out: rows are its channels in a group, chans those of in. */
template <class T> struct gather_job {
    T *out;
    const T *in, *w, *bias;
    bool transposed;
    unsigned images, groups, rows, chans;
    int in_size[3], out_size[3], kernel[3], stride[3], before[3], dilation[3];
    unsigned phases[3], counts[3]; /* counts: the most of any phase */
    unsigned in_volume, out_volume, w_taps;
    int64_t w_row, w_chan; /* of w, a row or a channel apart */
    axis axes[3];          /* of the only phase, if there is but one */
};

/* The steps along axis i of phase r. */
template <class T>
static __host__ __device__ __forceinline__ axis axis_of(const gather_job<T> &j, int i, unsigned r) {
    const reel__conv_axis a =
        j.transposed ? reel__conv_transposed_axis(j.out_size[i], j.kernel[i], j.stride[i],
                                                  j.before[i], j.dilation[i], r)
                     : reel__conv_forward_axis(j.out_size[i], j.kernel[i], j.stride[i], j.before[i],
                                               j.dilation[i]);
    return {(int)a.out_first, (int)a.out_step,  (int)a.count,    (int)a.in_first, (int)a.in_step,
            (int)a.in_tap,    (int)a.tap_first, (int)a.tap_step, (int)a.taps};
}

/* `first` image on, `images` of them. */
template <class T>
static gather_job<T> job_of(const reel__cuda_conv_gather &g, int64_t first, int64_t images) {
    const reel__cuda_conv_shape &of = g.of;
    const bool back = g.transposed;
    gather_job<T> j = {};
    j.transposed = back;
    j.images = (unsigned)images;
    j.groups = (unsigned)of.groups;
    j.rows = (unsigned)(back ? of.big_channels : of.small_channels);
    j.chans = (unsigned)(back ? of.small_channels : of.big_channels);
    for (int i = 0; i < 3; i++) {
        j.in_size[i] = (int)(back ? of.small_size[i] : of.size[i]);
        j.out_size[i] = (int)(back ? of.size[i] : of.small_size[i]);
        j.kernel[i] = (int)of.kernel[i];
        j.stride[i] = (int)of.stride[i];
        j.before[i] = (int)of.before[i];
        j.dilation[i] = (int)of.dilation[i];
        j.phases[i] = 1;
        j.counts[i] = (unsigned)j.out_size[i];
        if (!back) continue;
        j.phases[i] = (unsigned)(of.stride[i] < of.size[i] ? of.stride[i] : of.size[i]);
        j.counts[i] = (unsigned)blocks_for(of.size[i], of.stride[i]);
    }
    j.in_volume = (unsigned)reel__cuda_volume(back ? of.small_size : of.size);
    j.out_volume = (unsigned)reel__cuda_volume(back ? of.size : of.small_size);
    j.w_taps = (unsigned)reel__cuda_volume(of.kernel);
    j.w_row = (back ? 1 : of.big_channels) * (int64_t)j.w_taps;
    j.w_chan = (back ? of.big_channels : 1) * (int64_t)j.w_taps;
    for (int i = 0; i < 3; i++) j.axes[i] = axis_of(j, i, 0);
    j.out = (T *)g.out + first * of.groups * j.rows * j.out_volume;
    j.in = (const T *)g.in + first * of.groups * j.chans * j.in_volume;
    j.w = (const T *)g.w;
    j.bias = (const T *)g.bias;
    return j;
}

/* At most so many images a launch, 0: not even one. */
template <class T>
static cudaError_t launch_by_images(const reel__cuda_conv_gather &g, int64_t most,
                                    cudaError_t (*launch_job)(const gather_job<T> &,
                                                              reel__cuda_queue *),
                                    reel__cuda_queue *queue) {
    if (most == 0) return cudaErrorInvalidConfiguration;
    for (int64_t first = 0; first < g.of.images; first += most) {
        const int64_t images = g.of.images - first < most ? g.of.images - first : most;
        const cudaError_t e = launch_job(job_of<T>(g, first, images), queue);
        if (e != cudaSuccess) return e;
    }
    return cudaSuccess;
}

/* Those of a phase, which counts those of three axes, the last fastest; for all threads of a block.
 * Where there is but one, they are the job's. */
template <bool PHASED, class T>
static __device__ __forceinline__ const axis *axes_of(const gather_job<T> &j, unsigned phase,
                                                      axis shared[3]) {
    if (!PHASED) return j.axes;
    if (threadIdx.x < 3) {
        const unsigned r[3] = {phase / j.phases[2] / j.phases[1], phase / j.phases[2] % j.phases[1],
                               phase % j.phases[2]};
        shared[threadIdx.x] = axis_of(j, threadIdx.x, r[threadIdx.x]);
    }
    __syncthreads();
    return shared;
}

template <class T> static inline int64_t phases_of(const gather_job<T> &j) {
    return (int64_t)j.phases[0] * j.phases[1] * j.phases[2];
}

#endif
