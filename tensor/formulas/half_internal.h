/* f16 and bf16, which are stored and not computed with: their bits to and from f32, and from f64
 * and i64, rounded once, to nearest, ties to even. Branch-free, so that loops become vector code,
 * and right where denormals are flushed to zero: an f16's own are none in f32. */
#ifndef REEL_TENSOR_FORMULAS_HALF_INTERNAL_H
#define REEL_TENSOR_FORMULAS_HALF_INTERNAL_H

#include <stdint.h>

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

REEL_FORMULA uint32_t reel__f32_bits(float x) {
    uint32_t b;
    __builtin_memcpy(&b, &x, sizeof b);
    return b;
}

REEL_FORMULA float reel__f32_from_bits(uint32_t b) {
    float x;
    __builtin_memcpy(&x, &b, sizeof x);
    return x;
}

/* 5 bits of exponent for f32's 8: 112 = 127 - 15 more. What f16 has below its smallest exponent is
 * counted up from 2^-14 by a subtraction. */
REEL_FORMULA float reel__f32_from_f16(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
    const uint32_t normal = rest + (112u << 23);
    const uint32_t small =
        reel__f32_bits(reel__f32_from_bits(rest + (113u << 23)) - reel__f32_from_bits(113u << 23));
    const uint32_t finite = rest < (1u << 23) ? small : normal;
    const uint32_t all = rest >= (31u << 23) ? rest | 0x7f800000u : finite;
    return reel__f32_from_bits(sign | all);
}

REEL_FORMULA uint16_t reel__f16_from_f32(float x) {
    const uint32_t b = reel__f32_bits(x), sign = b >> 16 & 0x8000, rest = b & 0x7fffffff;
    /* Below 2^-14 the addition of 2^-1, whose last bit is 2^-24, does the rounding. */
    const uint32_t small =
        reel__f32_bits(reel__f32_from_bits(rest) + reel__f32_from_bits(126u << 23)) - (126u << 23);
    const uint32_t normal = (rest - (112u << 23) + 0xfff + (rest >> 13 & 1)) >> 13;
    const uint32_t finite = rest < (113u << 23) ? small : normal;
    const uint32_t large = rest > 0x7f800000u ? 0x7e00 : 0x7c00;
    return (uint16_t)(sign | (rest >= (143u << 23) ? large : finite));
}

REEL_FORMULA float reel__f32_from_bf16(uint16_t h) {
    return reel__f32_from_bits((uint32_t)h << 16);
}

REEL_FORMULA uint16_t reel__bf16_from_f32(float x) {
    const uint32_t b = reel__f32_bits(x), rounded = (b + 0x7fff + (b >> 16 & 1)) >> 16;
    return (uint16_t)(x != x ? 0x7fc0 | (b >> 16 & 0x8000) : rounded);
}

/* ---- from f64: by way of f32 it would be rounded twice ---- */

REEL_FORMULA uint64_t reel__f64_bits(double x) {
    uint64_t b;
    __builtin_memcpy(&b, &x, sizeof b);
    return b;
}

REEL_FORMULA double reel__f64_from_bits(uint64_t b) {
    double x;
    __builtin_memcpy(&x, &b, sizeof x);
    return x;
}

/* To `mantissa` bits behind the point, with a bias of 1023 - apart, whose exponents end at `end`.
 * Below 2^(1 + apart - 1023) the addition of 2^(53 - mantissa + apart - 1023) does the rounding. */
REEL_FORMULA uint64_t reel__f64_rounded(uint64_t rest, int mantissa, uint64_t apart, uint64_t end) {
    const int dropped = 52 - mantissa;
    const uint64_t magic = (apart + 1 + (uint64_t)dropped) << 52;
    const uint64_t small =
        reel__f64_bits(reel__f64_from_bits(rest) + reel__f64_from_bits(magic)) - magic;
    const uint64_t half = ((uint64_t)1 << (dropped - 1)) - 1;
    const uint64_t normal = (rest - (apart << 52) + half + (rest >> dropped & 1)) >> dropped;
    const uint64_t finite = rest < (apart + 1) << 52 ? small : normal;
    const uint64_t infinite = end << mantissa,
                   large = rest > (uint64_t)2047 << 52 ? infinite | infinite >> 1 : infinite;
    return rest >= (apart + end) << 52 ? large : finite;
}

REEL_FORMULA uint16_t reel__f16_from_f64(double x) {
    const uint64_t b = reel__f64_bits(x);
    return (uint16_t)((b >> 48 & 0x8000) | reel__f64_rounded(b << 1 >> 1, 10, 1008, 31));
}

REEL_FORMULA uint16_t reel__bf16_from_f64(double x) {
    const uint64_t b = reel__f64_bits(x);
    return (uint16_t)((b >> 48 & 0x8000) | reel__f64_rounded(b << 1 >> 1, 7, 896, 255));
}

/* An f64 that rounds to fewer bits as n does: beyond 2^53, the bits that it has no room for are
 * summed up in its last one. */
REEL_FORMULA double reel__f64_like_i64(int64_t n) {
    const int64_t cut = (n & ~(int64_t)0x7ff) | (int64_t)((n & 0x7ff) != 0) << 11;
    const uint64_t limit = (uint64_t)1 << 53;
    return (double)((uint64_t)n + limit > 2 * limit ? cut : n);
}

#endif
