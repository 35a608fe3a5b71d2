/* Elementary functions, and then (scalar_rows_internal.h) the formulas of the table's rows, written
 * once for every device and for f32 and f64.
 *
 * Included once per type, f64 first, with REAL (float or double), R(name) (name with the type's
 * suffix), WIDE(name) (its f64 twin), SQRT and REEL_REAL_IS_F64 (0 or 1) defined; everything but
 * what is REEL_FORMULA_APART is branch-free arithmetic, so that a compiler makes vector code of a
 * loop around it. No libm; a square root is an instruction, which C and CUDA name differently.
 * Denormal results may be flushed to zero. Accuracy, in eps = 2^-52 (f32: 2^-23) of the result:
 * exp, log, log1p within 2, tanh, sigmoid, expm1 and erf within 4; sin and cos within 2, of any x;
 * pow as its product y ln x allows, 2^-52 |y ln x| in f64, and rounded once from that in f32.
 *
 * Source of the reductions: Cody and Waite, "Software Manual for the Elementary Functions" (1980),
 * chapters 5, 6 and 8. */

#include "tensor/formulas/fused_internal.h"

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif
#ifndef REEL_FORMULA_APART /* what is called now and then, and has branches */
#define REEL_FORMULA_APART static __attribute__((noinline, unused))
#endif

#if REEL_REAL_IS_F64
#define BITS uint64_t
#define MANTISSA 52
#define BIAS 1023
#define ROUND_MAGIC                                                                                \
    6755399441055744.0 /* 1.5 2^52: adding it leaves x rounded to an integer in the low bits */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define EXP_LOW (-746.0)
#define EXPM1_LOW (-60.0)
#define EXP_HIGH 710.0
#define EXP_NORMAL_LOW (-708.0)
#define SIGMOID_HIGH 709.7 /* 2^n is infinite here */
#define TANH_HIGH 22.0
#define SILU_LOW (-760.0) /* x e^x is 0 here, */
#define SILU_HIGH 40.0    /* and e^-x is nothing beside 1 */
#define SILU_SHIFT 512
#define SILU_SCALE 1.3407807929942597e+154 /* 2^512 */
#define GELU_HIGH 40.0                     /* Phi(-x) and phi(x) are 0 here */
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdULL
#define TWO_TO_MANTISSA 4503599627370496.0
#define HALF_PI_HIGH 1.57079632673412561417e+00 /* 33 bits */
#define HALF_PI_MIDDLE 6.07710050630396597660e-11
#define HALF_PI_LOW 2.02226624879595063154e-21
#define ANGLE_HIGH 1048576.0 /* 2^20: a multiple of pi/2 less than this has room for its bits */
#define INFINITE __builtin_inf()
#define NOT_A_NUMBER __builtin_nan("")
#else
#define BITS uint32_t
#define MANTISSA 23
#define BIAS 127
#define ROUND_MAGIC 12582912.0f /* 1.5 2^23 */
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)
#define EXP_LOW (-104.0f)
#define EXPM1_LOW (-30.0f)
#define EXP_HIGH 89.0f
#define EXP_NORMAL_LOW (-87.0f)
#define SIGMOID_HIGH 88.6f
#define TANH_HIGH 10.0f
#define SILU_LOW (-120.0f)
#define SILU_HIGH 20.0f
#define SILU_SHIFT 64
#define SILU_SCALE 18446744073709551616.0f /* 2^64 */
#define GELU_HIGH 40.0f
#define SQRT_HALF_BITS 0x3f3504f3u
#define TWO_TO_MANTISSA 8388608.0f
#define HALF_PI_HIGH 1.5703125f /* 9 bits */
#define HALF_PI_MIDDLE 4.837512969971e-04f
#define HALF_PI_LOW 7.549789415862e-08f
#define ANGLE_HIGH 8192.0f /* 2^13 */
#define INFINITE __builtin_inff()
#define NOT_A_NUMBER __builtin_nanf("")
#endif

REEL_FORMULA BITS R(bits)(REAL x) {
    BITS b;
    __builtin_memcpy(&b, &x, sizeof b);
    return b;
}

REEL_FORMULA REAL R(from_bits)(BITS b) {
    REAL x;
    __builtin_memcpy(&x, &b, sizeof x);
    return x;
}

