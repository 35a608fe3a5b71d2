/* What a group's kernel says of each node and operand: what the formulas are called with. Shapes
 * and strides are numbers in it; where operands lie, and constants, are words of its arguments. */
#include "cuda/fused/fused_text_internal.h"

#include <inttypes.h>

#define add reel__text_add

static const char *const types[REEL__DTYPES] = {
    [REEL_F32] = "float",  [REEL_F64] = "double", [REEL_I64] = "int64_t",
    [REEL_U8] = "uint8_t", [REEL_F16] = "f16",    [REEL_BF16] = "bf16"};
static const char *const hows[] = {"SAME", "LINE", "APART"};

static const reel__call *call_of(const reel__fused_space *s, int n) {
    return &s->step[n].node->call;
}

static reel_dtype dtype_of(const reel__fused_space *s, int n) {
    return call_of(s, n)->out[0]->layout.dtype;
}

static bool is_half(reel_dtype dtype) {
    return dtype >= REEL__NUMBERS;
}

/* ---- what a node computes ---- */

/* Input k of node n as it is stored. */
static void add_element(reel__text *t, const reel__fused_space *s, int n, int k) {
    const int source = s->step[n].source[k];
    if (source >= 0) add(t, "v%d", source);
    if (source < 0) add(t, s->step[n].scope == REEL__EACH ? "u%d.v[k]" : "u%d.v[0]", ~source);
}

/* As a number, as if no other op had it. */
static void add_input(reel__text *t, const reel__fused_space *s, int n, int k) {
    add(t, is_half(call_of(s, n)->in[k]->layout.dtype) ? "number(" : "apart(");
    add_element(t, s, n, k);
    add(t, ")");
}

typedef struct {
    const char *name;
    int constants;
    bool far, test;
} row;

