/* Loops from one dtype to each: included by cpu_loops.c once per dtype, with FROM, F(name), and
 * what makes of an element a number that C converts, REAL_OF(x); an i64, WHOLE_OF(x), and a u8,
 * BYTE_OF(x), which stop at their bounds; the bits of an f16, F16_OF(x), and of a bf16, BF16_OF(x).
 * To its own dtype an element goes as cpu_cast.c's copy. */

#define CAST(name, TO, SCALE, value)                                                               \
    static void F(name)(const reel__run *r) {                                                      \
        const FROM *x = r->in[0];                                                                  \
        TO *out = r->out;                                                                          \
        SCALE                                                                                      \
        if (!is_together(r, 1)) {                                                                  \
            by_parts(r, 1, sizeof *x, sizeof *out, F(name));                                       \
            return;                                                                                \
        }                                                                                          \
        _Pragma("omp simd") for (int64_t i = 0; i < r->n; i++) out[i] = value;                     \
    }

CAST(f32, float, , (float)REAL_OF(x[i]))
CAST(f64, double, , (double)REAL_OF(x[i]))
CAST(i64, int64_t, , WHOLE_OF(x[i]))
CAST(u8, uint8_t, , BYTE_OF(x[i]))
CAST(f16, uint16_t, , F16_OF(x[i]))
CAST(bf16, uint16_t, , BF16_OF(x[i]))
/* A number of any dtype, scaled. */
CAST(scaled_f32, float, const float scale = (float)r->constants[0];, (float)REAL_OF(x[i]) * scale)
CAST(scaled_f64, double, const double scale = r->constants[0];, (double)REAL_OF(x[i]) * scale)

#undef CAST
#undef FROM
#undef F
#undef REAL_OF
#undef WHOLE_OF
#undef BYTE_OF
#undef F16_OF
#undef BF16_OF
