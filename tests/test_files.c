/* io/: safetensors, checkpoints. */
#include "io/io_internal.h"
#include "tests/saved.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- safetensors: what is right ---- */

/* A length, a header, and data. */
static size_t build(char *out, const char *header, const void *data, size_t size) {
    uint64_t n = strlen(header);
    memcpy(out, &n, 8);
    memcpy(out + 8, header, n);
    memcpy(out + 8 + n, data, size);
    return 8 + n + size;
}

/* As the reference implementation writes it: metadata first, spaces up to a multiple of 8. */
static const char golden_header[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
    "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[16,24]}}  ";
static const float golden_w[4] = {1, -2.5f, 3, 0};
static const int64_t golden_n = -7;

static size_t golden(char *file) {
    char data[24];
    memcpy(data, golden_w, 16);
    memcpy(data + 16, &golden_n, 8);
    return build(file, golden_header, data, sizeof data);
}

START_TEST(safetensors_golden_read) {
    char file[512];
    put(in_dir("g"), file, golden(file));
    reel_state *s = reel_safetensors_read(in_dir("g"));
    expect_fine();
    ck_assert_int_eq(reel_state_count(s), 2);
    reel_tensor *w = reel_state_get(s, "w"), *n = reel_state_get(s, "n");
    ck_assert(reel_shape_equal(reel_shape_of(w), reel_shape(2, 2)) && reel_dtype_of(w) == REEL_F32);
    ck_assert_mem_eq(reel_data(w), golden_w, 16);
    ck_assert(reel_ndim(n) == 0 && reel_dtype_of(n) == REEL_I64);
    ck_assert_mem_eq(reel_data(n), &golden_n, 8);
    ck_assert_str_eq(reel_name(w), "w");
    ck_assert_int_eq(reel_state_text_count(s), 1);
    ck_assert_str_eq(reel_state_text(s, "format"), "pt");
    reel_state_free(s);
}
END_TEST

START_TEST(safetensors_golden_write) {
    char file[512];
    size_t expected = golden(file), size;
    ck_assert_uint_eq(strlen(golden_header) % 8, 0);
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(s, "w", reel_from(golden_w, reel_shape(2, 2), REEL_F32));
        reel_state_put(s, "n", reel_from(&golden_n, REEL_SCALAR, REEL_I64));
    }
    reel_state_put_text(s, "format", "pt");
    ck_assert_int_eq(reel_safetensors_write(s, in_dir("g")), REEL_OK);
    char *bytes = contents(in_dir("g"), &size);
    ck_assert_uint_eq(size, expected);
    ck_assert_mem_eq(bytes, file, size);
    free(bytes);
    reel_state_free(s);
}
END_TEST

/* Tensors of the same names in the same order, shapes, dtypes, bytes; the same text. */
static void expect_same_state(const reel_state *a, const reel_state *b) {
    expect_fine();
    ck_assert_int_eq(reel_state_count(a), reel_state_count(b));
    for (int i = 0; i < reel_state_count(a); i++) {
        reel_tensor *x = reel_state_at(a, i), *y = reel_state_at(b, i);
        ck_assert_str_eq(reel_state_name(a, i), reel_state_name(b, i));
        ck_assert(reel_shape_equal(reel_shape_of(x), reel_shape_of(y)));
        ck_assert_int_eq(reel_dtype_of(x), reel_dtype_of(y));
        size_t size = (size_t)reel_numel(x) * reel_dtype_size(reel_dtype_of(x));
        char *p = malloc(size + 1), *q = malloc(size + 1);
        ck_assert_int_eq(reel_read(x, p, size), REEL_OK);
        ck_assert_int_eq(reel_read(y, q, size), REEL_OK);
        ck_assert(memcmp(p, q, size) == 0);
        free(p), free(q);
    }
    ck_assert_int_eq(reel_state_text_count(a), reel_state_text_count(b));
    for (int i = 0; i < reel_state_text_count(a); i++) {
        ck_assert_str_eq(reel_state_text_key(a, i), reel_state_text_key(b, i));
        ck_assert_str_eq(reel_state_text_value(a, i), reel_state_text_value(b, i));
    }
}

