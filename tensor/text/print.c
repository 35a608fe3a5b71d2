/* Printing, as numpy prints: str(array) with its default options. Nothing but what is shown is
 * read, or brought from another device. */
#include "tensor/core/handles_internal.h"
#include "tensor/formulas/half_internal.h"
#include "tensor/ops.h"
#include "tensor/text/decimal_internal.h"
#include "tensor/text/locale_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 75
#define THRESHOLD 1000 /* more elements than this are summarised */
#define EDGE 3         /* entries shown at each end of a summarised axis */
#define PRECISION 8    /* most digits after the point, but for a lone number */
#define WORD 80

typedef struct {
    FILE *f;
    const reel_tensor *t; /* on the host */
    reel_shape shape; /* what is printed: t's own, or, if t is cut, that of which it is the edges */
    bool summarise, cut;
    int precision;
    int left, right, exponent; /* columns before the point, after it, of the exponent (0: none) */
    char line[LINE_WIDTH + WORD + 1];
    size_t length;
} printer;

/* Of f32, and printed with its digits: half formats are, as the f32 that they are. */
static bool is_f32(const printer *p) {
    const reel_dtype dtype = p->t->layout.dtype;
    return dtype == REEL_F32 || dtype == REEL_F16 || dtype == REEL_BF16;
}

static bool is_float(const printer *p) {
    return is_f32(p) || p->t->layout.dtype == REEL_F64;
}

static double float_at(const printer *p, int64_t i) {
    const void *data = reel__data(p->t);
    switch (p->t->layout.dtype) {
    case REEL_F32:
        return (double)((const float *)data)[i];
    case REEL_F16:
        return (double)reel__f32_from_f16(((const uint16_t *)data)[i]);
    case REEL_BF16:
        return (double)reel__f32_from_bf16(((const uint16_t *)data)[i]);
    default:
        return ((const double *)data)[i];
    }
}

static long long integer_at(const printer *p, int64_t i) {
    const void *data = reel__data(p->t);
    return p->t->layout.dtype == REEL_U8 ? ((const uint8_t *)data)[i] : ((const int64_t *)data)[i];
}

/* ---- one number ---- */

/* x with the fewest digits that read back as x, at most p->precision after the point, and no zero
 * at the end: "0.1", "12.", "1.e-05". */
static void shortest_text(const printer *p, double x, char text[WORD]) {
    int digits = reel__fewest_digits(x, is_f32(p)) - 1; /* after the first */
    snprintf(text, WORD, "%#.*e", digits, x);
    if (!p->exponent) digits -= atoi(strchr(text, 'e') + 1);
    if (digits < 0) digits = 0;
    if (digits > p->precision) digits = p->precision;
    snprintf(text, WORD, p->exponent ? "%#.*e" : "%#.*f", digits, x);
    char *end = text + strcspn(text, "e"), *last = end;
    while (last[-1] == '0') last--; /* there is a point to stop at */
    memmove(last, end, strlen(end) + 1);
}

/* x in the columns that all numbers share. With an exponent, all have as many digits after the
 * point and in the exponent; without, spaces stand for zeros at the end. */
static void float_word(const printer *p, double x, char word[WORD]) {
    char text[WORD];
    if (!isfinite(x)) {
        snprintf(word, WORD, "%*s", p->left + 1 + p->right + p->exponent,
                 isnan(x) ? "nan"
                 : x < 0  ? "-inf"
                          : "inf");
        return;
    }
    if (p->exponent)
        snprintf(text, sizeof text, "%#.*e", p->right, x);
    else
        shortest_text(p, x, text);
    int left = (int)strcspn(text, "."), right = (int)strcspn(text + left + 1, "e");
    const char *exponent = text + left + 1 + right;
    int used = snprintf(word, WORD, "%*s%.*s%*s", p->left - left, "", left + 1 + right, text,
                        p->right - right, "");
    if (p->exponent)
        snprintf(word + used, WORD - (size_t)used, "e%c%0*d", exponent[1], p->exponent - 2,
                 atoi(exponent + 2));
}

static void word_at(const printer *p, int64_t i, char word[WORD]) {
    if (is_float(p))
        float_word(p, float_at(p, i), word);
    else
        snprintf(word, WORD, "%*lld", p->left, integer_at(p, i));
}