/* 2^n for an integer n = m - ROUND_MAGIC of a normal result. */
REEL_FORMULA REAL R(power_of_two)(REAL m) {
    return R(from_bits)((R(bits)(m) + BIAS) << MANTISSA);
}

/* e^r - 1 for |r| <= ln 2 / 2: Taylor's series. */
REEL_FORMULA REAL R(expm1_small)(REAL r) {
#if REEL_REAL_IS_F64
    REAL p = 1 / (REAL)6227020800.0;
    p = p * r + 1 / (REAL)479001600.0;
    p = p * r + 1 / (REAL)39916800.0;
    p = p * r + 1 / (REAL)3628800.0;
    p = p * r + 1 / (REAL)362880.0;
    p = p * r + 1 / (REAL)40320.0;
    p = p * r + 1 / (REAL)5040.0;
#else
    REAL p = 1 / (REAL)5040.0;
#endif
    p = p * r + 1 / (REAL)720.0;
    p = p * r + 1 / (REAL)120.0;
    p = p * r + 1 / (REAL)24.0;
    p = p * r + 1 / (REAL)6.0;
    p = p * r + (REAL)0.5;
    return p * r * r + r;
}

REEL_FORMULA REAL R(clamp)(REAL x, REAL low, REAL high) {
    x = x < low ? low : x;
    return x > high ? high : x; /* NaN stays NaN */
}

/* x = n ln 2 + r, e^x = 2^n e^r; 2^n in two factors, so that it may be beyond the largest exponent.
 */
REEL_FORMULA REAL R(exp)(REAL x) {
    x = R(clamp)(x, EXP_LOW, EXP_HIGH);
    REAL n = (x * (REAL)1.44269504088896340736 + ROUND_MAGIC) - ROUND_MAGIC;
    REAL r = (x - n * LN2_HIGH) - n * LN2_LOW;
    REAL half = n * (REAL)0.5 + ROUND_MAGIC;
    REAL rest = (n - (half - ROUND_MAGIC)) + ROUND_MAGIC;
    return (R(expm1_small)(r) + 1) * R(power_of_two)(half) * R(power_of_two)(rest);
}

/* The same where x is not above 0, so that 2^n is one factor. Below EXP_NORMAL_LOW, where normal
 * numbers nearly end, it is 0. */
REEL_FORMULA REAL R(exp_down)(REAL x) {
    REAL m = x * (REAL)1.44269504088896340736 + ROUND_MAGIC, n = m - ROUND_MAGIC;
    REAL r = (x - n * LN2_HIGH) - n * LN2_LOW;
    REAL y = (R(expm1_small)(r) + 1) * R(power_of_two)(m);
    return x < EXP_NORMAL_LOW ? 0 : y;
}

/* x = 2^e m with m in [sqrt 1/2, sqrt 2); ln m = 2 atanh((m - 1) / (m + 1)) by its series. */
REEL_FORMULA REAL R(log)(REAL x) {
    BITS b = R(bits)(x) - SQRT_HALF_BITS + ((BITS)BIAS << MANTISSA);
    REAL magic = R(from_bits)((BITS)(BIAS + MANTISSA) << MANTISSA); /* 2^MANTISSA */
    REAL e = R(from_bits)((b >> MANTISSA) | R(bits)(magic)) - magic - BIAS;
    REAL f = R(from_bits)((b & (((BITS)1 << MANTISSA) - 1)) + SQRT_HALF_BITS) - 1;
    REAL s = f / (2 + f), z = s * s;
#if REEL_REAL_IS_F64
    REAL p = 2 / (REAL)21.0;
    p = p * z + 2 / (REAL)19.0;
    p = p * z + 2 / (REAL)17.0;
    p = p * z + 2 / (REAL)15.0;
    p = p * z + 2 / (REAL)13.0;
    p = p * z + 2 / (REAL)11.0;
#else
    REAL p = 2 / (REAL)11.0;
#endif
    p = p * z + 2 / (REAL)9.0;
    p = p * z + 2 / (REAL)7.0;
    p = p * z + 2 / (REAL)5.0;
    p = p * z + 2 / (REAL)3.0;
    /* ln(1 + f) = f - s (f - z p'), which keeps f's bits */
    REAL y = e * LN2_HIGH + (f - REEL__FUSED(s, f - z * p, e * -LN2_LOW));
    const REAL special = x == 0 ? -INFINITE : NOT_A_NUMBER;
    y = x > 0 ? y : special;
    return x == INFINITE ? x : y;
}

