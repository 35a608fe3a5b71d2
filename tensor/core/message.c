/* What a failure says of its operands: "matmul: inner dimensions differ: x[40, 784] @ W[100, 784]
 * (model.c:31)". */
#include "tensor/core/handles_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

typedef struct {
    char *at;
    size_t left;
} text;

static void put(text *t, const char *format, ...) REEL__PRINTF(2, 3);
static void put(text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;
    t->at += used;
    t->left -= used;
}

static void put_shape(text *t, reel_shape s) {
    put(t, "[");
    for (int i = 0; i < s.ndim && i < REEL_MAX_DIMS; i++)
        put(t, i ? ", %lld" : "%lld", (long long)s.dim[i]);
    put(t, "]");
}

size_t reel__shape_text(char *to, size_t size, reel_shape s) {
    text t = {to, size};
    put_shape(&t, s);
    return (size_t)(t.at - to);
}

static void put_tensor(text *to, const char *name, int length, const reel_tensor *t, bool dtype,
                       bool device) {
    if (!t) {
        put(to, "%.*s", length ? length : 4, length ? name : "NULL");
        return;
    }
    put(to, "%.*s", length, name);
    put_shape(to, t->layout.shape);
    if (dtype) put(to, " %s", reel_dtype_name(t->layout.dtype));
    if (!device) return;
    if (t->storage->device.type == REEL_CPU)
        put(to, " on cpu");
    else
        put(to, " on cuda:%d", t->storage->device.index);
}

size_t reel__describe(char *to, size_t size, const char *name, const reel_tensor *t, bool dtype,
                      bool device) {
    text out = {to, size};
    put_tensor(&out, name, (int)strlen(name), t, dtype, device);
    return (size_t)(out.at - to);
}

/* The i-th argument as the caller wrote it, if it is a name: the last part of "m->W" or "batch.x".
 */
static const char *argument_name(const char *at, int i, int *length) {
    const char *s = at ? strchr(at, '\t') : NULL;
    int depth = 0;
    *length = 0;
    if (!s) return "";
    for (s++; i > 0 && *s && *s != '\n'; s++) {
        if (strchr("([{", *s)) depth++;
        if (strchr(")]}", *s)) depth--;
        if (*s == ',' && depth == 0) i--;
    }
    while (*s == ' ') s++;
    const char *name = s;
    for (; *s && *s != ',' && *s != '\n'; s++) {
        if (*s == '.')
            name = s + 1;
        else if (s[0] == '-' && s[1] == '>')
            name = ++s + 1;
        else if (!isalnum((unsigned char)*s) && *s != '_')
            return "";
    }
    if (isdigit((unsigned char)*name)) return "";
    *length = (int)(s - name);
    return name;
}

/* ---- failures of a call, or of what it is part of ---- */

typedef struct {
    const char *prefix, *name, *suffix, *at; /* "gradient of ", "matmul", ""; "", "add", "_" */
    reel_tensor *const *in;
    int first, count; /* as a call's */
    int given;        /* those after them are options */
    const char *const *called;
    bool product;
} subject;

const char *reel__called(const char *at, const char *op) {
    const reel__composite *whole = reel__self()->composite;
    const char *name = at && !whole ? strchr(at, '\n') : NULL;
    return whole ? whole->name : name ? name + 1 : op;
}

static subject of_composite(const reel__composite *c) {
    return (subject){.prefix = "",
                     .name = c->name,
                     .suffix = "",
                     .at = c->at,
                     .in = c->in,
                     .first = c->first,
                     .count = 4,
                     .given = c->given,
                     .called = c->called};
}

static subject of_call(const reel__call *c) {
    const reel__thread *self = reel__self();
    if (self->composite && !self->context) return of_composite(self->composite);
    return (subject){.prefix = self->context ? "gradient of " : "",
                     .name =
                         self->context ? self->context : reel__called(c->at, reel__ops[c->op].name),
                     .suffix = c->in_place && !self->context ? "_" : "",
                     .at = c->at,
                     .in = reel__inputs(c),
                     .first = self->context ? REEL__NO_NAMES : c->first,
                     .count = c->nin > 4 ? 4 : c->nin,
                     .given = c->nin,
                     .product = c->op == REEL_OP_matmul};
}

