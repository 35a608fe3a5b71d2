/* A grid of grey images with a title, row labels and captions, as one PNG:
 *
 *            Title
 *      label ▢ ▢ ▢ ▢
 *            a b c d        captions
 *      label ▢ ▢ ▢ ▢
 *            a b c d
 *
 * plan() measures everything, draw() paints it. Lengths are in pixels of the picture. */
#include "io/io_internal.h"
#include "tensor/core/handles_internal.h"
#include "tensor/core/tensor_internal.h"

#include <stdlib.h>
#include <string.h>

/* Grey levels: a light page, dark ink, captions that step back, a thin frame round each cell. */
enum { PAGE = 250, INK = 34, CAPTION = 92, FRAME = 200 };

enum { MARGIN = 16, GAP = 8, TEXT_GAP = 12, MAX_IMAGES = 1 << 20, MAX_SIDE = 65535 };

typedef struct {
    int64_t rows, columns, scale;
    int64_t cell_w, cell_h;       /* an image, scaled, in its frame */
    int64_t pitch_x;              /* from a cell to the next */
    int64_t caption_h;            /* below the rows that have captions */
    int64_t left, top;            /* of the first column and row */
    int64_t width, height;        /* of the picture */
    int title_zoom, caption_zoom; /* of the font */
} layout;

typedef struct {
    uint8_t *pixels;
    int64_t width, height;
} canvas;

static int64_t max_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* ---- measuring ---- */

/* The last character's gap is not part of a text's width. */
static int64_t text_width(const char *text, int zoom) {
    int64_t n = (int64_t)strlen(text);
    return n == 0 ? 0 : (n * (REEL__GLYPH_WIDTH + 1) - 1) * zoom;
}

static int64_t text_height(int zoom) {
    return REEL__GLYPH_HEIGHT * (int64_t)zoom;
}

static int64_t widest(const char *const *texts, int64_t n, int zoom) {
    int64_t width = 0;
    for (int64_t i = 0; texts != NULL && i < n; i++)
        if (texts[i] != NULL) width = max_of(width, text_width(texts[i], zoom));
    return width;
}

static bool has_captions(const layout *l, int64_t row, int64_t n, const reel_grid_options *o) {
    for (int64_t i = row * l->columns; o->captions != NULL && i < n && i / l->columns == row; i++)
        if (o->captions[i] != NULL) return true;
    return false;
}

/* From the top of a row to the next. */
static int64_t pitch_y(const layout *l, int64_t row, int64_t n, const reel_grid_options *o) {
    return l->cell_h + (has_captions(l, row, n, o) ? l->caption_h : 0) + GAP;
}

/* Text is drawn at twice the font's size where it fits so: captions and row labels if no caption is
 * wider than a cell, the title if it is no wider than the columns. Captions wider than a cell move
 * the columns apart. Without pixels if a cell alone is too large. */
static layout plan(int64_t n, int64_t h, int64_t w, const reel_grid_options *o) {
    layout l = {.scale = o->scale == 0 ? 3 : o->scale, .title_zoom = 2, .caption_zoom = 2};
    l.columns = o->columns == 0 || o->columns > n ? n : o->columns;
    l.rows = (n + l.columns - 1) / l.columns;
    l.cell_w = w * l.scale + 2;
    l.cell_h = h * l.scale + 2;
    if (l.cell_w > MAX_SIDE || l.cell_h > MAX_SIDE)
        return (layout){0}; /* what follows multiplies */

    if (widest(o->captions, n, l.caption_zoom) > l.cell_w) l.caption_zoom = 1;
    l.pitch_x = max_of(l.cell_w, widest(o->captions, n, l.caption_zoom)) + GAP;
    l.caption_h = GAP / 2 + text_height(l.caption_zoom);
    int64_t label_w = widest(o->row_labels, l.rows, l.caption_zoom);
    l.left = MARGIN + (label_w > 0 ? label_w + TEXT_GAP : 0);
    int64_t columns_w = l.columns * l.pitch_x - GAP;

    if (widest(&o->title, 1, l.title_zoom) > columns_w) l.title_zoom = 1;
    int64_t title_w = widest(&o->title, 1, l.title_zoom);
    l.top = MARGIN + (title_w > 0 ? text_height(l.title_zoom) + TEXT_GAP : 0);
    l.width = l.left + max_of(columns_w, title_w) + MARGIN;
    l.height = l.top - GAP + MARGIN;
    for (int64_t row = 0; row < l.rows; row++) l.height += pitch_y(&l, row, n, o);
    return l;
}

/* ---- painting ---- */

static void fill(canvas *c, int64_t x, int64_t y, int64_t w, int64_t h, uint8_t grey) {
    for (int64_t row = y; row < y + h; row++)
        memset(c->pixels + row * c->width + x, grey, (size_t)w);
}

