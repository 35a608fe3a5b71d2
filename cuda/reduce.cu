/* sum and mean, mse, prod, any and all. */
#include "cuda/fold_internal.cuh"

/* What elements of T are added up and multiplied in, and the result; integers wrap around. */
template <class T> struct wide {
    using type = double;
    using out = T;
};
template <> struct wide<int64_t> {
    using type = uint64_t;
    using out = int64_t;
};
template <> struct wide<uint8_t> {
    using type = uint64_t;
    using out = int64_t;
};

/* ---- sums; of pairs, the squares of their differences ---- */

template <class T, bool PAIRS> struct sum_of {
    using in = T;
    using acc = typename wide<T>::type;
    using seen = acc;
    using out = typename wide<T>::out;
    static constexpr bool PAIR = PAIRS;
    static constexpr int RESIDENT = 4;
    static __device__ __forceinline__ seen none() {
        return 0;
    }
    static __device__ __forceinline__ acc nothing() {
        return 0;
    }
    static __device__ __forceinline__ void take(seen &s, const reel__cuda_fold_work &, T x, T y,
                                                int64_t) {
        if constexpr (PAIR) {
            const T d = x - y;
            s += (acc)d * (acc)d;
        } else {
            s += (acc)x;
        }
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return a + b;
    }
    static __device__ __forceinline__ out finish(acc a, const reel__cuda_fold_work &w) {
        if constexpr ((acc)0.5 != 0)
            return (out)(a * w.times / w.divisor);
        else
            return (out)(a * (acc)w.times);
    }
};

cudaError_t reel__cuda_launch_sum(const reel__cuda_fold_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return launch_fold<sum_of<float, false>>(w, queue);
    if (dtype == REEL_F64) return launch_fold<sum_of<double, false>>(w, queue);
    if (dtype == REEL_I64) return launch_fold<sum_of<int64_t, false>>(w, queue);
    return launch_fold<sum_of<uint8_t, false>>(w, queue);
}

cudaError_t reel__cuda_launch_square_differences(const reel__cuda_fold_work *w, reel_dtype dtype,
                                                 reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? launch_long<sum_of<float, true>>(w, queue)
                             : launch_long<sum_of<double, true>>(w, queue);
}

/* ---- products ---- */

template <class T> struct product_of {
    using in = T;
    using acc = typename wide<T>::type;
    using seen = acc;
    using out = typename wide<T>::out;
    static constexpr bool PAIR = false;
    static constexpr int RESIDENT = 4;
    static __device__ __forceinline__ seen none() {
        return 1;
    }
    static __device__ __forceinline__ acc nothing() {
        return 1;
    }
    static __device__ __forceinline__ void take(seen &s, const reel__cuda_fold_work &, T x, T,
                                                int64_t) {
        s *= (acc)x;
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return a * b;
    }
    static __device__ __forceinline__ out finish(acc a, const reel__cuda_fold_work &w) {
        acc y = 1;
        for (uint64_t n = (uint64_t)w.times; n > 0; n /= 2, a *= a)
            if (n % 2) y *= a;
        return (out)y;
    }
};

cudaError_t reel__cuda_launch_prod(const reel__cuda_fold_work *w, reel_dtype dtype,
                                   reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return launch_fold<product_of<float>>(w, queue);
    if (dtype == REEL_F64) return launch_fold<product_of<double>>(w, queue);
    if (dtype == REEL_I64) return launch_fold<product_of<int64_t>>(w, queue);
    return launch_fold<product_of<uint8_t>>(w, queue);
}

/* ---- any; flipped, all: whether any is 0, and then whether none was. By bits, so that NaN and
 * denormals are true; of a float all but its sign ---- */

template <class BITS, BITS MASK> struct truth_of {
    using in = BITS;
    using acc = unsigned;
    using seen = unsigned;
    using out = uint8_t;
    static constexpr bool PAIR = false;
    static constexpr int RESIDENT = 4;
    static __device__ __forceinline__ seen none() {
        return 0;
    }
    static __device__ __forceinline__ acc nothing() {
        return 0;
    }
    static __device__ __forceinline__ void take(seen &s, const reel__cuda_fold_work &w, BITS x,
                                                BITS, int64_t) {
        s |= ((x & MASK) != 0) != w.flip;
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return a | b;
    }
    static __device__ __forceinline__ out finish(acc a, const reel__cuda_fold_work &w) {
        return (a != 0) != w.flip;
    }
};

cudaError_t reel__cuda_launch_truth(const reel__cuda_fold_work *w, reel_dtype dtype,
                                    reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return launch_fold<truth_of<uint32_t, INT32_MAX>>(w, queue);
    if (dtype == REEL_F64) return launch_fold<truth_of<uint64_t, INT64_MAX>>(w, queue);
    if (dtype == REEL_I64) return launch_fold<truth_of<uint64_t, UINT64_MAX>>(w, queue);
    return launch_fold<truth_of<uint8_t, UINT8_MAX>>(w, queue);
}

/* ---- how many parts ---- */

int reel__cuda_fold_parts(int64_t outer, int64_t rows, int64_t columns) {
    int64_t blocks = outer, worth = rows / PART;
    if (columns > 1) {
        const int n = columns % 4 == 0 ? 4 : 1, lanes = lanes_for(columns, n);
        blocks = outer * ((columns + lanes * n - 1) / (lanes * n));
        worth = rows / (BLOCK / lanes * AHEAD);
    } else if (is_for_cluster(outer, rows)) {
        return 1;
    }
    if (worth < 2 || 2 * blocks > ENOUGH) return 1;
    return (int)(worth < ENOUGH / blocks ? worth : ENOUGH / blocks);
}
