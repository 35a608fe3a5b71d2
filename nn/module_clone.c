/* Copies of modules: first all tensors, then structs and entries, then the pointers in the structs.
 */
#include "nn/module_internal.h"

#include "tensor/backend.h"

#include <stdlib.h>
#include <string.h>

/* What became what: a sorted array, once all is copied. */
typedef struct {
    const void *from;
    void *to;
} pair;

typedef struct {
    pair *pairs;
    size_t count, capacity, tensors; /* the first of them are tensors, sorted among themselves */
} map;

static reel_status remember(map *m, const void *from, void *to) {
    if (m->count == m->capacity) {
        const size_t more = m->capacity ? 2 * m->capacity : 32;
        pair *grown = realloc(m->pairs, more * sizeof *grown);
        if (!grown) return reel_fail(REEL_ERR_MEMORY, NULL, "module_clone: out of memory");
        m->pairs = grown;
        m->capacity = more;
    }
    m->pairs[m->count++] = (pair){from, to};
    return REEL_OK;
}

static int by_address(const void *a, const void *b) {
    const uintptr_t x = (uintptr_t)((const pair *)a)->from, y = (uintptr_t)((const pair *)b)->from;
    return (x > y) - (x < y);
}

/* Among the first `count`; NULL if it is none that was copied. */
static void *copy_among(const map *m, size_t count, const void *from) {
    const pair wanted = {from, NULL};
    const pair *found = from ? bsearch(&wanted, m->pairs, count, sizeof wanted, by_address) : NULL;
    return found ? found->to : NULL;
}

static void *copy_of(const map *m, const void *from) {
    return copy_among(m, m->count, from);
}

/* ---- tensors ---- */

/* Released with the list that holds it. */
static reel_tensor *copy_tensor(reel_tensor *t) {
    reel_tensor *copy = reel_empty_like(t);
    if (!copy || !reel_copy_(copy, t)) return NULL;
    if (*reel_name(t) && reel_set_name(copy, reel_name(t)) != REEL_OK) return NULL;
    return reel_is_tracked(t) ? reel_track(copy) : copy;
}

static reel_status copy_tensors(const reel_state *tensors, reel_state *copies, map *m) {
    REEL_NO_GRAD;
    for (int i = 0; i < reel_state_count(tensors); i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_state_at(tensors, i), *copy = copy_tensor(t);
        if (!copy) return reel_error_status();
        REEL_TRY(reel_state_put(copies, reel_state_name(tensors, i), copy));
        REEL_TRY(remember(m, t, copy));
    }
    m->tensors = m->count;
    if (m->count) qsort(m->pairs, m->count, sizeof *m->pairs, by_address);
    return REEL_OK;
}

static reel_generator *copy_generator(reel_generator *g) {
    reel_tensor *state = reel_generator_state(g);
    reel_generator *copy = reel_generator_new(0, reel_device_of(state));
    if (!copy || reel_copy_(reel_generator_state(copy), state)) return copy;
    reel_generator_free(copy);
    return NULL;
}

/* ---- structs ---- */

static void free_itself(reel_module *m) {
    free(m);
}

/* The struct alone, which lists nothing yet. */
static reel_module *copy_struct(const reel_module *from) {
    reel_module *m = malloc(from->size);
    if (!m) {
        reel_fail(REEL_ERR_MEMORY, NULL, "module_clone: out of memory: %s", from->type);
        return NULL;
    }
    memcpy((void *)m, from, from->size);
    if (reel__module_begin(m, "module_clone") != REEL_OK) {
        free(m);
        return NULL;
    }
    m->entries = NULL;
    m->count = m->capacity = 0;
    m->owned = false;
    m->parametrizations = NULL;
    m->free = free_itself; /* until what it owns besides is its own */
    return m;
}

static reel_module *clone_tree(const reel_module *from, map *done);

static void drop_entry(const struct reel_module_entry *e) {
    reel_generator_free(e->generator);
    if (e->child) e->child->owned = false;
    reel_module_free(e->child);
}

