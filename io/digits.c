/* Digits drawn by code: what stands in for MNIST where there is no network.
 *
 * A class has two ways of being written, each a few strokes: points joined by straight lines, or by
 * a curve through them. To draw one digit:
 *   1. flatten the strokes into line segments;
 *   2. bend the plane a little (a hand is not a ruler), shear, rotate and stretch it;
 *   3. scale to at most 20 pixels, centre in the image, shift by a pixel or so;
 *   4. give each pixel the light of the nearest segment: full inside the pen's width, falling
 *      off at its rim.
 *
 * Every number that varies comes from Philox, keyed by the seed and counted by the digit's index,
 * so digit i looks the same however many are drawn. And it looks the same everywhere: all else is
 * sums, products, quotients and square roots, which IEEE 754 rounds, and of libm only functions
 * that are exact. */
#include "io/io_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/random.h"

#include <math.h>

#define WIDE(name) name##_f64
#define REAL double
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#include "tensor/formulas/scalar.h"

enum { SIDE = 28, CLASSES = 10, WAYS = 2 };
enum { MAX_STROKES = 2, MAX_POINTS = 12 };
enum { STEPS = 6, MAX_SEGMENTS = MAX_STROKES * MAX_POINTS * STEPS };

typedef struct {
    float x, y;
} point;

/* ---- the ten classes ---- */

/* LOOP: a curve back to its first point. END: no stroke. */
typedef enum { END = 0, LINES, CURVE, LOOP } stroke_kind;

typedef struct {
    stroke_kind kind;
    int count;
    point at[MAX_POINTS];
} stroke;

// clang-format off
/* x to the right, y down, in hundredths of the digit's height; (0, 0) is its middle. */
static const stroke glyphs[CLASSES][WAYS][MAX_STROKES] = {
    {{{LOOP, 8, {{0, -50}, {22, -38}, {30, 0}, {22, 38}, {0, 50}, {-22, 38}, {-30, 0},
                 {-22, -38}}}},
     {{CURVE, 9, {{8, -44}, {-10, -48}, {-26, -20}, {-26, 20}, {-6, 49}, {18, 38}, {27, 2},
                  {17, -37}, {-4, -49}}}}},
    {{{LINES, 2, {{0, -50}, {0, 50}}}},
     {{LINES, 3, {{-17, -30}, {2, -50}, {2, 50}}}}},
    {{{CURVE, 7, {{-27, -30}, {-10, -48}, {14, -47}, {26, -27}, {14, 2}, {-10, 27}, {-32, 48}}},
      {LINES, 2, {{-32, 48}, {34, 46}}}},
     {{CURVE, 12, {{-24, -34}, {-4, -50}, {19, -40}, {21, -16}, {5, 14}, {-17, 40}, {-31, 44},
                   {-32, 30}, {-17, 28}, {2, 42}, {20, 48}, {38, 38}}}}},
    {{{CURVE, 5, {{-26, -40}, {-2, -50}, {22, -34}, {14, -10}, {-10, -2}}},
      {CURVE, 5, {{-10, -2}, {20, 6}, {27, 29}, {4, 49}, {-30, 40}}}},
     {{LINES, 3, {{-26, -48}, {24, -48}, {-6, -8}}},
      {CURVE, 5, {{-6, -8}, {22, 2}, {27, 28}, {4, 49}, {-30, 42}}}}},
    {{{LINES, 3, {{-22, -46}, {-29, 8}, {32, 6}}},
      {LINES, 2, {{18, -42}, {14, 50}}}},
     {{LINES, 4, {{14, 50}, {14, -50}, {-33, 16}, {36, 16}}}}},
    {{{LINES, 3, {{28, -48}, {-17, -48}, {-22, -7}}},
      {CURVE, 6, {{-22, -7}, {4, -14}, {26, 5}, {23, 34}, {-2, 49}, {-30, 40}}}},
     {{CURVE, 8, {{-20, -44}, {-24, -5}, {0, -13}, {22, 2}, {24, 26}, {8, 47}, {-14, 49},
                  {-30, 36}}},
      {LINES, 2, {{-20, -44}, {30, -49}}}}},
    {{{CURVE, 10, {{14, -50}, {-12, -26}, {-26, 10}, {-20, 38}, {0, 50}, {21, 38}, {22, 13},
                   {4, 0}, {-15, 10}, {-23, 30}}}},
     {{CURVE, 10, {{-6, -50}, {-20, -20}, {-25, 15}, {-18, 40}, {4, 50}, {26, 35}, {22, 10},
                   {2, 2}, {-15, 15}, {-18, 38}}}}},
    {{{LINES, 3, {{-34, -46}, {32, -48}, {-10, 50}}}},
     {{LINES, 3, {{-34, -44}, {32, -48}, {-10, 50}}},
      {LINES, 2, {{-18, 4}, {24, 0}}}}},
    {{{LOOP, 12, {{2, -2}, {21, -20}, {19, -41}, {0, -50}, {-20, -40}, {-20, -20}, {0, -2},
                  {22, 20}, {20, 42}, {-1, 50}, {-22, 41}, {-21, 19}}}},
     {{LOOP, 7, {{0, -50}, {18, -40}, {18, -18}, {0, -6}, {-18, -17}, {-18, -40}, {-6, -48}}},
      {LOOP, 8, {{0, -6}, {20, 6}, {25, 28}, {14, 46}, {-5, 50}, {-22, 40}, {-25, 20},
                 {-15, 2}}}}},
    {{{LOOP, 7, {{20, -30}, {10, -47}, {-10, -48}, {-23, -30}, {-18, -10}, {0, -4}, {16, -15}}},
      {LINES, 3, {{22, -42}, {18, 2}, {10, 50}}}},
     {{LOOP, 7, {{20, -28}, {10, -47}, {-10, -48}, {-23, -30}, {-18, -10}, {0, -3}, {16, -12}}},
      {CURVE, 6, {{20, -40}, {21, -10}, {20, 20}, {10, 44}, {-10, 49}, {-24, 38}}}}},
};
// clang-format on

