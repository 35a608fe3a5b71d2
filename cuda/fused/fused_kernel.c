/* A group's kernel, of its parts (fused_text.c). By the kind of the space:
 *
 *     map      a thread a unit of elements
 *     all      threads walk over units; what they fold meets in memory, and the last block joins it
 *     columns  blocks have tiles of columns, and parts of the rows; the last block of a tile joins
 * what its columns have, the last of all what all have rows     a few lanes, a warp or a block has
 * a row, and goes over it once for each level: what its folds gave is there at the next */
#include "cuda/fused/fused_text_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define add reel__text_add
#define IN "    "

static reel__op op_of(const reel__fused_space *s, int n) {
    return s->step[n].node->call.op;
}

/* ---- streams of words ---- */

/* As parameters or as arguments. */
static void add_streams(reel__text *t, const reel__fused_space *s, const char *type) {
    for (int n = 0; n < s->steps; n++)
        if (reel__fused_draws(s, n)) add(t, ", %sstream%d", type, n);
}

static void add_openings(reel__text *t, const reel__fused_space *s) {
    for (int n = 0; n < s->steps; n++) {
        const reel__fused_step *p = &s->step[n];
        if (!reel__fused_draws(s, n)) continue;
        if (op_of(s, n) == REEL_OP_dropout_again) {
            add(t, IN "const stream stream%d = used_stream(w.data<const int64_t>(%d));\n", n,
                s->operand[p->state].word);
            continue;
        }
        add(t, IN "const stream stream%d = open_stream(w.data<int64_t>(%d), ", n,
            s->operand[p->state].word);
        if (p->used >= 0) add(t, "w.data<int64_t>(%d)", s->operand[p->used].word);
        if (p->used < 0) add(t, "nullptr");
        add(t, ", %" PRId64 ", w.data<unsigned>(3) + %d);\n", (s->count + 3) / 4,
            REEL__CUDA_TICKETS - 1);
    }
}

static void add_drawn(reel__text *t, const reel__fused_space *s, const reel__fused_place *p) {
    for (int n = 0; n < s->steps; n++)
        if (reel__fused_draws(s, n) && s->step[n].level == p->level)
            add(t, "%sconst unit<unsigned, %d> drawn%d = drawn<%d>(stream%d, e);\n", p->indent,
                p->vector, n, p->vector, n);
}

/* ---- a unit of elements ---- */

/* All that is done with the unit that begins at element e. */
static void add_unit(reel__text *t, const reel__fused_space *s, const reel__fused_place *p) {
    char indent[32];
    reel__fused_place inside = *p;
    snprintf(indent, sizeof indent, "%s    ", p->indent);
    inside.indent = indent;
    reel__fused_add_loads(t, s, p);
    add_drawn(t, s, p);
    reel__fused_add_units(t, s, p);
    add(t, "#pragma unroll\n%sfor (int k = 0; k < %d; k++) {\n", p->indent, p->vector);
    reel__fused_add_nodes(t, s, &inside);
    add(t, "%s}\n", p->indent);
    reel__fused_add_stores(t, s, p, NULL);
}

static bool is_column(const reel__fused_space *s, int n) {
    return s->kind == REEL__FUSED_COLUMNS && s->step[n].kept;
}

static void add_unit_function(reel__text *t, const reel__fused_space *s, int vector) {
    const reel__fused_place p = {0, REEL__EACH, vector, IN};
    add(t, "static __device__ __forceinline__ void elements_%d(const words &w, const COUNT e",
        vector);
    add_streams(t, s, "const stream &");
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds)
            add(t, is_column(s, n) ? ", F%d::seen (&a%d)[%d]" : ", F%d::seen &a%d", n, n, vector);
    add(t, ") {\n");
    reel__fused_add_coordinates(t, s, 0, s->ndim, "e", IN);
    add_unit(t, s, &p);
    add(t, "}\n\n");
}

static void add_call(reel__text *t, const reel__fused_space *s, int vector, const char *e) {
    add(t, "elements_%d(w, %s", vector, e);
    add_streams(t, s, "");
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds) add(t, ", a%d", n);
    add(t, ");\n");
}

static void add_head(reel__text *t, const reel__fused_space *s, const reel__fused_shape *h) {
    add(t,
        "extern \"C\" __global__ void __launch_bounds__(%d)\n"
        "fused(const __grid_constant__ words w) {\n    begin();\n",
        h->threads);
    add_openings(t, s);
}

