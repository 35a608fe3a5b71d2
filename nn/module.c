/* Modules as such: registering, freeing, forward, modes, and the walk over what is registered. */
#include "nn/module_internal.h"

#include "tensor/tensor_internal.h"

#include <stdlib.h>
#include <string.h>

void reel_module_init(reel_module *m, const char *type, reel_forward_fn forward) {
    if (!m) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_init: no module");
        return;
    }
    *m = (reel_module){.type = type ? type : "module", .forward = forward, .training = true};
}

void reel_module_free(reel_module *m) {
    if (!m) return;
    for (int i = 0; i < m->count; i++) {
        reel_release(m->entries[i].param);
        reel_module_free(m->entries[i].child);
        free(m->entries[i].name);
    }
    free(m->entries);
    m->entries = NULL;
    m->count = m->capacity = 0;
    if (m->free) m->free(m);
}

/* ---- registering ---- */

/* Checks m and name, and makes room for one more entry. */
static reel_status prepare(const char *what, reel_module *m, const char *name) {
    if (!m) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no module", what);
    if (!name || !*name)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no name in %s", what, m->type);
    if (strchr(name, '.')) /* it joins the parts of a path */
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a dot in a name: %s in %s", what, name,
                         m->type);
    for (int i = 0; i < m->count; i++)
        if (strcmp(m->entries[i].name, name) == 0)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: there already: %s in %s", what, name,
                             m->type);
    if (m->count < m->capacity) return REEL_OK;
    int more = m->capacity ? 2 * m->capacity : 4;
    struct reel_module_entry *grown = realloc(m->entries, (size_t)more * sizeof *grown);
    if (!grown) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory: %s", what, name);
    m->entries = grown;
    m->capacity = more;
    return REEL_OK;
}

/* After prepare. */
static reel_status append(reel_module *m, struct reel_module_entry entry, const char *name) {
    entry.name = strdup(name);
    if (!entry.name)
        return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory: %s", m->type, name);
    m->entries[m->count++] = entry;
    return REEL_OK;
}

reel_tensor *reel_module_param(reel_module *m, const char *name, reel_tensor *t) {
    if (prepare("module_param", m, name) != REEL_OK) return NULL;
    if (!t) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_param: no tensor: %s in %s", name, m->type);
        return NULL;
    }
    if (!reel_track_at(NULL, t)) return NULL;
    if (!*reel_name(t) && reel_set_name(t, name) != REEL_OK) return NULL;
    if (append(m, (struct reel_module_entry){.param = t}, name) != REEL_OK) return NULL;
    return reel_retain(t);
}

static bool contains(const reel_module *m, const reel_module *sought) {
    if (m == sought) return true;
    for (int i = 0; i < m->count; i++)
        if (m->entries[i].child && contains(m->entries[i].child, sought)) return true;
    return false;
}

reel_module *reel_module_child(reel_module *m, const char *name, reel_module *child) {
    const char *called = name ? name : "", *owner = m ? m->type : "";
    if (!child) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_child: no child: %s in %s", called, owner);
        return NULL;
    }
    if (child->owned || contains(child, m)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_child: %s: %s in %s",
                  child->owned ? "another module has it already" : "it contains its parent", called,
                  owner);
        return NULL;
    }
    if (prepare("module_child", m, name) != REEL_OK ||
        append(m, (struct reel_module_entry){.child = child}, name) != REEL_OK) {
        reel_module_free(child);
        return NULL;
    }
    child->owned = true;
    return child;
}

/* ---- use ---- */

reel_tensor *reel_forward_at(const char *at, reel_module *m, reel_tensor *x) {
    if (!m || !m->forward || !x) {
        reel_fail(REEL_ERR_ARGUMENT, at, "forward: %s%s",
                  !m            ? "no module"
                  : !m->forward ? "a module without one: "
                                : "no input: ",
                  m ? m->type : "");
        return NULL;
    }
    const char *outer = reel__caller_push(at);
    reel_tensor *y = m->forward(m, x);
    reel__caller_pop(outer);
    return y;
}

static void set_training(reel_module *m, bool training) {
    if (!m) return;
    m->training = training;
    for (int i = 0; i < m->count; i++) set_training(m->entries[i].child, training);
}

void reel_train(reel_module *m) {
    set_training(m, true);
}

void reel_eval(reel_module *m) {
    set_training(m, false);
}

/* ---- the walk ---- */

static reel_status walk(reel_module *m, const char *above, reel__module_visit visit, void *user) {
    for (int i = 0; i < m->count; i++) {
        const struct reel_module_entry *e = &m->entries[i];
        char *path;
        if (asprintf(&path, "%s%s%s", above, *above ? "." : "", e->name) < 0)
            return reel_fail(REEL_ERR_MEMORY, NULL, "module: out of memory: %s", e->name);
        reel_status status = visit(path, e, user);
        if (status == REEL_OK && e->child) status = walk(e->child, path, visit, user);
        free(path);
        REEL_TRY(status);
    }
    return REEL_OK;
}

reel_status reel__module_walk(reel_module *m, reel__module_visit visit, void *user) {
    return walk(m, "", visit, user);
}
