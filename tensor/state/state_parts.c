/* States made of others: parts and copies. */
#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"
#include "tensor/state/state_internal.h"

#include <string.h>

/* What an entry of that name is called in the part, and NULL if it is not in it. */
typedef const char *(*name_fn)(const char *name, reel_tensor *t, const void *user);

static reel_status take(reel_state *to, const reel_state *s, name_fn part, const void *user) {
    for (int i = 0; i < reel_state_count(s); i++) {
        const char *name = part(reel_state_name(s, i), reel_state_at(s, i), user);
        if (name) REEL_TRY(reel_state_put(to, name, reel_state_at(s, i)));
    }
    for (int i = 0; i < reel_state_text_count(s); i++) {
        const char *key = part(reel_state_text_key(s, i), NULL, user);
        if (key) REEL_TRY(reel_state_put_text(to, key, reel_state_text_value(s, i)));
    }
    return REEL_OK;
}

static reel_state *part_of(const char *what, const reel_state *s, name_fn part, const void *user) {
    if (!s || !user) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no %s", what, s ? "part" : "state");
        return NULL;
    }
    reel_state *to = reel_state_new();
    if (!to || take(to, s, part, user) == REEL_OK) return to;
    reel_state_free(to);
    return NULL;
}

static const char *below(const char *name, reel_tensor *t, const void *prefix) {
    (void)t;
    const size_t n = strlen(prefix);
    if (n == 0) return name;
    return strncmp(name, prefix, n) == 0 && name[n] == '.' && name[n + 1] ? name + n + 1 : NULL;
}

reel_state *reel_state_below(const reel_state *s, const char *prefix) {
    return part_of("state_below", s, below, prefix);
}

typedef struct {
    reel_state_keeps_fn keeps;
    void *user;
} choice;

static const char *kept(const char *name, reel_tensor *t, const void *user) {
    const choice *c = user;
    return c->keeps(name, t, c->user) ? name : NULL;
}

reel_state *reel_state_filter(const reel_state *s, reel_state_keeps_fn keeps, void *user) {
    const choice c = {keeps, user};
    return part_of("state_filter", s, kept, keeps ? &c : NULL);
}

static reel_status copy_all(reel_state *to, const reel_state *s) {
    for (int i = 0; i < reel_state_count(s); i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_state_at(s, i), *copy = reel_empty_like_at(NULL, t);
        if (!copy || !reel_copy_(copy, t)) return reel_error_status();
        REEL_TRY(reel_state_put(to, reel_state_name(s, i), copy));
    }
    for (int i = 0; i < reel_state_text_count(s); i++)
        REEL_TRY(reel_state_put_text(to, reel_state_text_key(s, i), reel_state_text_value(s, i)));
    return REEL_OK;
}

reel_state *reel_state_clone(const reel_state *s) {
    if (!s) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "state_clone: no state");
        return NULL;
    }
    reel_state *to = reel_state_new();
    const bool no_grad = reel__self()->no_grad;
    reel__self()->no_grad = true;
    const bool whole = to && copy_all(to, s) == REEL_OK;
    reel__self()->no_grad = no_grad;
    if (whole) return to;
    reel_state_free(to);
    return NULL;
}
