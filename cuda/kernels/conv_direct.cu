/* Convolutions, and their transposes, of few channels in a group: a thread adds up RUN elements of
 * the result that lie side by side along the last axis. Where each next one uses the next element
 * of the other tensor, what a tap has read is kept for the next tap. */
#include "cuda/kernels/conv_internal.cuh"

#define RUN 4

/* How threads count: runs along a row, rows, planes, channels of the result in all groups. */
struct counts {
    reel__cuda_divisor runs, y, x, channels;
};

/* What a thread works out. */
struct work {
    unsigned image, channel, group;
    int at[3]; /* counted in the phase */
};

template <class T>
static __device__ __forceinline__ work work_of(const gather_job<T> &j, const counts &n,
                                               uint32_t u) {
    work k;
    uint32_t rest = divide(u, n.runs);
    k.at[2] = (int)(u - rest * n.runs.d) * RUN;
    u = divide(rest, n.y);
    k.at[1] = (int)(rest - u * n.y.d);
    rest = divide(u, n.x);
    k.at[0] = (int)(u - rest * n.x.d);
    k.image = divide(rest, n.channels);
    k.channel = rest - k.image * n.channels.d;
    k.group = k.channel / j.rows;
    return k;
}

/* One row of taps: in[first + m tap], or 0 beside it, for RUN elements `step` apart. w is tap 0,
 * `w_step` before tap 1. */
template <class T>
static __device__ __forceinline__ void add_apart(T sum[RUN], const T *in, int size, int first,
                                                 int step, int tap, const T *w, int w_step,
                                                 int taps) {
    for (int m = 0; m < taps; m++) {
        const T by = w[m * w_step];
#pragma unroll
        for (int i = 0; i < RUN; i++) {
            const int at = first + i * step + m * tap;
            if ((unsigned)at < (unsigned)size) sum[i] += by * in[at];
        }
    }
}

/* The same where step and tap are 1. TAPS: their number, or 0 if it is another. */
template <class T, int TAPS>
static __device__ __forceinline__ void add_sliding(T sum[RUN], const T *in, int size, int first,
                                                   const T *w, int w_step, int taps) {
    const T *from = in + first; /* read where it is inside */
    T v[RUN];
#pragma unroll
    for (int i = 0; i < RUN - 1; i++) v[i] = (unsigned)(first + i) < (unsigned)size ? from[i] : 0;
    const int n = TAPS ? TAPS : taps;
#pragma unroll
    for (int m = 0; m < n; m++) {
        const int i = m + RUN - 1;
        v[RUN - 1] = (unsigned)(first + i) < (unsigned)size ? from[i] : 0;
        const T by = w[m * w_step];
#pragma unroll
        for (int k = 0; k < RUN; k++) sum[k] += by * v[k];
#pragma unroll
        for (int k = 0; k < RUN - 1; k++) v[k] = v[k + 1];
    }
}

/* All taps of one channel. SLIDE: each next element of a run uses the next of a row, and each next
 * tap too (1), or the one before (-1: taps are taken from the last one on); 0: they are apart. */
template <class T, int SLIDE, int TAPS, bool PHASED>
static __device__ __forceinline__ void add_channel(T sum[RUN], const gather_job<T> &j,
                                                   const axis a[3], const work &k, const T *in,
                                                   const T *w) {
    const int first = a[2].in_first + k.at[2] * a[2].in_step, last = a[2].taps - 1;
    for (int x = 0; x < a[0].taps; x++) {
        const int at_x = a[0].in_first + k.at[0] * a[0].in_step + x * a[0].in_tap;
        if ((unsigned)at_x >= (unsigned)j.in_size[0]) continue;
        for (int y = 0; y < a[1].taps; y++) {
            const int at_y = a[1].in_first + k.at[1] * a[1].in_step + y * a[1].in_tap;
            if ((unsigned)at_y >= (unsigned)j.in_size[1]) continue;
            const int size = j.in_size[2];
            const T *row = in + (at_x * j.in_size[1] + at_y) * size;
            const T *by = w +
                          ((a[0].tap_first + x * a[0].tap_step) * j.kernel[1] + a[1].tap_first +
                           y * a[1].tap_step) *
                              j.kernel[2] +
                          a[2].tap_first;
            const int by_step = PHASED ? a[2].tap_step : 1;
            if (SLIDE > 0)
                add_sliding<T, TAPS>(sum, row, size, first, by, by_step, a[2].taps);
            else if (SLIDE < 0)
                add_sliding<T, TAPS>(sum, row, size, first - last, by + last * by_step, -by_step,
                                     a[2].taps);
            else
                add_apart(sum, row, size, first, a[2].in_step, a[2].in_tap, by, a[2].tap_step,
                          a[2].taps);
        }
    }
}