/* ln(1 + x): the bits that 1 + x loses are put back. */
REEL_FORMULA REAL R(log1p)(REAL x) {
    REAL u = 1 + x, lost = x - (u - 1), by = u > 0 ? u : 1;
    REAL y = R(log)(u) + lost / by;
    return u == INFINITE ? u : y;
}

/* 1 / (1 + e^-x), with 2^n in one factor: what overflows makes 0, what underflows adds nothing. */
REEL_FORMULA REAL R(sigmoid)(REAL x) {
    REAL t = R(clamp)(-x, EXP_NORMAL_LOW, SIGMOID_HIGH);
    REAL m = t * (REAL)1.44269504088896340736 + ROUND_MAGIC, n = m - ROUND_MAGIC;
    REAL r = (t - n * LN2_HIGH) - n * LN2_LOW;
    return 1 / (1 + (R(expm1_small)(r) + 1) * R(power_of_two)(m));
}

/* tanh |x| = (e^2|x| - 1) / (e^2|x| + 1), by e^t - 1 so that small x keep their bits. */
REEL_FORMULA REAL R(tanh)(REAL x) {
    REAL t = x < 0 ? -2 * x : 2 * x;
    t = t > 2 * TANH_HIGH ? 2 * TANH_HIGH : t;
    REAL m = t * (REAL)1.44269504088896340736 + ROUND_MAGIC, n = m - ROUND_MAGIC;
    REAL r = (t - n * LN2_HIGH) - n * LN2_LOW;
    REAL scale = R(power_of_two)(m);
    REAL e = scale * R(expm1_small)(r) + (scale - 1);
    REAL y = e / (e + 2);
    return x < 0 ? -y : y;
}

/* e^x - 1: e^r - 1 scaled, and what the scale adds. */
REEL_FORMULA REAL R(expm1)(REAL x) {
    REAL t = R(clamp)(x, EXPM1_LOW, EXP_HIGH);
    REAL m = t * (REAL)1.44269504088896340736 + ROUND_MAGIC, n = m - ROUND_MAGIC;
    REAL r = (t - n * LN2_HIGH) - n * LN2_LOW;
    REAL half = R(power_of_two)(m - 1); /* 2^n itself may be beyond the largest exponent */
    REAL y = 2 * (half * R(expm1_small)(r) + (half - (REAL)0.5));
    return x == 0 ? x : y;
}

/* ---- to integers ---- */

REEL_FORMULA REAL R(abs)(REAL x) {
    return R(from_bits)(R(bits)(x) & ~((BITS)1 << (8 * sizeof(BITS) - 1)));
}

REEL_FORMULA REAL R(with_sign)(REAL magnitude, REAL of) {
    const BITS sign = (BITS)1 << (8 * sizeof(BITS) - 1);
    return R(from_bits)((R(bits)(magnitude) & ~sign) | (R(bits)(of) & sign));
}

/* To the nearest integer, halves to even; what is so large that it has no fraction stays. */
REEL_FORMULA REAL R(round)(REAL x) {
    REAL a = R(abs)(x), n = (a + TWO_TO_MANTISSA) - TWO_TO_MANTISSA;
    return a < TWO_TO_MANTISSA ? R(with_sign)(n, x) : x;
}

REEL_FORMULA REAL R(floor)(REAL x) {
    REAL n = R(round)(x);
    return n > x ? n - 1 : n;
}

REEL_FORMULA REAL R(ceil)(REAL x) {
    REAL n = R(round)(x);
    return n < x ? R(with_sign)(n + 1, x) : n;
}

REEL_FORMULA REAL R(trunc)(REAL x) {
    return R(with_sign)(R(floor)(R(abs)(x)), x);
}

/* ---- angles: x = n pi/2 + r with |r| <= pi/4, and Taylor's series of r ---- */