/* ---- map ---- */

static void add_map(reel__text *t, const reel__fused_space *s, int vector) {
    const reel__fused_shape h = reel__fused_shape_of(s, vector);
    const int64_t whole = s->count / vector, rest = s->count % vector;
    char e[64];
    add_head(t, s, &h);
    add(t, IN "const COUNT u = blockIdx.x * (COUNT)%d + threadIdx.x;\n", h.threads);
    add(t, IN "if (u < %" PRId64 ") ", whole);
    snprintf(e, sizeof e, "u * %d", vector);
    add_call(t, s, vector, e);
    if (rest) {
        add(t, IN "else if (u < %" PRId64 ") ", whole + rest);
        snprintf(e, sizeof e, "u + %" PRId64, whole * (vector - 1));
        add_call(t, s, 1, e);
    }
    add(t, "}\n");
}

/* ---- folds ---- */

static void add_gathered(reel__text *t, const reel__fused_space *s, int level, int vector) {
    for (int n = 0; n < s->steps; n++) {
        if (!s->step[n].folds || s->step[n].level != level) continue;
        if (is_column(s, n))
            add(t,
                IN "F%d::seen a%d[%d];\n#pragma unroll\n" IN
                   "for (int k = 0; k < %d; k++) a%d[k] = F%d::none();\n",
                n, n, vector, vector, n, n);
        else
            add(t, IN "F%d::seen a%d = F%d::none();\n", n, n, n);
    }
}

/* Nodes that are computed once for a result of folds, or once, and what was folded. */
static void add_behind(reel__text *t, const reel__fused_space *s, reel__fused_scope scope,
                       const char *indent) {
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds && (is_column(s, n) ? REEL__LINE_OF : REEL__ONCE) == scope)
            reel__fused_add_result(t, s, n, indent);
    const reel__fused_place p = {1, scope, 1, indent};
    reel__fused_add_loads(t, s, &p);
    reel__fused_add_units(t, s, &p);
    reel__fused_add_nodes(t, s, &p);
    reel__fused_add_stores(t, s, &p, "");
}

static bool any_fold(const reel__fused_space *s, bool column) {
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds && is_column(s, n) == column) return true;
    return false;
}

/* Folds of all: each block puts its part beside the others', and the last one joins them. */
static void add_all_puts(reel__text *t, const reel__fused_space *s) {
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds && !is_column(s, n))
            add(t, IN "put_part<F%d>(w.data<F%d::acc>(%d), a%d);\n", n, n, s->step[n].scratch, n);
}

static void add_all_joins(reel__text *t, const reel__fused_space *s) {
    if (!any_fold(s, false)) return;
    add(t, IN "if (!is_last(w.data<unsigned>(3), gridDim.x)) return;\n");
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds && !is_column(s, n))
            add(t, IN "const F%d::acc t%d = take_parts<F%d>(w.data<const F%d::acc>(%d));\n", n, n,
                n, n, s->step[n].scratch);
    add(t, IN "if (threadIdx.x != 0) return;\n");
    for (int j = 0; j < s->ndim; j++) add(t, IN "const COUNT i%d = 0;\n", j);
    add_behind(t, s, REEL__ONCE, IN);
}

static void add_fold_all(reel__text *t, const reel__fused_space *s, int vector) {
    const reel__fused_shape h = reel__fused_shape_of(s, vector);
    const int64_t whole = s->count / vector;
    char e[64];
    add_head(t, s, &h);
    add_gathered(t, s, 0, vector);
    add(t, IN "const COUNT first = blockIdx.x * (COUNT)%d + threadIdx.x, step = gridDim.x * %d;\n",
        h.threads, h.threads);
    add(t, "#pragma unroll 2\n" IN "for (COUNT u = first; u < %" PRId64 "; u += step) ", whole);
    snprintf(e, sizeof e, "u * %d", vector);
    add_call(t, s, vector, e);
    if (s->count % vector) {
        add(t, IN "if (first < %" PRId64 ") ", s->count % vector);
        snprintf(e, sizeof e, "first + %" PRId64, whole * vector);
        add_call(t, s, 1, e);
    }
    add_all_puts(t, s);
    add_all_joins(t, s);
    add(t, "}\n");
}

/* ---- columns ---- */

