/* io/: PNG images, grids of them and their font. */
#include "io/io_internal.h"
#include "tests/png_read.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_picture(const char *path, int width, int height, int channels,
                           const uint8_t *pixels) {
    expect_fine();
    png_picture p = png_read(path);
    ck_assert(p.width == width && p.height == height && p.channels == channels);
    ck_assert_mem_eq(p.pixels, pixels, (size_t)(width * height * channels));
    free(p.pixels);
}

/* ---- images ---- */

START_TEST(png_grey) {
    uint8_t pixels[40 * 30], turned[30 * 40];
    uint32_t seed = 7;
    for (int i = 0; i < 1200; i++) {
        seed = seed * 1664525 + 1013904223;
        pixels[i] = (uint8_t)(i < 600 ? (uint32_t)i / 3 : seed >> 24);
        turned[i % 40 * 30 + i / 40] = pixels[i];
    }
    {
        REEL_SCOPE;
        reel_tensor *t = reel_from(pixels, reel_shape(30, 40), REEL_U8);
        ck_assert_int_eq(reel_png_write(in_dir("a.png"), t), REEL_OK);
        expect_picture(in_dir("a.png"), 40, 30, 1, pixels);
        ck_assert_int_eq(reel_png_write(in_dir("a.png"), reel_t(t)), REEL_OK);
        expect_picture(in_dir("a.png"), 30, 40, 1, turned);
    }
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

START_TEST(png_floats_are_cut_and_rounded) {
    static const double values[] = {0,   1,        0.5,       1.0 / 255, -3,    7,
                                    NAN, INFINITY, -INFINITY, 0.0019,    0.002, 1e-300};
    static const uint8_t bytes[] = {0, 255, 128, 1, 0, 255, 0, 255, 0, 0, 1, 0};
    float single[12];
    for (int i = 0; i < 12; i++) single[i] = (float)values[i];
    REEL_SCOPE;
    reel_png_write(in_dir("a.png"), reel_from(values, reel_shape(2, 2, 3), REEL_F64));
    expect_picture(in_dir("a.png"), 2, 2, 3, bytes);
    reel_png_write(in_dir("a.png"), reel_from(single, reel_shape(3, 4), REEL_F32));
    expect_picture(in_dir("a.png"), 4, 3, 1, bytes);
}
END_TEST

/* Floats of any width are drawn as the numbers that they are. */
START_TEST(png_halves) {
    static const double values[] = {0, 1, .5, .25, -3, 7, NAN, INFINITY};
    static const uint8_t bytes[] = {0, 255, 128, 64, 0, 255, 0, 255};
    static const reel_dtype dtypes[] = {REEL_F16, REEL_BF16, REEL_F64};
    size_t size;
    char *grids[3];
    REEL_SCOPE;
    for (int i = 0; i < 3; i++) {
        reel_tensor *x = reel_cast(reel_from(values, reel_shape(2, 4), REEL_F64), dtypes[i]);
        reel_png_write(in_dir("a.png"), x);
        expect_picture(in_dir("a.png"), 4, 2, 1, bytes);
        reel_grid_write(in_dir("g.png"), reel_reshape(x, reel_shape(2, 2, 2)),
                        (reel_grid_options){0});
        expect_fine();
        grids[i] = contents(in_dir("g.png"), &size);
    }
    for (int i = 0; i < 2; i++) ck_assert_mem_eq(grids[i], grids[2], size);
    for (int i = 0; i < 3; i++) free(grids[i]);
}
END_TEST

/* Sizes whose products, or bytes, are beyond an integer, in tensors of one element. */
START_TEST(pictures_beyond_all_bounds) {
    static const int64_t sides[][2] = {{INT64_C(1) << 31, INT64_C(1) << 31},
                                       {1, INT64_MAX},
                                       {INT64_MAX, 1},
                                       {65536, 1},
                                       {60000, 60000}};
    REEL_SCOPE;
    reel_tensor *one = reel_ones(reel_shape(1, 1), REEL_F64, reel_cpu());
    for (int i = 0; i < 5; i++) {
        reel_png_write(in_dir("a.png"), reel_expand(one, reel_shape(sides[i][0], sides[i][1])));
        expect_failure_at(REEL_ERR_SHAPE, "png: cannot draw", in_dir("a.png"));
    }
    reel_tensor *many =
        reel_expand(reel_reshape(one, reel_shape(1, 1, 1)), reel_shape(1 << 20, 65535, 65535));
    static const int numbers[] = {0, 1, INT_MAX};
    for (int i = 0; i < 9; i++) {
        reel_grid_write(in_dir("a.png"), many,
                        (reel_grid_options){.columns = numbers[i % 3], .scale = numbers[i / 3]});
        expect_failure_at(REEL_ERR_SHAPE, "grid: too large", in_dir("a.png"));
    }
    reel_grid_write(in_dir("a.png"), many, (reel_grid_options){.columns = INT_MIN});
    expect_failure_at(REEL_ERR_ARGUMENT, "columns", in_dir("a.png"));
    ck_assert_int_eq(entries(dir), 0);
}
END_TEST

START_TEST(png_bad_call) {
    {
        REEL_SCOPE;
        reel_tensor *image = reel_zeros(reel_shape(2, 2), REEL_U8, reel_cpu());
        reel_png_write(NULL, image);
        expect_failure(REEL_ERR_ARGUMENT, "png: no path");
        reel_png_write(in_dir("a.png"), NULL);
        expect_failure(REEL_ERR_ARGUMENT, "png: no image");
        reel_png_write(in_dir("a.png"), reel_zeros(reel_shape(2, 2, 4), REEL_U8, reel_cpu()));
        expect_failure(REEL_ERR_SHAPE, "not [2, 2, 4]");
        reel_png_write(in_dir("a.png"), reel_zeros(reel_shape(4), REEL_U8, reel_cpu()));
        expect_failure(REEL_ERR_SHAPE, "not [4]");
        reel_png_write(in_dir("a.png"), reel_zeros(reel_shape(0, 4), REEL_U8, reel_cpu()));
        expect_failure(REEL_ERR_SHAPE, "cannot draw 4 x 0");
        reel_png_write(in_dir("a.png"), reel_zeros(reel_shape(70000, 1), REEL_U8, reel_cpu()));
        expect_failure(REEL_ERR_SHAPE, "cannot draw 1 x 70000");
        reel_png_write(in_dir("a.png"), reel_arange(4, REEL_I64, reel_cpu()));
        expect_failure(REEL_ERR_SHAPE, "not [4]");
        reel_png_write(in_dir("a.png"), reel_zeros(reel_shape(2, 2), REEL_I64, reel_cpu()));
        expect_failure(REEL_ERR_DTYPE, "not i64");
        reel_png_write(in_dir("missing/a.png"), image);
        expect_failure(REEL_ERR_IO, "No such file");
        reel_fail(REEL_ERR_SHAPE, NULL, "kept");
        ck_assert_int_eq(reel_png_write(in_dir("a.png"), image), REEL_ERR_SHAPE);
        reel_clear_error();
    }
    ck_assert_int_eq(entries(dir), 0);
}
END_TEST

/* ---- grids ---- */

START_TEST(font_has_every_character) {
    for (int a = ' '; a <= '~'; a++) {
        const uint8_t *glyph = reel__font_glyph((char)a);
        int ink = 0;
        for (int row = 0; row < REEL__GLYPH_HEIGHT; row++) {
            ck_assert_int_lt(glyph[row], 1 << REEL__GLYPH_WIDTH);
            ink += __builtin_popcount(glyph[row]);
        }
        ck_assert_int_eq(ink == 0, a == ' ');
        for (int b = ' '; b < a; b++)
            ck_assert_msg(memcmp(glyph, reel__font_glyph((char)b), REEL__GLYPH_HEIGHT) != 0,
                          "%c and %c look the same", a, b);
    }
    const uint8_t *box = reel__font_glyph('\x7f');
    ck_assert_ptr_eq(box, reel__font_glyph('\n'));
    ck_assert_ptr_eq(box, reel__font_glyph('\xff'));
    ck_assert_ptr_ne(box, reel__font_glyph('~'));
}
END_TEST

/* n images of 3 x 2 pixels: image i is all i + 1, but for its last pixel, 100. */
static reel_tensor *little_images(int64_t n) {
    uint8_t bytes[10 * 6];
    for (int64_t i = 0; i < n * 6; i++) bytes[i] = (uint8_t)(i % 6 == 5 ? 100 : i / 6 + 1);
    return reel_from(bytes, reel_shape(n, 3, 2), REEL_U8);
}

static png_picture grid(int64_t n, reel_grid_options options) {
    {
        REEL_SCOPE;
        reel_grid_write(in_dir("g.png"), little_images(n), options);
    }
    expect_fine();
    png_picture p = png_read(in_dir("g.png"));
    ck_assert_int_eq(p.channels, 1);
    return p;
}

static int at(const png_picture *p, int x, int y) {
    ck_assert(x >= 0 && y >= 0 && x < p->width && y < p->height);
    return p->pixels[y * p->width + x];
}

/* How many pixels of columns x0..x1-1 and rows y0..y1-1 are as dark as text; images of this test
 * are darker still. */
static int ink(const png_picture *p, int x0, int y0, int x1, int y1) {
    int n = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) n += at(p, x, y) == 34 || at(p, x, y) == 92;
    return n;
}

