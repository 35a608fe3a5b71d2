/* The maps and ends of reductions (ops_reduce.def). A map makes of an element x, or of a pair x, y,
 * what is folded; p is what the call says besides. An end makes the result, in f64, of what the
 * fold left (reduction_internal.h). Included by scalar.h, behind its rows. */

REEL_FORMULA REAL R(map_square_difference)(REAL x, REAL y, REAL p) {
    (void)p;
    return (x - y) * (x - y);
}

REEL_FORMULA REAL R(map_size)(REAL x, REAL y, REAL p) {
    (void)y, (void)p;
    return R(abs)(x);
}

/* |x|^p, 0^0 = 0 */
REEL_FORMULA REAL R(map_power)(REAL x, REAL y, REAL p) {
    (void)y;
    return p == 0 ? (x != 0 ? 1 : 0) : R(pow)(R(abs)(x), p);
}

/* clang-format off */
REEL_FORMULA double R(end_root_of_power)(reel__left l) { return l.p == 0 ? l.a : WIDE(pow)(l.a, 1 / l.p); }
REEL_FORMULA double R(end_same)(reel__left l) { return l.a; }
REEL_FORMULA double R(end_mean)(reel__left l) { return l.a / l.count; }
REEL_FORMULA double R(end_root)(reel__left l) { return l.b * WIDE(sqrt)(l.a); }
REEL_FORMULA double R(end_log)(reel__left l) { return l.a + WIDE(log)(l.b); }
REEL_FORMULA double R(end_var)(reel__left l) { return l.b / (l.count > l.correction ? l.count - l.correction : 0); }
REEL_FORMULA double R(end_std)(reel__left l) { return WIDE(sqrt)(R(end_var)(l)); }
/* clang-format on */