/* ---- one format for all that is shown ---- */

typedef struct {
    double largest, smallest; /* of the finite, nonzero magnitudes */
    bool any_infinite_negative, any_nan, any_infinite;
} range;

typedef void (*visitor)(printer *p, int64_t i, void *context);

/* Whether an axis of n entries shows its ends alone. */
static bool is_long(const printer *p, int64_t n) {
    return p->summarise && n > 2 * EDGE;
}

static bool hides(const printer *p, int axis, int64_t i) {
    int64_t n = p->shape.dim[axis];
    return is_long(p, n) && i >= EDGE && i < n - EDGE;
}

/* How far entry i of an axis lies from the first. */
static int64_t step_to(const printer *p, int axis, int64_t i) {
    int64_t n = p->shape.dim[axis];
    if (p->cut && is_long(p, n) && i >= EDGE) i -= n - 2 * EDGE;
    return i * p->t->layout.stride[axis];
}

static void visit(printer *p, int axis, int64_t at, visitor f, void *context) {
    if (axis == p->shape.ndim) {
        f(p, at, context);
        return;
    }
    for (int64_t i = 0; i < p->shape.dim[axis]; i++)
        if (!hides(p, axis, i))
            visit(p, axis + 1, at + step_to(p, axis, i), f, context);
        else
            i = p->shape.dim[axis] - EDGE - 1;
}

static void find_range(printer *p, int64_t i, void *context) {
    range *r = context;
    double x = fabs(float_at(p, i));
    if (!isfinite(x)) {
        r->any_nan |= isnan(x);
        r->any_infinite |= isinf(x);
        r->any_infinite_negative |= isinf(x) && float_at(p, i) < 0;
        return;
    }
    if (x == 0) return;
    if (x > r->largest) r->largest = x;
    if (x < r->smallest) r->smallest = x;
}

static void widen(int *width, size_t to) {
    if ((int)to > *width) *width = (int)to;
}

static void find_widths(printer *p, int64_t i, void *context) {
    (void)context;
    char text[WORD];
    if (!is_float(p)) {
        widen(&p->left, (size_t)snprintf(text, sizeof text, "%lld", integer_at(p, i)));
    } else if (isfinite(float_at(p, i))) {
        shortest_text(p, float_at(p, i), text);
        size_t left = strcspn(text, "."), right = strcspn(text + left + 1, "e");
        widen(&p->left, left);
        widen(&p->right, right);
        widen(&p->exponent, strlen(text + left + 1 + right));
    }
}

/* numpy's bounds, compared in the dtype's own precision. */
static bool wants_exponent(const printer *p, const range *r) {
    if (r->largest == 0) return false;
    if (!is_f32(p))
        return r->largest >= 1e8 || r->smallest < 1e-4 || r->largest / r->smallest > 1000;
    const float largest = (float)r->largest, smallest = (float)r->smallest;
    return largest >= 1e6f || smallest < 1e-4f || largest / smallest > 1000;
}

static void choose_format(printer *p) {
    range r = {.smallest = INFINITY};
    if (is_float(p)) visit(p, 0, 0, find_range, &r);
    p->exponent = wants_exponent(p, &r);
    visit(p, 0, 0, find_widths, NULL);
    if (!is_float(p)) return;
    int special = r.any_infinite_negative ? 4 : r.any_infinite || r.any_nan ? 3 : 0;
    int room = p->left + 1 + p->right + p->exponent;
    if (special > room) p->left += special - room;
}

/* ---- brackets and lines ---- */

static void end_line(printer *p, size_t indent) {
    while (p->length && p->line[p->length - 1] == ' ') p->length--;
    fprintf(p->f, "%.*s\n", (int)p->length, p->line);
    memset(p->line, ' ', indent);
    p->length = indent;
}

static void put_word(printer *p, const char *word, size_t indent, size_t width) {
    size_t n = strlen(word);
    if (p->length + n > width && p->length > indent) end_line(p, indent);
    memcpy(p->line + p->length, word, n);
    p->length += n;
}

