/* Writes random graphs (tests/graph_gen.h), and what Reel makes of them, for graphs_check.py:
 *
 *     parity_graphs FIRST COUNT PREFIX
 *
 * PREFIX.jsonl has a line for each graph. PREFIX.safetensors has, of graph G, leaf K as "G.K",
 * output I as "G.out.I", the gradient of leaf K as "G.grad.K", if one comes, and "G.second.K", that
 * of the gradients' sum. */
#include "tests/graph_gen.h"

#include <stdlib.h>
#include <string.h>

static void put(reel_state *s, const graph *g, const char *what, int k, reel_tensor *t) {
    char name[80];
    snprintf(name, sizeof name, "%llu.%s%d", (unsigned long long)g->seed, what, k);
    if (t) reel_state_put(s, name, reel_to(reel_detach(t), reel_cpu()));
}

static void put_gradients(reel_state *s, const graph *g, reel_tensor *const *t) {
    reel_tensor *gradient[GRAPH_VALUES];
    int leaf[GRAPH_VALUES];
    const int n = graph_tracked_leaves(g, leaf);
    graph_gradients(g, t, leaf, n, gradient, (reel_grad_of_options){.retain_graph = true});
    for (int i = 0; i < n; i++) put(s, g, "grad.", leaf[i], gradient[i]);
    reel_tensor *sum =
        graph_gradient_sum(g, t, leaf, n, (reel_grad_of_options){.create_graph = true});
    if (!sum || !reel_is_tracked(sum)) return;
    reel_backward(sum);
    for (int i = 0; i < n; i++) {
        put(s, g, "second.", leaf[i], reel_grad(t[leaf[i]]));
        reel_zero_grad(t[leaf[i]]);
    }
}

static void write_graph(reel_state *s, FILE *lines, uint64_t seed) {
    REEL_SCOPE;
    static graph g;
    reel_tensor *t[GRAPH_VALUES] = {NULL};
    graph_grow(&g, seed);
    if (g.broken) return; /* main says why */
    graph_describe(lines, &g);
    graph_run(&g, t);
    for (int k = 0; k < g.count; k++)
        if (!g.value[k].op) put(s, &g, "", k, t[k]);
    for (int i = 0; i < g.outputs; i++) put(s, &g, "out.", i, t[g.output[i]]);
    put_gradients(s, &g, t);
}

int main(int argc, char **argv) {
    char path[4096];
    if (argc != 4 || strlen(argv[3]) > sizeof path - 20) {
        fputs("usage: parity_graphs FIRST COUNT PREFIX\n", stderr);
        return 2;
    }
    const uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    snprintf(path, sizeof path, "%s.jsonl", argv[3]);
    FILE *lines = fopen(path, "w");
    reel_state *s = reel_state_new();
    if (!lines) reel_fail(REEL_ERR_IO, NULL, "parity_graphs: can't write %s", path);
    for (uint64_t seed = first; seed < first + count && !reel_failed(); seed++)
        write_graph(s, lines, seed);
    snprintf(path, sizeof path, "%s.safetensors", argv[3]);
    reel_safetensors_write(s, path);
    reel_state_free(s);
    if (lines && fclose(lines) != 0)
        reel_fail(REEL_ERR_IO, NULL, "parity_graphs: can't write %s.jsonl", argv[3]);
    return reel_report(stderr);
}