/* Margin 16, gap 8, cells of 2 * 5 + 2 by 3 * 5 + 2. */
START_TEST(grid_cells) {
    png_picture p = grid(5, (reel_grid_options){.columns = 3, .scale = 5});
    ck_assert_int_eq(p.width, 16 + 3 * 12 + 2 * 8 + 16);
    ck_assert_int_eq(p.height, 16 + 2 * 17 + 8 + 16);
    for (int i = 0; i < 5; i++) {
        int x = 16 + i % 3 * 20, y = 16 + i / 3 * 25;
        ck_assert_int_eq(at(&p, x, y), at(&p, x + 11, y + 16)); /* the frame */
        ck_assert_int_ne(at(&p, x, y), at(&p, x - 1, y));
        ck_assert_int_eq(at(&p, x + 1, y + 1), i + 1);
        ck_assert_int_eq(at(&p, x + 10, y + 10), i + 1);
        ck_assert_int_eq(at(&p, x + 6, y + 11), 100);
        ck_assert_int_eq(at(&p, x + 10, y + 15), 100);
        ck_assert_int_eq(at(&p, x + 5, y + 15), i + 1);
    }
    ck_assert_int_eq(at(&p, 56, 41), at(&p, 0, 0)); /* no sixth */
    ck_assert_int_eq(ink(&p, 0, 0, p.width, p.height), 0);
    free(p.pixels);
}
END_TEST

