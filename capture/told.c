/* What a call was told, made comparable: what lies between the fields of its kind (with.def), and
 * behind them in the union, and what a shape has behind its axes, is anything. */
#include "capture/capture_internal.h"

#include <stddef.h>
#include <string.h>

/* Types with something of that sort in them. */
typedef enum { PLAIN, A_SHAPE, A_SPAN, A_RULE } inside;
/* clang-format off */
#define INSIDE(type) \
    _Generic((type){0}, reel_shape: A_SHAPE, reel__span: A_SPAN, reel__rule: A_RULE, default: PLAIN)
/* clang-format on */

typedef struct {
    size_t size, alignment; /* of one; size 0: the kind's last field was the one before */
    int count;
    inside inside;
} field;

/* Kind by kind, each with its end. */
static const field fields[] = {
    {0},
#define LIST(type, name, n) {sizeof(type), _Alignof(type), n, INSIDE(type)},
#define FIELD(type, name) LIST(type, name, 1)
#define REEL_WITH(kind, list) list{0},
#define REEL_WITH_ONE(kind, type) FIELD(type, ){0},
#include "tensor/ops/with.def"
};

static const field *fields_of(reel__told kind) {
    const field *f = fields;
    for (; kind > REEL__TOLD_none; f++) kind -= f->size == 0;
    return f;
}

/* From the end of one field to where the next begins. */
static void clear(void *from, const void *to) {
    memset(from, 0, (size_t)((const char *)to - (char *)from));
}

static void clear_shape(reel_shape *s) {
    clear(&s->ndim + 1, s->dim);
    for (int i = s->ndim; i < REEL_MAX_DIMS; i++) s->dim[i] = 0;
}

static void clear_inside(void *value, inside what) {
    reel__span *span = value;
    reel__rule *rule = value;
    if (what == A_SHAPE) clear_shape(value);
    if (what == A_SPAN) clear(&span->corners + 1, span + 1);
    if (what == A_RULE) clear(&rule->maximize + 1, rule + 1);
}

void reel__tidy_told(reel__call *c) {
    char *const begin = (char *)&c->with, *at = begin;
    for (const field *f = fields_of(reel__ops[c->op].told); f->size; f++) {
        const size_t beyond = (size_t)(at - begin) % f->alignment;
        char *next = at + (beyond ? f->alignment - beyond : 0);
        clear(at, next);
        for (int i = 0; i < f->count; i++, next += f->size) clear_inside(next, f->inside);
        at = next;
    }
    clear(at, &c->with + 1);
}