static reel_state *state_of_all_kinds(void) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_reshape(reel_arange(12, REEL_F32, reel_cpu()), reel_shape(3, 4));
        reel_state_put(s, "f32", x);
        reel_state_put(s, "transposed", reel_t(x));
        reel_state_put(s, "a column", reel_select(x, 1, 2));
        reel_state_put(s, "expanded", reel_expand(reel_slice(x, 0, 0, 1, 1), reel_shape(2, 4)));
        reel_state_put(s, "empty", reel_zeros(reel_shape(0, 3), REEL_F32, reel_cpu()));
        reel_state_put(s, "f64",
                       reel_full(reel_shape(1, 1, 1, 1, 1, 1, 1, 2), 0.1, REEL_F64, reel_cpu()));
        reel_state_put(s, "u8, odd", reel_arange(3, REEL_U8, reel_cpu()));
        reel_state_put(s, "i64", reel_scalar(-5, REEL_I64, reel_cpu()));
        reel_state_put(s,
                       "r\xc3\xa9"
                       "el \"quoted\" \\ \n\t",
                       reel_arange(2, REEL_I64, reel_cpu()));
        reel_state_put(s, "last and empty", reel_zeros(reel_shape(0), REEL_U8, reel_cpu()));
    }
    reel_state_put_text(s, "empty", "");
    reel_state_put_text(s, "text", "two\nlines, \"quotes\", \xe2\x82\xac");
    reel_state_put_int(s, "epoch", 12);
    return s;
}

START_TEST(safetensors_round_trip) {
    reel_state *s = state_of_all_kinds();
    ck_assert_int_eq(reel_safetensors_write(s, in_dir("a")), REEL_OK);
    reel_state *back = reel_safetensors_read(in_dir("a"));
    expect_same_state(s, back);
    ck_assert_int_eq(reel_safetensors_write(back, in_dir("b")), REEL_OK);
    size_t m, n;
    char *a = contents(in_dir("a"), &m), *b = contents(in_dir("b"), &n);
    ck_assert(m == n && memcmp(a, b, n) == 0);
    uint64_t header;
    memcpy(&header, a, 8);
    ck_assert_uint_eq(header % 8, 0);
    free(a), free(b);
    reel_state_free(s), reel_state_free(back);
    ck_assert_int_eq(entries(dir), 2);
}
END_TEST

/* A view of few bytes that is a large file: written by pieces, which cut any of its axes. */
START_TEST(safetensors_of_expanded_views) {
    enum { A = 2, B = 5, C = 5 << 20 };
    struct rusage before, after;
    const uint8_t few[B] = {1, 2, 4, 8, 16};
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_from(few, reel_shape(1, B, 1), REEL_U8);
        reel_state_put(s, "long", reel_expand(x, reel_shape(A, B, C)));
        reel_state_put(s, "many", reel_expand(reel_t(x), reel_shape(C, 1, B)));
    }
    getrusage(RUSAGE_SELF, &before);
    ck_assert_int_eq(reel_safetensors_write(s, in_dir("a")), REEL_OK);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 20000);
    reel_state_free(s);
    s = reel_safetensors_read(in_dir("a"));
    expect_fine();
    const uint8_t *in_rows = reel_data(reel_state_get(s, "long"));
    const uint8_t *in_columns = reel_data(reel_state_get(s, "many"));
    bool same = true;
    for (int64_t i = 0; i < (int64_t)A * B * C; i++) same &= in_rows[i] == few[i / C % B];
    for (int64_t i = 0; i < (int64_t)C * B; i++) same &= in_columns[i] == few[i % B];
    ck_assert(same);
    reel_state_free(s);
}
END_TEST

START_TEST(safetensors_empty_state) {
    reel_state *s = reel_state_new();
    ck_assert_int_eq(reel_safetensors_write(s, in_dir("a")), REEL_OK);
    reel_state *back = reel_safetensors_read(in_dir("a"));
    expect_same_state(s, back);
    reel_state_free(s), reel_state_free(back);
}
END_TEST

