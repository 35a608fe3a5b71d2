/* The formulas of the rows of ops_map.def: their inputs, and then their constants. What each means
 * stands at its public function (ops.h) or, of parts of gradients, in ops_internal.h. Included by
 * scalar.h. */

/* clang-format off */
REEL_FORMULA REAL R(add)(REAL x, REAL y) { return x + y; }
REEL_FORMULA REAL R(sub)(REAL x, REAL y) { return x - y; }
REEL_FORMULA REAL R(mul)(REAL x, REAL y) { return x * y; }
REEL_FORMULA REAL R(div)(REAL x, REAL y) { return x / y; }
REEL_FORMULA REAL R(neg)(REAL x) { return -x; }
REEL_FORMULA REAL R(sign)(REAL x) { return (REAL)((x > 0) - (x < 0)); }
REEL_FORMULA REAL R(sqrt)(REAL x) { return SQRT(x); }
REEL_FORMULA REAL R(rsqrt)(REAL x) { return 1 / SQRT(x); }
REEL_FORMULA REAL R(rsqrt_grad)(REAL g, REAL y) { return (REAL)-0.5 * g * (y * y * y); }
REEL_FORMULA REAL R(reciprocal)(REAL x) { return 1 / x; }
REEL_FORMULA REAL R(reciprocal_grad)(REAL g, REAL y) { return -g * (y * y); }
REEL_FORMULA REAL R(square)(REAL x) { return x * x; }
REEL_FORMULA REAL R(square_grad)(REAL g, REAL x) { return 2 * g * x; }
REEL_FORMULA REAL R(pow_scalar)(REAL x, REAL p) { return R(pow)(x, p); }
REEL_FORMULA REAL R(affine)(REAL x, REAL scale, REAL shift) { return scale * x + shift; }
REEL_FORMULA REAL R(maximum)(REAL x, REAL y) { return x > y || x != x ? x : y; }
REEL_FORMULA REAL R(minimum)(REAL x, REAL y) { return x < y || x != x ? x : y; }
REEL_FORMULA REAL R(extreme_grad)(REAL g, REAL x, REAL y) { return x == y ? g * (REAL)0.5 : x < y ? 0 : g; }
REEL_FORMULA REAL R(weigh)(REAL w, REAL x) { return w == 0 ? 0 : w * x; }
REEL_FORMULA REAL R(ties)(REAL x, REAL y) { return ((x == y) | ((x != x) & (y != y))) ? 1 : 0; }
REEL_FORMULA REAL R(clamp_grad)(REAL g, REAL x, REAL low, REAL high) { return x > low && x < high ? g : 0; }

REEL_FORMULA bool R(eq)(REAL x, REAL y) { return x == y; }
REEL_FORMULA bool R(ne)(REAL x, REAL y) { return x != y; }
REEL_FORMULA bool R(lt)(REAL x, REAL y) { return x < y; }
REEL_FORMULA bool R(le)(REAL x, REAL y) { return x <= y; }
REEL_FORMULA bool R(gt)(REAL x, REAL y) { return x > y; }
REEL_FORMULA bool R(ge)(REAL x, REAL y) { return x >= y; }
REEL_FORMULA bool R(logical_and)(REAL x, REAL y) { return (x != 0) & (y != 0); }
REEL_FORMULA bool R(logical_or)(REAL x, REAL y) { return (x != 0) | (y != 0); }
REEL_FORMULA bool R(logical_xor)(REAL x, REAL y) { return (x != 0) ^ (y != 0); }
REEL_FORMULA bool R(logical_not)(REAL x) { return x == 0; }
REEL_FORMULA bool R(isnan)(REAL x) { return x != x; }
REEL_FORMULA bool R(isinf)(REAL x) { return R(abs)(x) == INFINITE; }
REEL_FORMULA bool R(isfinite)(REAL x) { return R(abs)(x) < INFINITE; }

