/* The leak report: tensors that are alive, one line for each place that made some like each other.
 */
#include "tensor/core/handles_internal.h"

#include <stdlib.h>
#include <string.h>

static int order(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

static int by_place(const void *a, const void *b) {
    const reel_tensor *t = *(reel_tensor *const *)a, *u = *(reel_tensor *const *)b;
    int o = order(t->at, u->at);
    if (!o) o = order(t->made_by, u->made_by);
    if (!o) o = order(t->name, u->name);
    if (!o) o = memcmp(&t->layout.shape, &u->layout.shape, sizeof t->layout.shape);
    if (!o) o = (int)t->unscoped - (int)u->unscoped;
    return o ? o : (t > u) - (t < u);
}

static bool alike(const reel_tensor *t, const reel_tensor *u) {
    return !order(t->at, u->at) && !order(t->made_by, u->made_by) && !order(t->name, u->name) &&
           reel_shape_equal(t->layout.shape, u->layout.shape) && t->unscoped == u->unscoped;
}

static void put_line(FILE *f, const reel_tensor *t, size_t more) {
    char shape[200], at[256];
    reel__describe(shape, sizeof shape, t->name ? t->name : "", t, true, false);
    reel__site_text(at, sizeof at, t->at ? t->at : "?");
    const int refs = atomic_load(&t->refs);
    fprintf(f, "%s -> %s, %d reference%s, made at %s", t->made_by, shape, refs,
            refs == 1 ? "" : "s", at);
    if (more) fprintf(f, ", and %zu more like it", more);
    if (more && t->unscoped) fputs("; no scope lets them go: REEL_SCOPE; heads the loop", f);
    fputc('\n', f);
}

static void report(reel_tensor **list, size_t n, void *f) {
    if (!f) return;
    if (!list) {
        fprintf(f, "%zu tensors, and no memory to list them\n", n);
        return;
    }
    qsort(list, n, sizeof *list, by_place);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && alike(list[i], list[end]);) end++;
        put_line(f, list[i], end - i - 1);
    }
}

size_t reel_leak_report(FILE *f) {
    return reel__handles_look(report, f);
}