/* ---- chance ---- */

typedef struct {
    uint32_t key[2], counter[4], words[4];
    int used;
} dice;

static dice dice_of(uint64_t seed, uint64_t digit) {
    return (dice){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                  .counter = {0, 0, (uint32_t)digit, (uint32_t)(digit >> 32)},
                  .used = 4};
}

/* Uniform in [low, high). */
static float between(dice *d, float low, float high) {
    if (d->used == 4) {
        reel_philox(d->counter, d->key, d->words);
        d->counter[0]++;
        d->used = 0;
    }
    float unit = (float)(d->words[d->used++] >> 8) * 0x1p-24F;
    return low + (high - low) * unit;
}

/* ---- strokes to segments ---- */

typedef struct {
    int count;
    point from[MAX_SEGMENTS], to[MAX_SEGMENTS];
} segments;

static void add_segment(segments *s, point from, point to) {
    s->from[s->count] = from;
    s->to[s->count++] = to;
}

/* The uniform Catmull-Rom spline between b and c, at t in 0..1 (Catmull and Rom, 1974). */
static float spline(float a, float b, float c, float d, float t) {
    return b + .5F * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Point i of a stroke; a loop goes round, the ends of a curve are doubled. */
static point point_at(const stroke *s, int i) {
    if (s->kind == LOOP) return s->at[(i + s->count) % s->count];
    return s->at[i < 0 ? 0 : i >= s->count ? s->count - 1 : i];
}

/* Lines, too, are cut into steps, so that they bend. */
static void add_stroke(segments *out, const stroke *s) {
    int spans = s->kind == LOOP ? s->count : s->count - 1;
    for (int i = 0; i < spans; i++) {
        point a = point_at(s, i - 1), b = point_at(s, i), c = point_at(s, i + 1);
        point d = point_at(s, i + 2), last = b;
        for (int k = 1; k <= STEPS; k++) {
            float t = (float)k / (float)STEPS;
            point next = {spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t)};
            if (s->kind == LINES) next = (point){b.x + t * (c.x - b.x), b.y + t * (c.y - b.y)};
            add_segment(out, last, next);
            last = next;
        }
    }
}

/* ---- the hand ---- */

/* How a digit's shape varies: a coordinate is bent by a sine of the other, then an affine map. */
typedef struct {
    float bend_x, bend_y, phase_x, phase_y, wave_x, wave_y;
    float xx, xy, yx, yy;
} hand;

/* Not libm's, whose last bit depends on its version and on the processor. */
static float sine(float x) {
    return (float)sin_f64((double)x);
}

static float cosine(float x) {
    return (float)cos_f64((double)x);
}

static hand hand_of(dice *d) {
    const float turn = 6.2831853F;
    hand h; /* no initialiser: its order of evaluation is the compiler's choice */
    h.bend_x = between(d, 0, 5);
    h.bend_y = between(d, 0, 4);
    h.phase_x = between(d, 0, turn);
    h.phase_y = between(d, 0, turn);
    h.wave_x = between(d, .02F, .05F);
    h.wave_y = between(d, .02F, .05F);
    float width = between(d, .85F, 1.3F), slant = between(d, -.08F, .38F);
    float angle = between(d, -.16F, .16F), c = cosine(angle), s = sine(angle);
    /* rotation @ shear @ stretch; y points down, so a slant to the right is -y */
    h.xx = c * width;
    h.xy = -c * slant - s;
    h.yx = s * width;
    h.yy = c - s * slant;
    return h;
}