template <class T, int SLIDE, int TAPS, bool PHASED>
static __global__ void __launch_bounds__(THREADS)
    conv_direct(const __grid_constant__ gather_job<T> j, const __grid_constant__ counts n,
                unsigned blocks, uint32_t units) {
    begin();
    __shared__ axis shared[3];
    const axis *a = axes_of<PHASED>(j, blockIdx.x / blocks, shared);
    const uint32_t u = blockIdx.x % blocks * THREADS + threadIdx.x;
    if (u >= units) return;
    const work k = work_of(j, n, u);
    if (k.at[0] >= a[0].count || k.at[1] >= a[1].count || k.at[2] >= a[2].count) return;
    T sum[RUN] = {};
    const T *in = j.in + ((int64_t)k.image * j.groups + k.group) * j.chans * j.in_volume;
    const T *w = j.w + (int64_t)k.group * j.rows * j.chans * j.w_taps +
                 (k.channel - k.group * j.rows) * j.w_row;
    if (a[2].taps > 0)
        for (unsigned c = 0; c < j.chans; c++)
            add_channel<T, SLIDE, TAPS, PHASED>(sum, j, a, k, in + (int64_t)c * j.in_volume,
                                                w + c * j.w_chan);
    const T bias = j.bias ? j.bias[k.channel] : 0;
    T *out = j.out + ((int64_t)k.image * j.groups * j.rows + k.channel) * j.out_volume +
             ((a[0].out_first + k.at[0] * a[0].out_step) * j.out_size[1] + a[1].out_first +
              k.at[1] * a[1].out_step) *
                 j.out_size[2] +
             a[2].out_first;
#pragma unroll
    for (int i = 0; i < RUN; i++)
        if (k.at[2] + i < a[2].count) out[(k.at[2] + i) * a[2].out_step] = sum[i] + bias;
}

/* ---- which one ---- */

template <class T> using kernel_of = void (*)(gather_job<T>, counts, unsigned, uint32_t);

template <class T, int SLIDE> static kernel_of<T> sliding(int taps) {
    return taps == 3   ? conv_direct<T, SLIDE, 3, false>
           : taps == 5 ? conv_direct<T, SLIDE, 5, false>
           : taps == 7 ? conv_direct<T, SLIDE, 7, false>
                       : conv_direct<T, SLIDE, 0, false>;
}

template <class T> static cudaError_t launch_job(const gather_job<T> &j, reel__cuda_queue *queue) {
    const int64_t runs = blocks_for(j.counts[2], RUN), channels = (int64_t)j.groups * j.rows,
                  units = runs * j.counts[1] * j.counts[0] * channels * j.images,
                  blocks = blocks_for(units, THREADS);
    const counts n = {reel__cuda_divisor_of(runs), reel__cuda_divisor_of(j.counts[1]),
                      reel__cuda_divisor_of(j.counts[0]), reel__cuda_divisor_of(channels)};
    const bool phased = phases_of(j) > 1, alone = j.axes[2].in_step == 1;
    const bool ahead = alone && j.axes[2].in_tap == 1, back = alone && j.axes[2].in_tap == -1;
    const kernel_of<T> kernel =
        phased  ? back ? conv_direct<T, -1, 0, true> : conv_direct<T, 0, 0, true>
         : ahead ? sliding<T, 1>(j.kernel[2])
        : back  ? sliding<T, -1>(j.kernel[2])
                : conv_direct<T, 0, 0, false>;
    return launch(kernel, blocks * phases_of(j), THREADS, queue, j, n, (unsigned)blocks,
                  (uint32_t)units);
}

/* As many images a launch as have less than 2^31 elements, and blocks. */
template <class T>
static cudaError_t conv_direct_of(const reel__cuda_conv_gather &g, reel__cuda_queue *queue) {
    const gather_job<T> one = job_of<T>(g, 0, 1);
    const int64_t most = MOST_BLOCKS / ((int64_t)one.groups * one.rows * one.counts[0] *
                                        one.counts[1] * one.counts[2] * phases_of(one));
    return launch_by_images(g, most, launch_job<T>, queue);
}

cudaError_t reel__cuda_launch_conv_direct(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                          reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? conv_direct_of<float>(*g, queue) : conv_direct_of<double>(*g, queue);
}
