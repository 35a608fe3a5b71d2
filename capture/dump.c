/* What a plan consists of, for people: text, or a graph for Graphviz. */
#include "capture/capture_internal.h"

#undef reel_plan_dump

#include <inttypes.h>
#include <stdio.h>
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

static size_t bytes_of(const reel_tensor *x) {
    return (size_t)reel__shape_numel(x->layout.shape) * reel_dtype_size(x->layout.dtype);
}

/* What a node reads and writes. */
static size_t moved(const reel__program *p, int k) {
    const reel__call *c = &p->node[k].call;
    size_t bytes = 0;
    for (int i = 0; i < c->nin + c->nout; i++) bytes += bytes_of(p->tensors[k][i]);
    return bytes;
}

static void put_node(FILE *f, const reel__program *p, int k) {
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
    fprintf(f, "  %zu B", moved(p, k));
    if (n->context) fprintf(f, "  gradient of %s", n->context);
    put_site(f, n->call.at);
    fputc('\n', f);
}

static void put_text(FILE *f, const reel__program *p) {
    char line[4096];
    fprintf(f,
            "%d calls of %d, %d things that the host does, arena %zu B; %% lies in the arena, @ "
            "does not\n",
            p->count, p->trace->count, p->trace->parts, p->arena ? p->arena->storage->bytes : 0);
    for (int i = 0; i < p->items; i++) {
        const reel__item *item = &p->item[i];
        const char *indent = "";
        if (item->fused) {
            item->fused->describe(item->fused->of, line, sizeof line);
            fprintf(f, "one kernel: %s\n", line);
            indent = "    ";
        }
        for (int k = item->first; k < item->first + item->count; k++) {
            fputs(indent, f);
            put_node(f, p, k);
        }
    }
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

static void put_box(FILE *f, const reel__program *p, int k) {
    char shape[200] = "";
    const reel__group_node *n = &p->node[k];
    if (n->call.nout)
        reel__shape_text(shape, sizeof shape, p->tensors[k][n->call.nin]->layout.shape);
    fprintf(f, "    n%d [label=\"%s\\n%s\"];\n", k, name_of(n), shape);
}

static void put_dot(FILE *f, const reel__program *p) {
    fputs("digraph plan {\n    node [shape=box];\n", f);
    for (int i = 0; i < p->items; i++) {
        const reel__item *item = &p->item[i];
        const bool group = item->fused != NULL;
        if (group) fprintf(f, "    subgraph cluster_%d { label=\"one kernel\";\n", i);
        for (int k = item->first; k < item->first + item->count; k++) put_box(f, p, k);
        if (group) fputs("    }\n", f);
    }
    for (int k = 0; k < p->count; k++)
        for (int i = 0; i < p->node[k].call.nin; i++) {
            const int from = writer(p, p->node[k].in[i], k);
            if (from >= 0) fprintf(f, "    n%d -> n%d;\n", from, k);
        }
    fputs("}\n", f);
}

reel_status reel_plan_dump(const reel_plan *plan, const char *path) {
    REEL_TRY(reel__plan_check(plan, "plan_dump"));
    if (!path) return reel_fail(REEL_ERR_ARGUMENT, NULL, "plan_dump: the path is NULL");
    if (!plan->programs)
        return reel_fail(REEL_ERR_STATE, NULL, "plan_dump: no step was replayed yet");
    FILE *f = fopen(path, "w");
    if (!f) return reel_fail(REEL_ERR_IO, NULL, "plan_dump: can't write %s", path);
    const size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".dot") == 0)
        put_dot(f, plan->program[0]);
    else
        put_text(f, plan->program[0]);
    const bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        return reel_fail(REEL_ERR_IO, NULL, "plan_dump: can't write %s", path);
    return REEL_OK;
}