static void add_column_joins(reel__text *t, const reel__fused_space *s, const reel__fused_shape *h,
                             int vector) {
    const int wide = h->lanes * vector;
    add(t,
        IN "const COUNT column = tile * %d + t %% %d;\n" IN "const bool has = column < %" PRId64
           ";\n",
        wide, wide, s->inner);
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].folds && is_column(s, n))
            add(t, IN "F%d::acc t%d = join_rows<F%d, %d, %d>(a%d);\n", n, n, n, vector, h->lanes,
                n);
    for (int n = 0; n < s->steps && h->parts > 1; n++)
        if (s->step[n].folds && is_column(s, n))
            add(t,
                IN "if (has && t < %d) w.data<F%d::acc>(%d)[part * %" PRId64
                   "ll + column] = t%d;\n",
                wide, n, s->step[n].scratch, s->inner, n);
}

static void add_column_results(reel__text *t, const reel__fused_space *s,
                               const reel__fused_shape *h, int vector) {
    const int wide = h->lanes * vector;
    if (h->parts > 1)
        add(t, IN "const bool ends = is_last(w.data<unsigned>(3) + 1 + tile, %" PRId64 ");\n",
            h->parts);
    for (int n = 0; n < s->steps && h->parts > 1; n++)
        if (s->step[n].folds && is_column(s, n))
            add(t,
                IN "if (ends) t%d = join_columns<F%d, %d>(w.data<const F%d::acc>(%d) + column, "
                   "%" PRId64 ", %" PRId64 ", has);\n",
                n, n, wide, n, s->step[n].scratch, s->inner, h->parts);
    add(t, IN "if (%shas && t < %d) {\n", h->parts > 1 ? "ends && " : "", wide);
    reel__fused_add_coordinates(t, s, s->split, s->ndim, "column", IN IN);
    for (int j = 0; j < s->split; j++) add(t, IN IN "const COUNT i%d = 0;\n", j);
    add_behind(t, s, REEL__LINE_OF, IN IN);
    add(t, IN "}\n");
}

static void add_fold_columns(reel__text *t, const reel__fused_space *s, int vector) {
    const reel__fused_shape h = reel__fused_shape_of(s, vector);
    const int high = h.threads / h.lanes;
    char e[64];
    add_head(t, s, &h);
    add_gathered(t, s, 0, vector);
    add(t,
        IN "const unsigned t = threadIdx.x, part = blockIdx.x %% %" PRId64
           ", tile = blockIdx.x / %" PRId64 ";\n",
        h.parts, h.parts);
    add(t, IN "const COUNT from = tile * %d + t %% %d * %d;\n", h.lanes * vector, h.lanes, vector);
    add(t,
        IN "const COUNT first = part * (COUNT)%" PRId64 ", last = first + %" PRId64 " < %" PRId64
           " ? first + %" PRId64 " : %" PRId64 ";\n",
        h.each, h.each, s->outer, h.each, s->outer);
    add(t,
        IN "if (from < %" PRId64 ") {\n#pragma unroll 4\n" IN IN
           "for (COUNT r = first + t / %d; r < last; r += %d) ",
        s->inner, h.lanes, high);
    snprintf(e, sizeof e, "r * %" PRId64 " + from", s->inner);
    add_call(t, s, vector, e);
    add(t, IN "}\n");
    add_column_joins(t, s, &h, vector);
    add_all_puts(t, s);
    add_column_results(t, s, &h, vector);
    add_all_joins(t, s);
    add(t, "}\n");
}

/* ---- rows ---- */

static void add_crossings(reel__text *t, const reel__fused_space *s, int vector, int64_t items) {
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].crosses)
            add(t, IN "unit<%s, %d> x%d[%" PRId64 "];\n", reel__fused_type(s, n), vector, n, items);
}

/* Row by row, the elements of a level. */
static void add_row_loop(reel__text *t, const reel__fused_space *s, const reel__fused_shape *h,
                         int level, int vector) {
    const reel__fused_place p = {level, REEL__EACH, vector, IN IN};
    bool any = false, crosses = false;
    for (int n = 0; n < s->steps; n++) {
        any |= s->step[n].level == level && s->step[n].scope == REEL__EACH;
        crosses |= s->step[n].crosses;
    }
    if (!any) return;
    add(t, crosses ? "#pragma unroll\n" : "#pragma unroll 4\n");
    add(t, IN "for (int c = 0; c < %" PRId64 "; c++) {\n", h->items);
    add(t, IN IN "const COUNT unit_of = c * (COUNT)%d + lane;\n", h->lanes);
    add(t, IN IN "if (!has || unit_of >= %" PRId64 ") break;\n", h->units);
    add(t, IN IN "const COUNT e = row * %" PRId64 " + unit_of * %d;\n", s->inner, vector);
    char of[64];
    snprintf(of, sizeof of, "unit_of * %d", vector);
    reel__fused_add_coordinates(t, s, s->split, s->ndim, of, IN IN);
    add_unit(t, s, &p);
    add(t, IN "}\n");
}

