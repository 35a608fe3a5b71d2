/* The folds of the greatest and the least, and of where they are. The least is the greatest of what
 * is flipped: of a float's negative, of an integer's complement. NaN is greater than all, flipped
 * or not. */
#ifndef REEL_CUDA_KERNELS_FOLD_EXTREMES_INTERNAL_CUH
#define REEL_CUDA_KERNELS_FOLD_EXTREMES_INTERNAL_CUH

#include "cuda/kernels/joining_internal.cuh"

/* What elements of T are compared as. */
template <class T> struct key_of {
    using type = T;
    static constexpr bool IS_FLOAT = true;
    static __device__ __forceinline__ T lowest() {
        return -(T)INFINITY;
    }
};
template <> struct key_of<int64_t> {
    using type = int64_t;
    static constexpr bool IS_FLOAT = false;
    static __device__ __forceinline__ int64_t lowest() {
        return INT64_MIN;
    }
};
template <> struct key_of<uint8_t> {
    using type = int; /* room for a complement, and for threads to hand on */
    static constexpr bool IS_FLOAT = false;
    static __device__ __forceinline__ int lowest() {
        return INT32_MIN;
    }
};

template <class T, class K> static __device__ __forceinline__ K flipped(K key, bool flip) {
    if constexpr (key_of<T>::IS_FLOAT)
        return flip ? -key : key;
    else
        return flip ? ~key : key;
}

/* ---- greatest, least ---- */

template <class T, auto HOW, int INPUTS> struct extreme_of {
    using in = T;
    using acc = typename key_of<T>::type;
    using seen = acc;
    using out = T;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = std::is_integral_v<T>;
    static constexpr int RESIDENT = 4;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_greatest || f == REEL__FOLD_least;
    }
    static __device__ __forceinline__ seen none() {
        return key_of<T>::lowest();
    }
    static __device__ __forceinline__ acc nothing() {
        return key_of<T>::lowest();
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t) {
        s = join(s, flipped<T>(mapped<acc, MAP>(w, x, y), w.flip));
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        return b > a || b != b ? b : a;
    }
    template <class W> static __device__ __forceinline__ auto leave(acc a, const W &w) {
        return left_of<WHOLE>(w, flipped<T>(a, w.flip), 0);
    }
};

/* ---- their positions: of equals the first, in whatever order they come ---- */

template <class K> struct place {
    int64_t index;
    K key;
};

template <class T, auto HOW, int INPUTS> struct position_of {
    using K = typename key_of<T>::type;
    using in = T;
    using acc = place<K>;
    using seen = acc;
    using out = int64_t;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = true;
    static constexpr int RESIDENT = 2;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_first_greatest || f == REEL__FOLD_first_least;
    }
    static __device__ __forceinline__ acc nothing() {
        return {INT64_MAX, key_of<T>::lowest()};
    }
    static __device__ __forceinline__ seen none() {
        return nothing();
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t at) {
        s = join(s, acc{at, flipped<T>(mapped<K, MAP>(w, x, y), w.flip)});
    }
    static __device__ __forceinline__ acc settle(seen s) {
        return s;
    }
    static __device__ __forceinline__ acc join(acc a, acc b) {
        const bool both_nan = a.key != a.key && b.key != b.key;
        const bool is_better = b.key > a.key || (b.key != b.key && a.key == a.key);
        const bool is_alike = a.key == b.key || both_nan;
        return is_better || (is_alike && b.index < a.index) ? b : a;
    }
    template <class W> static __device__ __forceinline__ out leave(acc a, const W &) {
        return a.index;
    }
};

#endif
