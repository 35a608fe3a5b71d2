/* A state is ordered maps: from names to tensors, from keys to text, and from the names of what was
 * left out to the reasons. */
#include "tensor/state/state_internal.h"

#include "tensor/core/handles_internal.h"
#include "tensor/ops.h"
#include "tensor/state/hash_table_internal.h"
#include "tensor/text/locale_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reel_state {
    reel__hash tensors; /* values: reel_tensor, retained */
    reel__hash texts;   /* values: char, owned */
    reel__hash left_out;
};

static reel_status out_of_memory(void) {
    return reel_fail(REEL_ERR_MEMORY, NULL, "state: out of memory");
}

static reel_status no_state(const char *what) {
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no state", what);
}

static bool is_empty(const char *text) {
    return !text || !*text;
}

/* What follows "prefix." in name; NULL if name does not begin so. */
static const char *below(const char *name, const char *prefix) {
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 && name[n] == '.' ? name + n + 1 : NULL;
}

reel_state *reel_state_new(void) {
    reel_state *s = calloc(1, sizeof *s);
    if (!s) out_of_memory();
    return s;
}

static void free_texts(reel__hash *m) {
    for (int i = 0; i < m->count; i++) free(m->entries[i].value);
    reel__hash_free(m);
}

void reel_state_free(reel_state *s) {
    if (!s) return;
    for (int i = 0; i < s->tensors.count; i++) reel_release(s->tensors.entries[i].value);
    free_texts(&s->texts);
    free_texts(&s->left_out);
    reel__hash_free(&s->tensors);
    free(s);
}

/* The i-th entry; NULL if there is none. */
static const reel__hash_entry *entry_at(const reel__hash *m, int i) {
    return i >= 0 && i < m->count ? &m->entries[i] : NULL;
}

/* Copies both. */
static reel_status add_text(reel__hash *m, const char *key, const char *value) {
    char *name = strdup(key), *copy = strdup(value);
    if (name && copy && reel__hash_add(m, name, copy)) return REEL_OK;
    free(name);
    free(copy);
    return out_of_memory();
}

/* ---- tensors ---- */

static const reel__hash_entry *find(const reel_state *s, const char *prefix, const char *name) {
    return s && !is_empty(name) ? reel__hash_find(&s->tensors, prefix, name) : NULL;
}

/* Takes `name` over. */
static reel_status put(reel_state *s, char *name, reel_tensor *t) {
    if (!name) return out_of_memory();
    reel_status status = REEL_OK;
    if (find(s, NULL, name))
        status = reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put: there already: %s", name);
    else if (!reel__hash_add(&s->tensors, name, t))
        status = out_of_memory();
    if (status != REEL_OK) {
        free(name);
        return status;
    }
    reel_retain(t);
    return REEL_OK;
}

reel_status reel_state_put_in(reel_state *s, const char *prefix, const char *name, reel_tensor *t) {
    if (!s) return no_state("state_put");
    if (is_empty(name)) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put: no name");
    if (!t) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put: no tensor: %s", name);
    if (!reel__live(NULL, "state_put", name, t)) return reel_error_status();
    if (is_empty(prefix)) return put(s, strdup(name), t);
    char *joined;
    if (asprintf(&joined, "%s.%s", prefix, name) < 0) return out_of_memory();
    return put(s, joined, t);
}

reel_status reel_state_put(reel_state *s, const char *name, reel_tensor *t) {
    return reel_state_put_in(s, NULL, name, t);
}

int reel_state_count(const reel_state *s) {
    return s ? s->tensors.count : 0;
}

const char *reel_state_name(const reel_state *s, int i) {
    const reel__hash_entry *e = s ? entry_at(&s->tensors, i) : NULL;
    return e ? e->key : NULL;
}

reel_tensor *reel_state_at(const reel_state *s, int i) {
    const reel__hash_entry *e = s ? entry_at(&s->tensors, i) : NULL;
    return e ? e->value : NULL;
}

