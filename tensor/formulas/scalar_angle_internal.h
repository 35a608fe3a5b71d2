/* sin and cos of large numbers: scalar.h includes it, of f64 alone. Not for a loop of its own:
 * these are called for what R(sin) and R(cos) gave back.
 *
 * x = m 2^k with a whole m, so that of x 2/pi the bits of 2/pi that m 2^k lifts above the quarter
 * turns count for nothing, and 128 bits from there on are enough: no f64 is nearer to a multiple of
 * pi/2 than 2^-62 of it. Source: Payne and Hanek, "Radian reduction for trigonometric functions",
 * SIGNUM Newsletter 18 (1983). */

#define HALF_PI_HIGH_53 1.5707963267948966
#define HALF_PI_LOW_53 6.123233995736766e-17

/* The upper half of a b. */
REEL_FORMULA uint64_t R(high_product)(uint64_t a, uint64_t b) {
    const uint64_t low = 0xffffffff, ah = a >> 32, al = a & low, bh = b >> 32, bl = b & low;
    const uint64_t middle = ah * bl + (al * bl >> 32), other = al * bh + (middle & low);
    return ah * bh + (middle >> 32) + (other >> 32);
}

/* 64 bits of 2/pi from bit `at` on; the first 64 stand before its point. */
REEL_FORMULA_APART uint64_t R(bits_of_two_over_pi)(int at) {
    static const uint64_t word[20] = {
        0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041,
        0xfe5163abdebbc561, 0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e,
        0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b,
        0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
        0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab};
    const int i = at / 64, shift = at % 64;
    return shift ? word[i] << shift | word[i + 1] >> (64 - shift) : word[i];
}

/* sin(x + turns pi/2) for |x| >= ANGLE_HIGH; NaN of an infinity. */
REEL_FORMULA_APART double R(sin_turned_far)(double x, BITS turns) {
    const int exponent = (int)(R(bits)(x) >> 52 & 0x7ff), k = exponent - 1075;
    if (exponent == 0x7ff) return x - x;
    const uint64_t m = (R(bits)(x) & 0xfffffffffffff) | (uint64_t)1 << 52;
    /* x 2/pi, modulo 4: two bits of quarter turns, and 126 behind their point */
    const uint64_t a = R(bits_of_two_over_pi)(k + 62), b = R(bits_of_two_over_pi)(k + 126),
                   c = R(bits_of_two_over_pi)(k + 190);
    uint64_t low = m * b + R(high_product)(m, c);
    uint64_t high = m * a + R(high_product)(m, b) + (low < m * b);
    uint64_t quarter = high >> 62;
    high = high << 2 | low >> 62;
    low <<= 2;
    const bool above = high >> 63; /* half: less than nothing, and a quarter more */
    if (above) {
        quarter++;
        low = ~low + 1;
        high = ~high + (low == 0);
    }
    const int zeros = high ? __builtin_clzll(high) : 63;
    high = zeros ? high << zeros | low >> (64 - zeros) : high;
    /* of high 2^-64, 53 bits and 11 */
    const double much = (double)(high >> 11) * 0x1p-53, rest = (double)(high & 0x7ff) * 0x1p-64;
    const double scale = R(from_bits)((uint64_t)(1023 - zeros) << 52);
    double r = (much * HALF_PI_HIGH_53 + (much * HALF_PI_LOW_53 + rest * HALF_PI_HIGH_53)) * scale;
    if (above != (x < 0)) r = -r;
    /* of -x the turns go backwards */
    quarter = (x < 0 ? ~quarter + 1 : quarter) + turns;
    const double y = quarter & 1 ? R(cos_small)(r) : R(sin_small)(r);
    return quarter & 2 ? -y : y;
}

#undef HALF_PI_HIGH_53
#undef HALF_PI_LOW_53
