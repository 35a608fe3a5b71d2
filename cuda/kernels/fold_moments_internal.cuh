/* The folds of floats alone: moments, squares, exponentials. */
#ifndef REEL_CUDA_KERNELS_FOLD_MOMENTS_INTERNAL_CUH
#define REEL_CUDA_KERNELS_FOLD_MOMENTS_INTERNAL_CUH

#include "cuda/kernels/joining_internal.cuh"

/* Whether squares of what is folded may lie beyond f64: of f64, and of what a row maps to it. */
template <class T, auto MAP> static constexpr bool IS_FAR = sizeof(T) == 8 || IS_MAPPED<MAP>;

/* ---- moments ---- */

/* Of what a thread has seen, sums less its first element, in which little is lost: it sees few, and
 * where nothing varies they are 0. */
struct shifted {
    double shift, sum, squares, odd; /* odd: 0 of finite elements, else NaN */
    unsigned count;
};

/* The number of elements, their mean less `shift`, one of them, and the sum of squares about it: a
 * mean of its own would be known to its last bit alone, which little that varies may lie below. */
struct moments {
    double count, shift, mean, squares;
};

template <class T, auto HOW, int INPUTS> struct moments_of {
    using in = T;
    using seen = shifted;
    using acc = moments;
    using out = T;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = false;
    static constexpr int RESIDENT = 2;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_moments;
    }
    static __device__ __forceinline__ seen none() {
        return {0, 0, 0, 0, 0};
    }
    static __device__ __forceinline__ acc nothing() {
        return {0, 0, 0, 0};
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t) {
        const double v = mapped<double, MAP>(w, x, y);
        if (s.count++ == 0) s.shift = v;
        const double d = v - s.shift;
        s.sum += d;
        s.squares += d * d;
        if constexpr (IS_FAR<T, MAP>) s.odd += v - v;
    }
    /* Squares beyond f64 are infinite whatever the mean, unless there was none. */
    static __device__ __forceinline__ acc beyond(double count, double odd) {
        return {count, 0, odd, odd == 0 ? INFINITY : odd};
    }
    static __device__ __forceinline__ acc settle(const seen &s) {
        if (s.count == 0) return nothing();
        const double mean = s.sum / s.count, squares = s.squares - s.sum * mean;
        if (IS_FAR<T, MAP> && !(squares < INFINITY)) return beyond(s.count, s.odd);
        return {(double)s.count, s.shift, mean, squares < 0 ? 0 : squares};
    }
    /* Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
     * variances" (1979) */
    static __device__ __forceinline__ acc join(const acc &a, const acc &b) {
        if (a.count == 0) return b;
        if (b.count == 0) return a;
        const double count = a.count + b.count, share = b.count / count,
                     apart = (b.shift - a.shift) + (b.mean - a.mean);
        const double squares = a.squares + b.squares + apart * (apart * (a.count * share));
        if (squares == INFINITY) return beyond(count, 0);
        return {count, a.shift, a.mean + apart * share, squares};
    }
    template <class W> static __device__ __forceinline__ auto leave(const acc &a, const W &w) {
        return left_of<false>(w, a.shift + a.mean, a.squares * w.times);
    }
};

/* ---- squares ---- */

/* Sums of squares: those of what would overflow, and of what would vanish, apart, scaled by a power
 * of two. Source: Blue, "A portable Fortran program to find the Euclidean norm of a
 * vector", ACM TOMS 4 (1978). */
template <bool FAR> struct sums_of { double sum; };
template <> struct sums_of<true> { double sum, large, small; };

#define LARGE 0x1p480
#define SMALL 0x1p-480
#define SCALE 0x1p600
#define SCALED_TWICE 0x1p-1000 /* in two steps, 2^-1200 */
#define AND_AGAIN 0x1p-200

template <class T, auto HOW, int INPUTS> struct squares_of {
    using in = T;
    using seen = sums_of<IS_FAR<T, HOW>>;
    using acc = seen;
    using out = T;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = false;
    static constexpr int RESIDENT = 2;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_squares;
    }
    static __device__ __forceinline__ seen none() {
        return {};
    }
    static __device__ __forceinline__ acc nothing() {
        return {};
    }
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t) {
        const double d = mapped<double, MAP>(w, x, y);
        if constexpr (IS_FAR<T, MAP>) {
            const double size = ::fabs(d);
            if (size > LARGE)
                s.large += (d / SCALE) * (d / SCALE);
            else if (size < SMALL)
                s.small += (d * SCALE) * (d * SCALE);
            else
                s.sum += d * d;
        } else {
            s.sum += d * d;
        }
    }
    static __device__ __forceinline__ acc settle(const seen &s) {
        return s;
    }
    static __device__ __forceinline__ acc join(const acc &a, const acc &b) {
        if constexpr (IS_FAR<T, MAP>)
            return {a.sum + b.sum, a.large + b.large, a.small + b.small};
        else
            return {a.sum + b.sum};
    }
    template <class W> static __device__ __forceinline__ auto leave(const acc &a, const W &w) {
        double sum = a.sum, scale = 1;
        if constexpr (IS_FAR<T, MAP>) {
            if (a.large > 0) {
                sum = a.large + a.sum * SCALED_TWICE * AND_AGAIN;
                scale = SCALE;
            } else if (a.sum == 0) {
                sum = a.small;
                scale = 1 / SCALE;
            } else {
                sum = a.sum + a.small * SCALED_TWICE * AND_AGAIN;
            }
        }
        return left_of<false>(w, sum * w.times, scale);
    }
};

/* ---- exponentials ---- */

/* The greatest so far, and the sum of e^(x - greatest); NaN is greater than all. */
template <class T> struct tail {
    T most;
    double sum;
};

/* By what a sum is multiplied when its greatest was a and is b: of two infinities there is no
 * difference. */
static __device__ __forceinline__ double fade(double a, double b) {
    return a == b ? 1 : formula<double>::exp(a - b);
}

template <class T, auto HOW, int INPUTS> struct exponentials_of {
    using in = T;
    using seen = tail<T>;
    using acc = tail<double>;
    using out = T;
    static constexpr auto MAP = HOW;
    static constexpr bool PAIR = INPUTS == 2, WHOLE = false;
    static constexpr int RESIDENT = 2;
    static constexpr __host__ __device__ bool holds(reel__fold_name f) {
        return f == REEL__FOLD_exponentials;
    }
    static __device__ __forceinline__ seen none() {
        return {-(T)INFINITY, 0};
    }
    static __device__ __forceinline__ acc nothing() {
        return {-INFINITY, 0};
    }
    /* One exponential, whichever of the two is greater. */
    template <class W>
    static __device__ __forceinline__ void take(seen &s, const W &w, T x, T y, int64_t) {
        const T v = mapped<T, MAP>(w, x, y);
        const bool is_greater = v > s.most;
        const T below = v == s.most ? 0 : is_greater ? s.most - v : v - s.most;
        const double e = (double)formula<T>::exp(below);
        s.sum = is_greater ? s.sum * e + 1 : s.sum + e;
        s.most = is_greater || v != v ? v : s.most;
    }
    static __device__ __forceinline__ acc settle(const seen &s) {
        return {(double)s.most, s.sum};
    }
    static __device__ __forceinline__ acc join(const acc &a, const acc &b) {
        const double most = b.most > a.most || b.most != b.most ? b.most : a.most;
        return {most, a.sum * fade(a.most, most) + b.sum * fade(b.most, most)};
    }
    template <class W> static __device__ __forceinline__ auto leave(const acc &a, const W &w) {
        return left_of<false>(w, a.most, a.sum * w.times);
    }
};

#endif