reel_tensor *reel_state_get_in(const reel_state *s, const char *prefix, const char *name) {
    const reel__hash_entry *found = find(s, prefix, name);
    return found ? found->value : NULL;
}

reel_tensor *reel_state_get(const reel_state *s, const char *name) {
    return reel_state_get_in(s, NULL, name);
}

/* ---- text ---- */

reel_status reel_state_put_text(reel_state *s, const char *key, const char *value) {
    if (!s) return no_state("state_put_text");
    if (is_empty(key)) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put_text: no key");
    if (!value) return reel_fail(REEL_ERR_ARGUMENT, NULL, "state_put_text: no value: %s", key);
    reel__hash_entry *there = reel__hash_find(&s->texts, NULL, key);
    if (!there) return add_text(&s->texts, key, value);
    char *copy = strdup(value);
    if (!copy) return out_of_memory();
    free(there->value);
    there->value = copy;
    return REEL_OK;
}

const char *reel_state_text(const reel_state *s, const char *key) {
    const reel__hash_entry *there =
        s && !is_empty(key) ? reel__hash_find(&s->texts, NULL, key) : NULL;
    return there ? there->value : NULL;
}

int reel_state_text_count(const reel_state *s) {
    return s ? s->texts.count : 0;
}

const char *reel_state_text_key(const reel_state *s, int i) {
    const reel__hash_entry *e = s ? entry_at(&s->texts, i) : NULL;
    return e ? e->key : NULL;
}

const char *reel_state_text_value(const reel_state *s, int i) {
    const reel__hash_entry *e = s ? entry_at(&s->texts, i) : NULL;
    return e ? e->value : NULL;
}

/* ---- what was left out ---- */

reel_status reel__state_leave_out(reel_state *s, const char *name, const char *why) {
    return add_text(&s->left_out, name, why);
}

int reel_state_left_out_count(const reel_state *s) {
    return s ? s->left_out.count : 0;
}

const char *reel_state_left_out_name(const reel_state *s, int i) {
    const reel__hash_entry *e = s ? entry_at(&s->left_out, i) : NULL;
    return e ? e->key : NULL;
}

const char *reel_state_left_out_why(const reel_state *s, int i) {
    const reel__hash_entry *e = s ? entry_at(&s->left_out, i) : NULL;
    return e ? e->value : NULL;
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
    if (*end || end == digits || errno) return false;
    if (v) *v = read;
    return true;
}

reel_status reel_state_put_double(reel_state *s, const char *key, double v) {
    char digits[32];
    reel__locale l;
    if (!reel__locale_enter(&l)) return out_of_memory();
    snprintf(digits, sizeof digits, "%.17g", v);
    reel__locale_leave(&l);
    return reel_state_put_text(s, key, digits);
}

bool reel_state_double(const reel_state *s, const char *key, double *v) {
    const char *digits = reel_state_text(s, key);
    reel__locale l;
    if (is_empty(digits) || !reel__locale_enter(&l)) return false;
    char *end;
    double read = strtod(digits, &end);
    reel__locale_leave(&l);
    if (*end || end == digits) return false;
    if (v) *v = read;
    return true;
}

/* ---- whole states ---- */

reel_status reel__state_put_all(reel_state *to, const char *prefix, const reel_state *from) {
    for (int i = 0; i < reel_state_count(from); i++)
        REEL_TRY(reel_state_put_in(to, prefix, reel_state_name(from, i), reel_state_at(from, i)));
    return REEL_OK;
}

/* Whether `found` can be copied into t; `name` is its full name. */
static reel_status check_fit(const char *what, const char *name, const reel_tensor *t,
                             const reel_tensor *found, bool cast) {
    if (!reel_shape_equal(reel_shape_of(found), reel_shape_of(t))) {
        char ours[192], theirs[192];
        reel__shape_text(ours, sizeof ours, reel_shape_of(t));
        reel__shape_text(theirs, sizeof theirs, reel_shape_of(found));
        return reel_fail(REEL_ERR_SHAPE, NULL, "%s: shapes differ: %s is %s, in the state %s", what,
                         name, ours, theirs);
    }
    if (!cast && reel_dtype_of(found) != reel_dtype_of(t))
        return reel_fail(REEL_ERR_DTYPE, NULL, "%s: dtypes differ: %s is %s, in the state %s", what,
                         name, reel_dtype_name(reel_dtype_of(t)),
                         reel_dtype_name(reel_dtype_of(found)));
    return REEL_OK;
}

