/* A state is two growing arrays, searched from the front: they hold tens of entries, rarely
 * hundreds. */
#include "tensor/state_internal.h"

#include "tensor/ops.h"
#include "tensor/tensor_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

typedef struct {
    char *name;
    reel_tensor *tensor;
} entry;

typedef struct {
    char *key, *value;
} line;

struct reel_state {
    entry *entries;
    int count, capacity;
    line *texts;
    int text_count, text_capacity;
};

static reel_status out_of_memory(void) {
    return reel_fail(REEL_ERR_MEMORY, NULL, "state: out of memory");
}

static reel_status no_state(const char *what) {
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no state", what);
}

/* Makes room for one more item, so that what follows can't fail. */
static bool reserve(void **items, int *capacity, int count, size_t size) {
    if (count < *capacity) return true;
    int more = *capacity ? 2 * *capacity : 8;
    void *grown = realloc(*items, (size_t)more * size);
    if (!grown) return false;
    *items = grown;
    *capacity = more;
    return true;
}

static bool is_empty(const char *text) {
    return !text || !*text;
}

/* What follows "prefix." in name, NULL if name does not begin so; without a prefix, all of name. */
static const char *below(const char *name, const char *prefix) {
    if (is_empty(prefix)) return name;
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 && name[n] == '.' ? name + n + 1 : NULL;
}

reel_state *reel_state_new(void) {
    reel_state *s = calloc(1, sizeof *s);
    if (!s) out_of_memory();
    return s;
}

void reel_state_free(reel_state *s) {
    if (!s) return;
    for (int i = 0; i < s->count; i++) {
        free(s->entries[i].name);
        reel_release(s->entries[i].tensor);
    }
    for (int i = 0; i < s->text_count; i++) {
        free(s->texts[i].key);
        free(s->texts[i].value);
    }
    free(s->entries);
    free(s->texts);
    free(s);
}

/* ---- tensors ---- */

static entry *find(const reel_state *s, const char *prefix, const char *name) {
    if (is_empty(name)) return NULL;
    for (int i = 0; i < reel_state_count(s); i++) {
        const char *rest = below(s->entries[i].name, prefix);
        if (rest && strcmp(rest, name) == 0) return &s->entries[i];
    }
    return NULL;
}

/* Takes `name` over. */
static reel_status put(reel_state *s, char *name, reel_tensor *t) {
    if (!name) return out_of_memory();
    reel_status status = REEL_OK;
    if (find(s, NULL, name))
        status = reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put: there already: %s", name);
    else if (!reserve((void **)&s->entries, &s->capacity, s->count, sizeof *s->entries))
        status = out_of_memory();
    if (status != REEL_OK) {
        free(name);
        return status;
    }
    s->entries[s->count++] = (entry){name, reel_retain(t)};
    return REEL_OK;
}

reel_status reel_state_put_in(reel_state *s, const char *prefix, const char *name, reel_tensor *t) {
    if (!s) return no_state("state_put");
    if (is_empty(name)) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put: no name");
    if (!t) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put: no tensor: %s", name);
    if (is_empty(prefix)) return put(s, strdup(name), t);
    char *joined;
    if (asprintf(&joined, "%s.%s", prefix, name) < 0) return out_of_memory();
    return put(s, joined, t);
}

reel_status reel_state_put(reel_state *s, const char *name, reel_tensor *t) {
    return reel_state_put_in(s, NULL, name, t);
}

int reel_state_count(const reel_state *s) {
    return s ? s->count : 0;
}

const char *reel_state_name(const reel_state *s, int i) {
    return i >= 0 && i < reel_state_count(s) ? s->entries[i].name : NULL;
}

reel_tensor *reel_state_at(const reel_state *s, int i) {
    return i >= 0 && i < reel_state_count(s) ? s->entries[i].tensor : NULL;
}

reel_tensor *reel_state_get_in(const reel_state *s, const char *prefix, const char *name) {
    const entry *found = find(s, prefix, name);
    return found ? found->tensor : NULL;
}

reel_tensor *reel_state_get(const reel_state *s, const char *name) {
    return reel_state_get_in(s, NULL, name);
}

/* ---- text ---- */

static line *find_text(const reel_state *s, const char *key) {
    if (is_empty(key)) return NULL;
    for (int i = 0; i < reel_state_text_count(s); i++)
        if (strcmp(s->texts[i].key, key) == 0) return &s->texts[i];
    return NULL;
}

reel_status reel_state_put_text(reel_state *s, const char *key, const char *value) {
    if (!s) return no_state("state_put_text");
    if (is_empty(key)) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put_text: no key");
    if (!value) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put_text: no value: %s", key);
    if (!reserve((void **)&s->texts, &s->text_capacity, s->text_count, sizeof *s->texts))
        return out_of_memory();
    char *copy = strdup(value);
    if (!copy) return out_of_memory();
    line *there = find_text(s, key);
    if (there) {
        free(there->value);
        there->value = copy;
        return REEL_OK;
    }
    char *name = strdup(key);
    if (!name) {
        free(copy);
        return out_of_memory();
    }
    s->texts[s->text_count++] = (line){name, copy};
    return REEL_OK;
}

