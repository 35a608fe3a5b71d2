/* What a plan consists of, for people: text, or a graph for Graphviz. */
#include "capture/capture_internal.h"

#include "tensor/ops/call_cost_internal.h"

#undef reel_plan_dump

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "%3 f32[40, 784]", and of an outer value its name. */
static void put_operand(FILE *f, const reel__program *p, int value, const reel_tensor *x) {
    char shape[200];
    reel__shape_text(shape, sizeof shape, x->layout.shape);
    fprintf(f, "%s%d %s%s", p->memory[value].outer ? "@" : "%", value,
            reel_dtype_name(x->layout.dtype), shape);
}

static void put_site(FILE *f, const char *at) {
    char site[200] = "";
    if (at) reel__site_text(site, sizeof site, at);
    if (*site) fprintf(f, "  (%s)", site);
}

static const char *name_of(const reel__group_node *n) {
    return reel__ops[n->call.op].name;
}

/* "  480 B, 1200 flop, 3.20 us" */
static void put_cost(FILE *f, const reel__cost *c) {
    fprintf(f, "%" PRId64 " B, %.0f flop", c->bytes, c->flops);
    if (c->runs) fprintf(f, ", %.2f us", c->ns / 1e3);
}

static reel__cost cost_of(const reel__program *p, int k) {
    const reel__call *c = &p->node[k].call;
    return (reel__cost){.bytes = reel__call_bytes(c), .flops = reel__call_flops(c)};
}

static void put_node(FILE *f, const reel__program *p, int k, const reel__cost *cost) {
    const reel__group_node *n = &p->node[k];
    const int nin = n->call.nin, shown = nin > 8 ? 8 : nin;
    for (int i = 0; i < n->call.nout; i++) {
        put_operand(f, p, n->out[i], p->tensors[k][nin + i]);
        fputs(i + 1 < n->call.nout ? ", " : n->call.accumulate ? " += " : " = ", f);
    }
    fputs(name_of(n), f);
    for (int i = 0; i < shown; i++) {
        fputs(i ? ", " : " ", f);
        put_operand(f, p, n->in[i], p->tensors[k][i]);
    }
    if (nin > shown) fprintf(f, ", %d more", nin - shown);
    fputs("  ", f);
    put_cost(f, cost);
    if (n->context) fprintf(f, "  gradient of %s", n->context);
    put_site(f, n->call.at);
    fputc('\n', f);
}

static void put_kernel(FILE *f, const reel__program *p, const reel__item *item,
                       const reel__cost *cost) {
    char line[4096];
    item->fused->describe(item->fused->of, line, sizeof line);
    fprintf(f, "one kernel: %s  ", line);
    put_cost(f, cost);
    fputc('\n', f);
    for (int k = item->first; k < item->first + item->count; k++) {
        const reel__cost of_node = cost_of(p, k);
        fputs("    ", f);
        put_node(f, p, k, &of_node);
    }
}

static void put_text(FILE *f, const reel__program *p, const reel__cost *costs) {
    fprintf(f,
            "%d calls of %d, %d things that the host does, arena %zu B; %% lies in the arena, @ "
            "does not\n",
            p->count, p->trace->count, p->trace->parts, p->arena ? p->arena->storage->bytes : 0);
    for (int i = 0; i < p->items; i++)
        if (p->item[i].fused)
            put_kernel(f, p, &p->item[i], &costs[i]);
        else
            put_node(f, p, p->item[i].first, &costs[i]);
}

/* ---- a graph ---- */

/* The node that wrote a value last before node k; -1: none. */
static int writer(const reel__program *p, int value, int k) {
    for (int j = k - 1; j >= 0; j--) {
        const reel__group_node *n = &p->node[j];
        for (int i = 0; i < n->call.nout; i++)
            if (n->out[i] == value) return j;
        for (int i = 0; i < n->call.nin; i++)
            if (n->in[i] == value && reel__changes(&n->call, i)) return j;
    }
    return -1;
}

static void put_box(FILE *f, const reel__program *p, int k, const reel__cost *cost) {
    char shape[200] = "";
    const reel__group_node *n = &p->node[k];
    if (n->call.nout)
        reel__shape_text(shape, sizeof shape, p->tensors[k][n->call.nin]->layout.shape);
    fprintf(f, "    n%d [label=\"%s\\n%s\\n", k, name_of(n), shape);
    put_cost(f, cost);
    fputs("\"];\n", f);
}

static void put_cluster(FILE *f, const reel__program *p, int i, const reel__cost *cost) {
    const reel__item *item = &p->item[i];
    fprintf(f, "    subgraph cluster_%d { label=\"one kernel\\n", i);
    put_cost(f, cost);
    fputs("\";\n", f);
    for (int k = item->first; k < item->first + item->count; k++) {
        const reel__cost of_node = cost_of(p, k);
        put_box(f, p, k, &of_node);
    }
    fputs("    }\n", f);
}

static void put_dot(FILE *f, const reel__program *p, const reel__cost *costs) {
    fputs("digraph plan {\n    node [shape=box];\n", f);
    for (int i = 0; i < p->items; i++)
        if (p->item[i].fused)
            put_cluster(f, p, i, &costs[i]);
        else
            put_box(f, p, p->item[i].first, &costs[i]);
    for (int k = 0; k < p->count; k++)
        for (int i = 0; i < p->node[k].call.nin; i++) {
            const int from = writer(p, p->node[k].in[i], k);
            if (from >= 0) fprintf(f, "    n%d -> n%d;\n", from, k);
        }
    fputs("}\n", f);
}

static reel_status put(FILE *f, const reel__program *p, bool graph) {
    reel__cost *costs = malloc((size_t)(p->items + 1) * sizeof *costs);
    if (!costs) return reel__capture_no_memory(NULL);
    reel__program_costs(p, costs);
    (graph ? put_dot : put_text)(f, p, costs);
    free(costs);
    return REEL_OK;
}

reel_status reel_plan_dump(const reel_plan *plan, const char *path) {
    REEL_TRY(reel__plan_check(plan, "plan_dump"));
    if (!path) return reel_fail(REEL_ERR_ARGUMENT, NULL, "plan_dump: the path is NULL");
    if (!plan->programs)
        return reel_fail(REEL_ERR_STATE, NULL, "plan_dump: no step was replayed yet");
    FILE *f = fopen(path, "w");
    if (!f) return reel_fail(REEL_ERR_IO, NULL, "plan_dump: can't write %s", path);
    const size_t length = strlen(path);
    const reel_status status =
        put(f, plan->program[0], length > 4 && strcmp(path + length - 4, ".dot") == 0);
    const bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        return reel_fail(REEL_ERR_IO, NULL, "plan_dump: can't write %s", path);
    return status;
}