static void add_row_folds(reel__text *t, const reel__fused_space *s, const reel__fused_shape *h,
                          int level) {
    for (int n = 0; n < s->steps; n++) {
        if (!s->step[n].folds || s->step[n].level != level) continue;
        add(t, IN "const F%d::acc t%d = join_team<F%d, %d>(a%d);\n", n, n, n, h->lanes, n);
        reel__fused_add_result(t, s, n, IN);
    }
}

/* What has one element for a row, behind the folds of the level before. */
static void add_row_nodes(reel__text *t, const reel__fused_space *s, int level) {
    const reel__fused_place p = {level, REEL__LINE_OF, 1, IN};
    bool any = false;
    for (int n = 0; n < s->steps; n++)
        any |= s->step[n].level == level && s->step[n].scope == REEL__LINE_OF;
    if (any) reel__fused_add_loads(t, s, &p);
    reel__fused_add_units(t, s, &p);
    reel__fused_add_nodes(t, s, &p);
    reel__fused_add_stores(t, s, &p, "if (has && lane == 0) ");
}

static void add_fold_rows(reel__text *t, const reel__fused_space *s, int vector) {
    const reel__fused_shape h = reel__fused_shape_of(s, vector);
    const int teams = h.threads / h.lanes;
    add_head(t, s, &h);
    add(t, IN "const unsigned lane = threadIdx.x %% %d;\n", h.lanes);
    add(t, IN "const COUNT row_of = blockIdx.x * (COUNT)%d + threadIdx.x / %d;\n", teams, h.lanes);
    add(t, IN "const bool has = row_of < %" PRId64 ";\n" IN "const COUNT row = has ? row_of : 0;\n",
        s->outer);
    reel__fused_add_coordinates(t, s, 0, s->split, "row", IN);
    if (s->split == 0) add(t, IN "(void)row;\n");
    add_crossings(t, s, vector, h.items);
    for (int level = 0; level < s->levels; level++) {
        add_row_nodes(t, s, level);
        add_gathered(t, s, level, vector);
        add_row_loop(t, s, &h, level, vector);
        add_row_folds(t, s, &h, level);
    }
    add(t, "}\n");
}

/* ---- all of it ---- */

static void add_names(reel__text *t, const reel__fused_space *s) {
    add(t, "/* [");
    for (int j = 0; j < s->ndim; j++) add(t, "%s%" PRId64, j ? ", " : "", s->dim[j]);
    add(t, "]:");
    for (int n = 0; n < s->steps; n++) add(t, " %s", reel__ops[op_of(s, n)].name);
    add(t, " */\n");
}

char *reel__fused_text(const reel__fused_space *s, int vector) {
    reel__text t = {0};
    const bool folds = s->kind != REEL__FUSED_MAP;
    add_names(&t, s);
    add(&t, "#include \"cuda/fused/%s\"\n\n",
        folds ? "fused_folds_internal.cuh" : "fused_device_internal.cuh");
    add(&t, "typedef arguments<%d> words;\ntypedef %s COUNT;\n\n", s->words,
        s->count < INT32_MAX ? "unsigned" : "uint64_t");
    reel__fused_add_folds(&t, s);
    if (s->kind != REEL__FUSED_ROWS) {
        add_unit_function(&t, s, vector);
        if (s->count % vector != 0) add_unit_function(&t, s, 1);
    }
    if (s->kind == REEL__FUSED_MAP) add_map(&t, s, vector);
    if (s->kind == REEL__FUSED_ALL) add_fold_all(&t, s, vector);
    if (s->kind == REEL__FUSED_COLUMNS) add_fold_columns(&t, s, vector);
    if (s->kind == REEL__FUSED_ROWS) add_fold_rows(&t, s, vector);
    if (!t.failed) return t.text;
    free(t.text);
    return NULL;
}