START_TEST(grid_defaults) {
    png_picture p = grid(4, (reel_grid_options){0});
    ck_assert_int_eq(p.width, 16 + 4 * 8 + 3 * 8 + 16);
    ck_assert_int_eq(p.height, 16 + 11 + 16);
    free(p.pixels);
    p = grid(2, (reel_grid_options){.columns = 9, .scale = 1}); /* no empty columns */
    ck_assert_int_eq(p.width, 16 + 2 * 4 + 8 + 16);
    free(p.pixels);
}
END_TEST

START_TEST(grid_texts) {
    const char *captions[4] = {"A", NULL, NULL, NULL}, *labels[2] = {NULL, "row"};
    png_picture p = grid(
        4,
        (reel_grid_options){
            .columns = 2, .scale = 10, .title = "T", .captions = captions, .row_labels = labels});
    int left = 16 + 34 + 12, top = 16 + 18 + 12; /* "row" is 3 * 12 - 2 wide, the title 18 high */
    ck_assert_int_eq(p.width, left + 2 * 22 + 8 + 16);
    ck_assert_int_eq(p.height,
                     top + 32 + (4 + 18) + 8 + 32 + 16); /* only the first row has captions */
    ck_assert_int_eq(ink(&p, left, 16, left + 10, 16 + 14), 4 * 11); /* T: 5 + 6 pixels, doubled */
    ck_assert_int_eq(ink(&p, left + 6, top + 32 + 4, left + 16, top + 32 + 18),
                     4 * 18); /* A, centred */
    ck_assert_int_eq(ink(&p, 0, top, left, top + 32), 0);
    ck_assert_int_gt(ink(&p, 16, top + 62, 16 + 34, top + 94), 50);
    ck_assert_int_eq(ink(&p, 0, 0, p.width, p.height),
                     4 * 11 + 4 * 18 + ink(&p, 16, top + 62, 16 + 34, top + 94));
    free(p.pixels);
}
END_TEST