static reel_status copy_entry(reel_module *m, const struct reel_module_entry *e, map *done) {
    struct reel_module_entry copy = {.param = copy_among(done, done->tensors, e->param),
                                     .buffer = copy_among(done, done->tensors, e->buffer)};
    reel_status status = REEL_OK;
    if (e->generator) {
        copy.generator = copy_generator(e->generator);
        status =
            copy.generator ? remember(done, e->generator, copy.generator) : reel_error_status();
    }
    if (e->child) {
        copy.child = clone_tree(e->child, done);
        if (copy.child) copy.child->owned = true;
        status = copy.child ? REEL_OK : reel_error_status();
    }
    if (status == REEL_OK) status = reel__module_append(m, copy, e->name);
    if (status != REEL_OK) drop_entry(&copy);
    return status;
}

static reel_module *clone_tree(const reel_module *from, map *done) {
    reel_module *m = copy_struct(from);
    reel_status status = m ? remember(done, from, m) : REEL_ERR_MEMORY;
    for (int i = 0; status == REEL_OK && i < from->count; i++)
        status = copy_entry(m, &from->entries[i], done);
    if (status == REEL_OK) return m;
    reel_module_free(m);
    return NULL;
}

/* Pointers to what was copied point to the copies. */
static void turn_pointers(reel_module *m, const reel_module *from, const map *done) {
    for (size_t at = sizeof *m; at + sizeof(void *) <= from->size; at += sizeof(void *)) {
        void *held, *copy;
        memcpy(&held, (const char *)from + at, sizeof held);
        copy = copy_of(done, held);
        if (copy) memcpy((char *)m + at, &copy, sizeof copy);
    }
    m->parametrizations = copy_of(done, from->parametrizations);
}

/* Parts first. */
static reel_status finish(reel_module *m, const reel_module *from, const map *done) {
    for (int i = 0; i < m->count; i++)
        if (m->entries[i].child)
            REEL_TRY(finish(m->entries[i].child, from->entries[i].child, done));
    turn_pointers(m, from, done);
    if (from->copied) {
        const reel_status status = from->copied(m, from);
        if (from->free) m->free = from->free;
        return status;
    }
    if (from->free) m->free = from->free;
    return REEL_OK;
}

/* ---- whole ---- */

void reel_module_cloneable(reel_module *m, size_t size, reel_module_copied_fn copied) {
    if (reel__module_check(m, "module_cloneable", NULL) != REEL_OK) return;
    if (size < sizeof *m) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_cloneable: less than a module: %zu bytes: %s",
                  size, m->type);
        return;
    }
    m->size = size;
    m->copied = copied;
}

static reel_status check_sizes(reel_module *m, void *user) {
    (void)user;
    if (m->size) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "module_clone: its size is not known: %s", m->type);
}

static reel_module *clone_whole(reel_module *m, const reel_state *tensors, reel_state *copies,
                                map *done) {
    if (copy_tensors(tensors, copies, done) != REEL_OK) return NULL;
    reel_module *copy = clone_tree(m, done);
    if (!copy) return NULL;
    qsort(done->pairs, done->count, sizeof *done->pairs, by_address);
    if (finish(copy, m, done) == REEL_OK) return copy;
    reel_module_free(copy);
    return NULL;
}

reel_module *reel_module_clone(reel_module *m) {
    if (reel__module_check(m, "module_clone", NULL) != REEL_OK ||
        reel_module_apply(m, check_sizes, NULL) != REEL_OK)
        return NULL;
    map done = {0};
    reel_state *tensors = reel__module_weights("module_clone", m),
               *copies = tensors ? reel_state_new() : NULL;
    reel_module *copy = copies ? clone_whole(m, tensors, copies, &done) : NULL;
    reel_state_free(copies);
    reel_state_free(tensors);
    free(done.pairs);
    return copy;
}

static reel_status apply(reel_module *m, reel_module_fn f, void *user) {
    for (int i = 0; i < m->count; i++)
        if (m->entries[i].child) REEL_TRY(apply(m->entries[i].child, f, user));
    return f(m, user);
}

reel_status reel_module_apply(reel_module *m, reel_module_fn f, void *user) {
    REEL_TRY(reel__module_check(m, "module_apply", NULL));
    if (!f) return reel_fail(REEL_ERR_ARGUMENT, NULL, "module_apply: no function: %s", m->type);
    return apply(m, f, user);
}
