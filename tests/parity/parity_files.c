/* Writes tensors of every dtype for other implementations to read, and checks what they wrote in
 * turn:
 *
 *     parity_files write|read PATH
 *
 * Every tensor holds 0, 1, 2, ... in row-major order, as safetensors_check.py expects. What it adds
 * are the format's other dtypes, of which each number is known. */
#include <reel.h>

#include <stdint.h>
#include <string.h>

static const struct {
    const char *name;
    reel_dtype dtype;
    reel_shape shape;
} rows[] = {
    {"f32", REEL_F32, {2, {2, 3}}},    {"f64", REEL_F64, {1, {4}}},
    {"i64", REEL_I64, {3, {2, 2, 2}}}, {"u8", REEL_U8, {1, {5}}},
    {"f16", REEL_F16, {1, {6}}},       {"scalar", REEL_F32, {0, {0}}},
    {"empty", REEL_F32, {2, {0, 3}}},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *const note = "quotes \" and r\xc3\xa9"
                                "el";

static reel_tensor *tensor_of(int i) {
    int64_t n = 1;
    for (int axis = 0; axis < rows[i].shape.ndim; axis++) n *= rows[i].shape.dim[axis];
    reel_tensor *numbers = reel_reshape(reel_arange(n, REEL_F64, reel_cpu()), rows[i].shape);
    return reel_cast(numbers, rows[i].dtype);
}

/* What becomes of the dtypes that Reel has not. */
static const struct {
    const char *name;
    reel_dtype dtype;
    int count;
    int64_t values[3];
    bool optional; /* only where the writer knew it */
} converted[] = {
    {"bool", REEL_U8, 3, {0, 1, 1}, false},
    {"int8", REEL_I64, 3, {-128, 127, 1}, false},
    {"int16", REEL_I64, 3, {-32768, 32767, 1}, false},
    {"uint16", REEL_I64, 3, {0, 65535, 1}, false},
    {"int32", REEL_I64, 3, {INT32_MIN, INT32_MAX, 1}, false},
    {"uint32", REEL_I64, 3, {0, UINT32_MAX, 1}, false},
    {"uint64", REEL_I64, 3, {0, INT64_MAX, 1}, false},
    {"bfloat16", REEL_BF16, 2, {1, -2, 0}, true},
    {"float8_e4m3fn", REEL_F32, 2, {1, -2, 0}, true},
    {"float8_e5m2", REEL_F32, 2, {1, -2, 0}, true},
};
enum { CONVERTED = sizeof converted / sizeof *converted };

static void write_file(const char *path) {
    reel_state *s = reel_state_new();
    for (int i = 0; i < ROWS; i++) reel_state_put(s, rows[i].name, tensor_of(i));
    reel_state_put_text(s, "note", note);
    reel_safetensors_write(s, path);
    reel_state_free(s);
}

static bool same(reel_tensor *a, reel_tensor *b) {
    unsigned char x[64], y[64]; /* the largest row is 64 bytes */
    size_t bytes = (size_t)reel_numel(b) * reel_dtype_size(reel_dtype_of(b));
    return a && reel_dtype_of(a) == reel_dtype_of(b) &&
           reel_shape_equal(reel_shape_of(a), reel_shape_of(b)) &&
           reel_read(a, x, bytes) == REEL_OK && reel_read(b, y, bytes) == REEL_OK &&
           memcmp(x, y, bytes) == 0;
}

static bool is_left_out(const reel_state *s, const char *name) {
    for (int i = 0; i < reel_state_left_out_count(s); i++)
        if (strcmp(reel_state_left_out_name(s, i), name) == 0) return true;
    return false;
}

static void check_converted(const reel_state *s, const char *path) {
    for (int i = 0; i < CONVERTED; i++) {
        reel_tensor *t = reel_state_get(s, converted[i].name);
        if (!t && converted[i].optional) continue;
        const reel_shape shape = reel_shape(converted[i].count);
        reel_tensor *right =
            reel_cast(reel_from(converted[i].values, shape, REEL_I64), converted[i].dtype);
        if (!same(t, right))
            reel_fail(REEL_ERR_FORMAT, NULL, "parity: %s is not what it stands for: %s",
                      converted[i].name, path);
    }
    if (!is_left_out(s, "large") || reel_state_get(s, "complex64"))
        reel_fail(REEL_ERR_FORMAT, NULL, "parity: large or complex64 is not left out: %s", path);
}

static void read_file(const char *path) {
    reel_state *s = reel_safetensors_read(path);
    for (int i = 0; s && i < ROWS; i++)
        if (!same(reel_state_get(s, rows[i].name), tensor_of(i)))
            reel_fail(REEL_ERR_FORMAT, NULL, "parity: %s is not what was written: %s", rows[i].name,
                      path);
    if (s) check_converted(s, path);
    const char *text = s ? reel_state_text(s, "note") : NULL;
    if (!text || strcmp(text, note) != 0)
        reel_fail(REEL_ERR_FORMAT, NULL, "parity: the metadata is not what was written: %s", path);
    reel_state_free(s);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        write_file(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "read") == 0)
        read_file(argv[2]);
    else {
        fputs("usage: parity_files write|read PATH\n", stderr);
        return 2;
    }
    return reel_report(stderr);
}
