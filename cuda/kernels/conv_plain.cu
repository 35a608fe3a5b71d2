/* Convolutions of any size, and their gradients, counted in 64 bits and added up in f64, by the
 * formulas as they stand: for what the fast kernels can't count, and to compare them with. */
#include "cuda/kernels/kernels_conv_internal.h"
#include "cuda/kernels/vector_internal.cuh"

/* Position along axis i of small and tap k in big; -1 beside it. */
static __device__ __forceinline__ int64_t find(const reel__cuda_conv_shape &v, int i, int64_t p,
                                               int64_t k) {
    const int64_t at = p * v.stride[i] - v.before[i] + k * v.dilation[i];
    return at >= 0 && at < v.size[i] ? at : -1;
}

/* Position along axis i of big and tap k in small; -1 beside it, or between its elements. */
static __device__ __forceinline__ int64_t find_back(const reel__cuda_conv_shape &v, int i,
                                                    int64_t s, int64_t k) {
    const int64_t at = s + v.before[i] - k * v.dilation[i];
    if (at < 0 || at % v.stride[i] != 0) return -1;
    return at / v.stride[i] < v.small_size[i] ? at / v.stride[i] : -1;
}

template <bool BACK>
static __device__ __forceinline__ int64_t find_in(const reel__cuda_conv_shape &v, int i, int64_t p,
                                                  int64_t k) {
    return BACK ? find_back(v, i, p, k) : find(v, i, p, k);
}

/* An element's place in [images, groups, channels, size...]. */
struct place {
    int64_t image, group, channel, at[3];
};

static __device__ __forceinline__ place place_of(int64_t u, int64_t groups, int64_t channels,
                                                 const int64_t size[3]) {
    place p;
    for (int i = 2; i >= 0; i--) {
        p.at[i] = u % size[i];
        u /= size[i];
    }
    p.channel = u % channels;
    u /= channels;
    p.group = u % groups;
    p.image = u / groups;
    return p;
}

/* The sum over the taps of one channel of in, and w's of that and the result's. */
template <class T, bool BACK>
static __device__ __forceinline__ double add_taps(const reel__cuda_conv_shape &v, const place &p,
                                                  const T *in, const T *w) {
    const int64_t *size = BACK ? v.small_size : v.size;
    double sum = 0;
    for (int64_t x = 0; x < v.kernel[0]; x++) {
        const int64_t at_x = find_in<BACK>(v, 0, p.at[0], x);
        if (at_x < 0) continue;
        for (int64_t y = 0; y < v.kernel[1]; y++) {
            const int64_t at_y = find_in<BACK>(v, 1, p.at[1], y);
            if (at_y < 0) continue;
            for (int64_t z = 0; z < v.kernel[2]; z++) {
                const int64_t at_z = find_in<BACK>(v, 2, p.at[2], z);
                if (at_z < 0) continue;
                sum += (double)in[(at_x * size[1] + at_y) * size[2] + at_z] *
                       (double)w[(x * v.kernel[1] + y) * v.kernel[2] + z];
            }
        }
    }
    return sum;
}

template <class T, bool BACK>
static __global__ void __launch_bounds__(THREADS)
    conv_plain(const __grid_constant__ reel__cuda_conv_gather g, int64_t n) {
    begin();
    const reel__cuda_conv_shape &v = g.of;
    const int64_t taps = v.kernel[0] * v.kernel[1] * v.kernel[2];
    const int64_t rows = BACK ? v.big_channels : v.small_channels,
                  chans = BACK ? v.small_channels : v.big_channels;
    const int64_t *size = BACK ? v.small_size : v.size;
    const int64_t volume = size[0] * size[1] * size[2];
    EACH(int64_t, u, n) {
        const place p = place_of(u, v.groups, rows, BACK ? v.size : v.small_size);
        double sum = g.bias ? (double)((const T *)g.bias)[p.group * rows + p.channel] : 0;
        for (int64_t c = 0; c < chans; c++) {
            const int64_t small = BACK ? c : p.channel, big = BACK ? p.channel : c;
            const T *in = (const T *)g.in + ((p.image * v.groups + p.group) * chans + c) * volume;
            const T *w = (const T *)g.w +
                         ((p.group * v.small_channels + small) * v.big_channels + big) * taps;
            sum += add_taps<T, BACK>(v, p, in, w);
        }
        ((T *)g.out)[u] = (T)sum;
    }
}

template <class T, bool BACK>
static cudaError_t plain_of(const reel__cuda_conv_gather &g, reel__cuda_queue *queue) {
    const int64_t n = g.of.images * g.of.groups *
                      (BACK ? g.of.big_channels * reel__cuda_volume(g.of.size)
                            : g.of.small_channels * reel__cuda_volume(g.of.small_size));
    return launch(conv_plain<T, BACK>, grid(n), THREADS, queue, g, n);
}

cudaError_t reel__cuda_launch_conv_plain(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                         reel__cuda_queue *queue) {
    if (g->transposed)
        return dtype == REEL_F32 ? plain_of<float, true>(*g, queue)
                                 : plain_of<double, true>(*g, queue);
    return dtype == REEL_F32 ? plain_of<float, false>(*g, queue)
                             : plain_of<double, false>(*g, queue);
}

/* ---- the weights' gradient: a block an element of it ---- */

template <class T>
static __global__ void __launch_bounds__(THREADS)
    weight_plain(const __grid_constant__ reel__cuda_conv_weight g) {
    begin();
    const reel__cuda_conv_shape &v = g.of;
    const int64_t small_volume = v.small_size[0] * v.small_size[1] * v.small_size[2],
                  big_volume = v.size[0] * v.size[1] * v.size[2], depth = v.images * small_volume;
    /* its place in [groups, small_channels, big_channels, kernel...] */
    const place w = place_of(blockIdx.x, v.small_channels, v.big_channels, v.kernel);
    const int64_t group = w.image, row = w.group, chan = w.channel;
    double sum = 0;
    for (int64_t k = threadIdx.x; k < depth; k += THREADS) {
        const int64_t image = k / small_volume, at = k % small_volume;
        const int64_t z = find(v, 2, at % v.small_size[2], w.at[2]),
                      y = find(v, 1, at / v.small_size[2] % v.small_size[1], w.at[1]),
                      x = find(v, 0, at / v.small_size[2] / v.small_size[1], w.at[0]);
        if (x < 0 || y < 0 || z < 0) continue;
        const int64_t first = image * v.groups + group;
        const T small = ((const T *)g.small)[(first * v.small_channels + row) * small_volume + at],
                big = ((const T *)g.big)[(first * v.big_channels + chan) * big_volume +
                                         (x * v.size[1] + y) * v.size[2] + z];
        sum += (double)small * (double)big;
    }
    sum = add_block<THREADS>(sum);
    if (threadIdx.x == 0) ((T *)g.out)[blockIdx.x] = (T)sum;
}

cudaError_t reel__cuda_launch_conv_weight_plain(const reel__cuda_conv_weight *g, reel_dtype dtype,
                                                reel__cuda_queue *queue) {
    const int64_t n =
        g->of.groups * g->of.small_channels * g->of.big_channels * reel__cuda_volume(g->of.kernel);
    return launch(dtype == REEL_F32 ? weight_plain<float> : weight_plain<double>, n, THREADS, queue,
                  *g);
}
