/* Parametrizations as such: how they take a parameter's place, and give it back. */
#include "nn/parametrize_internal.h"

#include <string.h>

#define LIST "parametrizations"

static void point(reel_module *m, const reel__parametrization *p, reel_tensor *t) {
    for (int i = 0; i < p->places; i++) memcpy((char *)m + p->place[i], &t, sizeof t);
}

reel_tensor *reel__parametrize_find(const char *what, reel_module *m, const char *name,
                                    reel__parametrization *to) {
    if (reel__module_check(m, what, NULL) != REEL_OK) return NULL;
    const int i = name ? reel__module_find(m, name) : -1;
    reel_tensor *t = i < 0 ? NULL : m->entries[i].param;
    if (!t || !m->size) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s: %s in %s", what,
                  t ? "its module's size is not known" : "no such parameter", name ? name : "",
                  m->type);
        return NULL;
    }
    to->places = 0;
    for (size_t at = sizeof *m; at + sizeof t <= m->size; at += sizeof(void *)) {
        reel_tensor *held;
        memcpy(&held, (const char *)m + at, sizeof held);
        if (held != t) continue;
        if (to->places == REEL__PLACES) {
            reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: more than %d pointers to it: %s in %s", what,
                      REEL__PLACES, name, m->type);
            return NULL;
        }
        to->place[to->places++] = at;
    }
    for (int k = 0; k < m->count; k++)
        if (k != i && m->entries[k].param == t) {
            reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: it is registered as %s, too: %s in %s", what,
                      m->entries[k].name, name, m->type);
            return NULL;
        }
    if (to->places) return t;
    reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: its module does not point to it: %s in %s", what, name,
              m->type);
    return NULL;
}

/* m's list of them, made if need be; NULL on failure. */
static reel_module *list_of(const char *what, reel_module *m) {
    if (m->parametrizations) return m->parametrizations;
    reel_module *list = reel__module_new(sizeof *list, LIST, NULL, NULL);
    if (list) list->training = m->training;
    return list ? reel__module_adopt(what, m, LIST, list) : NULL;
}

reel_status reel__parametrize(const char *what, reel_module *m, const char *name,
                              reel__parametrization *p) {
    reel_module *list = list_of(what, m);
    if (!list) {
        reel_module_free(&p->base);
        return reel_error_status();
    }
    m->parametrizations = list;
    p->base.training = m->training;
    if (!reel__module_adopt(what, list, name, &p->base)) return reel_error_status();
    reel__module_remove(m, reel__module_find(m, name));
    point(m, p, NULL);
    return REEL_OK;
}

/* ---- around a forward ---- */

bool reel__parametrize_is_under_way(const reel_module *m) {
    const reel_module *list = m->parametrizations;
    if (!list || !list->count) return false;
    const reel__parametrization *p = (const reel__parametrization *)list->entries[0].child;
    reel_tensor *now;
    memcpy(&now, (const char *)m + p->place[0], sizeof now);
    return now != NULL;
}

reel_status reel__parametrize_begin(reel_module *m) {
    const reel_module *list = m->parametrizations;
    for (int i = 0; list && i < list->count; i++) {
        const reel__parametrization *p = (const reel__parametrization *)list->entries[i].child;
        reel_tensor *t = p->compute(p);
        if (!t) return reel_error_status();
        point(m, p, t);
    }
    return REEL_OK;
}

void reel__parametrize_end(reel_module *m) {
    const reel_module *list = m->parametrizations;
    for (int i = 0; list && i < list->count; i++)
        point(m, (const reel__parametrization *)list->entries[i].child, NULL);
}

/* ---- to look at, and to take off ---- */

static reel__parametrization *find(const char *what, reel_module *m, const char *name) {
    if (reel__module_check(m, what, NULL) != REEL_OK) return NULL;
    const reel_module *list = m->parametrizations;
    const int i = list && name ? reel__module_find(list, name) : -1;
    if (i >= 0) return (reel__parametrization *)list->entries[i].child;
    reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no parametrization: %s in %s", what, name ? name : "",
              m->type);
    return NULL;
}

reel_tensor *reel_parametrized(reel_module *m, const char *name) {
    const reel__parametrization *p = find("parametrized", m, name);
    return p ? p->compute(p) : NULL;
}

/* A tensor of its own that no scope lets go. */
static reel_tensor *weight_now(const reel__parametrization *p) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    reel_tensor *t = p->compute(p), *copy = t ? reel_empty_like(t) : NULL;
    return copy && reel_copy_(copy, t) ? reel_retain(copy) : NULL;
}

/* Takes an entry's child off, freed. */
static void remove_child(reel_module *m, const char *name) {
    const int i = reel__module_find(m, name);
    reel_module *child = m->entries[i].child;
    reel__module_remove(m, i);
    child->owned = false;
    reel_module_free(child);
}

reel_status reel_remove_parametrization(reel_module *m, const char *name) {
    reel__parametrization *p = find("remove_parametrization", m, name);
    reel_tensor *t = p ? weight_now(p) : NULL;
    if (!t) return reel_error_status();
    bool tracked = false;
    for (int i = 0; i < p->base.count; i++)
        tracked = tracked || reel_is_tracked(p->base.entries[i].param);
    const bool there = reel_module_param(m, name, t) != NULL;
    if (there && !tracked) reel_untrack(t); /* it was frozen */
    reel_release(t);
    if (!there) return reel_error_status();
    point(m, p, t);
    remove_child(m->parametrizations, name);
    if (m->parametrizations->count) return REEL_OK;
    m->parametrizations = NULL;
    remove_child(m, LIST);
    return REEL_OK;
}