/* ---- safetensors: lies ---- */

#define T(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header, *says;
    size_t data;
    reel_status status;
} lies[] = {
    {"", "header", 0, REEL_ERR_FORMAT},
    {"{", "header", 0, REEL_ERR_FORMAT},
    {"[]", "no JSON object", 0, REEL_ERR_FORMAT},
    {" {}", "no JSON object", 0, REEL_ERR_FORMAT},
    {"{} x", "header", 0, REEL_ERR_FORMAT},
    {"{\"\\u0000\":{}}", "header", 0, REEL_ERR_FORMAT},
    {"{\"\xff\":{}}", "header", 0, REEL_ERR_FORMAT},
    {"{}", "4 bytes after the last tensor", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4]") ",\"a\":" T("[1]", "[0,4]") "}", "duplicate", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4]") "}", "1 bytes after", 5, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4]") "}", "outside the file", 3, REEL_ERR_FORMAT},
    {"{\"a\":" T("[2]", "[4,0]") "}", "outside the file", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[9223372036854775804,9223372036854775807]") "}", "outside", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,99999999999999999999]") "}", "header", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[-4,0]") "}", "no pair", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4.0]") "}", "no pair", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4,8]") "}", "no pair", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "\"0,4\"") "}", "no pair", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[2]", "[0,4]") "}", "do not fit shape", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[]", "[0,0]") "}", "do not fit shape", 0, REEL_ERR_FORMAT},
    {"{\"a\":" T("[-1]", "[0,4]") "}", "a dimension", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1.0]", "[0,4]") "}", "a dimension", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[true]", "[0,4]") "}", "a dimension", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("1", "[0,4]") "}", "shape is no list", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1,1,1,1,1,1,1,1,2]", "[0,4]") "}", "do not fit shape", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1,1,1,1,1,1,1,4294967296,4294967296]", "[0,4]") "}", "overflows", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":" T("[4294967296,4294967296]", "[0,4]") "}", "overflows", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[4611686018427387904]", "[0,0]") "}", "overflows", 0, REEL_ERR_FORMAT},
    {"{\"a\":" T("[2305843009213693952]", "[0,4]") "}", "overflows", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4]") ",\"b\":" T("[1]", "[0,4]") "}", "overlaps", 4, REEL_ERR_FORMAT},
    {"{\"a\":" T("[2]", "[0,8]") ",\"b\":" T("[1]", "[4,8]") "}", "overlaps", 8, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[0,4]") ",\"b\":" T("[1]", "[8,12]") "}", "no one's", 12, REEL_ERR_FORMAT},
    {"{\"a\":" T("[1]", "[4,8]") "}", "no one's", 8, REEL_ERR_FORMAT},
    {"{\"a\":7}", "tensor 'a': no JSON object", 0, REEL_ERR_FORMAT},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "dtype is missing", 4, REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "shape is missing", 4, REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "data_offsets is missing", 4, REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,4]}}", "do not fit", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,4]}}", "do not fit", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"F4\",\"shape\":[7],\"data_offsets\":[0,4]}}", "do not fit", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,5]}}", "outside", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[1,4]}}", "no one's", 4,
     REEL_ERR_FORMAT},
    {"{\"a\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,4]}}", "dtype is", 4, REEL_ERR_FORMAT},
    {"{\"__metadata__\":7}", "__metadata__", 0, REEL_ERR_FORMAT},
    {"{\"__metadata__\":{\"k\":7}}", "'k' is no string", 0, REEL_ERR_FORMAT},
    {"{\"__metadata__\":{\"k\":\"a\",\"k\":\"b\"}}", "duplicate", 0, REEL_ERR_FORMAT},
};

START_TEST(safetensors_lie) {
    static const char zeros[16];
    char file[512];
    const char *path = in_dir("lie");
    put(path, file, build(file, lies[_i].header, zeros, lies[_i].data));
    ck_assert_ptr_null(reel_safetensors_read(path));
    ck_assert_msg(strstr(reel_error(), path) != NULL, "%s", reel_error());
    expect_failure(lies[_i].status, lies[_i].says);
}
END_TEST

