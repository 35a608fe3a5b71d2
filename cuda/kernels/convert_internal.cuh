/* An element of one type as one of another: what cast means. */
#ifndef REEL_CUDA_KERNELS_CONVERT_INTERNAL_CUH
#define REEL_CUDA_KERNELS_CONVERT_INTERNAL_CUH

#include "cuda/kernels/half_internal.cuh"

#include <stdint.h>
#include <type_traits>

/* Float to integer truncates; beyond the integer's range lies its nearest bound, and NaN is 0. */
static __device__ __forceinline__ int64_t to_i64(double x) {
    if (!(x > -0x1p63)) return x <= -0x1p63 ? INT64_MIN : 0;
    return x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static __device__ __forceinline__ uint8_t to_u8(double x) {
    if (!(x > 0)) return 0;
    return x >= 255 ? 255 : (uint8_t)x;
}

/* What rounds to fewer bits as x does. */
static __device__ __forceinline__ double as_f64(double x) {
    return x;
}
static __device__ __forceinline__ double as_f64(int64_t x) {
    return reel__f64_like_i64(x);
}

template <class TO, class FROM> static __device__ __forceinline__ TO convert(FROM from) {
    const auto x = number(from);
    using X = decltype(number(from));
    constexpr bool from_float = sizeof(X) > 1 && (X)0.5 != 0;
    constexpr bool wide = sizeof(X) == 8; /* than f32, by way of which it would be rounded twice */
    if constexpr (std::is_same<TO, f16>::value && wide)
        return {reel__f16_from_f64(as_f64(x))};
    else if constexpr (std::is_same<TO, bf16>::value && wide)
        return {reel__bf16_from_f64(as_f64(x))};
    else if constexpr (std::is_same<TO, f16>::value)
        return {reel__f16_from_f32((float)x)};
    else if constexpr (std::is_same<TO, bf16>::value)
        return {reel__bf16_from_f32((float)x)};
    else if constexpr (sizeof(TO) == 1 && sizeof(X) > 1)
        return from_float ? to_u8((double)x) : x < 0 ? 0 : x > 255 ? 255 : (uint8_t)x;
    else if constexpr (from_float && std::is_same<TO, int64_t>::value)
        return to_i64((double)x);
    else
        return (TO)x;
}

#endif
