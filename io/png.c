/* PNG pictures: stb_image_write lays out the file, zlib compresses and sums it. */
#include "io/io_internal.h"
#include "tensor/core/handles_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/formulas/half_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static unsigned char *deflate_bytes(const unsigned char *data, int n, int *out_n, int level);
static unsigned int crc_of(const unsigned char *data, int n);

/* The header is compiled in here, static, so that a program may have an stb_image_write of its own.
 * Its own deflate is slower and dies for want of memory; zlib is linked anyway. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBIW_ZLIB_COMPRESS deflate_bytes
#define STBIW_CRC32 crc_of
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

/* stb counts bytes in int: these keep every sum of its far below 2^31. */
enum { MAX_SIDE = 65535, MAX_BYTES = 1 << 30 };

/* stb forgets what it got here if it then has no memory for the file. */
static _Thread_local unsigned char *compressed;

static unsigned char *deflate_bytes(const unsigned char *data, int n, int *out_n, int level) {
    uLongf size = compressBound((uLong)n);
    unsigned char *out = malloc(size);
    if (out != NULL && compress2(out, &size, data, (uLong)n, level) != Z_OK) {
        free(out);
        out = NULL;
    }
    *out_n = (int)size;
    compressed = out;
    return out;
}

static unsigned int crc_of(const unsigned char *data, int n) {
    return (unsigned int)crc32(0, data, (uInt)n);
}

typedef struct {
    const char *path;
    reel_status status;
} sink;

/* stb hands over the whole file in one call. */
static void write_file(void *context, void *data, int n) {
    sink *s = context;
    s->status = reel_file_write(s->path, data, (size_t)n);
}

bool reel__png_fits(int64_t width, int64_t height, int channels) {
    return width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE &&
           (width * channels + 1) * height <= MAX_BYTES;
}

reel_status reel__png_write(const char *path, const uint8_t *pixels, int64_t width, int64_t height,
                            int channels) {
    sink s = {path, REEL_OK};
    compressed = NULL;
    if (stbi_write_png_to_func(write_file, &s, (int)width, (int)height, channels, pixels, 0))
        return s.status;
    free(compressed);
    return reel_fail(REEL_ERR_MEMORY, NULL, "png: out of memory: %s", path);
}

/* 0..1 to 0..255, rounded; NaN is black. */
static uint8_t to_byte(double v) {
    if (!(v > 0.0)) return 0;
    return v < 1.0 ? (uint8_t)(v * 255.0 + 0.5) : 255;
}

/* n elements to bytes, in place: byte i lies at or before the element it is made from. */
static void to_bytes(void *raw, size_t n, reel_dtype dtype) {
    uint8_t *bytes = raw;
    if (dtype == REEL_F32)
        for (size_t i = 0; i < n; i++) bytes[i] = to_byte((double)((const float *)raw)[i]);
    else if (dtype == REEL_F64)
        for (size_t i = 0; i < n; i++) bytes[i] = to_byte(((const double *)raw)[i]);
    else if (dtype == REEL_F16)
        for (size_t i = 0; i < n; i++)
            bytes[i] = to_byte((double)reel__f32_from_f16(((const uint16_t *)raw)[i]));
    else if (dtype == REEL_BF16)
        for (size_t i = 0; i < n; i++)
            bytes[i] = to_byte((double)reel__f32_from_bf16(((const uint16_t *)raw)[i]));
}

/* What to_bytes knows; a new dtype is refused until it does. */
static bool has_pixels(reel_dtype dtype) {
    return dtype == REEL_U8 || dtype == REEL_F32 || dtype == REEL_F64 || dtype == REEL_F16 ||
           dtype == REEL_BF16;
}

uint8_t *reel__image_bytes(reel_tensor *t, const char *path) {
    reel_dtype dtype = reel_dtype_of(t);
    if (!has_pixels(dtype)) {
        reel_fail(REEL_ERR_DTYPE, NULL, "png: pixels are u8, f32, f64, f16 or bf16, not %s: %s",
                  reel_dtype_name(dtype), path);
        return NULL;
    }
    size_t n = (size_t)reel_numel(t), size = n * reel_dtype_size(dtype);
    void *raw = malloc(size > 0 ? size : 1);
    if (raw == NULL) {
        reel_fail(REEL_ERR_MEMORY, NULL, "png: out of memory for %zu bytes: %s", size, path);
        return NULL;
    }
    if (reel_read(t, raw, size) != REEL_OK) {
        reel__name_path(false, path); /* nothing had failed before, else nothing is written */
        free(raw);
        return NULL;
    }
    to_bytes(raw, n, dtype);
    return raw;
}

/* Before the pixels are asked for: there may be any number of them in an expanded tensor. */
static reel_status check_size(int64_t width, int64_t height, int channels, const char *path) {
    if (reel__png_fits(width, height, channels)) return REEL_OK;
    return reel_fail(REEL_ERR_SHAPE, NULL, "png: cannot draw %lld x %lld pixels: %s",
                     (long long)width, (long long)height, path);
}

reel_status reel_png_write(const char *path, reel_tensor *image) {
    if (reel_failed()) return reel_error_status();
    if (path == NULL || image == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "png: no %s%s%s", path == NULL ? "path" : "image",
                         path == NULL ? "" : ": ", path == NULL ? "" : path);
    if (!reel__live(NULL, "png", NULL, image)) return reel_error_status();
    REEL_TRY(reel__refuse_recorded(NULL, "png"));
    bool grey = reel_ndim(image) == 2, rgb = reel_ndim(image) == 3 && reel_dim(image, 2) == 3;
    if (!grey && !rgb) {
        char shape[128];
        reel__shape_text(shape, sizeof shape, reel_shape_of(image));
        return reel_fail(REEL_ERR_SHAPE, NULL, "png: an image is [H, W] or [H, W, 3], not %s: %s",
                         shape, path);
    }
    const int64_t height = reel_dim(image, 0), width = reel_dim(image, 1);
    REEL_TRY(check_size(width, height, grey ? 1 : 3, path));
    uint8_t *pixels = reel__image_bytes(image, path);
    if (pixels == NULL) return reel_error_status();
    reel_status status = reel__png_write(path, pixels, width, height, grey ? 1 : 3);
    free(pixels);
    return status;
}