static void put_axis(printer *p, int axis, int64_t at) {
    const int left = p->shape.ndim - axis;
    const size_t indent = (size_t)axis + 1, width = LINE_WIDTH - (size_t)axis - 1;
    p->line[p->length++] = '[';
    for (int64_t i = 0; i < p->shape.dim[axis]; i++) {
        const bool hidden = hides(p, axis, i);
        if (i && left > 1) {
            for (int k = 1; k < left; k++) end_line(p, k == left - 1 ? indent : 0);
        } else if (i) {
            p->line[p->length++] = ' ';
        }
        if (hidden) {
            put_word(p, "...", indent, width);
            i = p->shape.dim[axis] - EDGE - 1;
        } else if (left > 1) {
            put_axis(p, axis + 1, at + step_to(p, axis, i));
        } else {
            char word[WORD];
            word_at(p, at + step_to(p, axis, i), word);
            put_word(p, word, indent, width);
        }
    }
    p->line[p->length++] = ']';
}

/* A lone number is printed as Python prints it: all its digits, 1.0 rather than 1., and an exponent
 * only from 1e16 (f32: 1e6) on. */
static void put_number(printer *p) {
    char word[WORD];
    p->precision = WORD;
    if (is_float(p)) {
        double size = fabs(float_at(p, 0));
        p->exponent =
            isfinite(size) && size != 0 && (size < 1e-4 || size >= (is_f32(p) ? 1e6 : 1e16));
        if (p->exponent) p->exponent = 4;
    }
    find_widths(p, 0, NULL);
    word_at(p, 0, word);
    const char *end = word + strcspn(word, "e"); /* "nan" and "inf" have none, and no point */
    bool bare = end > word && end[-1] == '.';
    fprintf(p->f, "%.*s%s%s\n", (int)(end - word) - (bare && *end), word, bare && !*end ? "0" : "",
            end);
}

static void put_array(printer *p) {
    choose_format(p);
    put_axis(p, 0, 0);
    end_line(p, 0);
}

/* What is shown of t, from an axis on: the entries between the ends of long axes are left out. */
static reel_tensor *edges_of(const printer *p, reel_tensor *t, int axis) {
    if (!t || axis == p->shape.ndim) return t;
    const int64_t n = p->shape.dim[axis];
    if (!is_long(p, n)) return edges_of(p, t, axis + 1);
    reel_tensor *first = edges_of(p, reel_slice(t, axis, 0, EDGE, 1), axis + 1);
    reel_tensor *last = edges_of(p, reel_slice(t, axis, n - EDGE, n, 1), axis + 1);
    return reel_concat(axis, first, last);
}

/* Of what lies on another device, only what is shown is copied. */
static void bring_to_host(printer *p, reel_tensor *t) {
    p->cut = p->summarise && t->storage->device.type != REEL_CPU;
    p->t = reel_to(p->cut ? edges_of(p, t, 0) : t, reel_cpu());
}

static void print_numbers(FILE *f, reel_tensor *t) {
    REEL_SCOPE;
    printer p = {.f = f,
                 .shape = t->layout.shape,
                 .summarise = reel_numel(t) > THRESHOLD,
                 .precision = PRECISION};
    bring_to_host(&p, t);
    if (!p.t) return;
    if (reel_numel(t) == 0)
        fputs("[]\n", f);
    else if (reel_ndim(t) == 0)
        put_number(&p);
    else
        put_array(&p);
}

/* Looking at numbers records nothing, and what they are is no failure. */
static void print_unrecorded(FILE *f, reel_tensor *t) {
    reel__thread *self = reel__self();
    const bool anomaly = self->anomaly, no_grad = self->no_grad;
    self->anomaly = false;
    self->no_grad = true;
    print_numbers(f, t);
    self->anomaly = anomaly;
    self->no_grad = no_grad;
}

void reel_print(FILE *f, reel_tensor *t) {
    if (!f) return;
    if (!t) {
        fputs("NULL\n", f);
        return;
    }
    if (!reel__live(NULL, "print", NULL, t)) return;
    if (reel__refuse_recorded(NULL, "print") != REEL_OK) return;
    reel__locale l;
    reel__locale_enter(&l); /* without memory for it, a comma may be the decimal point */
    print_unrecorded(f, t);
    reel__locale_leave(&l);
}