static const char *operand_name(const subject *s, int i, int *length) {
    const char *name = "";
    *length = 0;
    if (i < s->given && s->first != REEL__NO_NAMES) {
        name = argument_name(s->at, s->first + i, length);
        if (*length == 4 && memcmp(name, "NULL", 4) == 0) *length = 0;
    }
    if (!*length && i < s->given && s->in[i] && s->in[i]->name)
        name = s->in[i]->name, *length = (int)strlen(name);
    if (!*length && s->called) name = s->called[i], *length = (int)strlen(name);
    return name;
}

static reel_status fail(reel_status code, const subject *s, const char *what) {
    char operands[640] = "";
    text t = {operands, sizeof operands};
    const char *separator = ": ";
    for (int i = 0; i < s->count; i++) {
        if (i >= s->given && !(s->called && s->in[i])) continue;
        int length;
        const char *name = operand_name(s, i, &length);
        put(&t, "%s", separator);
        put_tensor(&t, name, length, s->in[i], code == REEL_ERR_DTYPE, code == REEL_ERR_DEVICE);
        separator = s->product ? " @ " : ", ";
    }
    return reel_fail(code, s->at, "%s%s%s: %s%s", s->prefix, s->name, s->suffix, what, operands);
}

static reel_status fail_null(const subject *s, int i) {
    char what[96];
    int length;
    const char *name = operand_name(s, i, &length);
    if (length)
        snprintf(what, sizeof what, "%.*s is NULL", length < 80 ? length : 80, name);
    else
        snprintf(what, sizeof what, "input %d is NULL", i);
    return fail(REEL_ERR_ARGUMENT, s, what);
}

/* One that was let go: that is what is wrong, whatever a shape rule's look at it made of it. */
static reel_status fail_dead(const subject *s, const reel_tensor *t, int i) {
    int length = 0, k = 0;
    char called[96];
    while (k < s->count && s->in[k] != t) k++;
    const char *name = k < s->count ? operand_name(s, k, &length) : "";
    if (length)
        snprintf(called, sizeof called, "%.*s", length < 80 ? length : 80, name);
    else
        snprintf(called, sizeof called, "input %d", i);
    if (t == reel__self()->looked_at) reel_clear_error(); /* here more is known */
    char op[160];
    snprintf(op, sizeof op, "%s%s%s", s->prefix, s->name, s->suffix);
    reel__live_or_fail(s->at, op, called, t);
    return reel_error_status();
}

const char *reel__call_name(const reel__call *c) {
    const reel__thread *self = reel__self();
    return self->composite && !self->context ? self->composite->name : reel__ops[c->op].name;
}

reel_status reel__fail_call(reel_status code, const reel__call *c, const char *format, ...) {
    for (int i = 0; i < c->nin; i++) {
        const reel_tensor *t = reel__input(c, i);
        if (t && !reel__is_alive(t)) return reel__fail_absent(c, i);
    }
    if (reel_failed()) return code;
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const subject s = of_call(c);
    return fail(code, &s, what);
}

reel_status reel__fail_absent(const reel__call *c, int i) {
    const subject s = of_call(c);
    const reel_tensor *t = reel__input(c, i);
    if (t) return fail_dead(&s, t, i);
    return reel_failed() ? reel_error_status() : fail_null(&s, i);
}

reel_status reel__fail_composite(reel_status code, const char *format, ...) {
    if (reel_failed()) return code;
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const subject s = of_composite(reel__self()->composite);
    return fail(code, &s, what);
}

bool reel__composite_is_whole(const reel__composite *c) {
    for (int i = 0; i < 4; i++) {
        if (c->in[i] ? reel__is_alive(c->in[i]) : i >= c->given) continue;
        const subject s = of_composite(c);
        if (c->in[i])
            fail_dead(&s, c->in[i], i);
        else if (!reel_failed())
            fail_null(&s, i);
        return false;
    }
    return true;
}

reel_status reel__refuse_recorded(const char *at, const char *op) {
    if (!reel__self()->recorder) return REEL_OK;
    return reel_fail(REEL_ERR_STATE, at,
                     "%s: is done by the host, which a captured step can't repeat: do it before or "
                     "after reel_replay",
                     op);
}