static reel_status fail_missing(const char *what, const reel_state *from, const char *prefix,
                                const char *name) {
    const bool bare = is_empty(prefix);
    const reel__hash_entry *out = from ? reel__hash_find(&from->left_out, prefix, name) : NULL;
    return reel_fail(REEL_ERR_FORMAT, NULL, "%s: not in the state: %s%s%s%s%s", what,
                     bare ? "" : prefix, bare ? "" : ".", name, out ? ": " : "",
                     out ? (const char *)out->value : "");
}

/* In place of what the list has of that name: one that was given before may have it. */
static reel_status note(reel_state *list, const char *name, reel_tensor *t) {
    reel__hash_entry *there = list ? reel__hash_find(&list->tensors, NULL, name) : NULL;
    if (!list) return REEL_OK;
    if (!there) return reel_state_put(list, name, t);
    reel_tensor *before = there->value;
    reel_retain(t);
    there->value = t;
    reel_release(before);
    return REEL_OK;
}

/* Those of `to`: each found, and fit. */
static reel_status match_ours(const char *what, const reel_state *to, const reel_state *from,
                              const char *prefix, const reel__state_terms *terms) {
    for (int i = 0; i < to->tensors.count; i++) {
        const reel__hash_entry *e = &to->tensors.entries[i], *found = find(from, prefix, e->key);
        if (found) {
            REEL_TRY(check_fit(what, found->key, e->value, found->value, terms->cast));
            continue;
        }
        REEL_TRY(note(terms->missing, e->key, e->value));
        if (!terms->loose) return fail_missing(what, from, prefix, e->key);
    }
    return REEL_OK;
}

/* Without a prefix others' entries may lie beside ours. */
reel_status reel__state_match(const char *what, const reel_state *to, const reel_state *from,
                              const char *prefix, const reel__state_terms *terms) {
    const bool bare = is_empty(prefix), strict = !terms->loose && !bare;
    REEL_TRY(match_ours(what, to, from, prefix, terms));
    for (int i = 0; (strict || terms->unexpected) && i < from->tensors.count; i++) {
        const reel__hash_entry *e = &from->tensors.entries[i];
        const char *rest = bare ? e->key : below(e->key, prefix);
        if (!rest || find(to, NULL, rest) || find(terms->passed_over, NULL, rest)) continue;
        REEL_TRY(note(terms->unexpected, rest, e->value));
        if (strict)
            return reel_fail(REEL_ERR_FORMAT, NULL, "%s: in the state alone: %s", what, e->key);
    }
    return REEL_OK;
}

reel_status reel__state_check(const char *what, const reel_state *to, const reel_state *from,
                              const char *prefix) {
    return reel__state_match(what, to, from, prefix, &(reel__state_terms){0});
}

/* In a scope of its own, which a cast tensor goes with. */
static reel_status copy_one(reel_tensor *t, reel_tensor *found) {
    REEL_SCOPE;
    const bool same = reel_dtype_of(found) == reel_dtype_of(t);
    if (!same) found = reel_cast_at(NULL, found, reel_dtype_of(t));
    return found && reel_copy_(t, found) ? REEL_OK : reel_error_status();
}

reel_status reel__state_copy(const reel_state *to, const reel_state *from, const char *prefix) {
    for (int i = 0; i < reel_state_count(to); i++) {
        reel_tensor *t = reel_state_at(to, i);
        reel_tensor *found = reel_state_get_in(from, prefix, reel_state_name(to, i));
        if (found && found != t) REEL_TRY(copy_one(t, found));
    }
    return REEL_OK;
}
