/* Writes tensors of every dtype for other implementations to read, and checks what they wrote in
 * turn:
 *
 *     parity_files write|read PATH
 *
 * Every tensor holds 0, 1, 2, ... in row-major order, as safetensors_check.py expects. */
#include <reel.h>

#include <string.h>

static const struct {
    const char *name;
    reel_dtype dtype;
    reel_shape shape;
} rows[] = {
    {"f32", REEL_F32, {2, {2, 3}}},    {"f64", REEL_F64, {1, {4}}},
    {"i64", REEL_I64, {3, {2, 2, 2}}}, {"u8", REEL_U8, {1, {5}}},
    {"scalar", REEL_F32, {0, {0}}},    {"empty", REEL_F32, {2, {0, 3}}},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *const note = "quotes \" and r\xc3\xa9"
                                "el";

static reel_tensor *tensor_of(int i) {
    int64_t n = 1;
    for (int axis = 0; axis < rows[i].shape.ndim; axis++) n *= rows[i].shape.dim[axis];
    return reel_reshape(reel_arange(n, rows[i].dtype, reel_cpu()), rows[i].shape);
}

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

static void read_file(const char *path) {
    reel_state *s = reel_safetensors_read(path);
    for (int i = 0; s && i < ROWS; i++)
        if (!same(reel_state_get(s, rows[i].name), tensor_of(i)))
            reel_fail(REEL_ERR_FORMAT, NULL, "parity: %s is not what was written: %s", rows[i].name,
                      path);
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
