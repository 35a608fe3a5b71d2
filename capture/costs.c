/* What a program's items cost: bytes and flops, which their calls say, and the time that a profile
 * noted. */
#include "capture/capture_internal.h"

#include "tensor/core/profile_internal.h"
#include "tensor/ops/call_cost_internal.h"

#include <string.h>

/* ---- bytes ---- */

/* Whether operand i of node k, an input, was made or read before by the nodes from `first` on. */
static bool is_known(const reel__program *p, int first, int k, int i) {
    const int value = p->node[k].in[i];
    for (int j = first; j <= k; j++) {
        const reel__group_node *n = &p->node[j];
        for (int a = 0; a < (j < k ? n->call.nin : i); a++)
            if (n->in[a] == value &&
                p->tensors[j][a]->layout.offset == p->tensors[k][i]->layout.offset)
                return true;
        for (int a = 0; j < k && a < n->call.nout; a++)
            if (n->out[a] == value) return true;
    }
    return false;
}

/* Of several nodes in one kernel: what it reads of others, once, and what is read of it. */
static int64_t bytes_of_kernel(const reel__program *p, const reel__item *item) {
    int64_t bytes = 0;
    for (int k = item->first; k < item->first + item->count; k++) {
        const reel__group_node *n = &p->node[k];
        for (int i = 0; i < n->call.nin; i++)
            if (!is_known(p, item->first, k, i)) bytes += reel__operand_bytes(p->tensors[k][i]);
        for (int i = 0; i < n->call.nout; i++)
            if (n->kept >> i & 1) bytes += reel__operand_bytes(p->tensors[k][n->call.nin + i]);
    }
    return bytes;
}

void reel__program_number(reel__program *p) {
    static atomic_int_fast64_t parts = 1;
    const int64_t first = atomic_fetch_add(&parts, p->items);
    for (int i = 0; i < p->items; i++) {
        reel__item *item = &p->item[i];
        item->part = first + i;
        item->bytes =
            item->fused ? bytes_of_kernel(p, item) : reel__call_bytes(&p->node[item->first].call);
    }
}

/* ---- times ---- */

/* Of what the item runs, and not of something inside that. */
static bool is_run(const reel__program *p, const reel__item *item, const reel__profile_event *e) {
    if (item->fused) return e->kind == REEL__PROFILE_FUSED;
    const char *op = reel__ops[p->node[item->first].call.op].name;
    return strcmp(reel__profile_name(e), op) == 0;
}

static const reel__item *item_of(const reel__program *p, int64_t part) {
    const int64_t i = p->items ? part - p->item[0].part : -1;
    return i >= 0 && i < p->items ? &p->item[i] : NULL;
}

/* On the CPU what a run took; on a GPU, where launches were timed, what they took there. */
static void add_event(const reel__program *p, reel__cost *costs, const reel__profile_event *e,
                      const reel__profile_view *v) {
    const bool launch = e->kind == REEL__PROFILE_DEVICE;
    const reel__profile_event *call = launch && e->call >= 0 ? reel__profile_at(e->call) : e;
    const reel__item *item = call ? item_of(p, call->part) : NULL;
    if (!item) return;
    const reel__group_node *n = &p->node[item->first];
    reel__cost *cost = &costs[item - p->item];
    const bool run = !launch && is_run(p, item, e);
    cost->runs += run;
    if (launch || (run && n->call.device.type == REEL_CPU))
        cost->ns += (double)(reel__profile_end_of(e, v) - e->begin);
}

void reel__program_costs(const reel__program *p, reel__cost *costs) {
    reel__profile_view view;
    for (int i = 0; i < p->items; i++) {
        const reel__item *item = &p->item[i];
        costs[i] = (reel__cost){.bytes = item->bytes};
        for (int k = item->first; k < item->first + item->count; k++)
            costs[i].flops += reel__call_flops(&p->node[k].call);
    }
    if (!reel__profile_is_there(&view)) return;
    for (int64_t i = 0; i < view.count; i++) {
        const reel__profile_event *e = reel__profile_at(i);
        if (e) add_event(p, costs, e, &view);
    }
    reel__profile_let_go();
    for (int i = 0; i < p->items; i++) {
        if (costs[i].ns <= 0) costs[i].runs = 0; /* launches on a GPU that nobody timed */
        if (costs[i].runs) costs[i].ns /= (double)costs[i].runs;
    }
}