REEL_FORMULA REAL R(sin_small)(REAL r) {
    const REAL z = r * r;
#if REEL_REAL_IS_F64
    REAL p = 1 / (REAL)355687428096000.0;
    p = p * z - 1 / (REAL)1307674368000.0;
    p = p * z + 1 / (REAL)6227020800.0;
    p = p * z - 1 / (REAL)39916800.0;
    p = p * z + 1 / (REAL)362880.0;
#else
    REAL p = 1 / (REAL)362880.0;
#endif
    p = p * z - 1 / (REAL)5040.0;
    p = p * z + 1 / (REAL)120.0;
    p = p * z - 1 / (REAL)6.0;
    return p * z * r + r;
}

REEL_FORMULA REAL R(cos_small)(REAL r) {
    const REAL z = r * r;
#if REEL_REAL_IS_F64
    REAL p = 1 / (REAL)20922789888000.0;
    p = p * z - 1 / (REAL)87178291200.0;
    p = p * z + 1 / (REAL)479001600.0;
    p = p * z - 1 / (REAL)3628800.0;
#else
    REAL p = -1 / (REAL)3628800.0;
#endif
    p = p * z + 1 / (REAL)40320.0;
    p = p * z - 1 / (REAL)720.0;
    p = p * z + 1 / (REAL)24.0;
    return p * z * z + (1 - z * (REAL)0.5);
}

/* sin(x + turns pi/2) for |x| < ANGLE_HIGH; others are given back as they are. */
REEL_FORMULA REAL R(sin_turned)(REAL x, BITS turns) {
    REAL m = x * (REAL)0.63661977236758134308 + ROUND_MAGIC, n = m - ROUND_MAGIC;
    REAL r = ((x - n * HALF_PI_HIGH) - n * HALF_PI_MIDDLE) - n * HALF_PI_LOW;
    BITS quarter = R(bits)(m) + turns;
    REAL y = quarter & 1 ? R(cos_small)(r) : R(sin_small)(r);
    y = quarter & 2 ? -y : y;
    return R(abs)(x) < ANGLE_HIGH ? y : x;
}

REEL_FORMULA REAL R(sin)(REAL x) {
    return R(sin_turned)(x, 0);
}

REEL_FORMULA REAL R(cos)(REAL x) {
    return R(sin_turned)(x, 1);
}

/* Rows of kind FAR: whether y, which such a formula gave, is an x that it gave back; and what it is
 * to be then, one by one. */
REEL_FORMULA bool R(is_far)(REAL y) {
    return R(abs)(y) >= ANGLE_HIGH;
}

#if REEL_REAL_IS_F64
#include "tensor/formulas/scalar_angle_internal.h"

REEL_FORMULA_APART REAL R(sin_far)(REAL x) {
    return R(is_far)(x) ? R(sin_turned_far)(x, 0) : R(sin)(x);
}

REEL_FORMULA_APART REAL R(cos_far)(REAL x) {
    return R(is_far)(x) ? R(sin_turned_far)(x, 1) : R(cos)(x);
}
#else
REEL_FORMULA_APART REAL R(sin_far)(REAL x) {
    return (REAL)WIDE(sin_far)((double)x);
}

REEL_FORMULA_APART REAL R(cos_far)(REAL x) {
    return (REAL)WIDE(cos_far)((double)x);
}
#endif

/* ---- erf ---- */

#if REEL_REAL_IS_F64
/* Two rational functions, one up to 0.46875, and one for erfc beyond; from 6 on erf is 1.
 * Source: Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969).
 */