/* A header of n empty tensors, or of n lines of text; free it. */
static char *many(int n, bool text) {
    char *header = NULL;
    size_t size;
    FILE *f = open_memstream(&header, &size);
    fprintf(f, text ? "{\"__metadata__\":{" : "{\"__metadata__\":{\"k\":\"v\"}");
    for (int i = 0; i < n; i++)
        if (text)
            fprintf(f, "%s\"%d\":\"v\"", i > 0 ? "," : "", i);
        else
            fprintf(f, ",\"%d\":" T("[0]", "[0,0]"), i);
    fprintf(f, text ? "}}" : "}");
    fclose(f);
    return header;
}

/* What a run of a hundred thousand epochs says of each: nothing that grows with a run has a limit
 * short of the format's. */
START_TEST(safetensors_many) {
    enum { MANY = 200000 };
    static char file[16 << 20];
    for (int text = 0; text <= 1; text++) {
        char *header = many(MANY, text);
        put(in_dir("many"), file, build(file, header, "", 0));
        free(header);
        reel_state *s = reel_safetensors_read(in_dir("many"));
        expect_fine();
        ck_assert_int_eq(reel_state_count(s), text ? 0 : MANY);
        ck_assert_int_eq(reel_state_text_count(s), text ? MANY : 1);
        ck_assert_int_eq(reel_checkpoint_write(s, in_dir("again"), 0), REEL_OK);
        reel_state_free(s);
        s = reel_checkpoint_read(in_dir("again"));
        expect_fine();
        ck_assert_int_eq(reel_state_count(s), text ? 0 : MANY);
        ck_assert_int_eq(reel_state_text_count(s), (text ? MANY : 1) + 2);
        ck_assert_str_eq(text ? reel_state_text(s, "199999") : reel_state_name(s, MANY - 1),
                         text ? "v" : "199999");
        reel_state_free(s);
    }
}
END_TEST

/* The format's limit, of which the message speaks. */
START_TEST(safetensors_header_too_long) {
    enum { LONG = 50000001 };
    char *text = malloc(LONG + 1);
    reel_state *s = reel_state_new();
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    reel_state_put_text(s, "a", text);
    reel_state_put_text(s, "b", text);
    reel_safetensors_write(s, in_dir("long"));
    expect_failure_at(REEL_ERR_ARGUMENT, "is too long", in_dir("long"));
    ck_assert_int_eq(entries(dir), 0);
    reel_state_free(s);
    free(text);
}
END_TEST

START_TEST(safetensors_header_length) {
    static const uint64_t lengths[] = {3, 1000, 100000001, UINT64_C(1) << 63, UINT64_MAX};
    const char *path = in_dir("a");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char file[10] = "........{}";
        memcpy(file, &lengths[i], 8);
        put(path, file, sizeof file);
        ck_assert_ptr_null(reel_safetensors_read(path));
        expect_failure(REEL_ERR_FORMAT, "a header of");
    }
    /* A file that is long enough, but only holes: the limit is asked before memory. */
    ck_assert_int_eq(truncate(path, 200000000), 0);
    FILE *f = fopen(path, "r+");
    fwrite(&lengths[2], 8, 1, f);
    fclose(f);
    ck_assert_ptr_null(reel_safetensors_read(path));
    expect_failure(REEL_ERR_FORMAT, "a header of 100000001");
}
END_TEST

START_TEST(safetensors_cut_short) {
    char file[512];
    size_t size = golden(file);
    for (size_t n = 0; n < size; n++) {
        put(in_dir("cut"), file, n);
        ck_assert_ptr_null(reel_safetensors_read(in_dir("cut")));
        expect_failure(REEL_ERR_FORMAT, in_dir("cut"));
    }
}
END_TEST

/* Every byte of the length and the header in turn becomes something else: a state or a failure,
 * nothing between. */
