/* io/: safetensors files that others wrote, with dtypes that Reel has not, and files of another
 * kind in their place. */
#include "io/io_internal.h"
#include "tensor/state/state_internal.h"
#include "tests/temp_dir.h"

/* A length, a header, and data. */
static size_t build(char *out, const char *header, const void *data, size_t size) {
    uint64_t n = strlen(header);
    memcpy(out, &n, 8);
    memcpy(out + 8, header, n);
    memcpy(out + 8 + n, data, size);
    return 8 + n + size;
}

#define T(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* Other files, whose first bytes are some enormous number. */
START_TEST(safetensors_of_another_kind) {
    static const char *const others[] = {"epoch,train,test\n1,0.5,0.6\n", "PK\3\4 a zip of weights",
                                         "\x80\2} a pickle", "{\"a\": \"JSON alone\"}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        put(in_dir("other"), others[i], strlen(others[i]));
        ck_assert_ptr_null(reel_safetensors_read(in_dir("other")));
        expect_failure_at(REEL_ERR_FORMAT, "no safetensors file", in_dir("other"));
    }
}
END_TEST

/* ---- safetensors: dtypes ---- */

typedef struct {
    const char *dtype, *shape;
    size_t size;
    uint8_t bytes[16];
    reel_dtype read_as;
    double values[4];
} typed;

static const typed types[] = {
    {"BOOL", "[2,2]", 4, {0, 1, 1, 2}, REEL_U8, {0, 1, 1, 1}},
    {"U8", "[3]", 3, {0, 1, 255}, REEL_U8, {0, 1, 255}},
    {"I8", "[3]", 3, {0x7f, 0x80, 0xff}, REEL_I64, {127, -128, -1}},
    {"I16", "[2]", 4, {0xff, 0x7f, 0, 0x80}, REEL_I64, {32767, -32768}},
    {"U16", "[2]", 4, {0xff, 0xff, 1, 0}, REEL_I64, {65535, 1}},
    {"I32",
     "[1,2]",
     8,
     {0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80},
     REEL_I64,
     {2147483647, -2147483648.}},
    {"U32", "[2]", 8, {0xff, 0xff, 0xff, 0xff, 7}, REEL_I64, {4294967295, 7}},
    {"U64", "[2]", 16, {0, 0, 0, 0, 0, 1, 0, 0, 9}, REEL_I64, {1099511627776, 9}},
    {"F16", "[2]", 4, {0, 0x3c, 0, 0xc0}, REEL_F16, {1, -2}},
    {"BF16", "[2]", 4, {0x80, 0x3f, 0, 0xc0}, REEL_BF16, {1, -2}},
    {"F8_E4M3", "[4]", 4, {0x38, 0xb8, 0x7e, 0x01}, REEL_F32, {1, -1, 448, 0x1p-9}},
    {"F8_E4M3", "[4]", 4, {0x00, 0x80, 0x7f, 0x45}, REEL_F32, {0, -0., NAN, 3.25}},
    {"F8_E5M2", "[4]", 4, {0x3c, 0xbc, 0x7b, 0x01}, REEL_F32, {1, -1, 57344, 0x1p-16}},
    {"F8_E5M2", "[2]", 2, {0x7c, 0x7f}, REEL_F32, {INFINITY, NAN}},
    {"F8_E8M0", "[4]", 4, {1, 127, 254, 255}, REEL_F32, {0x1p-126, 1, 0x1p127, NAN}},
    {"I32", "[0]", 0, {0}, REEL_I64, {0}},
};
enum { TYPES = sizeof types / sizeof *types };

START_TEST(safetensors_dtypes) {
    const typed *t = &types[_i];
    char header[256], file[512];
    snprintf(header, sizeof header,
             "{\"a\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[0,%zu]}}", t->dtype, t->shape,
             t->size);
    put(in_dir("t"), file, build(file, header, t->bytes, t->size));
    reel_state *s = reel_safetensors_read(in_dir("t"));
    expect_fine();
    ck_assert_int_eq(reel_state_left_out_count(s), 0);
    reel_tensor *a = reel_state_get(s, "a");
    ck_assert_int_eq(reel_dtype_of(a), t->read_as);
    ck_assert_str_eq(reel_name(a), "a");
    {
        REEL_SCOPE;
        for (int64_t i = 0; i < reel_numel(a); i++) {
            const double v = element(reel_cast(a, REEL_F64), i);
            ck_assert_msg(isnan(t->values[i])
                              ? isnan(v)
                              : v == t->values[i] && signbit(v) == signbit(t->values[i]),
                          "%s: %g, not %g", t->dtype, v, t->values[i]);
        }
    }
    reel_state_free(s);
}
END_TEST

