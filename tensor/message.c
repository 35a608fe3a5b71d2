/* What a failure says of its operands: "matmul: inner dimensions differ: x[40, 784] @ W[100, 784]
 * (model.c:31)". */
#include "tensor/handles_internal.h"

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
    for (s++; i > 0 && *s; s++) {
        if (strchr("([{", *s)) depth++;
        if (strchr(")]}", *s)) depth--;
        if (*s == ',' && depth == 0) i--;
    }
    while (*s == ' ') s++;
    const char *name = s;
    for (; *s && *s != ','; s++) {
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

/* What the i-th operand is called: as the caller wrote it, or by its own name; "" if by none. */
static const char *operand_name(const reel__call *c, int i, int *length) {
    *length = 0;
    const bool named = !reel__self()->context && c->first != REEL__NO_NAMES;
    return named ? argument_name(c->at, c->first + i, length) : "";
}

/* The first operand that was let go, which is what is wrong then, whatever a look at it suggested.
 * -1: none was. */
static int find_dead(const reel__call *c) {
    for (int i = 0; i < c->nin; i++)
        if (c->in[i] && !reel__is_alive(c->in[i])) return i;
    return -1;
}

static reel_status fail_dead(const reel__call *c, int i) {
    int length = 0;
    char called[128];
    const char *name = operand_name(c, i, &length);
    if (length)
        snprintf(called, sizeof called, "%.*s", length, name);
    else
        snprintf(called, sizeof called, "input %d", i);
    if (c->in[i] == reel__self()->looked_at) reel_clear_error(); /* here more is known */
    reel__live_or_fail(c->at, reel__ops[c->op].name, called, c->in[i]);
    return reel_error_status();
}

reel_status reel__fail_call(reel_status code, const reel__call *c, const char *format, ...) {
    const int dead = find_dead(c);
    if (dead >= 0) return fail_dead(c, dead);
    if (reel_failed()) return code;
    const char *context = reel__self()->context;
    char what[256], operands[640];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);

    text t = {operands, sizeof operands};
    int shown = c->nin > 4 ? 4 : c->nin;
    *operands = '\0';
    for (int i = 0; i < shown; i++) {
        int length = 0;
        const char *name = operand_name(c, i, &length);
        if (!length && c->in[i] && c->in[i]->name)
            name = c->in[i]->name, length = (int)strlen(name);
        if (i) put(&t, c->op == REEL_OP_matmul ? " @ " : ", ");
        put_tensor(&t, name, length, c->in[i], code == REEL_ERR_DTYPE, code == REEL_ERR_DEVICE);
    }
    return reel_fail(code, c->at, "%s%s: %s%s%s", context ? "gradient of " : "",
                     context ? context : reel__ops[c->op].name, what, shown ? ": " : "", operands);
}