START_TEST(safetensors_bytes_changed) {
    char good[512], file[512];
    size_t size = golden(good);
    uint32_t seed = 1;
    for (size_t i = 0; i < 2 * (size - 24); i++) {
        memcpy(file, good, size);
        seed = seed * 1664525 + 1013904223;
        file[i / 2] =
            (char)(i % 2 ? "0:{}[],\"9"[(seed >> 16) % 9] : file[i / 2] ^ (1 << (seed >> 29)));
        FILE *f = fopen(in_dir("changed"), "wb");
        ck_assert_uint_eq(fwrite(file, 1, size, f), size);
        fclose(f);
        reel_state *s = reel_safetensors_read(in_dir("changed"));
        ck_assert((s == NULL) == reel_failed());
        reel_clear_error();
        reel_state_free(s);
    }
}
END_TEST

START_TEST(safetensors_unreadable) {
    ck_assert_ptr_null(reel_safetensors_read(in_dir("missing")));
    expect_failure(REEL_ERR_IO, "No such file");
    ck_assert_ptr_null(reel_safetensors_read(dir));
    expect_failure(REEL_ERR_IO, "Is a directory");
    ck_assert_int_eq(mkfifo(in_dir("fifo"), 0666), 0);
    ck_assert_ptr_null(reel_safetensors_read(in_dir("fifo")));
    expect_failure(REEL_ERR_IO, "Not a regular file");
    ck_assert_ptr_null(reel_safetensors_read(NULL));
    expect_failure(REEL_ERR_ARGUMENT, "no path");
}
END_TEST

START_TEST(safetensors_unwritable) {
    reel_state *s = reel_state_new();
    ck_assert_int_eq(reel_safetensors_write(NULL, in_dir("a")), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    reel_safetensors_write(s, in_dir("missing/a"));
    expect_failure(REEL_ERR_IO, "No such file");
    reel_state_put_text(s, "k", "\xff");
    reel_safetensors_write(s, in_dir("a"));
    expect_failure(REEL_ERR_ARGUMENT, "is not UTF-8");
    reel_state_free(s);

    s = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(s, "__metadata__", reel_ones(REEL_SCALAR, REEL_F32, reel_cpu()));
    }
    reel_safetensors_write(s, in_dir("a"));
    expect_failure(REEL_ERR_ARGUMENT, "may be called __metadata__");
    reel_state_free(s);

    s = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(s, "a\xc3", reel_ones(REEL_SCALAR, REEL_F32, reel_cpu()));
    }
    reel_safetensors_write(s, in_dir("a"));
    expect_failure(REEL_ERR_ARGUMENT, "is not UTF-8");
    reel_state_free(s);

    s = reel_state_new();
    reel_fail(REEL_ERR_SHAPE, NULL, "kept");
    ck_assert_int_eq(reel_safetensors_write(s, in_dir("a")), REEL_ERR_SHAPE);
    ck_assert_int_eq(reel_checkpoint_write(s, in_dir("a"), 2), REEL_ERR_SHAPE);
    expect_failure(REEL_ERR_SHAPE, "kept");
    reel_state_free(s);
    ck_assert_int_eq(entries(dir), 0);
}
END_TEST

/* ---- checkpoints ---- */

static void expect_epochs(int64_t now, int64_t first, int64_t second, int64_t third) {
    ck_assert_int_eq(epoch_of(in_dir("c")), now);
    ck_assert_int_eq(epoch_of(in_dir("c.1")), first);
    ck_assert_int_eq(epoch_of(in_dir("c.2")), second);
    ck_assert_int_eq(epoch_of(in_dir("c.3")), third);
    ck_assert_int_eq(entries(dir), (now >= 0) + (first >= 0) + (second >= 0) + (third >= 0));
}

START_TEST(checkpoint_round_trip) {
    reel_state *s = state_of_all_kinds();
    ck_assert_int_eq(reel_checkpoint_write(s, in_dir("c"), 0), REEL_OK);
    reel_state *back = reel_checkpoint_read(in_dir("c"));
    expect_fine();
    ck_assert_str_eq(reel_state_text(back, "format"), "reel-checkpoint");
    ck_assert_str_eq(reel_state_text(back, "version"), "1");
    reel_state_put_text(s, "format", "reel-checkpoint");
    reel_state_put_text(s, "version", "1");
    expect_same_state(s, back);
    ck_assert_int_eq(reel_checkpoint_write(back, in_dir("d"), 0), REEL_OK);
    reel_state *again = reel_checkpoint_read(in_dir("d"));
    expect_same_state(back, again);
    reel_state_free(s), reel_state_free(back), reel_state_free(again);
}
END_TEST

