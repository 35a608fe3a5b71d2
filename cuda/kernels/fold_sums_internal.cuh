/* The folds that add, multiply, and gather truth values. */
#ifndef REEL_CUDA_KERNELS_FOLD_SUMS_INTERNAL_CUH
#define REEL_CUDA_KERNELS_FOLD_SUMS_INTERNAL_CUH

#include "cuda/kernels/joining_internal.cuh"

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

/* ---- sums ---- */

template <class T, auto HOW, int INPUTS> struct sum_of {
    using in = T;
    using acc = typename wide<T>::type;
    using seen = acc;
    using out = typename wide<T>::out;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = std::is_integral_v<T>;
    static constexpr int RESIDENT = IS_MAPPED<HOW> ? 3 : 4;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_sum;
    }
    static __device__ __forceinline__ seen none() {
        return 0;
    }
    static __device__ __forceinline__ acc nothing() {
        return 0;
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t) {
        s += mapped<acc, MAP>(w, x, y);
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return a + b;
    }
    template <class W> static __device__ __forceinline__ auto leave(acc a, const W &w) {
        return left_of<WHOLE>(w, a * (acc)w.times, 0);
    }
};

/* ---- products ---- */

template <class T, auto HOW, int INPUTS> struct product_of {
    using in = T;
    using acc = typename wide<T>::type;
    using seen = acc;
    using out = typename wide<T>::out;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = std::is_integral_v<T>;
    static constexpr int RESIDENT = 4;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_product;
    }
    static __device__ __forceinline__ seen none() {
        return 1;
    }
    static __device__ __forceinline__ acc nothing() {
        return 1;
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t) {
        s *= mapped<acc, MAP>(w, x, y);
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return a * b;
    }
    template <class W> static __device__ __forceinline__ auto leave(acc a, const W &w) {
        acc y = 1;
        for (uint64_t n = (uint64_t)w.times; n > 0; n /= 2, a *= a)
            if (n % 2) y *= a;
        return left_of<WHOLE>(w, y, 0);
    }
};

/* ---- any; flipped, all: whether any is 0, and then whether none was. By bits, so that NaN and
 * denormals are true; of a float all but its sign ---- */

template <class T> struct bits_of;
template <> struct bits_of<float> {
    using type = uint32_t;
    static constexpr type MASK = INT32_MAX;
};
template <> struct bits_of<double> {
    using type = uint64_t;
    static constexpr type MASK = INT64_MAX;
};
template <> struct bits_of<int64_t> {
    using type = uint64_t;
    static constexpr type MASK = UINT64_MAX;
};
template <> struct bits_of<uint8_t> {
    using type = uint8_t;
    static constexpr type MASK = UINT8_MAX;
};

template <class T, auto HOW, int INPUTS> struct truth_of {
    static_assert(!IS_MAPPED<HOW> && INPUTS == 1, "bits are folded as they are");
    using in = typename bits_of<T>::type;
    using acc = unsigned;
    using seen = unsigned;
    using out = uint8_t;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = false, WHOLE = true;
    static constexpr int RESIDENT = 4;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_any || f == REEL__FOLD_all;
    }
    static __device__ __forceinline__ seen none() {
        return 0;
    }
    static __device__ __forceinline__ acc nothing() {
        return 0;
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, in x, in, int64_t) {
        s |= ((x & bits_of<T>::MASK) != 0) != w.flip;
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return a | b;
    }
    template <class W> static __device__ __forceinline__ out leave(acc a, const W &w) {
        return (a != 0) != w.flip;
    }
};

#endif