static void draw_text(canvas *c, int64_t x, int64_t y, const char *text, int zoom, uint8_t grey) {
    for (; *text != '\0'; text++, x += (REEL__GLYPH_WIDTH + 1) * zoom) {
        const uint8_t *glyph = reel__font_glyph(*text);
        for (int row = 0; row < REEL__GLYPH_HEIGHT; row++)
            for (int column = 0; column < REEL__GLYPH_WIDTH; column++)
                if (glyph[row] >> (REEL__GLYPH_WIDTH - 1 - column) & 1)
                    fill(c, x + column * zoom, y + row * zoom, zoom, zoom, grey);
    }
}

/* image[h,w] in a frame, each of its pixels a square. */
static void draw_cell(canvas *c, int64_t x, int64_t y, const uint8_t *image, int64_t h, int64_t w,
                      int64_t scale) {
    fill(c, x, y, w * scale + 2, h * scale + 2, FRAME);
    for (int64_t row = 0; row < h; row++)
        for (int64_t column = 0; column < w; column++)
            fill(c, x + 1 + column * scale, y + 1 + row * scale, scale, scale,
                 image[row * w + column]);
}

/* At the left of a row whose top is y, its capitals centred on the cells. */
static void draw_label(canvas *c, const layout *l, int64_t y, const char *label) {
    int64_t capital = REEL__GLYPH_BASELINE * l->caption_zoom;
    draw_text(c, l->left - TEXT_GAP - text_width(label, l->caption_zoom),
              y + (l->cell_h - capital) / 2, label, l->caption_zoom, INK);
}

static void draw(canvas *c, const layout *l, const uint8_t *images, int64_t n, int64_t h, int64_t w,
                 const reel_grid_options *o) {
    fill(c, 0, 0, c->width, c->height, PAGE);
    if (o->title != NULL) draw_text(c, l->left, MARGIN, o->title, l->title_zoom, INK);
    int64_t y = l->top, slot_w = l->pitch_x - GAP;
    for (int64_t row = 0; row < l->rows; y += pitch_y(l, row++, n, o)) {
        if (o->row_labels != NULL && o->row_labels[row] != NULL)
            draw_label(c, l, y, o->row_labels[row]);
        for (int64_t i = row * l->columns; i < n && i / l->columns == row; i++) {
            int64_t x = l->left + i % l->columns * l->pitch_x;
            draw_cell(c, x + (slot_w - l->cell_w) / 2, y, images + i * h * w, h, w, l->scale);
            const char *caption = o->captions != NULL ? o->captions[i] : NULL;
            if (caption == NULL) continue;
            draw_text(c, x + (slot_w - text_width(caption, l->caption_zoom)) / 2,
                      y + l->cell_h + GAP / 2, caption, l->caption_zoom, CAPTION);
        }
    }
}

/* ---- the door ---- */

static reel_status check(const char *path, reel_tensor *images, const reel_grid_options *o) {
    if (path == NULL || images == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "grid: no %s%s%s",
                         path == NULL ? "path" : "images", path == NULL ? "" : ": ",
                         path == NULL ? "" : path);
    if (!reel__live(NULL, "grid", NULL, images)) return reel_error_status();
    char shape[128];
    reel__shape_text(shape, sizeof shape, reel_shape_of(images));
    if (reel_ndim(images) != 3 || reel_numel(images) == 0)
        return reel_fail(REEL_ERR_SHAPE, NULL, "grid: images are [N, H, W], not %s: %s", shape,
                         path);
    if (o->columns < 0 || o->scale < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "grid: %d columns at scale %d: %s", o->columns,
                         o->scale, path);
    return REEL_OK;
}

reel_status reel_grid_write(const char *path, reel_tensor *images, reel_grid_options options) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__refuse_recorded(NULL, "grid"));
    REEL_TRY(check(path, images, &options));
    int64_t n = reel_dim(images, 0), h = reel_dim(images, 1), w = reel_dim(images, 2);
    layout l = {0};
    if (n <= MAX_IMAGES && h <= MAX_SIDE && w <= MAX_SIDE) /* else sums might overflow */
        l = plan(n, h, w, &options);
    if (!reel__png_fits(l.width, l.height, 1)) {
        char shape[128];
        reel__shape_text(shape, sizeof shape, reel_shape_of(images));
        return reel_fail(REEL_ERR_SHAPE, NULL, "grid: too large for one picture: %s, scale %d: %s",
                         shape, options.scale, path);
    }

    canvas c = {malloc((size_t)(l.width * l.height)), l.width, l.height};
    if (c.pixels == NULL) return reel_fail(REEL_ERR_MEMORY, NULL, "grid: out of memory: %s", path);
    uint8_t *bytes = reel__image_bytes(images, path);
    reel_status status = bytes != NULL ? REEL_OK : reel_error_status();
    if (status == REEL_OK) {
        draw(&c, &l, bytes, n, h, w, &options);
        status = reel__png_write(path, c.pixels, c.width, c.height, 1);
    }
    free(bytes);
    free(c.pixels);
    return status;
}
