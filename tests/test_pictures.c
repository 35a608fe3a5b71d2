/* io/: PNG images, grids of them and their font, plots. */
#include "io/io_internal.h"
#include "tests/temp_dir.h"

#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

/* ---- a PNG read back --------------------------------------------------------------------------
 */

typedef struct {
    int width, height, channels;
    uint8_t *pixels;
} picture;

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int paeth(int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Undoes a row's filter, in place: a is the byte at the left, b above, c above that at the left. */
static void unfilter(uint8_t *row, const uint8_t *above, int n, int channels, int filter) {
    for (int i = 0; i < n; i++) {
        int a = i < channels ? 0 : row[i - channels], b = above != NULL ? above[i] : 0;
        int c = above != NULL && i >= channels ? above[i - channels] : 0;
        const int added[] = {0, a, b, (a + b) / 2, paeth(a, b, c)};
        row[i] = (uint8_t)(row[i] + added[filter]);
    }
}

/* Three chunks: IHDR, one IDAT, IEND, each with its right sum. Free pixels. */
static picture decode(const char *path) {
    size_t size;
    uint8_t *png = (uint8_t *)contents(path, &size), *p = png + 8;
    ck_assert_uint_gt(size, 57);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n", 8);
    ck_assert_mem_eq(p, "\0\0\0\rIHDR", 8);
    picture out = {.width = (int)be32(p + 8), .height = (int)be32(p + 12)};
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

static void expect_picture(const char *path, int width, int height, int channels,
                           const uint8_t *pixels) {
    expect_fine();
    picture p = decode(path);
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

static picture grid(int64_t n, reel_grid_options options) {
    {
        REEL_SCOPE;
        reel_grid_write(in_dir("g.png"), little_images(n), options);
    }
    expect_fine();
    picture p = decode(in_dir("g.png"));
    ck_assert_int_eq(p.channels, 1);
    return p;
}

static int at(const picture *p, int x, int y) {
    ck_assert(x >= 0 && y >= 0 && x < p->width && y < p->height);
    return p->pixels[y * p->width + x];
}

/* How many pixels of columns x0..x1-1 and rows y0..y1-1 are as dark as text; images of this test
 * are darker still. */
static int ink(const picture *p, int x0, int y0, int x1, int y1) {
    int n = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) n += at(p, x, y) == 34 || at(p, x, y) == 92;
    return n;
}

/* Margin 16, gap 8, cells of 2 * 5 + 2 by 3 * 5 + 2. */
START_TEST(grid_cells) {
    picture p = grid(5, (reel_grid_options){.columns = 3, .scale = 5});
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
    picture p = grid(4, (reel_grid_options){0});
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
    picture p = grid(
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
    picture p =
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

/* ---- plots ---- */

static char *old_path;

/* PATH is this test's directory alone: only a gnuplot that it writes there is found. */
static void hide_gnuplot(void) {
    old_path = strdup(getenv("PATH") != NULL ? getenv("PATH") : "");
    setenv("PATH", in_dir("bin"), 1);
    ck_assert_int_eq(mkdir(in_dir("bin"), 0777), 0);
    put(in_dir("h.csv"), "epoch,train,test\n1,3,4\n2,2,3\n3,1,2\n", 35);
}

static void show_gnuplot(void) {
    setenv("PATH", old_path, 1);
    free(old_path);
}

static void fake_gnuplot(const char *script) {
    put(in_dir("bin/gnuplot"), script, strlen(script));
    ck_assert_int_eq(chmod(in_dir("bin/gnuplot"), 0755), 0);
}

static reel_status plot(const char *path, bool *drawn) {
    reel_plot_line line = {.csv = in_dir("h.csv"), .x = "epoch", .y = "train", .label = "train"};
    return reel_plot_write(path, &line, 1, (reel_plot_options){.title = "Loss"}, drawn);
}

static void expect_in(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "no %s in:\n%s", part, text);
}

START_TEST(plot_without_gnuplot) {
    const char *csv = in_dir("h.csv");
    const reel_plot_line lines[] = {{csv, "epoch", "train", "it's, train", 1, 0},
                                    {csv, "epoch", "test", NULL, 0, 9}};
    bool drawn = true;
    ck_assert_int_eq(
        reel_plot_write(in_dir("p.png"), lines, 2,
                        (reel_plot_options){"Loss 'by' `epoch`", "epoch", "loss_x", true}, &drawn),
        REEL_OK);
    expect_fine();
    ck_assert(!drawn && !reel_file_exists(in_dir("p.png")));
    size_t size;
    char *script = contents(in_dir("p.gp"), &size), part[600];
    expect_in(script, "set title \"Loss 'by' \\140epoch\\140\"");
    expect_in(script, "set xlabel 'epoch'");
    expect_in(script, "set ylabel 'loss_x'");
    expect_in(script, "set logscale y");
    expect_in(script, " noenhanced ");
    snprintf(part, sizeof part, "'%s' using 1:2 skip 1 title \"it's, train\" with linespoints",
             csv);
    expect_in(script, part);
    snprintf(part, sizeof part, "'%s' using 1:3 skip 1 notitle with", csv);
    expect_in(script, part);
    expect_in(script, "'#1f77b4' dashtype (");
    expect_in(script, "'#ff7f0e' dashtype solid");
    free(script);
    ck_assert_int_eq(entries(dir), 3); /* bin, h.csv, p.gp */
    ck_assert_int_eq(plot(in_dir("q.jpeg"), NULL), REEL_OK);
    ck_assert(reel_file_exists(in_dir("q.jpeg.gp")));
}
END_TEST

/* Whether the plot of h.csv by a column has its ticks at whole numbers set. */
static bool has_whole_ticks(const char *x, const char *csv) {
    put(in_dir("h.csv"), csv, strlen(csv));
    const reel_plot_line lines[] = {{in_dir("h.csv"), "i", "y", NULL, 0, 0},
                                    {in_dir("h.csv"), x, "y", NULL, 0, 0}};
    ck_assert_int_eq(reel_plot_write(in_dir("p.png"), lines, 2, (reel_plot_options){0}, NULL),
                     REEL_OK);
    size_t size;
    char *script = contents(in_dir("p.gp"), &size);
    bool has = strstr(script, "set xtics 1\n") != NULL;
    free(script);
    return has;
}

START_TEST(plot_ticks_at_whole_numbers) {
    ck_assert(has_whole_ticks("x", "i,x,y\n1,1,2\n2,3,3\n"));
    ck_assert(has_whole_ticks("x", "i,x,y\r\n1,-5,2\r\n2,5,3"));
    ck_assert(has_whole_ticks("x", "i,y,x\n5,2,15\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,1,2\n2,1.5,3\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,1e3,3\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,nan,3\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,11,3\n")); /* gnuplot's own will do */
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,99999999999999999999,3\n"));
}
END_TEST

/* gnuplot would take these file names for commands. */
START_TEST(plot_paths_are_no_commands) {
    char before[512];
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir(dir), 0);
    put("< touch 'owned'", "x,y\n1,2\n", 8);
    const reel_plot_line line = {"< touch 'owned'", "x", "y", NULL, 0, 0};
    fake_gnuplot("#!/bin/sh\nprintf '%s' \"$2\"\n");
    ck_assert_int_eq(reel_plot_write("-p.png", &line, 1, (reel_plot_options){0}, NULL), REEL_OK);
    size_t size;
    char *script = contents("-p.gp", &size), *png = contents("-p.png", &size);
    expect_in(script, "\"./< touch 'owned'\" using");
    ck_assert(size == 7 && memcmp(png, "./-p.gp", 7) == 0);
    free(script), free(png);
    ck_assert_int_eq(chdir(before), 0);
}
END_TEST

START_TEST(plot_by_gnuplot) {
    bool drawn = false;
    setenv("PATH", old_path, 1);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    if (!drawn) {
        puts("skipped: no gnuplot here");
        return;
    }
    size_t size;
    char *png = contents(in_dir("p.png"), &size);
    ck_assert_uint_gt(size, 1000);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\xe8\0\0\x02\x58", 24);
    free(png);

    put(in_dir("h.csv"), "epoch,train\n", 12);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_ERR_IO);
    ck_assert(!drawn);
    expect_failure(REEL_ERR_IO, "no valid points");
}
END_TEST

/* What gnuplot says of the title in p.gp, as it reads it. */
static void expect_read_as(const char *title) {
    char said[600], command[1200];
    const reel_plot_line line = {in_dir("h.csv"), "epoch", "train", title, 0, 0};
    ck_assert_int_eq(
        reel_plot_write(in_dir("p.png"), &line, 1, (reel_plot_options){.title = title}, NULL),
        REEL_OK);
    expect_fine();
    snprintf(command, sizeof command,
             "cd %s && sed -n 's/^set title \\(.*\\) font .*/print \\1/p' p.gp >t.gp && "
             "gnuplot --default-settings t.gp 2>said",
             dir);
    ck_assert_int_eq(system(command), 0);
    snprintf(said, sizeof said, "%s\n", title);
    expect_content(in_dir("said"), said, strlen(said));
}

START_TEST(plot_texts_are_drawn_as_they_are) {
    static const char *const texts[] = {
        "'a",        "a'",     "'",   "''",   "a''b",   "''a''", "'; set output 'x",
        "\"a'",      "a\\'b'", "a\\", "\\n'", "'`ls`'", "`ls`",  "{a'",
        "a}",        "@x'",    "%s'", "#'",   "$x'",    "^_'",   "it's \"so\"",
        "\xc3\xa9'", "!ls"};
    bool drawn = false;
    setenv("PATH", old_path, 1);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    for (size_t i = 0; drawn && i < sizeof texts / sizeof *texts; i++) expect_read_as(texts[i]);
    if (!drawn) puts("skipped: no gnuplot here");
}
END_TEST

/* Names with quotes in them, for gnuplot and, in the comment, for a shell. */
START_TEST(plot_names_with_quotes) {
    static const char csv[] = "it's ''a\"`\\.csv", rows[] = "epoch,train\n1,2\n2,3\n";
    setenv("PATH", old_path, 1);
    ck_assert_int_eq(chdir(dir), 0);
    put(csv, rows, strlen(rows));
    const reel_plot_line line = {csv, "epoch", "train", NULL, 0, 0};
    bool drawn = false;
    ck_assert_int_eq(reel_plot_write("it's ''p.png", &line, 1, (reel_plot_options){0}, &drawn),
                     REEL_OK);
    expect_fine();
    size_t size;
    char *text = contents("it's ''p.gp", &size);
    expect_in(text, "gnuplot 'it'\\''s '\\'''\\''p.gp' > 'it'\\''s '\\'''\\''p.png'\n");
    free(text);
    ck_assert(!drawn || reel_file_exists("it's ''p.png"));
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* ---- gnuplot under odd parents ---- */

/* Whose children nobody can wait for. */
START_TEST(plot_with_sigchld_ignored) {
    static const char whole[] = "whole\0\0\0\0IEND\xae\x42\x60\x82";
    bool drawn = false;
    signal(SIGCHLD, SIG_IGN);
    fake_gnuplot("#!/bin/sh\nprintf 'whole\\000\\000\\000\\000IEND\\256\\102\\140\\202'\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    ck_assert(drawn);
    expect_content(in_dir("p.png"), whole, sizeof whole - 1);
    fake_gnuplot("#!/bin/sh\nprintf half\necho 'out of ink' >&2\nexit 1\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure_at(REEL_ERR_IO, "gnuplot: out of ink", in_dir("p.png"));
    ck_assert(!drawn);
    setenv("PATH", old_path, 1); /* the real one, where there is one */
    ck_assert_int_eq(plot(in_dir("q.png"), &drawn), REEL_OK);
    signal(SIGCHLD, SIG_DFL);
    expect_fine();
}
END_TEST

/* Closed ones are not gnuplot's to use: what it says does not go into the picture, and what the
 * program has open it does not get. */
START_TEST(plot_without_standard_descriptors) {
    bool drawn = false;
    int saved[3], other = open(in_dir("h.csv"), O_RDONLY), high = fcntl(other, F_DUPFD, 77);
    char script[256];
    snprintf(
        script, sizeof script,
        "#!/bin/sh\necho careful >&2\n[ -e /dev/fd/%d ] && echo leaked\nprintf new\n/bin/cat\n",
        high);
    fake_gnuplot(script);
    fflush(NULL);
    for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10), close(i);
    const reel_status status = plot(in_dir("p.png"), &drawn);
    const bool stayed = fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
    for (int i = 0; i < 3; i++) dup2(saved[i], i), close(saved[i]);
    close(other), close(high);
    ck_assert_int_eq(status, REEL_OK);
    ck_assert(drawn && stayed);
    expect_content(in_dir("p.png"), "new", 3);
}
END_TEST

/* What the program blocks and ignores is not handed on. */
START_TEST(plot_with_signals_blocked) {
    bool drawn = false;
    sigset_t all, before;
    sigfillset(&all);
    fake_gnuplot("#!/bin/sh\n/bin/grep -E '^Sig(Blk|Ign)' /proc/self/status\n");
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const reel_status status = plot(in_dir("p.png"), &drawn);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    ck_assert_int_eq(status, REEL_OK);
    size_t size;
    char *said = contents(in_dir("p.png"), &size);
    unsigned long long blocked = 1, ignored = 0;
    ck_assert_int_eq(sscanf(said, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    ck_assert_uint_eq(blocked, 0);
    ck_assert_uint_eq(ignored >> (SIGPIPE - 1) & 1, 0);
    free(said);
}
END_TEST

static void on_alarm(int number) {
    (void)number;
}

/* Signals that interrupt every wait. */
START_TEST(plot_interrupted) {
    bool drawn = false;
    const struct sigaction quick = {.sa_handler = on_alarm}; /* no SA_RESTART */
    const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    fake_gnuplot("#!/bin/sh\ni=0\nwhile [ $i -lt 20 ]; do echo x; echo y >&2; /bin/sleep 0.01; "
                 "i=$((i + 1)); done\n");
    sigaction(SIGALRM, &quick, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    const reel_status status = plot(in_dir("p.png"), &drawn);
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_DFL);
    ck_assert_int_eq(status, REEL_OK);
    size_t size;
    free(contents(in_dir("p.png"), &size));
    ck_assert(drawn && size == 40);
}
END_TEST

START_TEST(plot_picture_is_replaced_whole) {
    bool drawn = false;
    put(in_dir("p.png"), "old", 3);
    fake_gnuplot("#!/bin/sh\nprintf half\nexit 3\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, "gnuplot: drew nothing");
    fake_gnuplot("#!/bin/sh\nexit 0\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure(REEL_ERR_IO, "gnuplot: drew nothing");
    fake_gnuplot("#!/bin/sh\nkill -9 $$\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure(REEL_ERR_IO, "gnuplot: drew nothing");
    fake_gnuplot("#!/bin/sh\necho >&2; echo 'first line' >&2; echo second >&2; exit 1\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure(REEL_ERR_IO, "gnuplot: first line: ");
    ck_assert(!drawn);
    size_t size;
    char *png = contents(in_dir("p.png"), &size);
    ck_assert_str_eq(png, "old");
    free(png);

    fake_gnuplot("#!/bin/sh\necho careful >&2\nprintf new\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    ck_assert(drawn);
    png = contents(in_dir("p.png"), &size);
    ck_assert_str_eq(png, "new");
    free(png);
    ck_assert_int_eq(entries(dir), 4);
}
END_TEST

START_TEST(plot_much_is_said) {
    bool drawn = false;
    fake_gnuplot("#!/bin/sh\ni=0\nwhile [ $i -lt 4000 ]; do\n"
                 "echo 0123456789012345678901234567890123456789; echo $i 1234567890123456789 >&2\n"
                 "i=$((i + 1)); done\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    size_t size;
    free(contents(in_dir("p.png"), &size));
    ck_assert(drawn && size == 4000 * 41);
}
END_TEST

START_TEST(plot_gnuplot_may_not_run) {
    bool drawn = true;
    fake_gnuplot("#!/bin/sh\n");
    ck_assert_int_eq(chmod(in_dir("bin/gnuplot"), 0), 0);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    ck_assert(!drawn);
}
END_TEST

START_TEST(plot_bad_call) {
    bool drawn = true;
    const char *path = in_dir("p.png"), *csv = in_dir("h.csv");
    const reel_plot_options none = {0};
    const struct {
        reel_plot_line line;
        reel_status status;
        const char *says;
    } bad[] = {
        {{NULL, "epoch", "train", NULL, 0, 0}, REEL_ERR_ARGUMENT, "no csv"},
        {{csv, NULL, "train", NULL, 0, 0}, REEL_ERR_ARGUMENT, "no x column"},
        {{csv, "epoch", NULL, NULL, 0, 0}, REEL_ERR_ARGUMENT, "no y column"},
        {{csv, "epoch", "train", "a\nset output", 0, 0}, REEL_ERR_ARGUMENT, "label has a control"},
        {{csv, "epoch", "trai", NULL, 0, 0}, REEL_ERR_FORMAT, "no column trai: "},
        {{csv, "", "train", NULL, 0, 0}, REEL_ERR_FORMAT, "no column : "},
        {{"missing.csv", "epoch", "train", NULL, 0, 0}, REEL_ERR_IO, "missing.csv"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(reel_plot_write(path, &bad[i].line, 1, none, &drawn), bad[i].status);
        expect_failure(bad[i].status, bad[i].says);
    }
    const reel_plot_line good = {csv, "epoch", "train", NULL, 0, 0};
    reel_plot_write(path, &good, 1, (reel_plot_options){.title = "a\tb"}, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "title has a control");
    reel_plot_write(path, &good, 0, none, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no lines");
    reel_plot_write(path, NULL, 1, none, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no lines");
    reel_plot_write(NULL, &good, 1, none, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no path");
    reel_plot_write(in_dir("missing/p.png"), &good, 1, none, NULL);
    expect_failure(REEL_ERR_IO, "No such file");
    reel_fail(REEL_ERR_SHAPE, NULL, "kept");
    ck_assert_int_eq(reel_plot_write(path, &good, 1, none, &drawn), REEL_ERR_SHAPE);
    reel_clear_error();
    ck_assert(!drawn);
    ck_assert_int_eq(entries(dir), 2); /* bin, h.csv */
}
END_TEST

/* ---- panels, logarithmic axes ---- */

/* The script of one line's plot on a logarithmic axis. */
static char *log_script(const char *csv) {
    put(in_dir("h.csv"), csv, strlen(csv));
    const reel_plot_line line = {.csv = in_dir("h.csv"), .x = "x", .y = "y"};
    ck_assert_int_eq(
        reel_plot_write(in_dir("p.png"), &line, 1, (reel_plot_options){.log_y = true}, NULL),
        REEL_OK);
    size_t size;
    return contents(in_dir("p.gp"), &size);
}

START_TEST(plot_log_axis_fits) {
    static const struct {
        const char *csv, *ticks;
    } cases[] = {
        {"x,y\n1,0.05\n2,0.03\n",
         "('0.03' 0.03, '0.035' 0.035, '0.04' 0.04, '0.045' 0.045, '0.05' 0.05)"},
        {"x,y\n1,0.028\n2,0.0049\n",
         "('0.005' 0.005, '0.007' 0.007, '0.01' 0.01, '0.02' 0.02, '0.03' 0.03)"},
        {"x,y\n1,0.0124\n2,0.00055\n",
         "('0.0005' 0.0005, '0.001' 0.001, '0.002' 0.002, '0.005' 0.005, '0.01' 0.01)"},
        {"x,y\n1,1\n2,10000\n3,0\n4,-5\n5,nan\n6,inf\n7,\n",
         "('1' 1, '10' 10, '100' 100, '1000' 1000, '10000' 10000)"},
        {"x,y\n1,1e-20\n2,1\n", "('1e-19' 1e-19, '1e-16' 1e-16, '1e-13' 1e-13, "},
        {"x,y\n1,7\n", "('6.92' 6.92, '6.94' 6.94, '6.96' 6.96, '6.98' 6.98, '7' 7, "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *script = log_script(cases[i].csv), *range = strstr(script, "set yrange [");
        expect_in(script, "set logscale y\n");
        expect_in(script, cases[i].ticks);
        double low, high;
        ck_assert(range != NULL && sscanf(range, "set yrange [%lf:%lf]", &low, &high) == 2);
        ck_assert(low > 0 && low < high);
        free(script);
    }
    char *script = log_script("x,y\n1,0.05\n2,0.03\n"); /* six hundredths of the height to spare */
    expect_in(script, "set yrange [0.0290");
    expect_in(script, ":0.0515");
    free(script);
    script = log_script("x,y\n1,0\n2,-1\n"); /* nothing that it can show: gnuplot's own */
    expect_in(script, "set yrange [*:*]");
    free(script);
}
END_TEST

START_TEST(plot_numbers_are_c_s) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (int i = 0; i < 3; i++)
        if (setlocale(LC_NUMERIC, names[i]) != NULL) {
            char *script = log_script("x,y\n1,0.05\n2,0.03\n");
            setlocale(LC_NUMERIC, "C");
            expect_in(script, "'0.035' 0.035");
            free(script);
            return;
        }
    puts("skipped: no locale with a decimal comma here");
}
END_TEST

START_TEST(plot_panels) {
    const char *csv = in_dir("h.csv");
    const reel_plot_line first[] = {{csv, "epoch", "train", "it's faint", 2, 0},
                                    {csv, "epoch", "test", "test", 0, 0}},
                         second[] = {{csv, "epoch", "test", "no legend", 1, 1}};
    const reel_plot_panel panels[] = {{"L = 1", first, 2}, {"L = 2", second, 1}, {NULL, first, 1}};
    const reel_plot_options options = {"All", "epoch", "MSE", true};
    ck_assert_int_eq(reel_plot_panels_write(in_dir("p.png"), panels, 3, options, NULL), REEL_OK);
    size_t size;
    char *script = contents(in_dir("p.gp"), &size), *at = script;
    const char *const in_order[] = {"unset key\nset multiplot layout 2,2 margins screen",
                                    "set label 'All' at screen 0.5,",
                                    "set arrow from screen ",
                                    "nohead linewidth 2.5 linecolor rgb '#a5c8e1' dashtype solid\n",
                                    "s faint", /* the legend's */
                                    "set label 'test' at screen",
                                    "set title 'L = 1'",
                                    "set ylabel 'MSE'",
                                    "set yrange [0.92",
                                    "set xrange [1:3]\nset xtics 1\nplot \\\n",
                                    "using 1:2 skip 1 notitle with linespoints",
                                    "'#a5c8e1'",
                                    "using 1:3 skip 1 notitle with linespoints",
                                    "'#1f77b4'",
                                    "unset arrow\nunset label\n",
                                    "unset title\nunset xlabel\nunset ylabel\nset title 'L = 2'",
                                    "set xlabel 'epoch'",
                                    "set yrange [1.9",
                                    "dashtype (12, 6)",
                                    "unset title",
                                    "set xlabel 'epoch'",
                                    "set ylabel 'MSE'",
                                    "unset multiplot\n"};
    for (size_t i = 0; i < sizeof in_order / sizeof in_order[0]; i++) {
        at = strstr(at, in_order[i]);
        ck_assert_msg(at != NULL, "no %s there in:\n%s", in_order[i], script);
    }
    ck_assert(strstr(script, "no legend") == NULL);
    free(script);

    reel_plot_panels_write(in_dir("p.png"), panels, 0, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "not 1..100 panels");
    reel_plot_panels_write(in_dir("p.png"), NULL, 1, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "panels");
    const reel_plot_panel bad[] = {{"L = 1", first, 2}, {"L\n2", first, 1}}, none = {"L", first, 0};
    reel_plot_panels_write(in_dir("p.png"), bad, 2, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "panel's title has a control");
    reel_plot_panels_write(in_dir("p.png"), &none, 1, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no lines");
}
END_TEST

/* Any number of panels, of labels and of rows is a script that gnuplot draws without a word. */
START_TEST(plot_panels_by_gnuplot) {
    enum { MOST = 4 };
    static const char *const csv[] = {"epoch,train,test\n1,2,3\n",
                                      "epoch,train,test\n1,2,3\n2,3,4\n5,6,7\n",
                                      "epoch,train,test\n0.5,4e-324,1.7e308\n1,1,1\n"};
    reel_plot_line lines[MOST];
    reel_plot_panel panels[MOST];
    bool drawn = false;
    char path[512];
    snprintf(path, sizeof path, "%s", in_dir("h.csv"));
    setenv("PATH", old_path, 1);
    for (int i = 0; i < MOST; i++) {
        lines[i] = (reel_plot_line){path, "epoch", i % 2 ? "test" : "train", "a 'label'", i % 3, i};
        panels[i] =
            (reel_plot_panel){i % 4 ? "it's \\ \"a\" {title} %d" : NULL, lines, 1 + i % MOST};
    }
    panels[0].count = MOST;
    for (int n = 1; n <= MOST; n += n)
        for (int i = 0; i < 3; i++) {
            put(in_dir("h.csv"), csv[i], strlen(csv[i]));
            const reel_plot_options options = {.log_y = i != 1, .title = "t"};
            reel_plot_panels_write(in_dir("p.png"), panels, n, options, &drawn);
            ck_assert_msg(!reel_failed(), "%d panels, csv %d: %s", n, i, reel_error());
            if (!drawn) {
                puts("skipped: no gnuplot here");
                return;
            }
        }
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
    c = add_dir_case(s, "plots");
    tcase_add_checked_fixture(c, hide_gnuplot, show_gnuplot);
    tcase_add_test(c, plot_without_gnuplot);
    tcase_add_test(c, plot_ticks_at_whole_numbers);
    tcase_add_test(c, plot_paths_are_no_commands);
    tcase_add_test(c, plot_by_gnuplot);
    tcase_add_test(c, plot_texts_are_drawn_as_they_are);
    tcase_add_test(c, plot_names_with_quotes);
    tcase_add_test(c, plot_with_sigchld_ignored);
    tcase_add_test(c, plot_without_standard_descriptors);
    tcase_add_test(c, plot_with_signals_blocked);
    tcase_add_test(c, plot_interrupted);
    tcase_add_test(c, plot_picture_is_replaced_whole);
    tcase_add_test(c, plot_much_is_said);
    tcase_add_test(c, plot_gnuplot_may_not_run);
    tcase_add_test(c, plot_bad_call);
    tcase_add_test(c, plot_log_axis_fits);
    tcase_add_test(c, plot_numbers_are_c_s);
    tcase_add_test(c, plot_panels);
    tcase_add_test(c, plot_panels_by_gnuplot);
    return run_suite(s);
}