const char *reel_state_text(const reel_state *s, const char *key) {
    const line *there = find_text(s, key);
    return there ? there->value : NULL;
}

int reel_state_text_count(const reel_state *s) {
    return s ? s->text_count : 0;
}

const char *reel_state_text_key(const reel_state *s, int i) {
    return i >= 0 && i < reel_state_text_count(s) ? s->texts[i].key : NULL;
}

const char *reel_state_text_value(const reel_state *s, int i) {
    return i >= 0 && i < reel_state_text_count(s) ? s->texts[i].value : NULL;
}

/* ---- numbers ---- */

reel_status reel_state_put_int(reel_state *s, const char *key, int64_t v) {
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRId64, v);
    return reel_state_put_text(s, key, digits);
}

bool reel_state_int(const reel_state *s, const char *key, int64_t *v) {
    const char *digits = reel_state_text(s, key);
    if (is_empty(digits)) return false;
    char *end;
    errno = 0;
    long long read = strtoll(digits, &end, 10);
    if (*end || errno) return false;
    *v = read;
    return true;
}

/* In the "C" locale, whatever the program has set: a file written under a decimal comma must be
 * read everywhere. Returns false when out of memory. */
static bool enter_c_locale(locale_t *c, locale_t *before) {
    *c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!*c) return false;
    *before = uselocale(*c);
    return true;
}

static void leave_c_locale(locale_t c, locale_t before) {
    uselocale(before);
    freelocale(c);
}

reel_status reel_state_put_double(reel_state *s, const char *key, double v) {
    char digits[32];
    locale_t c, before;
    if (!enter_c_locale(&c, &before)) return out_of_memory();
    snprintf(digits, sizeof digits, "%.17g", v);
    leave_c_locale(c, before);
    return reel_state_put_text(s, key, digits);
}

bool reel_state_double(const reel_state *s, const char *key, double *v) {
    const char *digits = reel_state_text(s, key);
    locale_t c, before;
    if (is_empty(digits) || !enter_c_locale(&c, &before)) return false;
    char *end;
    double read = strtod(digits, &end);
    leave_c_locale(c, before);
    if (*end) return false;
    *v = read;
    return true;
}

/* ---- whole states ---- */

reel_status reel__state_put_all(reel_state *to, const char *prefix, const reel_state *from) {
    for (int i = 0; i < from->count; i++)
        REEL_TRY(reel_state_put_in(to, prefix, from->entries[i].name, from->entries[i].tensor));
    return REEL_OK;
}

/* Whether `found` can be copied into t; `name` is its full name. */
static reel_status check_fit(const char *what, const char *name, const reel_tensor *t,
                             const reel_tensor *found) {
    if (!reel_shape_equal(reel_shape_of(found), reel_shape_of(t))) {
        char ours[192], theirs[192];
        reel__shape_text(ours, sizeof ours, reel_shape_of(t));
        reel__shape_text(theirs, sizeof theirs, reel_shape_of(found));
        return reel_fail(REEL_ERR_SHAPE, NULL, "%s: shapes differ: %s is %s, in the state %s", what,
                         name, ours, theirs);
    }
    if (reel_dtype_of(found) != reel_dtype_of(t))
        return reel_fail(REEL_ERR_DTYPE, NULL, "%s: dtypes differ: %s is %s, in the state %s", what,
                         name, reel_dtype_name(reel_dtype_of(t)),
                         reel_dtype_name(reel_dtype_of(found)));
    return REEL_OK;
}

reel_status reel__state_check(const char *what, const reel_state *to, const reel_state *from,
                              const char *prefix) {
    for (int i = 0; i < to->count; i++) {
        const entry *e = &to->entries[i], *found = find(from, prefix, e->name);
        if (!found)
            return reel_fail(REEL_ERR_FORMAT, NULL, "%s: not in the state: %s%s%s", what,
                             is_empty(prefix) ? "" : prefix, is_empty(prefix) ? "" : ".", e->name);
        REEL_TRY(check_fit(what, found->name, e->tensor, found->tensor));
    }
    if (is_empty(prefix)) return REEL_OK; /* others' entries may lie beside ours */
    for (int i = 0; i < from->count; i++) {
        const char *rest = below(from->entries[i].name, prefix);
        if (rest && !find(to, NULL, rest))
            return reel_fail(REEL_ERR_FORMAT, NULL, "%s: in the state alone: %s", what,
                             from->entries[i].name);
    }
    return REEL_OK;
}

reel_status reel__state_copy(const reel_state *to, const reel_state *from, const char *prefix) {
    for (int i = 0; i < to->count; i++) {
        reel_tensor *found = reel_state_get_in(from, prefix, to->entries[i].name);
        if (found != to->entries[i].tensor && !reel_copy_(to->entries[i].tensor, found))
            return reel_error_status();
    }
    return REEL_OK;
}
