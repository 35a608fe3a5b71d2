/* The elementwise formulas on integers, which wrap: of the rows of ops_map.def that take any
 * number.
 * Included once per type, with INTEGER, UNSIGNED (INTEGER's, or a wider one) and I(name) defined.
 */

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

/* clang-format off */
REEL_FORMULA INTEGER I(add)(INTEGER x, INTEGER y) { return (INTEGER)((UNSIGNED)x + (UNSIGNED)y); }
REEL_FORMULA INTEGER I(sub)(INTEGER x, INTEGER y) { return (INTEGER)((UNSIGNED)x - (UNSIGNED)y); }
REEL_FORMULA INTEGER I(mul)(INTEGER x, INTEGER y) { return (INTEGER)((UNSIGNED)x * (UNSIGNED)y); }
REEL_FORMULA INTEGER I(neg)(INTEGER x) { return (INTEGER)(0 - (UNSIGNED)x); }
REEL_FORMULA INTEGER I(abs)(INTEGER x) { return x > 0 ? x : I(neg)(x); }
REEL_FORMULA INTEGER I(sign)(INTEGER x) { return (INTEGER)(x > 0 ? 1 : x == 0 ? 0 : -1); }
REEL_FORMULA INTEGER I(maximum)(INTEGER x, INTEGER y) { return x > y ? x : y; }
REEL_FORMULA INTEGER I(minimum)(INTEGER x, INTEGER y) { return x < y ? x : y; }
REEL_FORMULA INTEGER I(ties)(INTEGER x, INTEGER y) { return x == y; }

REEL_FORMULA bool I(eq)(INTEGER x, INTEGER y) { return x == y; }
REEL_FORMULA bool I(ne)(INTEGER x, INTEGER y) { return x != y; }
REEL_FORMULA bool I(lt)(INTEGER x, INTEGER y) { return x < y; }
REEL_FORMULA bool I(le)(INTEGER x, INTEGER y) { return x <= y; }
REEL_FORMULA bool I(gt)(INTEGER x, INTEGER y) { return x > y; }
REEL_FORMULA bool I(ge)(INTEGER x, INTEGER y) { return x >= y; }
REEL_FORMULA bool I(logical_and)(INTEGER x, INTEGER y) { return (x != 0) & (y != 0); }
REEL_FORMULA bool I(logical_or)(INTEGER x, INTEGER y) { return (x != 0) | (y != 0); }
REEL_FORMULA bool I(logical_xor)(INTEGER x, INTEGER y) { return (x != 0) ^ (y != 0); }
REEL_FORMULA bool I(logical_not)(INTEGER x) { return x == 0; }
/* clang-format on */
