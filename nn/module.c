/* Modules as such: registering, freeing, modes, and finding what is registered. */
#include "nn/module_internal.h"

#include "tensor/core/alive_internal.h"
#include "tensor/core/handles_internal.h"
#include "tensor/ops/record_internal.h"

#include <stdlib.h>
#include <string.h>

#define MODULE "a module"

reel_status reel__module_check(const reel_module *m, const char *who, const char *at) {
    if (!m) return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no module", who);
    return reel__alive_check(m, MODULE, who, at);
}

reel_status reel__module_begin(const reel_module *m, const char *who) {
    return reel__alive_add(m, MODULE, who);
}

/* Without memory to note it down the module is none, and every use of it says so. */
void reel_module_init(reel_module *m, const char *type, reel_forward_fn forward) {
    if (!m) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_init: no module");
        return;
    }
    reel__module_begin(m, "module_init");
    *m = (reel_module){.type = type ? type : "module", .forward = forward, .training = true};
}

void reel_module_init_run(reel_module *m, const char *type, reel_run_fn run, int inputs,
                          int results) {
    const bool fits = inputs >= 1 && results >= 1 && inputs <= REEL_MODULE_TENSORS &&
                      results <= REEL_MODULE_TENSORS;
    if (m && (!run || !fits)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_init_run: %s: %d inputs, %d results",
                  !run   ? "no function"
                  : type ? type
                         : "module",
                  inputs, results);
        return;
    }
    reel_module_init(m, type, NULL);
    if (!m) return;
    m->run = run;
    m->inputs = inputs;
    m->results = results;
}

static void free_itself(reel_module *m) {
    free(m);
}

void *reel__module_new(size_t size, const char *type, reel_forward_fn forward,
                       void (*free_all)(reel_module *m)) {
    reel_module *m = calloc(1, size);
    if (m) reel_module_init(m, type, forward);
    if (!reel__alive_is(m, MODULE)) {
        reel_fail(REEL_ERR_MEMORY, NULL, "%s_new: out of memory", type);
        free(m);
        return NULL;
    }
    m->free = free_all ? free_all : free_itself;
    m->size = free_all ? 0 : size; /* one that holds more must say how that is copied */
    return m;
}

reel_status reel__module_check_dtype(const char *what, reel_dtype dtype) {
    if (reel__dtype_is_full(dtype)) return REEL_OK;
    return reel_fail(REEL_ERR_DTYPE, NULL, "%s: takes f32 or f64, not %s", what,
                     reel_dtype_name(dtype));
}

static void free_tree(reel_module *m) {
    if (!m || reel__alive_end(m, MODULE, "module_free", NULL) != REEL_OK) return;
    for (int i = 0; i < m->count; i++) {
        reel_release(m->entries[i].param);
        reel_release(m->entries[i].buffer);
        reel_generator_free(m->entries[i].generator);
        free_tree(m->entries[i].child);
        free(m->entries[i].name);
    }
    free(m->entries);
    m->entries = NULL;
    m->count = m->capacity = 0;
    if (!m->training) reel__switch(m); /* as if it had never been */
    if (m->free) m->free(m);
}

void reel_module_free(reel_module *m) {
    if (m && reel__alive_is(m, MODULE) && m->owned)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_free: part of another, which frees it: %s",
                  m->type);
    else
        free_tree(m);
}

reel_module *reel__module_made(reel_module *m, bool whole) {
    if (whole) return m;
    reel_module_free(m);
    return NULL;
}

/* ---- registering ---- */

/* Checks m and name. */
static reel_status prepare(const char *what, reel_module *m, const char *name) {
    REEL_TRY(reel__module_check(m, what, NULL));
    if (!name || !*name)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no name in %s", what, m->type);
    if (strchr(name, '.')) /* it joins the parts of a path */
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a dot in a name: %s in %s", what, name,
                         m->type);
    if (reel__module_find(m, name) >= 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: there already: %s in %s", what, name,
                         m->type);
    return REEL_OK;
}

static reel_status make_room(reel_module *m, const char *name) {
    if (m->count < m->capacity) return REEL_OK;
    int more = m->capacity ? 2 * m->capacity : 4;
    struct reel_module_entry *grown = realloc(m->entries, (size_t)more * sizeof *grown);
    if (!grown) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory: %s", m->type, name);
    m->entries = grown;
    m->capacity = more;
    return REEL_OK;
}

