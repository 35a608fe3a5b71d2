/* A trace becomes a program: calls on handles of its own. */
#include "capture/capture_internal.h"

#include <stdlib.h>
#include <string.h>

static void *array(int count, size_t size) {
    return calloc((size_t)count + 1, size);
}

/* ---- clearing ---- */

static void clear_node(reel__program *p, int k) {
    reel__group_node *n = &p->node[k];
    for (int i = 0; p->tensors[k] && i < n->call.nin + n->call.nout; i++)
        reel__let_go(p->tensors[k][i]);
    free(p->tensors[k]);
    free(n->in);
}

/* ---- values ---- */

/* What came into being in the step and was read before a call wrote it: its elements are the
 * host's, and stay as they were. */
static reel_status check_written(const reel__trace *t) {
    bool *written = array(t->values, 1);
    if (!written) return reel__capture_no_memory(NULL);
    reel_status status = REEL_OK;
    for (int i = 0; i < t->values; i++) written[i] = !t->value[i].inner || t->value[i].bytes == 0;
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

static void touch(reel__memory *m, int item) {
    if (m->first > item) m->first = item;
    if (m->last < item) m->last = item;
}

static bool is_group(const int *item_of, int count, int k) {
    return (k > 0 && item_of[k - 1] == item_of[k]) ||
           (k + 1 < count && item_of[k + 1] == item_of[k]);
}

/* What one kernel makes and uses up, and nobody hands over, stays in registers. */
static void mark_passing(reel__program *p, const int *value, const int *item_of) {
    const reel__trace *t = p->trace;
    for (int e = 0; e < t->count; e++) {
        const int k = p->node_of[e], nin = p->entry[e].call.nin;
        if (k < 0 || !is_group(item_of, p->count, k)) continue;
        for (int i = 0; i < p->entry[e].call.nout; i++) {
            const int v = value[p->entry[e].operand[nin + i].value];
            reel__memory *m = &p->memory[v];
            m->passing = !m->outer && m->first == m->last && !t->value[v].fed;
        }
    }
}

static reel_status make_values(reel__program *p, const int *value, const int *item_of) {
    const reel__trace *t = p->trace;
    p->values = t->values;
    p->memory = array(t->values, sizeof *p->memory);
    if (!p->memory) return reel__capture_no_memory(NULL);
    for (int i = 0; i < t->values; i++) {
        const reel__value *v = &t->value[i];
        p->memory[i] = (reel__memory){
            .bytes = v->bytes, .outer = !v->inner || v->outlives, .first = p->count, .last = -1};
        if (p->memory[i].outer) p->memory[i].base = v->base;
    }
    for (int k = 0; k < t->count; k++) {
        const reel__entry *e = &p->entry[k];
        for (int i = 0; p->node_of[k] >= 0 && i < e->call.nin + e->call.nout; i++)
            touch(&p->memory[value[e->operand[i].value]], item_of[p->node_of[k]]);
    }
    mark_passing(p, value, item_of);
    return REEL_OK;
}

/* The arena, on the one device of inner values, and each one's place in it. */
static reel_status make_arena(reel__program *p) {
    const reel__trace *t = p->trace;
    size_t bytes = 0;
    const reel__value *any = NULL;
    for (int i = 0; i < p->values; i++)
        if (!p->memory[i].outer && p->memory[i].first <= p->memory[i].last) {
            if (any && !reel_device_equal(any->device, t->value[i].device))
                return reel_fail(REEL_ERR_DEVICE, NULL, "capture: the step uses two devices");
            any = &t->value[i];
        }
    REEL_TRY(reel__program_memory(p, &bytes));
    if (!any) return REEL_OK;
    const reel__layout all = {.dtype = REEL_U8, .shape = reel_shape((int64_t)bytes)};
    reel_tensor *arena = reel__tensor_new(NULL, "capture", &all, any->device);
    if (!arena) return reel_error_status();
    p->arena = reel__hold(arena, &arena->layout, NULL);
    reel_release(arena);
    if (!p->arena) return reel_error_status();
    for (int i = 0; i < p->values; i++)
        if (!p->memory[i].outer) p->memory[i].base = p->arena;
    return REEL_OK;
}

/* ---- nodes ---- */

/* A handle of an operand's elements, in the memory of its value. */
static reel_tensor *handle(const reel__program *p, const reel__operand *o, int value,
                           const char *at) {
    const reel__memory *m = &p->memory[value];
    reel__layout l = o->layout;
    if (!m->outer) l.offset += (int64_t)(m->offset / reel_dtype_size(l.dtype));
    return reel__hold(m->base, &l, at);
}

static reel_status make_node(reel__program *p, const reel__entry *e, int k, const int *value) {
    reel__group_node *n = &p->node[k];
    const int all = e->call.nin + e->call.nout;
    *n = (reel__group_node){
        .call = e->call, .fed = e->section >= 0, .function = e->function, .context = e->context};
    p->operand[k] = e->operand;
    p->tensors[k] = array(all, sizeof **p->tensors);
    n->in = array(e->call.nin, sizeof *n->in);
    if (!p->tensors[k] || !n->in) return reel__capture_no_memory(NULL);
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

static reel_status make_nodes(reel__program *p, const int *value) {
    p->node = array(p->count, sizeof *p->node);
    p->tensors = array(p->count, sizeof *p->tensors);
    p->operand = array(p->count, sizeof *p->operand);
    if (!p->node || !p->tensors || !p->operand) return reel__capture_no_memory(NULL);
    for (int k = 0; k < p->trace->count; k++)
        if (p->node_of[k] >= 0) REEL_TRY(make_node(p, &p->entry[k], p->node_of[k], value));
    return REEL_OK;
}

/* ---- items ---- */

static reel_status make_items(reel__program *p, const int *item_of) {
    p->item = array(p->count, sizeof *p->item);
    if (!p->item) return reel__capture_no_memory(NULL);
    for (int k = 0; k < p->count; k++) {
        if (item_of[k] == p->items) p->item[p->items++] = (reel__item){.first = k};
        p->item[item_of[k]].count++;
    }
    return REEL_OK;
}

/* The item that is no kernel after all; -1: there is none. */
static int make_kernels(reel__program *p) {
    for (int i = 0; i < p->items; i++) {
        reel__item *item = &p->item[i];
        const reel__group g = {&p->node[item->first], item->count};
        if (item->count == 1) continue;
        item->fused = reel__fusing_of(g.node)->fuse(&g);
        if (!item->fused) return i;
    }
    return -1;
}

/* Each of its nodes becomes an item. */
static void take_apart(const reel__program *p, int item, int *item_of) {
    const reel__item *i = &p->item[item];
    for (int k = i->first; k < p->count; k++)
        item_of[k] = k < i->first + i->count ? item + k - i->first : item_of[k] + i->count - 1;
}

/* All of them as one, which does many steps at once: then only what outlives a step is kept. */
static bool make_whole(reel__program *p) {
    const reel__group all = {p->node, p->count};
    const reel__fusing *how = p->count ? reel__fusing_of(p->node) : NULL;
    if ((p->without & REEL_PASS_WHOLE) || !how || !how->whole) return false;
    for (int k = 0; k < p->count; k++) {
        reel__group_node *n = &p->node[k];
        if (reel__fusing_of(n) != how || reel__is_mere_check(p, n)) return false;
        n->kept = 0;
        for (int i = 0; i < n->call.nout; i++)
            if (p->memory[n->out[i]].outer) n->kept |= 1u << i;
    }
    reel__fused *whole = how->whole(&all, !(p->without & REEL_PASS_BESIDE));
    if (!whole) return false;
    p->item[0] = (reel__item){.count = p->count, .fused = whole};
    p->items = 1;
    return true;
}

static void forget_nodes(reel__program *p) {
    for (int i = 0; i < p->items; i++)
        if (p->item[i].fused) {
            p->item[i].fused->free(p->item[i].fused->of);
            free(p->item[i].fused);
        }
    for (int k = 0; p->node && p->tensors && k < p->count; k++) clear_node(p, k);
    reel__let_go(p->arena);
    free(p->node);
    free(p->tensors);
    free(p->operand);
    free(p->memory);
    free(p->item);
    p->arena = NULL;
    p->node = NULL;
    p->tensors = NULL;
    p->operand = NULL;
    p->memory = NULL;
    p->item = NULL;
    p->items = 0;
}

/* ---- all of it ---- */

static reel_status lay_out(reel__program *p, const int *value, const int *item_of) {
    forget_nodes(p);
    REEL_TRY(make_values(p, value, item_of));
    REEL_TRY(make_arena(p));
    REEL_TRY(make_nodes(p, value));
    return make_items(p, item_of);
}

static reel_status reorder(reel__program *p, int *item_of, int *items) {
    int *place = array(p->count, sizeof *place);
    const reel_status status =
        place ? reel__pass_fuse(p, place, item_of, items) : reel__capture_no_memory(NULL);
    for (int e = 0; status == REEL_OK && e < p->trace->count; e++)
        if (p->node_of[e] >= 0) p->node_of[e] = place[p->node_of[e]];
    free(place);
    return status;
}

/* First each node by itself, or all as one; then groups of them, whose layouts are known by then.
 */
static reel_status lay_out_groups(reel__program *p, const int *value, int *item_of) {
    int items;
    for (int k = 0; k < p->count; k++) item_of[k] = k;
    REEL_TRY(lay_out(p, value, item_of));
    if (make_whole(p)) return REEL_OK;
    reel__mark_kept(p, item_of);
    if (p->without & REEL_PASS_FUSE) return REEL_OK;
    REEL_TRY(reorder(p, item_of, &items));
    if (items == p->count) return REEL_OK;
    for (int failed = 0; failed >= 0;) {
        REEL_TRY(lay_out(p, value, item_of));
        reel__mark_kept(p, item_of);
        failed = make_kernels(p);
        if (failed >= 0) take_apart(p, failed, item_of);
    }
    return REEL_OK;
}

static reel_status build(reel__program *p, bool *stays, int *value) {
    const reel__trace *t = p->trace;
    p->entry = array(t->count, sizeof *p->entry);
    if (!p->entry) return reel__capture_no_memory(NULL);
    if (t->count) memcpy(p->entry, t->entry, (size_t)t->count * sizeof *p->entry);
    REEL_TRY(check_written(t));
    for (int k = 0; k < t->count; k++) stays[k] = true;
    for (int i = 0; i < t->values; i++) value[i] = i;
    if (!(p->without & REEL_PASS_COMMON)) REEL_TRY(reel__pass_common(t, stays, value));
    if (!(p->without & REEL_PASS_DEAD)) REEL_TRY(reel__pass_dead(t, stays, value));
    REEL_TRY(reel__pass_slices(p, stays, value));
    p->node_of = array(t->count, sizeof *p->node_of);
    if (!p->node_of) return reel__capture_no_memory(NULL);
    for (int k = 0; k < t->count; k++) p->node_of[k] = stays[k] ? p->count++ : -1;
    int *item_of = array(p->count, sizeof *item_of);
    const reel_status status =
        item_of ? lay_out_groups(p, value, item_of) : reel__capture_no_memory(NULL);
    free(item_of);
    return status;
}

static reel_status build_with(reel__program *p) {
    const reel__trace *t = p->trace;
    bool *stays = array(t->count, sizeof *stays);
    int *value = array(t->values, sizeof *value);
    const reel_status status =
        stays && value ? build(p, stays, value) : reel__capture_no_memory(NULL);
    free(stays);
    free(value);
    return status;
}

reel__trace *reel__program_end(reel__program *p) {
    reel__trace *trace = p->trace;
    forget_nodes(p);
    for (int k = 0; p->entry && k < trace->count; k++)
        if (p->entry[k].operand != trace->entry[k].operand) free(p->entry[k].operand);
    free(p->entry);
    free(p->node_of);
    free(p);
    return trace;
}

reel__program *reel__program_new(reel__trace *trace, unsigned without) {
    reel__program *p = array(1, sizeof *p);
    if (!p) {
        reel__capture_no_memory(NULL);
        reel__trace_free(trace);
        return NULL;
    }
    p->trace = trace;
    p->without = without;
    if (build_with(p) == REEL_OK) {
        reel__program_number(p);
        reel__trace_let_go(trace);
        return p;
    }
    reel__trace_free(reel__program_end(p));
    return NULL;
}

/* Gradients, and what sections hand over, go and come back. */
static bool comes_back(const reel__trace *t, int value) {
    if (t->value[value].fed || t->value[value].gradient) return true;
    for (int i = 0; i < t->leaves; i++)
        if (t->leaf[i].after.value == value) return true;
    return false;
}

/* Where one was let go, replays would write what nobody reads. */
bool reel__program_holds(const reel__program *p) {
    for (int i = 0; i < p->values; i++) {
        const reel__memory *m = &p->memory[i];
        if (!m->outer || m->first > m->last || reel__is_held(m->base)) continue;
        if (!comes_back(p->trace, i)) return false;
    }
    for (int k = 0; k < p->trace->parts; k++)
        if (!p->trace->part[k].gone && !reel__part_lives(&p->trace->part[k])) return false;
    return true;
}
