/* var and std, norm, logsumexp. */
#include "cuda/fold_internal.cuh"
#include "cuda/formula_internal.cuh"

/* ---- var, std ---- */

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

template <class T> struct variance_of {
    using in = T;
    using seen = shifted;
    using acc = moments;
    using out = T;
    static constexpr bool PAIR = false;
    static constexpr int RESIDENT = 2;
    static __device__ __forceinline__ seen none() {
        return {0, 0, 0, 0, 0};
    }
    static __device__ __forceinline__ acc nothing() {
        return {0, 0, 0, 0};
    }
    static __device__ __forceinline__ void take(seen &s, const reel__cuda_fold_work &, T x, T,
                                                int64_t) {
        if (s.count++ == 0) s.shift = (double)x;
        const double d = (double)x - s.shift;
        s.sum += d;
        s.squares += d * d;
        if constexpr (sizeof(T) == 8) s.odd += x - x; /* those of f32 do not overflow */
    }
    /* Squares beyond f64 are infinite whatever the mean, unless there was none. */
    static __device__ __forceinline__ acc beyond(double count, double odd) {
        return {count, 0, odd, odd == 0 ? INFINITY : odd};
    }
    static __device__ __forceinline__ acc settle(const seen &s) {
        if (s.count == 0) return nothing();
        const double mean = s.sum / s.count, squares = s.squares - s.sum * mean;
        if (sizeof(T) == 8 && !(squares < INFINITY)) return beyond(s.count, s.odd);
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
    static __device__ __forceinline__ out finish(const acc &a, const reel__cuda_fold_work &w) {
        const double variance = a.squares * w.times / w.divisor;
        return (out)(w.root ? ::sqrt(variance) : variance);
    }
};

cudaError_t reel__cuda_launch_var(const reel__cuda_fold_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? launch_fold<variance_of<float>>(w, queue)
                             : launch_fold<variance_of<double>>(w, queue);
}

/* ---- norm ---- */

/* Sums of squares: of f64 those of what would overflow, and of what would vanish, apart, scaled by
 * a power of two. Source: Blue, "A portable Fortran program to find the Euclidean norm of a
 * vector", ACM TOMS 4 (1978). */
template <class T> struct squares_of { double sum; };
template <> struct squares_of<double> { double sum, large, small; };

#define LARGE 0x1p480
#define SMALL 0x1p-480
#define SCALE 0x1p600
#define SCALED_TWICE 0x1p-1000 /* in two steps, 2^-1200 */
#define AND_AGAIN 0x1p-200

template <class T> struct norm_of {
    using in = T;
    using seen = squares_of<T>;
    using acc = squares_of<T>;
    using out = T;
    static constexpr bool PAIR = false;
    static constexpr int RESIDENT = 2;
    static __device__ __forceinline__ seen none() {
        return {};
    }
    static __device__ __forceinline__ acc nothing() {
        return {};
    }
    static __device__ __forceinline__ void take(seen &s, const reel__cuda_fold_work &, T x, T,
                                                int64_t) {
        const double d = (double)x;
        if constexpr (sizeof(T) == 8) {
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
        if constexpr (sizeof(T) == 8)
            return {a.sum + b.sum, a.large + b.large, a.small + b.small};
        else
            return {a.sum + b.sum};
    }
    static __device__ __forceinline__ out finish(const acc &a, const reel__cuda_fold_work &w) {
        if constexpr (sizeof(T) == 8) {
            const double n = w.times;
            if (a.large > 0)
                return ::sqrt((a.large + a.sum * SCALED_TWICE * AND_AGAIN) * n) * SCALE;
            if (a.sum == 0) return ::sqrt(a.small * n) / SCALE;
            return ::sqrt((a.sum + a.small * SCALED_TWICE * AND_AGAIN) * n);
        } else {
            return (out)::sqrt(a.sum * w.times);
        }
    }
};

cudaError_t reel__cuda_launch_length(const reel__cuda_fold_work *w, reel_dtype dtype,
                                     reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? launch_fold<norm_of<float>>(w, queue)
                             : launch_fold<norm_of<double>>(w, queue);
}

/* ---- logsumexp ---- */

/* The greatest so far, and the sum of e^(x - greatest); NaN is greater than all. */
template <class T> struct exponentials {
    T most;
    double sum;
};

/* By what a sum is multiplied when its greatest was a and is b: of two infinities there is no
 * difference. */
static __device__ __forceinline__ double fade(double a, double b) {
    return a == b ? 1 : formula<double>::exp(a - b);
}

template <class T> struct logsumexp_of {
    using in = T;
    using seen = exponentials<T>;
    using acc = exponentials<double>;
    using out = T;
    static constexpr bool PAIR = false;
    static constexpr int RESIDENT = 2;
    static __device__ __forceinline__ seen none() {
        return {-(T)INFINITY, 0};
    }
    static __device__ __forceinline__ acc nothing() {
        return {-INFINITY, 0};
    }
    /* One exponential, whichever of the two is greater. */
    static __device__ __forceinline__ void take(seen &s, const reel__cuda_fold_work &, T x, T,
                                                int64_t) {
        const bool is_greater = x > s.most;
        const T below = x == s.most ? 0 : is_greater ? s.most - x : x - s.most;
        const double e = (double)formula<T>::exp(below);
        s.sum = is_greater ? s.sum * e + 1 : s.sum + e;
        s.most = is_greater || x != x ? x : s.most;
    }
    static __device__ __forceinline__ acc settle(const seen &s) {
        return {(double)s.most, s.sum};
    }
    static __device__ __forceinline__ acc join(const acc &a, const acc &b) {
        const double most = b.most > a.most || b.most != b.most ? b.most : a.most;
        return {most, a.sum * fade(a.most, most) + b.sum * fade(b.most, most)};
    }
    static __device__ __forceinline__ out finish(const acc &a, const reel__cuda_fold_work &w) {
        return (out)(a.most + formula<double>::log(a.sum * w.times));
    }
};

cudaError_t reel__cuda_launch_logsumexp(const reel__cuda_fold_work *w, reel_dtype dtype,
                                        reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? launch_fold<logsumexp_of<float>>(w, queue)
                             : launch_fold<logsumexp_of<double>>(w, queue);
}
