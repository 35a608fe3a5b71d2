#include "tests/parity/parity_inputs.h"

#include "autograd/autograd.h"
#include "tensor/formulas/half_internal.h"
#include "tests/parity/parity_layout.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const parity_kind_name[] = {"usual", "wide", "special"};

parity_kind parity_some_kind(dice *d) {
    return dice_one_in(d, 2) ? PARITY_USUAL : dice_one_in(d, 2) ? PARITY_WIDE : PARITY_SPECIAL;
}

/* ---- values ---- */

static double one_of(dice *d, const double *values, int count) {
    return values[dice_int(d, 0, count - 1)];
}

static double landmark(dice *d) {
    static const double landmarks[] = {0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2, -2, 2.5, 3};
    return one_of(d, landmarks, COUNT(landmarks));
}

static double special(dice *d) {
    static const double specials[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, NAN};
    return one_of(d, specials, COUNT(specials));
}

static double probability(dice *d, reel_dtype dtype) {
    const double epsilon = dtype == REEL_F32 ? FLT_EPSILON : DBL_EPSILON;
    const double edges[] = {0, 1, 0.5, epsilon, 1 - epsilon / 2, 1e-30};
    return dice_one_in(d, 2) ? one_of(d, edges, COUNT(edges)) : dice_real(d, 0, 1);
}

static double any_magnitude(dice *d, reel_dtype dtype) {
    const double exponent = dtype == REEL_F64 ? 1000 : dtype == REEL_F16 ? 14 : 120;
    const double x = ldexp(dice_real(d, 1, 2), (int)dice_real(d, -exponent, exponent));
    return dice_one_in(d, 2) ? -x : x;
}

static double some_integer(dice *d, reel_dtype dtype, parity_kind kind) {
    if (kind == PARITY_USUAL)
        return (double)(dtype == REEL_U8 ? dice_int(d, 0, 12) : dice_int(d, -50, 50));
    if (dtype == REEL_U8) return (double)dice_int(d, 0, 255);
    return dice_one_in(d, 4) ? ldexp(dice_one_in(d, 2) ? -1 : 1, (int)dice_int(d, 0, 62))
                             : (double)dice_int(d, -1000000, 1000000);
}

static double some_float(dice *d, const op_case *c, int i, parity_values v) {
    double low = c->low[i], high = c->high[i];
    if (low == 0 && high == 0) low = -2, high = 2;
    double usual = dice_real(d, low, high);
    if (v.smooth && fabs(usual) < c->kink) usual += usual < 0 ? -c->kink : c->kink;
    if (v.probabilities && low >= 0 && high <= 1)
        return v.kind == PARITY_USUAL ? usual : probability(d, v.dtype);
    if (v.kind == PARITY_WIDE && !dice_one_in(d, 3)) return any_magnitude(d, v.dtype);
    if (v.kind == PARITY_SPECIAL && dice_one_in(d, 6)) return special(d);
    return !v.smooth && dice_one_in(d, 8) ? landmark(d) : usual;
}

static bool is_index(const op_case *c, int i) {
    return c->indexed && i == c->inputs - 1;
}

static double some_value(dice *d, const op_case *c, int i, const op_shapes *s, parity_values v) {
    if (is_index(c, i)) return (double)dice_int(d, 0, s->param[3] - 1);
    if (c->masked && i == 0) return (double)dice_int(d, 0, 2);
    return parity_is_integer(v.dtype) ? some_integer(d, v.dtype, v.kind) : some_float(d, c, i, v);
}

/* ---- tensors ---- */

static void put_element(void *to, int64_t i, reel_dtype dtype, double v) {
    if (dtype == REEL_F32) ((float *)to)[i] = (float)v;
    if (dtype == REEL_F64) ((double *)to)[i] = v;
    if (dtype == REEL_I64) ((int64_t *)to)[i] = (int64_t)v;
    if (dtype == REEL_U8) ((uint8_t *)to)[i] = (uint8_t)v;
    if (dtype == REEL_F16) ((uint16_t *)to)[i] = reel__f16_from_f32((float)v);
    if (dtype == REEL_BF16) ((uint16_t *)to)[i] = reel__bf16_from_f32((float)v);
}

reel_tensor *parity_tensor(array a, reel_dtype dtype) {
    void *data = calloc((size_t)array_size(a) + 1, reel_dtype_size(dtype));
    if (!data) abort();
    for (int64_t i = 0; i < array_size(a); i++) put_element(data, i, dtype, a.v[i]);
    reel_tensor *t = reel_from(data, a.shape, dtype);
    free(data);
    return t;
}

reel_tensor *parity_input(record *r, dice *d, const op_case *c, int i, const op_shapes *s,
                          parity_values values, bool tracked) {
    const reel_shape shape = s->in[i];
    const reel_dtype own = case_dtype(c, i, values.dtype);
    const parity_layout l = parity_some_layout(d, shape.ndim);
    char field[20], text[100];
    array a = array_new(shape);
    for (int64_t k = 0; k < array_size(a); k++) a.v[k] = some_value(d, c, i, s, values);
    parity_stretch(a, &l);
    array b = parity_base(&l, a, own);
    parity_layout_text(text, sizeof text, &l, shape.ndim);
    snprintf(field, sizeof field, "layout%d", i);
    record_text(r, field, text);
    record_tensor_at(r, "in", i, parity_tensor(a, own));
    reel_tensor *base = to_device(parity_tensor(b, own));
    if (tracked && reel_dtype_is_float(own)) reel_track(base);
    array_free(a);
    array_free(b);
    return parity_view(base, &l, shape);
}

reel_tensor *parity_weight(dice *d, reel_tensor *t) {
    array a = array_new(reel_shape_of(t));
    for (int64_t k = 0; k < array_size(a); k++) a.v[k] = dice_real(d, -2, 2);
    reel_tensor *weight = to_device(parity_tensor(a, reel_dtype_of(t)));
    array_free(a);
    return weight;
}
