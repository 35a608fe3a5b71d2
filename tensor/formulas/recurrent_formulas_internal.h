/* A recurrent unit's step, forward and back, for the CPU and CUDA both; behind scalar.h. R, REAL:
 * as there.
 *
 * Sources: Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of
 * Gers, Schmidhuber and Cummins (2000); Cho et al., "Learning phrase representations using RNN
 * encoder-decoder" (2014), whose reset gate weighs the product, as in cuDNN and PyTorch. */

typedef struct {
    REAL i, f, g, o, c; /* gates by their functions, and the memory before the step */
} R(lstm_unit);

/* c' = f c + i g,  h = o tanh c' */
REEL_FORMULA REAL R(lstm_memory)(R(lstm_unit) u) {
    return REEL__FUSED(u.f, u.c, u.i * u.g);
}
REEL_FORMULA R(lstm_unit) R(lstm_open)(REAL i, REAL f, REAL g, REAL o, REAL c) {
    R(lstm_unit) u = {R(sigmoid)(i), R(sigmoid)(f), R(tanh)(g), R(sigmoid)(o), c};
    return u;
}
/* Of dh and dc, those after the step: of the gates before their functions, and of c. */
REEL_FORMULA R(lstm_unit) R(lstm_back)(R(lstm_unit) u, REAL dh, REAL dc) {
    REAL t = R(tanh)(R(lstm_memory)(u)), in = dh * u.o, all = REEL__FUSED(in, 1 - t * t, dc);
    R(lstm_unit)
    d = {all * u.g * (u.i * (1 - u.i)), all * u.c * (u.f * (1 - u.f)), all * u.i * (1 - u.g * u.g),
         dh * t * (u.o * (1 - u.o)), all * u.f};
    return d;
}

typedef struct {
    REAL r, z, n, q, h; /* q: what r weighs; h: the state, before the step */
} R(gru_unit);

/* n = tanh(x + r q),  h' = (1 - z) n + z h, as n + z (h - n) */
REEL_FORMULA R(gru_unit) R(gru_open)(REAL r, REAL z, REAL x, REAL q, REAL h) {
    R(gru_unit) u = {R(sigmoid)(r), R(sigmoid)(z), 0, q, h};
    u.n = R(tanh)(REEL__FUSED(u.r, q, x));
    return u;
}
REEL_FORMULA REAL R(gru_state)(R(gru_unit) u) {
    return REEL__FUSED(u.z, u.h - u.n, u.n);
}
/* Of dh after the step: of r, z, n before their functions; q: of what r weighs; h: directly. */
REEL_FORMULA R(gru_unit) R(gru_back)(R(gru_unit) u, REAL dh) {
    REAL dn = dh * (1 - u.z) * (1 - u.n * u.n);
    R(gru_unit)
    d = {dn * u.q * (u.r * (1 - u.r)), dh * (u.h - u.n) * (u.z * (1 - u.z)), dn, dn * u.r,
         dh * u.z};
    return d;
}