static row row_of(reel__op op) {
    switch (op) {
#define ROW_PLAIN 0, false, false
#define ROW_WITH1 1, false, false
#define ROW_WITH2 2, false, false
#define ROW_FAR 0, true, false
#define ROW_TEST 0, false, true
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    case REEL_OP_##name:                                                                           \
        return (row){#name, ROW_##form};
#include "tensor/ops/ops_map.def"
    default:
        return (row){NULL, 0, false, false};
    }
}

/* R(name)(x, y, a, b), in the dtype that it is computed in. */
static void add_formula(reel__text *t, const reel__fused_space *s, int n, const row *r) {
    const reel__fused_step *p = &s->step[n];
    const reel__call *c = call_of(s, n);
    const char *type = types[reel__compute_dtype(c->op, c->in[0]->layout.dtype)];
    const bool watches = c->op == REEL_OP_bce && c->with.map.checked;
    if (r->far) add(t, "near_or_far_%s<%s>(", r->name, type);
    if (!r->far) add(t, "formula<%s>::%s(", type, r->name);
    for (int k = 0; k < p->sources; k++) {
        add(t, k ? ", " : "");
        if (watches && k == 0) add(t, "watched(");
        add_input(t, s, n, k);
        if (watches && k == 0) add(t, ", w.errors(%d))", p->word);
    }
    for (int k = 0; k < r->constants; k++) add(t, ", (%s)w.number(%d)", type, p->word + k);
    add(t, ")");
}

static void add_conversion(reel__text *t, const reel__fused_space *s, int n) {
    const reel__fused_step *p = &s->step[n];
    const reel__call *c = call_of(s, n);
    const char *to = types[dtype_of(s, n)], *from = types[c->in[0]->layout.dtype];
    if (c->op == REEL_OP_cast) {
        add(t, "convert<%s, %s>(", to, from);
        add_element(t, s, n, 0);
        add(t, ")");
    } else if (c->op == REEL_OP_dequantize) {
        add(t, "(%s)((%s)number(", to, to);
        add_element(t, s, n, 0);
        add(t, ") * (%s)w.number(%d))", to, p->word);
    } else {
        add(t, "(%s)number(", to);
        add_element(t, s, n, 0);
        add(t, ") * (%s)w.number(%d)", to, p->word);
    }
}

static void add_dropout(reel__text *t, const reel__fused_space *s, int n) {
    const reel__fused_step *p = &s->step[n];
    const char *type = types[reel__compute_dtype(REEL_OP_dropout, dtype_of(s, n))];
    add(t, "dropped<%s>(", type);
    add_input(t, s, n, 0);
    add(t, ", drawn%d.v[k], (unsigned)w.word[%d], (%s)w.number(%d))", p->drawn >= 0 ? p->drawn : n,
        p->word, type, p->word + 1);
}

/* The expression, and whether it is of a wider dtype than the result's. */
static void add_expression(reel__text *t, const reel__fused_space *s, int n) {
    const reel__call *c = call_of(s, n);
    const row r = row_of(c->op);
    switch (c->op) {
    case REEL_OP_fill:
        add(t, "convert<%s, double>(w.number(%d))", types[dtype_of(s, n)], s->step[n].word);
        return;
    case REEL_OP_copy:
    case REEL_OP_index_select:
        add_element(t, s, n, 0);
        return;
    case REEL_OP_where:
        add_element(t, s, n, 0);
        add(t, " ? ");
        add_element(t, s, n, 1);
        add(t, " : ");
        add_element(t, s, n, 2);
        return;
    case REEL_OP_cast:
    case REEL_OP_dequantize:
    case REEL_OP_dequantize_rows:
        add_conversion(t, s, n);
        return;
    case REEL_OP_dropout:
    case REEL_OP_dropout_again:
        add_dropout(t, s, n);
        return;
    default:
        add_formula(t, s, n, &r);
    }
}

/* Whether the expression is of f32, to be rounded to a half. */
static bool is_rounded(const reel__fused_space *s, int n) {
    const reel__op op = call_of(s, n)->op;
    const bool computes =
        op < (reel__op)REEL__MAPS || op == REEL_OP_dropout || op == REEL_OP_dropout_again;
    return computes && is_half(dtype_of(s, n));
}

/* ---- folds ---- */

typedef struct {
    const char *of, *map, *end, *flip;
    bool whole; /* what it leaves is the result */
} fold;

static fold fold_of(const reel__call *c) {
    static const char *const names[REEL__FOLDS] = {[REEL__FOLD_sum] = "sum_of",
                                                   [REEL__FOLD_product] = "product_of",
                                                   [REEL__FOLD_greatest] = "extreme_of",
                                                   [REEL__FOLD_least] = "extreme_of",
                                                   [REEL__FOLD_first_greatest] = "position_of",
                                                   [REEL__FOLD_first_least] = "position_of",
                                                   [REEL__FOLD_any] = "truth_of",
                                                   [REEL__FOLD_all] = "truth_of",
                                                   [REEL__FOLD_moments] = "moments_of",
                                                   [REEL__FOLD_squares] = "squares_of",
                                                   [REEL__FOLD_exponentials] = "exponentials_of"};
    const reel__fold_name f = reel__fold_of[c->op];
    const bool flips = f == REEL__FOLD_least || f == REEL__FOLD_first_least || f == REEL__FOLD_all;
    const bool whole =
        reel__is_position(f) || reel__is_truth(f) || !reel_dtype_is_float(c->in[0]->layout.dtype);
    fold made = {names[f], "NO_MAP", "same", flips ? "true" : "false", whole};
    switch (c->op) {
#define MAP_TEXT_1(map) "NO_MAP"
#define MAP_TEXT_0(map) "formula<double>::map_" #map
#define MAP_TEXT__(same, map) MAP_TEXT_##same(map)
#define MAP_TEXT_(same, map) MAP_TEXT__(same, map)
#define REEL_REDUCE(name, inputs, m, fold, e, dtypes, rule, saves, gradient)                       \
    case REEL_OP_##name:                                                                           \
        made.map = MAP_TEXT_(REEL__IS_SAME(m), m);                                                 \
        made.end = #e;                                                                             \
        break;
#include "tensor/ops/ops_reduce.def"
    default:
        break;
    }
    return made;
}

void reel__fused_add_folds(reel__text *t, const reel__fused_space *s) {
    for (int n = 0; n < s->steps; n++) {
        const reel__call *c = call_of(s, n);
        const int word = s->step[n].word;
        if (!s->step[n].folds) continue;
        const fold f = fold_of(c);
        const int64_t count = reel__count_over(c->in[0]->layout.shape, c->with.reduce.axes);
        add(t, "typedef %s<%s, %s, %d> F%d;\n", f.of,
            types[reel__compute_dtype(c->op, c->in[0]->layout.dtype)], f.map, c->nin, n);
        add(t,
            "static __device__ __forceinline__ told told%d(const words &w) {\n"
            "    return {w.number(%d), {0, 0, %" PRId64 " * w.number(%d), w.number(%d), "
            "w.number(%d)}, %s};\n}\n",
            n, word, count, word, word + 1, word + 2, f.flip);
    }
}

/* Takes an element; `at`, its number among those of the result, is of use to positions alone. */
static void add_take(reel__text *t, const reel__fused_space *s, int n, const char *indent) {
    const bool columns = s->kind == REEL__FUSED_COLUMNS && s->step[n].kept;
    add(t, "%sF%d::take(a%d%s, told%d(w), as_in<F%d>(", indent, n, n, columns ? "[k]" : "", n, n);
    add_input(t, s, n, 0);
    add(t, "), as_in<F%d>(", n);
    add_input(t, s, n, s->step[n].sources - 1);
    if (columns) add(t, "), (int64_t)(e / %" PRId64 "));\n", s->inner);
    if (!columns)
        add(t, "), (int64_t)(e %% %" PRId64 " + k));\n",
            s->kind == REEL__FUSED_ROWS ? s->inner : s->count);
}

void reel__fused_add_result(reel__text *t, const reel__fused_space *s, int n, const char *indent) {
    const fold f = fold_of(call_of(s, n));
    const char *type = types[dtype_of(s, n)];
    const bool half = is_half(dtype_of(s, n));
    add(t, "%sconst %s v%d = border(", indent, type, n);
    if (half) add(t, "convert<%s, float>(", type);
    add(t, "(%s)", half ? "float" : type);
    if (!f.whole) add(t, "formula<double>::end_%s(", f.end);
    add(t, "F%d::leave(t%d, told%d(w))%s%s, (unsigned)w.word[0]);\n", n, n, n, f.whole ? "" : ")",
        half ? ")" : "");
    if (s->step[n].result >= 0)
        add(t, "%sunit<%s, 1> u%d;\n%su%d.v[0] = v%d;\n", indent, type, s->step[n].result, indent,
            s->step[n].result, n);
}

/* ---- nodes ---- */

static bool is_there(const reel__fused_space *s, int n, const reel__fused_place *p) {
    return s->step[n].level == p->level && s->step[n].scope == p->scope;
}

static void add_node(reel__text *t, const reel__fused_space *s, int n, const reel__fused_place *p) {
    const char *type = types[dtype_of(s, n)];
    const reel__fused_step *q = &s->step[n];
    add(t, "%sconst %s v%d = ", p->indent, type, n);
    if (is_rounded(s, n)) add(t, "convert<%s, float>(", type);
    if (!is_rounded(s, n)) add(t, "border((%s)(", type);
    add_expression(t, s, n);
    add(t, is_rounded(s, n) ? ");\n" : "), (unsigned)w.word[0]);\n");
    const char *k = p->scope == REEL__EACH ? "k" : "0";
    if (q->result >= 0) add(t, "%su%d.v[%s] = v%d;\n", p->indent, q->result, k, n);
    if (q->crosses) add(t, "%sx%d[c].v[k] = v%d;\n", p->indent, n, n);
}

void reel__fused_add_nodes(reel__text *t, const reel__fused_space *s, const reel__fused_place *p) {
    for (int n = 0; n < s->steps; n++) {
        if (s->step[n].crosses && s->step[n].level < p->level && p->scope == REEL__EACH)
            add(t, "%sconst %s v%d = x%d[c].v[k];\n", p->indent, types[dtype_of(s, n)], n, n);
        if (!is_there(s, n, p)) continue;
        if (s->step[n].folds)
            add_take(t, s, n, p->indent);
        else
            add_node(t, s, n, p);
    }
}

const char *reel__fused_type(const reel__fused_space *s, int n) {
    return types[dtype_of(s, n)];
}

/* ---- memory ---- */

/* The sum of coordinates times steps. */
static void add_place(reel__text *t, const reel__fused_space *s, const int64_t *along) {
    bool any = false;
    for (int j = 0; j < s->ndim; j++) {
        if (along[j] == 0) continue;
        add(t, any ? " + " : "");
        if (along[j] == 1) add(t, "(int64_t)i%d", j);
        if (along[j] != 1) add(t, "(int64_t)i%d * %" PRId64, j, along[j]);
        any = true;
    }
    if (!any) add(t, "0");
}

static void add_load(reel__text *t, const reel__fused_space *s, int o,
                     const reel__fused_place *at) {
    const reel__fused_operand *p = &s->operand[o];
    const char *type = types[p->dtype], *how = hows[reel__fused_how_of(s, p, at->vector)];
    const int64_t step = p->stride[s->ndim - 1];
    add(t, "%sconst unit<%s, %d> u%d = load<%s, %d, %s>(w.data<const %s>(%d) + ", at->indent, type,
        at->vector, o, type, at->vector, how, type, p->word);
    add_place(t, s, p->stride);
    add(t, ", %" PRId64 ");\n", step);
}

/* Rows by index: each element by one of its own where indices lie along the last axis. */
static void add_load_rows(reel__text *t, const reel__fused_space *s, int o,
                          const reel__fused_place *at) {
    const reel__fused_operand *p = &s->operand[o];
    const bool each = reel__fused_how_of(s, p, at->vector) == REEL__APART;
    const char *type = types[p->dtype];
    const int64_t step = p->stride[s->ndim - 1];
    add(t, "%sunit<%s, %d> u%d;\n", at->indent, type, at->vector, o);
    if (each) add(t, "%sfor (int k = 0; k < %d; k++)\n    ", at->indent, at->vector);
    add(t, each ? "%su%d.v[k]" : "%su%d", at->indent, o);
    add(t, " = load_row<%s, %d, %s>(w.data<const %s>(%d) + ", type, each ? 1 : at->vector,
        each ? "SAME" : hows[reel__fused_how_of(s, p, at->vector)], type, p->word);
    add_place(t, s, p->stride);
    if (each) add(t, " + k * (int64_t)%" PRId64, step);
    add(t, ", %" PRId64 ", u%d.v[%s], %" PRId64 ", %" PRId64 ", ", step, p->index, each ? "k" : "0",
        p->row, p->rows);
    add_place(t, s, p->along);
    if (each) add(t, " + k * (int64_t)%" PRId64, p->along[s->ndim - 1]);
    add(t, ", w.errors(%d))%s;\n",
        s->step[p->node].word + (call_of(s, p->node)->op == REEL_OP_dequantize_rows),
        each ? ".v[0]" : "");
}

static bool is_read(const reel__fused_space *s, int o, const reel__fused_place *at) {
    for (int n = 0; n < s->steps; n++)
        for (int k = 0; k < s->step[n].sources && is_there(s, n, at); k++) {
            const int source = s->step[n].source[k];
            if (source < 0 && (~source == o || s->operand[~source].index == o)) return true;
        }
    return false;
}

/* Indices first, whose rows are read then. */
void reel__fused_add_loads(reel__text *t, const reel__fused_space *s, const reel__fused_place *at) {
    for (int o = 0; o < s->operands; o++)
        if (s->operand[o].index < 0 && is_read(s, o, at)) add_load(t, s, o, at);
    for (int o = 0; o < s->operands; o++)
        if (s->operand[o].index >= 0 && is_read(s, o, at)) add_load_rows(t, s, o, at);
}

void reel__fused_add_units(reel__text *t, const reel__fused_space *s, const reel__fused_place *p) {
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].result >= 0 && !s->step[n].folds && is_there(s, n, p))
            add(t, "%sunit<%s, %d> u%d;\n", p->indent, types[dtype_of(s, n)], p->vector,
                s->step[n].result);
}

