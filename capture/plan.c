/* A trace becomes a plan: calls on handles of the plan's own. */
#include "capture/capture_internal.h"

#include <stdlib.h>
#include <string.h>

static reel_status no_memory(void) {
    return reel_fail(REEL_ERR_MEMORY, NULL, "capture: out of memory");
}

static void *array(int count, size_t size) {
    return calloc((size_t)count + 1, size);
}

/* ---- clearing ---- */

static void clear_node(reel_plan *p, int k) {
    reel__node *n = &p->node[k];
    for (int i = 0; p->tensors[k] && i < n->call.nin + n->call.nout; i++)
        reel_release(p->tensors[k][i]);
    free(p->tensors[k]);
    free(n->in);
}

void reel__plan_clear(reel_plan *p, bool all) {
    for (int i = 0; i < p->items; i++)
        if (p->item[i].fused) {
            p->item[i].fused->free(p->item[i].fused->of);
            free(p->item[i].fused);
        }
    for (int k = 0; p->node && p->tensors && k < p->count; k++) clear_node(p, k);
    for (int i = 0; p->memory && i < p->values; i++) reel_release(p->memory[i].base);
    reel_release(p->arena);
    free(p->node);
    free(p->tensors);
    free(p->operand);
    free(p->memory);
    free(p->node_of);
    free(p->item);
    p->node = NULL;
    p->tensors = NULL;
    p->operand = NULL;
    p->memory = NULL;
    p->node_of = NULL;
    p->item = NULL;
    p->arena = NULL;
    p->count = p->items = p->values = p->parts = 0;
    p->ready = false;
    if (!all) return;
    reel__trace_free(p->last);
    p->last = NULL;
}

/* ---- values ---- */

/* What came into being in the step and was read before a call wrote it: its elements are the
 * host's, and stay as they were. */
static reel_status check_written(const reel__trace *t) {
    bool *written = array(t->values, 1);
    if (!written) return no_memory();
    reel_status status = REEL_OK;
    for (int i = 0; i < t->values; i++) written[i] = !t->value[i].inner;
    for (int k = 0; k < t->parts; k++)
        for (int i = 0; i < REEL__SECTION_RESULTS; i++)
            if (t->part[k].result[i].value >= 0) written[t->part[k].result[i].value] = true;
    for (int k = 0; k < t->count && status == REEL_OK; k++) {
        const reel__entry *e = &t->entry[k];
        for (int i = 0; i < e->call.nin; i++)
            if (!written[e->operand[i].value])
                status = reel_fail(REEL_ERR_STATE, e->call.at,
                                   "%s: elements of an input were written by the host in the "
                                   "captured step, which replays can't repeat",
                                   reel__ops[e->call.op].name);
        for (int i = 0; i < e->call.nout; i++) written[e->operand[e->call.nin + i].value] = true;
    }
    free(written);
    return status;
}

static void touch(reel__memory *m, int node) {
    if (m->first > node) m->first = node;
    if (m->last < node) m->last = node;
}

static reel_status make_values(reel_plan *p, const int *value) {
    const reel__trace *t = p->last;
    p->values = t->values;
    p->memory = array(t->values, sizeof *p->memory);
    if (!p->memory) return no_memory();
    for (int i = 0; i < t->values; i++) {
        const reel__value *v = &t->value[i];
        p->memory[i] = (reel__memory){.bytes = v->bytes,
                                      .outer = !v->inner || v->outlives,
                                      .own = 1,
                                      .first = p->count,
                                      .last = -1};
        if (p->memory[i].outer) p->memory[i].base = reel_retain(v->base);
    }
    for (int k = 0; k < t->count; k++) {
        const reel__entry *e = &t->entry[k];
        for (int i = 0; p->node_of[k] >= 0 && i < e->call.nin + e->call.nout; i++)
            touch(&p->memory[value[e->operand[i].value]], p->node_of[k]);
    }
    return REEL_OK;
}

/* The arena, on the one device of inner values, and each one's place in it. */
static reel_status make_arena(reel_plan *p) {
    const reel__trace *t = p->last;
    size_t bytes = 0;
    const reel__value *any = NULL;
    for (int i = 0; i < p->values; i++)
        if (!p->memory[i].outer && p->memory[i].first <= p->memory[i].last) {
            if (any && !reel_device_equal(any->device, t->value[i].device))
                return reel_fail(REEL_ERR_DEVICE, NULL, "capture: the step uses two devices");
            any = &t->value[i];
        }
    REEL_TRY(reel__plan_memory(p, &bytes));
    if (!any) return REEL_OK;
    const reel__layout all = {.dtype = REEL_U8, .shape = reel_shape((int64_t)bytes)};
    p->arena = reel__tensor_new(NULL, "capture", &all, any->device);
    if (!p->arena) return reel_error_status();
    for (int i = 0; i < p->values; i++)
        if (!p->memory[i].outer) p->memory[i].base = reel_retain(p->arena);
    return REEL_OK;
}

/* ---- nodes ---- */