/* All 256 of each, in more than one read's worth, against their definitions. */
START_TEST(safetensors_eight_bits) {
    enum { N = 70000 };
    static uint8_t data[2 * N];
    static char file[3 * N];
    for (int i = 0; i < 2 * N; i++) data[i] = (uint8_t)i;
    put(in_dir("t"), file,
        build(file,
              "{\"a\":{\"dtype\":\"I8\",\"shape\":[70000],\"data_offsets\":[0,70000]},"
              "\"b\":{\"dtype\":\"F8_E5M2\",\"shape\":[70000],\"data_offsets\":[70000,140000]}}",
              data, sizeof data));
    reel_state *s = reel_safetensors_read(in_dir("t"));
    expect_fine();
    const int64_t *a = reel_data(reel_state_get(s, "a"));
    const float *b = reel_data(reel_state_get(s, "b"));
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(a[i], (int8_t)data[i]);
        const int byte = data[N + i], exponent = byte >> 2 & 31, mantissa = byte & 3;
        const double size = exponent == 31  ? (mantissa ? NAN : INFINITY)
                            : exponent == 0 ? ldexp(mantissa, -16)
                                            : ldexp(4 + mantissa, exponent - 17);
        const double right = byte & 0x80 ? -size : size;
        ck_assert(isnan(right) ? isnan(b[i]) : (double)b[i] == right);
    }
    reel_state_free(s);
}
END_TEST

/* What no dtype of Reel holds stays out, by name; the others come. */
START_TEST(safetensors_left_out) {
    static const char header[] = "{\"w\":" T(
        "[1]", "[0,4]") ",\"c\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[4,12]},"
                        "\"four\":{\"dtype\":\"F4\",\"shape\":[6],\"data_offsets\":[12,15]},"
                        "\"u\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[15,23]},"
                        "\"new\":{\"dtype\":\"Q9\",\"shape\":[5],\"data_offsets\":[23,24]},"
                        "\"v\":" T("[1]", "[24,28]") ",\"nine\":" T(
                            "[1,2,1,1,1,1,1,1,2]",
                            "[28,44]") ",\"empty\":" T("[0,1,1,1,1,1,1,1,1,7]", "[44,44]") "}";
    static const struct {
        const char *name, *why;
    } out[] = {{"c", "its dtype is C64"},
               {"four", "its dtype is F4"},
               {"u", "its dtype is U64, and i64"},
               {"new", "its dtype is Q9"},
               {"nine", "it has 9 dimensions, a tensor of Reel at most 8"},
               {"empty", "it has 10 dimensions"}};
    const float one = 1;
    char file[1024], data[44];
    memset(data, 0xff, sizeof data);
    memcpy(data + 24, &one, sizeof one);
    put(in_dir("t"), file, build(file, header, data, sizeof data));
    reel_state *s = reel_safetensors_read(in_dir("t"));
    expect_fine();
    ck_assert_int_eq(reel_state_count(s), 2);
    ck_assert(*(float *)reel_data(reel_state_get(s, "v")) == one);
    ck_assert_int_eq(reel_state_left_out_count(s), 6);
    for (int i = 0; i < 6; i++) {
        ck_assert_str_eq(reel_state_left_out_name(s, i), out[i].name);
        ck_assert_ptr_nonnull(strstr(reel_state_left_out_why(s, i), out[i].why));
        ck_assert_ptr_null(reel_state_get(s, out[i].name));
    }
    ck_assert_ptr_null(reel_state_left_out_name(s, 6));
    ck_assert_ptr_null(reel_state_left_out_why(s, -1));
    ck_assert_int_eq(reel_state_left_out_count(NULL), 0);

    static const char *const asked[][2] = {
        {"c", "not in the state: c: its dtype is C64, which Reel has not"},
        {"nine", "not in the state: nine: it has 9 dimensions, a tensor of Reel at most 8"}};
    for (int i = 0; i < 2; i++) {
        reel_state *wanted = reel_state_new(); /* as a module that loads it */
        {
            REEL_SCOPE;
            reel_state_put(wanted, asked[i][0], reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
        }
        ck_assert_int_ne(reel__state_check("module_load", wanted, s, NULL), REEL_OK);
        expect_failure(REEL_ERR_FORMAT, asked[i][1]);
        reel_state_free(wanted);
    }
    reel_state_free(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("foreign");
    TCase *c = add_dir_case(s, "safetensors");
    tcase_add_test(c, safetensors_of_another_kind);
    tcase_add_loop_test(c, safetensors_dtypes, 0, TYPES);
    tcase_add_test(c, safetensors_eight_bits);
    tcase_add_test(c, safetensors_left_out);
    return run_suite(s);
}