START_TEST(checkpoint_of_another_kind) {
    reel_state *s = reel_state_new();
    reel_safetensors_write(s, in_dir("a"));
    ck_assert_ptr_null(reel_checkpoint_read(in_dir("a")));
    expect_failure(REEL_ERR_FORMAT, "not 'reel-checkpoint'");
    reel_state_put_text(s, "format", "reel-checkpoint");
    reel_state_put_text(s, "version", "2");
    reel_safetensors_write(s, in_dir("a"));
    ck_assert_ptr_null(reel_checkpoint_read(in_dir("a")));
    expect_failure(REEL_ERR_FORMAT, "version is '2', not '1'");
    ck_assert_ptr_null(reel_checkpoint_read(in_dir("missing")));
    expect_failure(REEL_ERR_IO, "No such file");
    ck_assert_ptr_null(reel_checkpoint_read(NULL));
    expect_failure(REEL_ERR_ARGUMENT, "no path");
    reel_checkpoint_write(NULL, in_dir("a"), 0);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    reel_checkpoint_write(s, NULL, 3);
    expect_failure(REEL_ERR_ARGUMENT, "path");
    reel_state_free(s);
}
END_TEST

START_TEST(checkpoint_keeps_the_last) {
    static const int64_t epochs[][5] = {/* keep_last, then what lies there after five */
                                        {0, 5, -1, -1, -1}, {-1, 5, -1, -1, -1}, {1, 5, -1, -1, -1},
                                        {2, 5, 4, -1, -1},  {3, 5, 4, 3, -1},    {4, 5, 4, 3, 2}};
    const int64_t *e = epochs[_i];
    for (int64_t i = 1; i <= 5; i++) ck_assert_int_eq(save(i, 2, in_dir("c"), (int)e[0]), REEL_OK);
    expect_epochs(e[1], e[2], e[3], e[4]);
}
END_TEST

START_TEST(checkpoint_fills_gaps) {
    for (int64_t i = 1; i <= 4; i++) save(i, 2, in_dir("c"), 4);
    ck_assert_int_eq(remove(in_dir("c.2")), 0);
    save(5, 2, in_dir("c"), 4);
    expect_epochs(5, 4, 3, 1);
    /* What a crash between rotation and rename leaves: the next write moves nothing. */
    ck_assert_int_eq(remove(in_dir("c.1")), 0);
    ck_assert_int_eq(link(in_dir("c"), in_dir("c.1")), 0);
    save(6, 2, in_dir("c"), 4);
    expect_epochs(6, 5, 3, 1);
    /* And one whose newest was lost. */
    ck_assert_int_eq(remove(in_dir("c")), 0);
    save(7, 2, in_dir("c"), 4);
    expect_epochs(7, 5, 3, 1);
}
END_TEST

START_TEST(checkpoint_keeps_fewer_than_before) {
    for (int64_t i = 1; i <= 5; i++) save(i, 2, in_dir("c"), 4);
    expect_epochs(5, 4, 3, 2);
    save(6, 2, in_dir("c"), 2);
    expect_epochs(6, 5, -1, -1);
    for (int64_t i = 7; i <= 9; i++) save(i, 2, in_dir("c"), 4);
    ck_assert_int_eq(remove(in_dir("c.2")), 0);
    save(10, 2, in_dir("c"), 1);
    expect_epochs(10, -1, -1, 6); /* beyond a gap it is no one's */
    ck_assert_int_eq(mkdir(in_dir("c.1"), 0777), 0);
    ck_assert_int_eq(save(11, 2, in_dir("c"), 1), REEL_OK); /* no checkpoint, so left alone */
    ck_assert(reel_file_exists(in_dir("c.1")));
}
END_TEST