/* Of what is the same along an axis, the first thread along it writes. */
static void add_guard(reel__text *t, const reel__fused_space *s, const reel__fused_operand *o) {
    int any = 0;
    for (int j = 0; j < s->ndim; j++)
        if (o->stride[j] == 0 && s->dim[j] > 1) add(t, "%si%d == 0", any++ ? " && " : "if (", j);
    if (any) add(t, ") ");
}

static void add_store(reel__text *t, const reel__fused_space *s, int n, const reel__fused_place *at,
                      const char *guard) {
    const reel__fused_operand *p = &s->operand[s->step[n].result];
    const char *type = types[p->dtype], *how = hows[reel__fused_how_of(s, p, at->vector)];
    add(t, "%s", at->indent);
    if (guard) add(t, "%s", guard);
    if (!guard) add_guard(t, s, p);
    add(t, "store<%s, %d, %s>(w.data<%s>(%d) + ", type, at->vector, how, type, p->word);
    add_place(t, s, p->stride);
    add(t, ", %" PRId64 ", u%d);\n", p->stride[s->ndim - 1], s->step[n].result);
}

void reel__fused_add_stores(reel__text *t, const reel__fused_space *s, const reel__fused_place *p,
                            const char *guard) {
    for (int n = 0; n < s->steps; n++) {
        const reel__fused_step *q = &s->step[n];
        const bool columns = s->kind == REEL__FUSED_ROWS || q->kept;
        const bool here = q->folds ? p->level == q->level + 1 &&
                                         p->scope == (columns ? REEL__LINE_OF : REEL__ONCE)
                                   : is_there(s, n, p);
        if (q->result >= 0 && here) add_store(t, s, n, p, guard);
    }
}

void reel__fused_add_coordinates(reel__text *t, const reel__fused_space *s, int first, int end,
                                 const char *of, const char *indent) {
    int64_t inner = 1;
    for (int j = end - 1; j >= first; inner *= s->dim[j--]) {
        add(t, "%sconst COUNT i%d = (%s)", indent, j, of);
        if (inner > 1) add(t, " / %" PRId64, inner);
        if (j > first) add(t, " %% %" PRId64, s->dim[j]);
        add(t, ";\n");
    }
}

bool reel__fused_draws(const reel__fused_space *s, int n) {
    const reel__op op = call_of(s, n)->op;
    return (op == REEL_OP_dropout || op == REEL_OP_dropout_again) && s->step[n].drawn < 0;
}
