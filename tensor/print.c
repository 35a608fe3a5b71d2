/* Printing, as numpy prints: str(array) with its default options. */
#include "tensor/ops.h"
#include "tensor/tensor_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 75
#define THRESHOLD 1000 /* more elements than this are summarised */
#define EDGE 3         /* entries shown at each end of a summarised axis */
#define PRECISION 8
#define WORD 80

typedef struct {
    FILE *f;
    const reel_tensor *t; /* contiguous, on the host */
    bool summarise, exponent;
    int left,
        right; /* floats: columns before the point, digits after it; integers: left is the width */
    char line[LINE_WIDTH + WORD + 1];
    size_t length;
} printer;

static bool is_float(const printer *p) {
    return p->t->layout.dtype == REEL_F32 || p->t->layout.dtype == REEL_F64;
}

static double float_at(const printer *p, int64_t i) {
    const void *data = reel__data(p->t);
    return p->t->layout.dtype == REEL_F32 ? (double)((const float *)data)[i]
                                          : ((const double *)data)[i];
}

static long long integer_at(const printer *p, int64_t i) {
    const void *data = reel__data(p->t);
    return p->t->layout.dtype == REEL_U8 ? ((const uint8_t *)data)[i] : ((const int64_t *)data)[i];
}

/* ---- one number ---- */

/* The fewest digits after the first that read back as x. */
static int shortest(const printer *p, double x) {
    char text[WORD];
    for (int digits = 0; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits, x);
        if (p->t->layout.dtype == REEL_F32 ? strtof(text, NULL) == (float)x
                                           : strtod(text, NULL) == x)
            return digits;
    }
    return 17;
}

/* Digits after the point that x needs, at most PRECISION. */
static int fraction_digits(const printer *p, double x) {
    int digits = shortest(p, x);
    if (!p->exponent) {
        char text[WORD];
        snprintf(text, sizeof text, "%.*e", digits, x);
        digits -= atoi(strchr(text, 'e') + 1);
        if (digits > PRECISION) {
            snprintf(text, sizeof text, "%.*f", PRECISION, x);
            size_t end = strlen(text);
            for (digits = PRECISION; digits > 0 && text[end - 1] == '0'; end--) digits--;
        }
    }
    return digits < 0 ? 0 : digits > PRECISION ? PRECISION : digits;
}

static void word_at(const printer *p, int64_t i, char word[WORD]) {
    if (!is_float(p)) {
        snprintf(word, WORD, "%*lld", p->left, integer_at(p, i));
        return;
    }
    double x = float_at(p, i);
    int width = p->left + 1 + p->right;
    if (!isfinite(x)) {
        snprintf(word, WORD, "%*s", width + (p->exponent ? 4 : 0),
                 isnan(x) ? "nan"
                 : x < 0  ? "-inf"
                          : "inf");
    } else if (p->exponent) {
        char text[WORD];
        snprintf(text, sizeof text, "%#.*e", p->right, x);
        snprintf(word, WORD, "%*s", width + 4, text);
    } else {
        int digits = fraction_digits(p, x);
        char text[WORD];
        snprintf(text, sizeof text, "%#.*f", digits, x);
        int used = snprintf(word, WORD, "%*s", p->left + 1 + digits, text);
        for (; digits < p->right && used < WORD - 1; digits++) word[used++] = ' ';
        word[used] = '\0';
    }
}

/* ---- one format for all that is shown ---- */

typedef struct {
    double largest, smallest; /* of the finite, nonzero magnitudes */
    bool any_infinite_negative, any_nan, any_infinite;
} range;

typedef void (*visitor)(printer *p, int64_t i, void *context);

static bool hides(const printer *p, int axis, int64_t i) {
    int64_t n = p->t->layout.shape.dim[axis];
    return p->summarise && n > 2 * EDGE && i >= EDGE && i < n - EDGE;
}

static void visit(printer *p, int axis, int64_t at, visitor f, void *context) {
    if (axis == p->t->layout.shape.ndim) {
        f(p, at, context);
        return;
    }
    for (int64_t i = 0; i < p->t->layout.shape.dim[axis]; i++)
        if (!hides(p, axis, i))
            visit(p, axis + 1, at + i * p->t->layout.stride[axis], f, context);
        else
            i = p->t->layout.shape.dim[axis] - EDGE - 1;
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

static void find_widths(printer *p, int64_t i, void *context) {
    (void)context;
    char text[WORD];
    int left;
    if (is_float(p)) {
        double x = float_at(p, i);
        if (!isfinite(x)) return;
        int digits = fraction_digits(p, x);
        if (digits > p->right) p->right = digits;
        if (p->exponent)
            left = signbit(x) ? 2 : 1;
        else
            left = (int)strcspn((snprintf(text, sizeof text, "%#.*f", digits, x), text), ".");
    } else {
        left = snprintf(text, sizeof text, "%lld", integer_at(p, i));
    }
    if (left > p->left) p->left = left;
}

static void choose_format(printer *p) {
    range r = {.smallest = INFINITY};
    if (is_float(p)) {
        visit(p, 0, 0, find_range, &r);
        p->exponent = r.largest > 0 &&
                      (r.largest >= 1e8 || r.smallest < 1e-4 || r.largest / r.smallest > 1000);
    }
    visit(p, 0, 0, find_widths, NULL);
    if (!is_float(p)) return;
    int special = r.any_infinite_negative ? 4 : r.any_infinite || r.any_nan ? 3 : 0;
    int room = p->left + 1 + p->right + (p->exponent ? 4 : 0);
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
    const reel__layout *l = &p->t->layout;
    const int left = l->shape.ndim - axis;
    const size_t indent = (size_t)axis + 1, width = LINE_WIDTH - (size_t)axis - 1;
    p->line[p->length++] = '[';
    for (int64_t i = 0; i < l->shape.dim[axis]; i++) {
        const bool hidden = hides(p, axis, i);
        if (i && left > 1) {
            for (int k = 1; k < left; k++) end_line(p, k == left - 1 ? indent : 0);
        } else if (i) {
            p->line[p->length++] = ' ';
        }
        if (hidden) {
            put_word(p, "...", indent, width);
            i = l->shape.dim[axis] - EDGE - 1;
        } else if (left > 1) {
            put_axis(p, axis + 1, at + i * l->stride[axis]);
        } else {
            char word[WORD];
            word_at(p, at + i * l->stride[axis], word);
            put_word(p, word, indent, width);
        }
    }
    p->line[p->length++] = ']';
}

void reel_print(FILE *f, reel_tensor *t) {
    if (!t) {
        fputs("NULL\n", f);
        return;
    }
    REEL_SCOPE {
        printer p = {.f = f,
                     .t = reel_contiguous(reel_to(t, reel_cpu())),
                     .summarise = reel_numel(t) > THRESHOLD};
        if (!p.t) return;
        if (reel_numel(t) == 0) {
            fputs("[]\n", f);
            return;
        }
        choose_format(&p);
        if (reel_ndim(t) == 0) {
            char word[WORD];
            word_at(&p, 0, word);
            if (is_float(&p) && !p.exponent && isfinite(float_at(&p, 0)) &&
                word[strlen(word) - 1] == '.')
                strcat(word, "0"); /* numpy prints a lone number as Python does: 1.0, not 1. */
            fprintf(f, "%s\n", word);
            return;
        }
        put_axis(&p, 0, 0);
        end_line(&p, 0);
    }
}