START_TEST(checkpoint_behind_a_link) {
    save(1, 2, in_dir("real"), 0);
    ck_assert_int_eq(symlink("real", in_dir("c")), 0);
    save(2, 2, in_dir("c"), 3);
    ck_assert_int_eq(epoch_of(in_dir("c")), 2);
    ck_assert_int_eq(epoch_of(in_dir("c.1")), 1);
    struct stat info;
    ck_assert(lstat(in_dir("c.1"), &info) == 0 && S_ISREG(info.st_mode));
    ck_assert(lstat(in_dir("c"), &info) == 0 && S_ISLNK(info.st_mode));
    ck_assert_int_eq(epoch_of(in_dir("real")), 2);
}
END_TEST

START_TEST(checkpoint_is_copied_where_links_are_not) {
    struct stat info;
    save(1, 100000, in_dir("c"), 0);
    ck_assert_int_eq(chmod(in_dir("c"), 0600), 0);
    ck_assert_int_eq(reel__checkpoint_copy(in_dir("c"), in_dir("c.1")), REEL_OK);
    expect_epochs(1, 1, -1, -1);
    ck_assert(stat(in_dir("c.1"), &info) == 0 && (info.st_mode & 0777) == 0600);
    reel__checkpoint_copy(in_dir("missing"), in_dir("d"));
    expect_failure(REEL_ERR_IO, "No such file");
    reel__checkpoint_copy(in_dir("c"), in_dir("missing/d"));
    expect_failure(REEL_ERR_IO, "No such file");
    reel__checkpoint_copy(dir, in_dir("d"));
    expect_failure(REEL_ERR_IO, "Is a directory");
    ck_assert_int_eq(entries(dir), 2);
}
END_TEST

/* A link in a slot moves on as any file there does, though it leads to nothing. */
START_TEST(checkpoint_in_the_place_of_a_link) {
    struct stat info;
    save(1, 2, in_dir("c"), 3);
    ck_assert_int_eq(symlink("nothing", in_dir("c.1")), 0);
    ck_assert_int_eq(save(2, 2, in_dir("c"), 3), REEL_OK);
    ck_assert_int_eq(epoch_of(in_dir("c")), 2);
    ck_assert_int_eq(epoch_of(in_dir("c.1")), 1);
    ck_assert(lstat(in_dir("c.2"), &info) == 0 && S_ISLNK(info.st_mode));
    ck_assert_int_eq(save(3, 2, in_dir("c"), 3), REEL_OK);
    expect_epochs(3, 2, 1, -1);
    ck_assert(!reel_file_exists(in_dir("nothing")));
}
END_TEST

START_TEST(checkpoint_rotation_fails) {
    for (int64_t i = 1; i <= 3; i++) save(i, 2, in_dir("c"), 3);
    ck_assert_int_eq(remove(in_dir("c.2")), 0);
    ck_assert_int_eq(mkdir(in_dir("c.2"), 0777), 0);
    save(4, 2, in_dir("c"), 3);
    expect_failure(REEL_ERR_IO, "cannot remove the oldest checkpoint");
    ck_assert_int_eq(epoch_of(in_dir("c")), 3);
    ck_assert_int_eq(epoch_of(in_dir("c.1")), 2);
    ck_assert_int_eq(entries(dir), 3);
}
END_TEST

/* Reads a checkpoint again and again while another thread replaces it. */
typedef struct {
    char path[512];
    atomic_bool done, failed;
    int reads;
} watcher;

static void *watch(void *argument) {
    watcher *w = argument;
    while (!w->done) {
        reel_state *s = reel_checkpoint_read(w->path);
        if (s == NULL) w->failed = true;
        reel_state_free(s);
        w->reads++;
    }
    return NULL;
}

START_TEST(checkpoint_is_there_at_every_moment) {
    watcher w = {.reads = 0};
    strcpy(w.path, in_dir("c"));
    save(0, 20000, w.path, 3);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, watch, &w), 0);
    for (int64_t i = 1; i <= 30; i++) ck_assert_int_eq(save(i, 20000, w.path, 3), REEL_OK);
    w.done = true;
    pthread_join(thread, NULL);
    ck_assert(!w.failed);
    ck_assert_int_gt(w.reads, 0);
}
END_TEST

