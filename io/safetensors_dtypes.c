/* The element types of safetensors, and what becomes of each here. The format is described in
 * safetensors.c. */
#include "io/io_internal.h"
#include "tensor/formulas/half_internal.h"

#include <math.h>
#include <string.h>

/* ---- one element, little-endian, as i64 ---- */

static int64_t from_bool(const uint8_t *b) {
    return *b != 0;
}

static int64_t from_i8(const uint8_t *b) {
    return (int8_t)*b;
}

static int64_t from_i16(const uint8_t *b) {
    int16_t v;
    memcpy(&v, b, sizeof v);
    return v;
}

static int64_t from_u16(const uint8_t *b) {
    uint16_t v;
    memcpy(&v, b, sizeof v);
    return v;
}

static int64_t from_i32(const uint8_t *b) {
    int32_t v;
    memcpy(&v, b, sizeof v);
    return v;
}

static int64_t from_u32(const uint8_t *b) {
    uint32_t v;
    memcpy(&v, b, sizeof v);
    return v;
}

/* Negative where i64 does not hold it. */
static int64_t from_u64(const uint8_t *b) {
    int64_t v;
    memcpy(&v, b, sizeof v);
    return v;
}

/* ---- one element as f32 ---- */

/* 1 bit of sign, 4 of exponent (bias 7), 3 of mantissa; no infinity, NaN is all ones (OCP 8-bit
 * Floating Point Specification, 2023: E4M3). */
static float from_e4m3(const uint8_t *b) {
    const int exponent = *b >> 3 & 15, mantissa = *b & 7;
    const float size = (*b & 0x7f) == 0x7f ? NAN
                       : exponent == 0     ? ldexpf((float)mantissa, -9)
                                           : ldexpf((float)(8 + mantissa), exponent - 10);
    return *b & 0x80 ? -size : size;
}

/* The first byte of an f16. */
static float from_e5m2(const uint8_t *b) {
    return reel__f32_from_f16((uint16_t)(*b << 8));
}

/* 2^(b - 127), the scale of OCP's microscaling formats. */
static float from_e8m0(const uint8_t *b) {
    return *b == 0xff ? NAN : ldexpf(1, *b - 127);
}

/* ---- the table ---- */

static const reel__file_dtype types[] = {
    {"F32", 32, REEL_F32, NULL, NULL},
    {"F64", 64, REEL_F64, NULL, NULL},
    {"I64", 64, REEL_I64, NULL, NULL},
    {"U8", 8, REEL_U8, NULL, NULL},
    {"F16", 16, REEL_F16, NULL, NULL},
    {"BF16", 16, REEL_BF16, NULL, NULL},
    {"BOOL", 8, REEL_U8, from_bool, NULL},
    {"I8", 8, REEL_I64, from_i8, NULL},
    {"I16", 16, REEL_I64, from_i16, NULL},
    {"U16", 16, REEL_I64, from_u16, NULL},
    {"I32", 32, REEL_I64, from_i32, NULL},
    {"U32", 32, REEL_I64, from_u32, NULL},
    {"U64", 64, REEL_I64, from_u64, NULL},
    {"F8_E4M3", 8, REEL_F32, NULL, from_e4m3},
    {"F8_E5M2", 8, REEL_F32, NULL, from_e5m2},
    {"F8_E8M0", 8, REEL_F32, NULL, from_e8m0},
    {"C64", 64, -1, NULL, NULL},
    {"F4", 4, -1, NULL, NULL},
    {"F6_E2M3", 6, -1, NULL, NULL},
    {"F6_E3M2", 6, -1, NULL, NULL},
};
enum { TYPES = sizeof types / sizeof *types };

const reel__file_dtype *reel__file_dtype_named(const char *name) {
    for (int i = 0; i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0) return &types[i];
    return NULL;
}

const char *reel__file_dtype_of(reel_dtype dtype) {
    int i = 0; /* the first six are Reel's own */
    while (types[i].dtype != (int)dtype) i++;
    return types[i].name;
}

bool reel__file_dtype_convert(const reel__file_dtype *type, const uint8_t *from, size_t n,
                              void *to) {
    const size_t size = (size_t)type->bits / 8;
    bool fits = true;
    for (size_t i = 0; i < n; i++, from += size) {
        const int64_t whole = type->integer != NULL ? type->integer(from) : 0;
        if (type->real != NULL)
            ((float *)to)[i] = type->real(from);
        else if (type->dtype == REEL_U8)
            ((uint8_t *)to)[i] = (uint8_t)whole;
        else
            ((int64_t *)to)[i] = whole;
        fits &= type->integer != from_u64 || whole >= 0;
    }
    return fits;
}