/* Captions that would touch each other: half the size, then columns further apart. The title
 * shrinks too. */
START_TEST(grid_texts_too_wide) {
    const char *captions[2] = {"abc", "abcdefgh"};
    png_picture p =
        grid(2, (reel_grid_options){.scale = 10, .captions = captions, .title = "a long title"});
    ck_assert_int_eq(p.width, 16 + 47 + 8 + 47 + 16);
    ck_assert_int_eq(p.height, 16 + 9 + 12 + 32 + (4 + 9) + 16);
    ck_assert_int_eq(at(&p, 16 + (47 - 22) / 2 + 1, 16 + 9 + 12 + 1), 1);
    free(p.pixels);
}
END_TEST

START_TEST(grid_bad_call) {
    {
        REEL_SCOPE;
        reel_tensor *images = little_images(2);
        reel_grid_options none = {0};
        reel_grid_write(NULL, images, none);
        expect_failure(REEL_ERR_ARGUMENT, "grid: no path");
        reel_grid_write(in_dir("g.png"), NULL, none);
        expect_failure(REEL_ERR_ARGUMENT, "grid: no images");
        reel_grid_write(in_dir("g.png"), reel_select(images, 0, 0), none);
        expect_failure(REEL_ERR_SHAPE, "not [3, 2]");
        reel_grid_write(in_dir("g.png"), reel_slice(images, 0, 0, 0, 1), none);
        expect_failure(REEL_ERR_SHAPE, "not [0, 3, 2]");
        reel_grid_write(in_dir("g.png"), images, (reel_grid_options){.scale = -1});
        expect_failure(REEL_ERR_ARGUMENT, "scale -1");
        reel_grid_write(in_dir("g.png"), images, (reel_grid_options){.columns = -1});
        expect_failure(REEL_ERR_ARGUMENT, "-1 columns");
        reel_grid_write(in_dir("g.png"), images, (reel_grid_options){.scale = INT32_MAX});
        expect_failure(REEL_ERR_SHAPE, "too large");
        reel_tensor *one = reel_slice(reel_slice(images, 1, 0, 1, 1), 2, 0, 1, 1);
        reel_grid_write(in_dir("g.png"),
                        reel_expand(reel_slice(one, 0, 0, 1, 1), reel_shape(1, INT32_MAX, 4)),
                        none);
        expect_failure(REEL_ERR_SHAPE, "too large");
        reel_grid_write(in_dir("g.png"), reel_cast(images, REEL_I64), none);
        expect_failure(REEL_ERR_DTYPE, "not i64");
        reel_grid_write(in_dir("missing/g.png"), images, none);
        expect_failure(REEL_ERR_IO, "No such file");
    }
    ck_assert_int_eq(entries(dir), 0);
}
END_TEST

/* ---- the suite ---- */

int main(void) {
    Suite *s = suite_create("pictures");
    TCase *c = add_dir_case(s, "images");
    tcase_add_test(c, png_grey);
    tcase_add_test(c, png_floats_are_cut_and_rounded);
    tcase_add_test(c, png_halves);
    tcase_add_test(c, pictures_beyond_all_bounds);
    tcase_add_test(c, png_bad_call);
    c = add_dir_case(s, "grids");
    tcase_add_test(c, font_has_every_character);
    tcase_add_test(c, grid_cells);
    tcase_add_test(c, grid_defaults);
    tcase_add_test(c, grid_texts);
    tcase_add_test(c, grid_texts_too_wide);
    tcase_add_test(c, grid_bad_call);
    return run_suite(s);
}
