/* The tape as a graph in the language of Graphviz. */
#include "autograd/autograd_internal.h"

#include <errno.h>
#include <string.h>

/* Text inside the quotes of a label. */
static void put_escaped(FILE *f, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', f);
        fputc((unsigned char)*text < ' ' ? '?' : *text, f);
    }
}

/* `name`, a line with the shape, a line with the call site. */
static void put_label(FILE *f, const char *name, reel_shape shape, const char *at) {
    char text[256];
    fputs(" [label=\"", f);
    put_escaped(f, name);
    reel__shape_text(text, sizeof text, shape);
    fprintf(f, "\\n%s", text);
    if (at) {
        reel__site_text(text, sizeof text, at);
        fputs("\\n", f);
        put_escaped(f, text);
    }
    fputs("\"", f);
}

static void put_leaf(FILE *f, const reel_tensor *leaf, size_t index) {
    fprintf(f, "    leaf%zu", index);
    put_label(f, *reel_name(leaf) ? reel_name(leaf) : "leaf", leaf->layout.shape, leaf->at);
    fputs(", shape=box];\n", f);
}

/* shape: of the result, which whoever took it knows. */
static void put_node(FILE *f, const reel__node *n, reel_shape shape) {
    fprintf(f, "    op%zu", n->index);
    put_label(f, n->name, shape, n->at);
    fputs(n->spent ? ", style=dashed];\n" : "];\n", f);
}

/* Slots number the leaves. */
static reel_status number_leaves(reel__pass *p, FILE *f) {
    size_t leaves = 0;
    for (size_t i = 0; i < p->count; i++)
        for (int k = 0; k < p->node[i]->nin; k++) {
            reel_tensor *leaf = p->node[i]->edge[k].leaf;
            if (!leaf || !leaf->track || reel__slot_of(p, leaf)) continue;
            reel__slot *s = reel__slot_make(p, leaf);
            if (!s) return reel_error_status();
            s->index = leaves++;
            put_leaf(f, leaf, s->index);
        }
    return REEL_OK;
}

static void put_inputs(const reel__pass *p, FILE *f, const reel__node *n) {
    for (int i = 0; i < n->nin; i++) {
        const reel__edge *e = &n->edge[i];
        if (e->node)
            fprintf(f, "    op%zu -> op%zu;\n", e->node->index, n->index);
        else if (e->leaf && e->leaf->track)
            fprintf(f, "    leaf%zu -> op%zu;\n", reel__slot_of(p, e->leaf)->index, n->index);
    }
}

static reel_status put_tape(reel__pass *p, FILE *f, const reel_tensor *root) {
    if (!root->track->node) {
        put_leaf(f, root, 0);
        return REEL_OK;
    }
    REEL_TRY(reel__pass_collect(p, root));
    for (size_t i = 0; i < p->count; i++) p->node[i]->index = i;
    REEL_TRY(number_leaves(p, f));
    put_node(f, root->track->node, root->layout.shape);
    for (size_t i = 0, named = 1; i < p->count; i++) {
        const reel__node *n = p->node[i];
        for (int k = 0; k < n->nin; k++) { /* collected in the order in which they are met here */
            if (!n->edge[k].node || n->edge[k].node->index != named) continue;
            put_node(f, n->edge[k].node, n->in_shape[k]);
            named++;
        }
        put_inputs(p, f, n);
    }
    return REEL_OK;
}

reel_status reel_tape_dot_at(const char *at, FILE *f, reel_tensor *root) {
    if (reel_failed()) return reel_error_status();
    if (root && !reel__live(at, "tape_dot", NULL, root)) return reel_error_status();
    if (!f) return reel_fail(REEL_ERR_ARGUMENT, at, "tape_dot: the file is NULL");
    if (!root || !root->track)
        return reel_fail(REEL_ERR_ARGUMENT, at, "tape_dot: the tensor is %s",
                         root ? "not tracked" : "NULL");
    reel__pass p = {.what = "tape_dot", .at = at, .selective = true};
    fputs("digraph tape {\n    rankdir=TB;\n    node [fontname=\"monospace\"];\n", f);
    reel_status status = put_tape(&p, f, root);
    fputs("}\n", f);
    reel__pass_end(&p);
    if (status != REEL_OK) return status;
    errno = 0; /* what an earlier write met, the stream alone remembers */
    const bool written = fflush(f) == 0 && !ferror(f);
    if (written) return REEL_OK;
    return reel_fail(REEL_ERR_IO, at, "tape_dot: can't write%s%s", errno ? ": " : "",
                     errno ? strerror(errno) : "");
}
