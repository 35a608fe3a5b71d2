/* The summary: a row for each module and each parameter.
 *
 *     name       type         shape        parameters
 *                sequential
 *     0          linear
 *     0.weight   f32          [100, 784]        78400
 *     1          relu
 *     total                                     78400
 *
 * A tied parameter's second row says "= path" of the first in place of a number; a buffer's says
 * "buffer", a generator's "generator". */
#include "nn/module_internal.h"

#include "tensor/core/tensor_internal.h"

#include <inttypes.h>
#include <string.h>

typedef struct {
    FILE *f;
    const reel_state *tensors;
    int path_width, type_width;
    int64_t total;
} table;

static void widen(int *width, const char *text) {
    int length = (int)strlen(text);
    if (length > *width) *width = length;
}

static reel_status measure(const char *path, const struct reel_module_entry *e, void *user) {
    table *t = user;
    widen(&t->path_width, path);
    if (e->child) widen(&t->type_width, e->child->type);
    return REEL_OK;
}

static void print_row(const table *t, const char *path, const char *type, const char *shape,
                      const char *count) {
    fprintf(t->f, "%-*s  %-*s  %-16s  %12s\n", t->path_width, path, t->type_width, type, shape,
            count);
}

static void print_module(const table *t, const char *path, const char *type) {
    fprintf(t->f, "%-*s  %s\n", t->path_width, path, type);
}

static reel_status print_entry(const char *path, const struct reel_module_entry *e, void *user) {
    table *t = user;
    if (e->child) {
        print_module(t, path, e->child->type);
        return REEL_OK;
    }
    const reel_tensor *tensor = reel__entry_tensor(e);
    const char *first = reel__tensor_path(t->tensors, tensor);
    if (strcmp(first, path) != 0) {
        fprintf(t->f, "%-*s  = %s\n", t->path_width, path, first);
        return REEL_OK;
    }
    char shape[192], count[32];
    reel__shape_text(shape, sizeof shape, reel_shape_of(tensor));
    snprintf(count, sizeof count, "%" PRId64, reel_numel(tensor));
    print_row(t, path, reel_dtype_name(reel_dtype_of(tensor)), shape,
              e->param    ? count
              : e->buffer ? "buffer"
                          : "generator");
    if (e->param) t->total += reel_numel(tensor);
    return REEL_OK;
}

void reel_module_summary(FILE *f, reel_module *m) {
    if (!f) reel_fail(REEL_ERR_ARGUMENT, NULL, "module_summary: no file");
    reel_state *tensors = f ? reel__module_tensors("module_summary", m) : NULL;
    if (!tensors) return;
    table t = {.f = f, .tensors = tensors};
    widen(&t.path_width, "total");
    widen(&t.type_width, "type");
    widen(&t.type_width, m->type);
    if (reel__module_walk(m, measure, &t) == REEL_OK) {
        print_row(&t, "name", "type", "shape", "parameters");
        print_module(&t, "", m->type);
        if (reel__module_walk(m, print_entry, &t) == REEL_OK) {
            char total[32];
            snprintf(total, sizeof total, "%" PRId64, t.total);
            print_row(&t, "total", "", "", total);
        }
    }
    reel_state_free(tensors);
}
