/* A PNG read back, as io/png.c writes it: eight bits a channel, of one or three. */
#ifndef REEL_TESTS_PNG_READ_H
#define REEL_TESTS_PNG_READ_H

#include "tests/temp_dir.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct {
    int width, height, channels;
    uint8_t *pixels;
} png_picture;

static inline uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline int paeth(int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Undoes a row's filter, in place: a is the byte at the left, b above, c above that at the left. */
static inline void unfilter(uint8_t *row, const uint8_t *above, int n, int channels, int filter) {
    for (int i = 0; i < n; i++) {
        int a = i < channels ? 0 : row[i - channels], b = above != NULL ? above[i] : 0;
        int c = above != NULL && i >= channels ? above[i - channels] : 0;
        const int added[] = {0, a, b, (a + b) / 2, paeth(a, b, c)};
        row[i] = (uint8_t)(row[i] + added[filter]);
    }
}

/* Three chunks: IHDR, one IDAT, IEND, each with its right sum. Free pixels. */
static inline png_picture png_read(const char *path) {
    size_t size;
    uint8_t *png = (uint8_t *)contents(path, &size), *p = png + 8;
    ck_assert_uint_gt(size, 57);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n", 8);
    ck_assert_mem_eq(p, "\0\0\0\rIHDR", 8);
    png_picture out = {.width = (int)be32(p + 8), .height = (int)be32(p + 12)};
    ck_assert(p[16] == 8 && (p[17] == 0 || p[17] == 2) && p[20] == 0);
    out.channels = p[17] == 0 ? 1 : 3;
    ck_assert_uint_eq(be32(p + 21), crc32(0, p + 4, 17));
    p += 25;
    uint32_t n = be32(p);
    ck_assert_mem_eq(p + 4, "IDAT", 4);
    ck_assert_uint_eq(size, 8 + 25 + 12 + n + 12);
    ck_assert_uint_eq(be32(p + 8 + n), crc32(0, p + 4, n + 4));

    int row = out.width * out.channels;
    uLongf length = (uLongf)((row + 1) * out.height), got = length;
    uint8_t *raw = malloc(length);
    ck_assert_int_eq(uncompress(raw, &got, p + 8, n), Z_OK);
    ck_assert_uint_eq(got, length);
    out.pixels = malloc((size_t)(row * out.height));
    for (int y = 0; y < out.height; y++) {
        uint8_t *to = out.pixels + y * row;
        memcpy(to, raw + y * (row + 1) + 1, (size_t)row);
        unfilter(to, y > 0 ? to - row : NULL, row, out.channels, raw[y * (row + 1)]);
    }
    free(raw), free(png);
    return out;
}

#endif