reel_status reel__module_append(reel_module *m, struct reel_module_entry entry, const char *name) {
    REEL_TRY(make_room(m, name));
    entry.name = strdup(name);
    if (!entry.name)
        return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory: %s", m->type, name);
    m->entries[m->count++] = entry;
    reel_retain(entry.param);
    reel_retain(entry.buffer);
    return REEL_OK;
}

int reel__module_find(const reel_module *m, const char *name) {
    for (int i = 0; i < m->count; i++)
        if (strcmp(m->entries[i].name, name) == 0) return i;
    return -1;
}

void reel__module_remove(reel_module *m, int i) {
    reel_release(m->entries[i].param);
    reel_release(m->entries[i].buffer);
    free(m->entries[i].name);
    m->count--;
    memmove(&m->entries[i], &m->entries[i + 1], (size_t)(m->count - i) * sizeof *m->entries);
}

static reel_status prepare_tensor(const char *what, reel_module *m, const char *name,
                                  reel_tensor *t) {
    REEL_TRY(prepare(what, m, name));
    if (t) return reel__live(NULL, what, name, t) ? REEL_OK : reel_error_status();
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no tensor: %s in %s", what, name, m->type);
}

/* The entry holds t. */
static reel_tensor *append_tensor(reel_module *m, struct reel_module_entry entry, const char *name,
                                  reel_tensor *t) {
    if (!*reel_name(t) && reel_set_name(t, name) != REEL_OK) return NULL;
    return reel__module_append(m, entry, name) == REEL_OK ? t : NULL;
}

reel_tensor *reel_module_param(reel_module *m, const char *name, reel_tensor *t) {
    if (prepare_tensor("module_param", m, name, t) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = "module_param");
    if (!reel_track_at(NULL, t)) return NULL;
    return append_tensor(m, (struct reel_module_entry){.param = t}, name, t);
}

reel_tensor *reel_module_buffer(reel_module *m, const char *name, reel_tensor *t) {
    if (prepare_tensor("module_buffer", m, name, t) != REEL_OK) return NULL;
    if (reel_is_tracked(t)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_buffer: is tracked: %s in %s", name, m->type);
        return NULL;
    }
    return append_tensor(m, (struct reel_module_entry){.buffer = t}, name, t);
}

reel_generator *reel_module_generator(reel_module *m, const char *name, reel_generator *g) {
    if (prepare_tensor("module_generator", m, name, reel_generator_state(g)) == REEL_OK &&
        reel__module_append(m, (struct reel_module_entry){.generator = g}, name) == REEL_OK)
        return g;
    reel_generator_free(g);
    return NULL;
}

static bool contains(const reel_module *m, const reel_module *sought) {
    if (m == sought) return true;
    for (int i = 0; i < m->count; i++)
        if (m->entries[i].child && contains(m->entries[i].child, sought)) return true;
    return false;
}

reel_module *reel__module_adopt(const char *what, reel_module *m, const char *name,
                                reel_module *child) {
    const char *called = name ? name : "";
    if (!reel__alive_is(m, MODULE)) {
        reel__module_check(m, what, NULL);
        if (reel__alive_is(child, MODULE) && !child->owned) reel_module_free(child);
        return NULL;
    }
    const char *owner = m->type;
    if (!reel__alive_is(child, MODULE)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s: %s in %s", what,
                  child ? "not a module, or freed already" : "no child", called, owner);
        return NULL;
    }
    if (child->owned || contains(child, m)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s: %s in %s", what,
                  child->owned ? "another module has it already" : "it contains its parent", called,
                  owner);
        return NULL;
    }
    if (prepare(what, m, name) != REEL_OK ||
        reel__module_append(m, (struct reel_module_entry){.child = child}, name) != REEL_OK) {
        reel_module_free(child);
        return NULL;
    }
    child->owned = true;
    return child;
}

reel_module *reel_module_child(reel_module *m, const char *name, reel_module *child) {
    return reel__module_adopt("module_child", m, name, child);
}

/* ---- use ---- */

static void switch_mode(reel_module *m) {
    reel__switch(m);
    m->training = !m->training;
}

