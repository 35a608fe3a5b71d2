/* Two uniform numbers to two standard normal ones, written once for every device and for f32 and
 * f64: included once per type after scalar.h's definitions, with REAL, R and REEL_REAL_IS_F64 as
 * there.
 *
 * Source: Box and Muller, "A note on the generation of random normal deviates" (1958). */

/* sin and cos of 2 pi v for v in [0, 1]: v = k/4 + r with |r| <= 1/8, Taylor's series at 2 pi r. */
REEL_FORMULA void R(sin_cos_turn)(REAL v, REAL *sine, REAL *cosine) {
    int k = (int)(v * 4 + (REAL)0.5);
    REAL t = (v - (REAL)k * (REAL)0.25) * (REAL)6.28318530717958647692, z = t * t;
#if REEL_REAL_IS_F64
    REAL s = -1 / (REAL)1307674368000.0, c = 1 / (REAL)20922789888000.0;
    s = s * z + 1 / (REAL)6227020800.0;
    c = c * z - 1 / (REAL)87178291200.0;
    s = s * z - 1 / (REAL)39916800.0;
    c = c * z + 1 / (REAL)479001600.0;
    s = s * z + 1 / (REAL)362880.0;
    c = c * z - 1 / (REAL)3628800.0;
#else
    REAL s = 1 / (REAL)362880.0, c = -1 / (REAL)3628800.0;
#endif
    s = s * z - 1 / (REAL)5040.0;
    c = c * z + 1 / (REAL)40320.0;
    s = s * z + 1 / (REAL)120.0;
    c = c * z - 1 / (REAL)720.0;
    s = s * z - 1 / (REAL)6.0;
    c = c * z + 1 / (REAL)24.0;
    c = c * z - (REAL)0.5;
    s = s * z * t + t;
    c = c * z + 1;
    *sine = k % 4 == 0 ? s : k % 4 == 1 ? c : k % 4 == 2 ? -s : -c;
    *cosine = k % 4 == 0 ? c : k % 4 == 1 ? -s : k % 4 == 2 ? -c : s;
}

/* z0 = sqrt(-2 ln u) sin 2 pi v, z1 = sqrt(-2 ln u) cos 2 pi v, for u in (0, 1]. */
REEL_FORMULA void R(box_muller)(REAL u, REAL v, REAL *z0, REAL *z1) {
    REAL radius = SQRT(-2 * R(log)(u)), sine, cosine;
    R(sin_cos_turn)(v, &sine, &cosine);
    *z0 = radius * sine;
    *z1 = radius * cosine;
}