static point moved(const hand *h, point p) {
    float x = p.x + h->bend_x * sine(h->wave_x * p.y + h->phase_x);
    float y = p.y + h->bend_y * sine(h->wave_y * p.x + h->phase_y);
    return (point){h->xx * x + h->xy * y, h->yx * x + h->yy * y};
}

/* ---- into the image ---- */

typedef struct {
    point low, high;
} box;

static void widen_box(box *b, point p) {
    b->low = (point){fminf(b->low.x, p.x), fminf(b->low.y, p.y)};
    b->high = (point){fmaxf(b->high.x, p.x), fmaxf(b->high.y, p.y)};
}

/* Scales to `size` pixels, the longer side, with the middle at `middle`. */
static void fit(segments *s, float size, point middle) {
    box b = {s->from[0], s->from[0]};
    for (int i = 0; i < s->count; i++) {
        widen_box(&b, s->from[i]);
        widen_box(&b, s->to[i]);
    }
    float scale = size / fmaxf(b.high.x - b.low.x, b.high.y - b.low.y);
    point shift = {middle.x - scale * (b.low.x + b.high.x) / 2,
                   middle.y - scale * (b.low.y + b.high.y) / 2};
    for (int i = 0; i < s->count; i++) {
        s->from[i] = (point){scale * s->from[i].x + shift.x, scale * s->from[i].y + shift.y};
        s->to[i] = (point){scale * s->to[i].x + shift.x, scale * s->to[i].y + shift.y};
    }
}

static float distance(point p, point a, point b) {
    float dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    float t = square > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / square : 0;
    t = fminf(fmaxf(t, 0), 1);
    const double x = (double)(a.x + t * dx - p.x), y = (double)(a.y + t * dy - p.y);
    return (float)sqrt(x * x + y * y);
}

/* Lights the pixels near a segment. `pen` is half the stroke's width; across the rim, `soft` wide,
 * the light falls from 1 to 0. */
static void light(float canvas[SIDE][SIDE], point a, point b, float pen) {
    const float soft = 1.1F, reach = pen + soft / 2;
    int top = (int)fmaxf(fminf(a.y, b.y) - reach, 0), left = (int)fmaxf(fminf(a.x, b.x) - reach, 0);
    int bottom = (int)fminf(fmaxf(a.y, b.y) + reach, SIDE - 1);
    int right = (int)fminf(fmaxf(a.x, b.x) + reach, SIDE - 1);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            point centre = {(float)x + .5F, (float)y + .5F};
            float value = fminf((reach - distance(centre, a, b)) / soft, 1);
            canvas[y][x] = fmaxf(canvas[y][x], value);
        }
}

static void draw(int digit, dice d, uint8_t image[SIDE * SIDE]) {
    segments s = {.count = 0};
    const stroke *strokes = glyphs[digit][(int)between(&d, 0, WAYS)];
    for (int i = 0; i < MAX_STROKES && strokes[i].kind != END; i++) add_stroke(&s, &strokes[i]);
    hand h = hand_of(&d);
    for (int i = 0; i < s.count; i++) {
        s.from[i] = moved(&h, s.from[i]);
        s.to[i] = moved(&h, s.to[i]);
    }
    float pen = between(&d, .8F, 1.6F), size = between(&d, .85F, 1) * (20 - 2 * pen);
    float x = between(&d, -1.2F, 1.2F), y = between(&d, -1.2F, 1.2F);
    fit(&s, size, (point){SIDE / 2 + x, SIDE / 2 + y});

    float canvas[SIDE][SIDE] = {{0}}, white = between(&d, 215, 255);
    for (int i = 0; i < s.count; i++) light(canvas, s.from[i], s.to[i], pen);
    for (int i = 0; i < SIDE * SIDE; i++)
        image[i] = (uint8_t)lrintf(white * canvas[i / SIDE][i % SIDE]);
}

reel_status reel_digits_draw(int64_t n, uint64_t seed, reel_tensor **images, reel_tensor **labels) {
    if (n < 0 || images == NULL || labels == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "digits_draw: %s",
                         n < 0 ? "a negative count" : "images or labels is NULL");
    REEL_TRY(reel__refuse_recorded(NULL, "digits_draw"));
    REEL__COMPOSITE(.name = "digits_draw");
    reel_tensor *x = reel_empty_at(NULL, reel_shape(n, SIDE, SIDE), REEL_U8, reel_cpu());
    reel_tensor *y = reel_empty_at(NULL, reel_shape(n), REEL_I64, reel_cpu());
    if (x == NULL || y == NULL) return reel_error_status();
    uint8_t *pixels = reel_data(x);
    int64_t *digits = reel_data(y);
    for (int64_t i = 0; i < n; i++) {
        digits[i] = i % CLASSES;
        draw((int)digits[i], dice_of(seed, (uint64_t)i), pixels + i * SIDE * SIDE);
    }
    *images = x;
    *labels = y;
    return REEL_OK;
}