REEL_FORMULA REAL R(erf)(REAL x) {
    REAL a = R(abs)(x), z = a * a, n, d, inner;
    n = ((((REAL)1.85777706184603153e-1 * z + (REAL)3.16112374387056560) * z +
          (REAL)1.13864154151050156e2) *
             z +
         (REAL)3.77485237685302021e2) *
            z +
        (REAL)3.20937758913846947e3;
    d = (((z + (REAL)2.36012909523441209e1) * z + (REAL)2.44024637934444173e2) * z +
         (REAL)1.28261652607737228e3) *
            z +
        (REAL)2.84423683343917062e3;
    inner = x * (n / d);
    REAL t = a > 6 ? 6 : a;
    n = (REAL)2.15311535474403846e-8;
    n = n * t + (REAL)5.64188496988670089e-1;
    n = n * t + (REAL)8.88314979438837594;
    n = n * t + (REAL)6.61191906371416295e1;
    n = n * t + (REAL)2.98635138197400131e2;
    n = n * t + (REAL)8.81952221241769090e2;
    n = n * t + (REAL)1.71204761263407058e3;
    n = n * t + (REAL)2.05107837782607147e3;
    n = n * t + (REAL)1.23033935479799725e3;
    d = t + (REAL)1.57449261107098347e1;
    d = d * t + (REAL)1.17693950891312499e2;
    d = d * t + (REAL)5.37181101862009858e2;
    d = d * t + (REAL)1.62138957456669019e3;
    d = d * t + (REAL)3.29079923573345963e3;
    d = d * t + (REAL)4.36261909014324716e3;
    d = d * t + (REAL)3.43936767414372164e3;
    d = d * t + (REAL)1.23033935480374942e3;
    REAL outer = R(with_sign)(1 - R(exp)(-t * t) * (n / d), x);
    return a <= (REAL)0.46875 ? inner : outer;
}
#else
/* |x| times a rational function of x^2 up to 3.92, where erf is 1 but for 3e-8; at 4.5 it is above
 * 1 and cut off. Fitted by least squares at 2000 Chebyshev points, weighted again and again towards
 * the least greatest relative error (Lawson 1961), which is 2e-8. */
REEL_FORMULA REAL R(erf)(REAL x) {
    REAL a = R(abs)(x), n, d;
    a = a > 4.5f ? 4.5f : a;
    const REAL z = a * a;
    n = 2.050107841e-06f;
    n = n * z + 2.848818840e-04f;
    n = n * z + 3.765549966e-03f;
    n = n * z + 5.274851535e-02f;
    n = n * z + 1.904048116e-01f;
    n = n * z + 1.128379146e+00f;
    d = 3.809188633e-05f;
    d = d * z + 1.162520591e-03f;
    d = d * z + 1.496908070e-02f;
    d = d * z + 1.141084379e-01f;
    d = d * z + 5.020746120e-01f;
    d = d * z + 1;
    REAL y = a * n / d;
    return R(with_sign)(y > 1 ? 1 : y, x);
}
#endif

/* ---- x^y ---- */

/* e^(y ln |x|), and the sign where x is negative and y a whole number. x^0 = 1^y = 1 for any x and
 * y, NaN too. */
#if REEL_REAL_IS_F64
REEL_FORMULA REAL R(pow)(REAL x, REAL y) {
    REAL a = R(abs)(x), half = y * (REAL)0.5;
    REAL p = a == 1 ? 1 : R(exp)(y * R(log)(a));
    REAL p_whole = R(floor)(half) != half ? -p : p;
    REAL p_broken = x == 0 || a == INFINITE ? p : NOT_A_NUMBER;
    REAL p_negative = R(floor)(y) == y ? p_whole : p_broken;
    p = R(bits)(x) >> (8 * sizeof(BITS) - 1) && x == x ? p_negative : p;
    return y == 0 || x == 1 ? 1 : p;
}
#else
REEL_FORMULA REAL R(pow)(REAL x, REAL y) {
    return (REAL)WIDE(pow)((double)x, (double)y);
}
#endif

#include "tensor/formulas/scalar_rows_internal.h"

#include "tensor/formulas/scalar_folds_internal.h"

#undef BITS
#undef MANTISSA
#undef BIAS
#undef ROUND_MAGIC
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LOW
#undef EXPM1_LOW
#undef EXP_HIGH
#undef EXP_NORMAL_LOW
#undef SIGMOID_HIGH
#undef TANH_HIGH
#undef SILU_LOW
#undef SILU_HIGH
#undef SILU_SHIFT
#undef SILU_SCALE
#undef GELU_HIGH
#undef SQRT_HALF_BITS
#undef TWO_TO_MANTISSA
#undef HALF_PI_HIGH
#undef HALF_PI_MIDDLE
#undef HALF_PI_LOW
#undef ANGLE_HIGH
#undef INFINITE
#undef NOT_A_NUMBER