/* A handle of an operand's elements, in the memory of its value. */
static reel_tensor *handle(const reel_plan *p, const reel__operand *o, int value, const char *at) {
    reel__memory *m = &p->memory[value];
    reel__layout l = o->layout;
    m->own++;
    if (!m->outer) l.offset += (int64_t)(m->offset / reel_dtype_size(l.dtype));
    return reel__tensor_view(at, "capture", m->base, &l);
}

static reel_status make_node(reel_plan *p, const reel__entry *e, int k, const int *value) {
    reel__node *n = &p->node[k];
    const int all = e->call.nin + e->call.nout;
    *n = (reel__node){
        .call = e->call, .fed = e->section >= 0, .function = e->function, .context = e->context};
    p->operand[k] = e->operand;
    p->tensors[k] = array(all, sizeof **p->tensors);
    n->in = array(e->call.nin, sizeof *n->in);
    if (!p->tensors[k] || !n->in) return no_memory();
    for (int i = 0; i < all; i++) {
        const int v = value[e->operand[i].value];
        reel_tensor *x = p->tensors[k][i] = handle(p, &e->operand[i], v, e->call.at);
        if (!x) return reel_error_status();
        if (i >= e->call.nin) {
            n->out[i - e->call.nin] = v;
            n->call.out[i - e->call.nin] = x;
            continue;
        }
        n->in[i] = v;
        if (e->call.nin <= REEL__MOST_INPUTS) n->call.in[i] = x;
    }
    const reel__kind kind = reel__ops[e->call.op].kind;
    if (reel__ops[e->call.op].inputs < 0 || kind == REEL__UPDATE || e->call.nin > REEL__MOST_INPUTS)
        n->call.list = p->tensors[k];
    return REEL_OK;
}

static reel_status make_nodes(reel_plan *p, const int *value) {
    p->node = array(p->count, sizeof *p->node);
    p->tensors = array(p->count, sizeof *p->tensors);
    p->operand = array(p->count, sizeof *p->operand);
    if (!p->node || !p->tensors || !p->operand) return no_memory();
    for (int k = 0; k < p->last->count; k++)
        if (p->node_of[k] >= 0) REEL_TRY(make_node(p, &p->last->entry[k], p->node_of[k], value));
    return REEL_OK;
}

/* ---- items ---- */

/* Loaders come first, since their batches may have other shapes; all else in its turn. */
static reel_status make_items(reel_plan *p) {
    const reel__trace *t = p->last;
    p->parts = t->parts;
    p->part = t->part;
    p->item = array(p->count + p->parts, sizeof *p->item);
    if (!p->item) return no_memory();
    for (int k = 0; k < p->parts; k++)
        if (p->part[k].is.back) p->item[p->items++] = (reel__item){REEL__RUN_PART, k, 0, NULL};
    int part = 0;
    for (int k = 0; k <= t->count; k++) {
        for (; part < p->parts && p->part[part].first <= k; part++)
            if (!p->part[part].is.back)
                p->item[p->items++] = (reel__item){REEL__RUN_PART, part, 0, NULL};
        if (k < t->count && p->node_of[k] >= 0)
            p->item[p->items++] = (reel__item){REEL__RUN_NODE, p->node_of[k], 1, NULL};
    }
    return REEL_OK;
}

/* ---- all of it ---- */

static reel_status build(reel_plan *p, bool *stays, int *value) {
    const reel__trace *t = p->last;
    REEL_TRY(check_written(t));
    for (int k = 0; k < t->count; k++) stays[k] = true;
    for (int i = 0; i < t->values; i++) value[i] = i;
    if (!(p->options.without & REEL_PASS_COMMON)) REEL_TRY(reel__pass_common(t, stays, value));
    if (!(p->options.without & REEL_PASS_DEAD)) REEL_TRY(reel__pass_dead(t, stays));
    p->node_of = array(t->count, sizeof *p->node_of);
    if (!p->node_of) return no_memory();
    for (int k = 0; k < t->count; k++) p->node_of[k] = stays[k] ? p->count++ : -1;
    REEL_TRY(make_values(p, value));
    REEL_TRY(make_arena(p));
    REEL_TRY(make_nodes(p, value));
    return make_items(p);
}

reel_status reel__plan_build(reel_plan *p) {
    const reel__trace *t = p->last;
    bool *stays = array(t->count, sizeof *stays);
    int *value = array(t->values, sizeof *value);
    reel_status status = stays && value ? build(p, stays, value) : no_memory();
    free(stays);
    free(value);
    p->ready = status == REEL_OK;
    if (p->ready)
        reel__trace_let_go(p->last);
    else
        reel__plan_clear(p, false);
    return status;
}

/* Outer values are the program's: where it let one go, replays would write what nobody reads. */
bool reel__plan_holds(const reel_plan *p) {
    for (int i = 0; i < p->values; i++) {
        const reel__memory *m = &p->memory[i];
        const reel__value *v = &p->last->value[i];
        if (v->inner || v->fed || m->first > m->last) continue;
        if (atomic_load(&m->base->storage->refs) <= m->own) return false;
    }
    return true;
}