REEL_FORMULA REAL R(relu)(REAL x) { return x < 0 ? 0 : x; }
REEL_FORMULA REAL R(relu_grad)(REAL g, REAL y) { return y <= 0 ? 0 : g; }
REEL_FORMULA REAL R(leaky_relu)(REAL x, REAL slope) { return x > 0 ? x : slope * x; }
REEL_FORMULA REAL R(leaky_relu_grad)(REAL g, REAL x, REAL slope) { return x > 0 ? g : slope * g; }
REEL_FORMULA REAL R(elu)(REAL x, REAL alpha) { return x > 0 ? x : alpha * R(expm1)(x); }
REEL_FORMULA REAL R(elu_grad)(REAL g, REAL x, REAL alpha) { return x <= 0 ? g * alpha * R(exp)(x) : g; }
REEL_FORMULA REAL R(sigmoid_grad)(REAL g, REAL y) { return g * (y * (1 - y)); }
REEL_FORMULA REAL R(tanh_grad)(REAL g, REAL y) { return g * (1 - y * y); }
REEL_FORMULA REAL R(hardsigmoid)(REAL x) { return R(clamp)(x + 3, 0, 6) * (REAL)(1.0 / 6.0); }
REEL_FORMULA REAL R(hardsigmoid_grad)(REAL g, REAL x) { return x > -3 && x < 3 ? g * (REAL)(1.0 / 6.0) : 0; }
REEL_FORMULA REAL R(hardswish)(REAL x) { return x * R(clamp)(x + 3, 0, 6) * (REAL)(1.0 / 6.0); }
REEL_FORMULA REAL R(hardshrink)(REAL x, REAL lambd) { return x >= -lambd && x <= lambd ? 0 : x; }
REEL_FORMULA REAL R(hardshrink_grad)(REAL g, REAL x, REAL lambd) { return x < -lambd || x > lambd ? g : 0; }
REEL_FORMULA REAL R(softshrink)(REAL x, REAL lambd) { return x - R(clamp)(x, -lambd, lambd); }
REEL_FORMULA REAL R(softshrink_grad)(REAL g, REAL x, REAL lambd) { return x < -lambd || x > lambd ? g : 0; }
REEL_FORMULA REAL R(tanhshrink)(REAL x) { return x - R(tanh)(x); }
REEL_FORMULA REAL R(softsign)(REAL x) { return x / (1 + R(abs)(x)); }
REEL_FORMULA REAL R(logsigmoid_grad)(REAL g, REAL x) { return g * R(sigmoid)(-x); }
REEL_FORMULA REAL R(celu)(REAL x, REAL alpha) { return x > 0 ? x : alpha * R(expm1)(x / alpha); }
REEL_FORMULA REAL R(celu_grad)(REAL g, REAL x, REAL alpha) { return x <= 0 ? g * R(exp)(x / alpha) : g; }
REEL_FORMULA REAL R(threshold)(REAL x, REAL threshold, REAL value) { return x <= threshold ? value : x; }
REEL_FORMULA REAL R(threshold_grad)(REAL g, REAL x, REAL threshold, REAL value) { (void)value; return x <= threshold ? 0 : g; }
REEL_FORMULA REAL R(bend)(REAL x, REAL slope) { return x > 0 ? x : slope * x; }
REEL_FORMULA REAL R(bend_grad)(REAL g, REAL x, REAL slope) { return x > 0 ? g : slope * g; }
REEL_FORMULA REAL R(kept)(REAL x, REAL kept, REAL scale) { return kept <= 0 ? 0 : scale * x; }
/* clang-format on */

/* g - e^y sum, and g where sum is 0 */
REEL_FORMULA REAL R(log_softmax_grad)(REAL g, REAL y, REAL sum) {
    REAL z = REEL__FUSED(-sum, R(exp)(y), g);
    return sum == 0 ? g : z;
}

/* Those below end where their exponentials have vanished, so that no infinity meets a 0. */

/* SILU_SCALE e^x, where SILU_LOW <= x <= SILU_HIGH: e^x alone would vanish before x e^x does. */
REEL_FORMULA REAL R(exp_scaled)(REAL x) {
    REAL m = x * (REAL)1.44269504088896340736 + ROUND_MAGIC, n = m - ROUND_MAGIC;
    REAL r = (x - n * LN2_HIGH) - n * LN2_LOW;
    return (R(expm1_small)(r) + 1) * R(power_of_two)(m + SILU_SHIFT);
}

/* x sigmoid(x) = x e^x / (1 + e^x) */
REEL_FORMULA REAL R(silu)(REAL x) {
    REAL t = R(clamp)(x, SILU_LOW, SILU_HIGH), e = R(exp_scaled)(t);
    REAL y = t * e / (SILU_SCALE + e);
    return x > SILU_HIGH ? x : y;
}

/* g s (1 + x (1 - s)), s = sigmoid(x) */
REEL_FORMULA REAL R(silu_grad)(REAL g, REAL x) {
    REAL t = R(clamp)(x, SILU_LOW, SILU_HIGH), e = R(exp_scaled)(t), by = 1 / (SILU_SCALE + e);
    return g * ((1 + t * (1 - e * by)) * e * by);
}

/* x Phi(x), Phi the normal distribution's: (1 + erf(x / sqrt 2)) / 2 */
REEL_FORMULA REAL R(gelu)(REAL x) {
    REAL low = x < -GELU_HIGH ? -GELU_HIGH : x;
    return (REAL)0.5 * low * (1 + R(erf)(x * (REAL)0.70710678118654752440));
}

/* g (Phi(x) + x phi(x)), phi(x) = e^(-x^2 / 2) / sqrt(2 pi) */
REEL_FORMULA REAL R(gelu_grad)(REAL g, REAL x) {
    REAL near = R(clamp)(x, -GELU_HIGH, GELU_HIGH);
    REAL below = (REAL)0.5 * (1 + R(erf)(x * (REAL)0.70710678118654752440));
    REAL e = R(exp)((REAL)-0.5 * x * x);
    return g * REEL__FUSED(near * (REAL)0.39894228040143267794, e, below);
}