START_TEST(checkpoint_numbers_at_their_ends) {
    static const int keep[] = {INT_MIN, -1, INT_MAX};
    for (int i = 0; i < 3; i++) ck_assert_int_eq(save(i, 2, in_dir("c"), keep[i]), REEL_OK);
    put(in_dir("c.2147483647"), "x", 1);
    ck_assert_int_eq(save(3, 2, in_dir("c"), INT_MAX), REEL_OK);
    ck_assert_int_eq(epoch_of(in_dir("c")), 3);
}
END_TEST

/* Whatever keeps the write from its end, nothing moves. */
static void expect_refused(const char *says) {
    ck_assert_int_eq(save(9, 100000, in_dir("c"), 3), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, says);
    expect_epochs(2, 1, -1, -1);
}

START_TEST(checkpoint_too_large_for_the_limit) {
    save(1, 2, in_dir("c"), 3);
    save(2, 2, in_dir("c"), 3);
    struct rlimit before, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_refused("File too large");
    setrlimit(RLIMIT_FSIZE, &before);
}
END_TEST

/* A disk of 64 KiB, in a mount namespace of its own, so that it goes with the test's process. */
static bool mount_small_disk(void) {
    const char *fork_mode = getenv("CK_FORK");
    return !(fork_mode != NULL && strcmp(fork_mode, "no") == 0) && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", dir, "tmpfs", 0, "size=64k") == 0;
}

START_TEST(checkpoint_on_a_full_disk) {
    if (!mount_small_disk()) {
        puts("skipped: no small disk may be mounted to be filled");
        return;
    }
    save(1, 2, in_dir("c"), 3);
    save(2, 2, in_dir("c"), 3);
    expect_refused("No space left");
    ck_assert_int_eq(umount(dir), 0);
}
END_TEST

/* ---- the suite ---- */

static void add_safetensors_tests(TCase *c) {
    tcase_add_test(c, safetensors_golden_read);
    tcase_add_test(c, safetensors_golden_write);
    tcase_add_test(c, safetensors_round_trip);
    tcase_add_test(c, safetensors_empty_state);
    tcase_add_loop_test(c, safetensors_lie, 0, sizeof lies / sizeof lies[0]);
    tcase_add_test(c, safetensors_many);
    tcase_add_test(c, safetensors_header_too_long);
    tcase_add_test(c, safetensors_header_length);
    tcase_add_test(c, safetensors_cut_short);
    tcase_add_test(c, safetensors_bytes_changed);
    tcase_add_test(c, safetensors_unreadable);
    tcase_add_test(c, safetensors_unwritable);
}

static void add_large_tests(TCase *c) {
    tcase_set_tags(c, "rss");
    tcase_add_test(c, safetensors_of_expanded_views);
}

static void add_checkpoint_tests(TCase *c) {
    tcase_add_test(c, checkpoint_round_trip);
    tcase_add_test(c, checkpoint_of_another_kind);
    tcase_add_loop_test(c, checkpoint_keeps_the_last, 0, 6);
    tcase_add_test(c, checkpoint_fills_gaps);
    tcase_add_test(c, checkpoint_keeps_fewer_than_before);
    tcase_add_test(c, checkpoint_behind_a_link);
    tcase_add_test(c, checkpoint_is_copied_where_links_are_not);
    tcase_add_test(c, checkpoint_in_the_place_of_a_link);
    tcase_add_test(c, checkpoint_rotation_fails);
    tcase_add_test(c, checkpoint_is_there_at_every_moment);
    tcase_add_test(c, checkpoint_numbers_at_their_ends);
    tcase_add_test(c, checkpoint_too_large_for_the_limit);
    tcase_add_test(c, checkpoint_on_a_full_disk);
}

int main(void) {
    Suite *s = suite_create("files");
    add_safetensors_tests(add_dir_case(s, "safetensors"));
    add_large_tests(add_dir_case(s, "large"));
    add_checkpoint_tests(add_dir_case(s, "checkpoints"));
    return run_suite(s);
}
