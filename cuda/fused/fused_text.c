/* The text of a group's kernel: fused_device_internal.cuh, and what the formulas are called with.
 * Shapes and strides are numbers in it; where operands lie, and constants, are words of its
 * arguments.
 *
 * Of what it says, by name: e is the number of an element of the space, i<j> its coordinates, u<o>
 * a unit of operand o, v<n> what node n gives. */
#include "cuda/fused/cuda_fused_internal.h"

#include <inttypes.h>
#include <stdlib.h>

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

/* Input k of node n, element k of a unit; of halfs the number. */
static void add_input(reel__text *t, const reel__fused_space *s, int n, int k) {
    const int source = s->step[n].source[k];
    const bool half = is_half(call_of(s, n)->in[k]->layout.dtype);
    add(t, half ? "number(" : "apart(");
    add(t, source >= 0 ? "v%d" : "u%d.v[k]", source >= 0 ? source : ~source);
    add(t, ")");
}

/* As it is stored. */
static void add_element(reel__text *t, const reel__fused_space *s, int n, int k) {
    const int source = s->step[n].source[k];
    add(t, source >= 0 ? "v%d" : "u%d.v[k]", source >= 0 ? source : ~source);
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

static void add_node(reel__text *t, const reel__fused_space *s, int n) {
    const char *type = types[dtype_of(s, n)];
    add(t, "        const %s v%d = ", type, n);
    if (is_rounded(s, n)) add(t, "convert<%s, float>(", type);
    if (!is_rounded(s, n)) add(t, "border<%s>(", type);
    add_expression(t, s, n);
    add(t, is_rounded(s, n) ? ");\n" : ", zero);\n");
    if (s->step[n].result >= 0) add(t, "        u%d.v[k] = v%d;\n", s->step[n].result, n);
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

static void add_load(reel__text *t, const reel__fused_space *s, int o, int vector) {
    const reel__fused_operand *p = &s->operand[o];
    const char *type = types[p->dtype], *how = hows[reel__fused_how_of(s, p, vector)];
    const bool each = vector > 1 && p->index >= 0 &&
                      s->operand[p->index].stride[s->ndim - 1] != 0; /* a row an element */
    add(t, "    unit<%s, N> u%d", type, o);
    if (each) add(t, ";\n    for (int k = 0; k < N; k++) u%d.v[k]", o);
    if (p->index < 0)
        add(t, " = load<%s, N, %s>(w.data<const %s>(%d) + ", type, how, type, p->word);
    else
        add(t, " = load_row<%s, %s>(w.data<const %s>(%d) + ", type,
            each          ? "1, SAME"
            : vector == 1 ? "N, SAME"
                          : "N, LINE",
            type, p->word);
    add_place(t, s, p->stride);
    if (each) add(t, " + k * (int64_t)%" PRId64, p->stride[s->ndim - 1]);
    add(t, ", %" PRId64, p->stride[s->ndim - 1]);
    if (p->index >= 0) {
        add(t, ", u%d.v[%s], %" PRId64 ", %" PRId64 ", ", p->index, each ? "k" : "0", p->row,
            p->rows);
        add_place(t, s, p->along);
        if (each) add(t, " + k");
        add(t, ", w.errors(%d)",
            s->step[p->node].word + (call_of(s, p->node)->op == REEL_OP_dequantize_rows));
    }
    add(t, each ? ").v[0];\n" : ");\n");
}

/* Of what is the same along an axis, the first thread along it writes. */
static void add_store(reel__text *t, const reel__fused_space *s, int o, int vector) {
    const reel__fused_operand *p = &s->operand[o];
    const char *type = types[p->dtype], *how = hows[reel__fused_how_of(s, p, vector)];
    add(t, "    ");
    for (int j = 0, any = 0; j < s->ndim; j++)
        if (p->stride[j] == 0 && s->dim[j] > 1) add(t, "%si%d == 0", any++ ? " && " : "if (", j);
    bool guarded = false;
    for (int j = 0; j < s->ndim; j++) guarded |= p->stride[j] == 0 && s->dim[j] > 1;
    if (guarded) add(t, ") ");
    add(t, "store<%s, N, %s>(w.data<%s>(%d) + ", type, how, type, p->word);
    add_place(t, s, p->stride);
    add(t, ", %" PRId64 ", u%d);\n", p->stride[s->ndim - 1], o);
}

/* ---- the parts of the kernel ---- */

static bool is_state(const reel__fused_space *s, int o) {
    const reel__fused_step *t = &s->step[s->operand[o].node];
    return t->state == o || t->used == o;
}

/* Indices first, whose rows are read then. */
static void add_loads(reel__text *t, const reel__fused_space *s, int vector) {
    for (int rows = 0; rows < 2; rows++)
        for (int o = 0; o < s->operands; o++)
            if (!s->operand[o].written && (s->operand[o].index >= 0) == rows && !is_state(s, o))
                add_load(t, s, o, vector);
}

static void add_coordinates(reel__text *t, const reel__fused_space *s) {
    add(t, "    COUNT rest = e;\n");
    for (int j = s->ndim - 1; j > 0; j--)
        add(t, "    const COUNT i%d = rest %% %" PRId64 ";\n    rest /= %" PRId64 ";\n", j,
            s->dim[j], s->dim[j]);
    add(t, "    const COUNT i0 = rest;\n");
}

static bool draws(const reel__fused_space *s, int n) {
    const reel__op op = call_of(s, n)->op;
    return (op == REEL_OP_dropout || op == REEL_OP_dropout_again) && s->step[n].drawn < 0;
}

/* Streams of words, as parameters or as arguments. */
static void add_streams(reel__text *t, const reel__fused_space *s, const char *type) {
    for (int n = 0; n < s->steps; n++)
        if (draws(s, n)) add(t, ", %sstream%d", type, n);
}

/* One for each way that operands lie: N elements at once, and one by one. */
static void add_elements(reel__text *t, const reel__fused_space *s, int vector) {
    add(t, "static __device__ __forceinline__ void elements_%d(const words &w, const COUNT e",
        vector);
    add_streams(t, s, "const stream &");
    add(t, ") {\n    constexpr int N = %d;\n    const unsigned zero = (unsigned)w.word[0];\n",
        vector);
    add_coordinates(t, s);
    add_loads(t, s, vector);
    for (int n = 0; n < s->steps; n++)
        if (draws(s, n))
            add(t, "    const unit<unsigned, N> drawn%d = drawn<N>(stream%d, e);\n", n, n);
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].result >= 0)
            add(t, "    unit<%s, N> u%d;\n", types[dtype_of(s, n)], s->step[n].result);
    add(t, "#pragma unroll\n    for (int k = 0; k < N; k++) {\n");
    for (int n = 0; n < s->steps; n++) add_node(t, s, n);
    add(t, "    }\n");
    for (int n = 0; n < s->steps; n++)
        if (s->step[n].result >= 0) add_store(t, s, s->step[n].result, vector);
    add(t, "}\n\n");
}