static void switch_back(const reel__section *s) {
    switch_mode(s->of);
}

/* The module alone. A replay of a captured step leaves modes as the step does. */
static void set_mode(void *of, double training) {
    reel_module *m = of;
    if (m->training == (training != 0)) return;
    const reel__section s = {
        .again = set_mode, .back = switch_back, .of = m, .kind = MODULE, .number = training};
    if (reel__section_begin(&s) != REEL_OK) return;
    switch_mode(m);
    reel__section_end(&s, true);
}

static void set_training(reel_module *m, bool training) {
    if (!m) return;
    set_mode(m, training);
    for (int i = 0; i < m->count; i++) set_training(m->entries[i].child, training);
}

void reel_train(reel_module *m) {
    if (m && reel__module_check(m, "train", NULL) == REEL_OK) set_training(m, true);
}

void reel_eval(reel_module *m) {
    if (m && reel__module_check(m, "eval", NULL) == REEL_OK) set_training(m, false);
}

void reel_module_freeze(reel_module *m) {
    if (!m || reel__module_check(m, "module_freeze", NULL) != REEL_OK) return;
    for (int i = 0; i < m->count; i++) {
        reel_untrack(m->entries[i].param);
        reel_module_freeze(m->entries[i].child);
    }
}

reel_status reel_module_unfreeze(reel_module *m) {
    REEL_TRY(reel__module_check(m, "module_unfreeze", NULL));
    for (int i = 0; i < m->count; i++) {
        const struct reel_module_entry *e = &m->entries[i];
        if (e->param && !reel_track_at(NULL, e->param)) return reel_error_status();
        if (e->child) REEL_TRY(reel_module_unfreeze(e->child));
    }
    return REEL_OK;
}

/* ---- by path ---- */

/* What m has under the first `length` characters of name; NULL if nothing. */
static const struct reel_module_entry *entry_of(const reel_module *m, const char *name,
                                                size_t length) {
    for (int i = 0; i < m->count; i++)
        if (strncmp(m->entries[i].name, name, length) == 0 && !m->entries[i].name[length])
            return &m->entries[i];
    return NULL;
}

static const struct reel_module_entry *find(const reel_module *m, const char *path) {
    while (m) {
        const size_t length = strcspn(path, ".");
        const struct reel_module_entry *e = entry_of(m, path, length);
        if (!e || !path[length]) return e;
        m = e->child;
        path += length + 1;
    }
    return NULL;
}

reel_tensor *reel_module_get(reel_module *m, const char *path) {
    if (m && reel__module_check(m, "module_get", NULL) != REEL_OK) return NULL;
    const struct reel_module_entry *e = m && path ? find(m, path) : NULL;
    if (e && !e->child) return reel__entry_tensor(e);
    reel_fail(REEL_ERR_ARGUMENT, NULL, "module_get: no parameter or buffer: %s in %s",
              path ? path : "", m ? m->type : "no module");
    return NULL;
}

reel_module *reel_module_get_child(reel_module *m, const char *path) {
    if (m && reel__module_check(m, "module_get_child", NULL) != REEL_OK) return NULL;
    if (m && path && !*path) return m;
    const struct reel_module_entry *e = m && path ? find(m, path) : NULL;
    if (e && e->child) return e->child;
    reel_fail(REEL_ERR_ARGUMENT, NULL, "module_get_child: no module: %s in %s", path ? path : "",
              m ? m->type : "no module");
    return NULL;
}

int reel_module_child_count(const reel_module *m) {
    if (m && reel__module_check(m, "module_child_count", NULL) != REEL_OK) return 0;
    int n = 0;
    for (int i = 0; m && i < m->count; i++) n += m->entries[i].child != NULL;
    return n;
}

reel_module *reel_module_child_at(reel_module *m, int i) {
    if (reel__module_check(m, "module_child_at", NULL) != REEL_OK) return NULL;
    for (int k = 0, n = 0; k < m->count; k++)
        if (m->entries[k].child && n++ == i) return m->entries[k].child;
    reel_fail(REEL_ERR_ARGUMENT, NULL, "module_child_at: no child %d in %s", i, m->type);
    return NULL;
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
    REEL_TRY(reel__module_check(m, "module", NULL));
    return walk(m, "", visit, user);
}