/* x (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3) */
REEL_FORMULA REAL R(gelu_tanh)(REAL x) {
    REAL low = x < -GELU_HIGH ? -GELU_HIGH : x;
    REAL u = (REAL)0.79788456080286535588 * (x + (REAL)0.044715 * x * x * x);
    return (REAL)0.5 * low * (1 + R(tanh)(u));
}

/* g ((1 + t) + x (1 - t^2) u') / 2, t = tanh u */
REEL_FORMULA REAL R(gelu_tanh_grad)(REAL g, REAL x) {
    REAL near = R(clamp)(x, -GELU_HIGH, GELU_HIGH);
    REAL u = (REAL)0.79788456080286535588 * (x + (REAL)0.044715 * x * x * x), t = R(tanh)(u);
    REAL slope = (REAL)0.79788456080286535588 * (1 + 3 * (REAL)0.044715 * near * near);
    return g * (REAL)0.5 * ((1 + t) + near * (1 - t * t) * slope);
}

/* ln(1 + e^(beta x)) / beta; x itself where beta x is above the threshold */
REEL_FORMULA REAL R(softplus)(REAL x, REAL beta, REAL threshold) {
    REAL t = beta * x;
    return t > threshold ? x : R(log1p)(R(exp)(t)) / beta;
}

REEL_FORMULA REAL R(softplus_grad)(REAL g, REAL x, REAL beta, REAL threshold) {
    REAL t = beta * x;
    return t > threshold ? g : g * R(sigmoid)(t);
}

/* x tanh(ln(1 + e^x)) = x n / (n + 2), n = e^x (e^x + 2), and e^x scaled as silu's */
REEL_FORMULA REAL R(mish)(REAL x) {
    REAL t = R(clamp)(x, SILU_LOW, SILU_HIGH), scaled = R(exp_scaled)(t), e = scaled / SILU_SCALE;
    REAL y = t * (scaled * (e + 2)) / (SILU_SCALE * (e * (e + 2) + 2));
    return x > SILU_HIGH ? x : y;
}

/* g e^x ((e^x + 2) d + 4 x (e^x + 1)) / d^2, d = n + 2 */
REEL_FORMULA REAL R(mish_grad)(REAL g, REAL x) {
    REAL t = R(clamp)(x, SILU_LOW, SILU_HIGH), scaled = R(exp_scaled)(t), e = scaled / SILU_SCALE;
    REAL d = e * (e + 2) + 2, slope = REEL__FUSED(e + 2, d, 4 * t * (e + 1)) / (d * d);
    return g * (slope * scaled / SILU_SCALE);
}

/* g (x / 3 + 1/2), where |x| < 3; 0 below, g above */
REEL_FORMULA REAL R(hardswish_grad)(REAL g, REAL x) {
    REAL inside = g * (x * (REAL)(1.0 / 3.0) + (REAL)0.5);
    return x <= -3 ? 0 : x < 3 ? inside : g;
}

/* g tanh(x)^2 */
REEL_FORMULA REAL R(tanhshrink_grad)(REAL g, REAL x) {
    REAL t = R(tanh)(x);
    return g * (t * t);
}

/* g / (1 + |x|)^2 */
REEL_FORMULA REAL R(softsign_grad)(REAL g, REAL x) {
    REAL d = 1 + R(abs)(x);
    return g / (d * d);
}

/* ln(1 / (1 + e^-x)) = min(x, 0) - ln(1 + e^-|x|) */
REEL_FORMULA REAL R(logsigmoid)(REAL x) {
    REAL tail = R(log1p)(R(exp)(-R(abs)(x)));
    return (x > 0 ? 0 : x) - tail;
}

#define SELU_SCALE (REAL)1.0507009873554804934193349852946
#define SELU_BELOW (REAL)1.7580993408473768599402175208123 /* SELU_SCALE alpha */

REEL_FORMULA REAL R(selu)(REAL x) {
    return x > 0 ? SELU_SCALE * x : SELU_BELOW * R(expm1)(x);
}

REEL_FORMULA REAL R(selu_grad)(REAL g, REAL x) {
    return x <= 0 ? g * SELU_BELOW * R(exp)(x) : g * SELU_SCALE;
}
#undef SELU_SCALE
#undef SELU_BELOW

/* z = -(t max(ln p, -100) + (1 - t) max(ln(1 - p), -100)) */
REEL_FORMULA REAL R(bce)(REAL p, REAL t) {
    REAL yes = R(log)(p), no = R(log1p)(-p);
    yes = yes < -100 ? -100 : yes;
    no = no < -100 ? -100 : no;
    return REEL__FUSED(t - 1, no, -t * yes);
}

REEL_FORMULA REAL R(bce_grad)(REAL g, REAL p, REAL t) {
    REAL d = (1 - p) * p;
    d = d < (REAL)1e-12 ? (REAL)1e-12 : d;
    return g * (p - t) / d;
}

REEL_FORMULA REAL R(mse_grad)(REAL g, REAL y, REAL t, REAL scale) {
    return g * scale * (y - t);
}