static void add_openings(reel__text *t, const reel__fused_space *s) {
    for (int n = 0; n < s->steps; n++) {
        const reel__fused_step *p = &s->step[n];
        if (!draws(s, n)) continue;
        if (call_of(s, n)->op == REEL_OP_dropout_again) {
            add(t, "    const stream stream%d = used_stream(w.data<const int64_t>(%d));\n", n,
                s->operand[p->state].word);
            continue;
        }
        add(t, "    const stream stream%d = open_stream(w.data<int64_t>(%d), ", n,
            s->operand[p->state].word);
        if (p->used >= 0) add(t, "w.data<int64_t>(%d)", s->operand[p->used].word);
        if (p->used < 0) add(t, "nullptr");
        add(t, ", %" PRId64 ", w.data<unsigned>(3));\n", (s->count + 3) / 4);
    }
}

static void add_kernel(reel__text *t, const reel__fused_space *s, int vector) {
    const int64_t whole = s->count / vector, all = reel__fused_threads(s, vector);
    add(t, "extern \"C\" __global__ void __launch_bounds__(THREADS)\n"
           "fused(const __grid_constant__ words w) {\n    begin();\n");
    add_openings(t, s);
    add(t,
        "    const COUNT u = blockIdx.x * (COUNT)THREADS + threadIdx.x;\n"
        "    if (u < %" PRId64 ") elements_%d(w, u * %d",
        whole, vector, vector);
    add_streams(t, s, "");
    add(t, ");\n");
    if (all > whole) {
        add(t, "    else if (u < %" PRId64 ") elements_1(w, u + %" PRId64, all,
            whole * (vector - 1));
        add_streams(t, s, "");
        add(t, ");\n");
    }
    add(t, "}\n");
}

/* What is left of a unit goes one by one. */
int64_t reel__fused_threads(const reel__fused_space *s, int vector) {
    return s->count / vector + s->count % vector;
}

static void add_names(reel__text *t, const reel__fused_space *s) {
    add(t, "/* [");
    for (int j = 0; j < s->ndim; j++) add(t, "%s%" PRId64, j ? ", " : "", s->dim[j]);
    add(t, "]:");
    for (int n = 0; n < s->steps; n++) add(t, " %s", reel__ops[call_of(s, n)->op].name);
    add(t, " */\n");
}

char *reel__fused_text(const reel__fused_space *s, int vector) {
    reel__text t = {0};
    add_names(&t, s);
    add(&t,
        "#include \"cuda/fused/fused_device_internal.cuh\"\n\n"
        "typedef arguments<%d> words;\ntypedef %s COUNT;\n\n",
        s->words, s->count < INT32_MAX ? "unsigned" : "uint64_t");
    add_elements(&t, s, vector);
    if (s->count % vector != 0) add_elements(&t, s, 1);
    add_kernel(&t, s, vector);
    if (!t.failed) return t.text;
    free(t.text);
    return NULL;
}
