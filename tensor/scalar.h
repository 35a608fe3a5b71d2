/* The elementwise formulas, written once for every device and for f32 and f64.
 *
 * Included once per type, with REAL (float or double), R(name) (name with the type's suffix) and
 * REEL_REAL_IS_F64 (0 or 1) defined; everything is branch-free arithmetic, so that a compiler makes
 * vector code of a loop around it. No libm; sqrt is not here: it is an instruction, which C and
 * CUDA name differently. Denormal results may be flushed to zero. Accuracy: exp, log, log1p within
 * 2 units in the last place, tanh and sigmoid within 4.
 *
 * Source of the reductions: Cody and Waite, "Software Manual for the Elementary Functions" (1980),
 * chapters 5 and 6. */

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
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
#define EXP_HIGH 710.0
#define SIGMOID_LOW (-708.0)
#define SIGMOID_HIGH 709.7 /* 2^n is infinite here */
#define TANH_HIGH 22.0
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdULL
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
#define EXP_HIGH 89.0f
#define SIGMOID_LOW (-87.0f)
#define SIGMOID_HIGH 88.6f
#define TANH_HIGH 10.0f
#define SQRT_HALF_BITS 0x3f3504f3u
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
    REAL y = e * LN2_HIGH + (f - (s * (f - z * p) - e * LN2_LOW));
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

/* clang-format off */
REEL_FORMULA REAL R(add)(REAL x, REAL y) { return x + y; }
REEL_FORMULA REAL R(sub)(REAL x, REAL y) { return x - y; }
REEL_FORMULA REAL R(mul)(REAL x, REAL y) { return x * y; }
REEL_FORMULA REAL R(div)(REAL x, REAL y) { return x / y; }
REEL_FORMULA REAL R(neg)(REAL x) { return -x; }
REEL_FORMULA REAL R(square)(REAL x) { return x * x; }
REEL_FORMULA REAL R(square_grad)(REAL g, REAL x) { return 2 * g * x; }
REEL_FORMULA REAL R(affine)(REAL x, REAL scale, REAL shift) { return scale * x + shift; }
REEL_FORMULA REAL R(relu)(REAL x) { return x < 0 ? 0 : x; }
REEL_FORMULA REAL R(relu_grad)(REAL g, REAL y) { return y > 0 ? g : 0; }
REEL_FORMULA REAL R(sigmoid_grad)(REAL g, REAL y) { return g * (y * (1 - y)); }
/* clang-format on */

/* 1 / (1 + e^-x), with 2^n in one factor: what overflows makes 0, what underflows adds nothing. */
REEL_FORMULA REAL R(sigmoid)(REAL x) {
    REAL t = R(clamp)(-x, SIGMOID_LOW, SIGMOID_HIGH);
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

/* z = -(t max(ln p, -100) + (1 - t) max(ln(1 - p), -100)) */
REEL_FORMULA REAL R(bce)(REAL p, REAL t) {
    REAL yes = R(log)(p), no = R(log1p)(-p);
    yes = yes < -100 ? -100 : yes;
    no = no < -100 ? -100 : no;
    return (t - 1) * no - t * yes;
}

REEL_FORMULA REAL R(bce_grad)(REAL g, REAL p, REAL t) {
    REAL d = (1 - p) * p;
    d = d < (REAL)1e-12 ? (REAL)1e-12 : d;
    return g * (p - t) / d;
}

REEL_FORMULA REAL R(mse_grad)(REAL g, REAL y, REAL t, REAL scale) {
    return g * scale * (y - t);
}

#undef BITS
#undef MANTISSA
#undef BIAS
#undef ROUND_MAGIC
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LOW
#undef EXP_HIGH
#undef SIGMOID_LOW
#undef SIGMOID_HIGH
#undef TANH_HIGH
#undef SQRT_HALF_BITS
#undef INFINITE
#undef NOT_A_NUMBER
