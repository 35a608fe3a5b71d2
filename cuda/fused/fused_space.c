/* What a group's nodes have in common: the space that one kernel goes over, and where in it each
 * node and each operand is. */
#include "cuda/fused/cuda_fused_internal.h"

#include <string.h>

/* ---- what can be part of one ---- */

static bool is_taken(const reel__call *c) {
    switch (c->op) {
    case REEL_OP_fill:
    case REEL_OP_copy:
    case REEL_OP_cast:
    case REEL_OP_where:
    case REEL_OP_dropout:
    case REEL_OP_dropout_again:
    case REEL_OP_index_select:
    case REEL_OP_dequantize:
    case REEL_OP_dequantize_rows:
        return true;
    default:
        return c->op < (reel__op)REEL__MAPS || reel__ops[c->op].kind == REEL__REDUCE;
    }
}

bool reel__cuda_fuses(const reel__group_node *n) {
    const reel__call *c = &n->call;
    return is_taken(c) && !c->list && c->out[0] && reel_numel(c->out[0]) > 0;
}

static bool folds(const reel__call *c) {
    return reel__ops[c->op].kind == REEL__REDUCE;
}

/* What a node goes over: its result or, of a fold, its input. */
static reel_shape shape_of(const reel__group_node *n) {
    return folds(&n->call) ? n->call.in[0]->layout.shape : n->call.out[0]->layout.shape;
}

/* Strides of its result along the axes that it goes over. */
static void result_strides(const reel__group_node *n, int64_t stride[REEL_MAX_DIMS]) {
    const reel__layout *l = &n->call.out[0]->layout;
    const reel_shape shape = shape_of(n);
    for (int b = 0, k = 0; b < shape.ndim; b++) {
        const bool reduced = folds(&n->call) && n->call.with.reduce.axes >> b & 1;
        stride[b] = reduced ? 0 : l->stride[k];
        k += !reduced || n->call.with.reduce.kept >> b & 1;
    }
}

/* ---- the space ---- */

/* Elements behind each axis: a shape is told by these products, and shapes of as many elements can
 * be told by axes of all of them together if each divides the next. */
typedef struct {
    int count;
    int64_t of[REEL__FUSED_AXES + REEL_MAX_DIMS];
} products;

static bool put_product(products *p, int64_t n) {
    int at = 0;
    while (at < p->count && p->of[at] < n) at++;
    if (at < p->count && p->of[at] == n) return true;
    if (p->count >= REEL__FUSED_AXES + 1) return false;
    memmove(p->of + at + 1, p->of + at, (size_t)(p->count - at) * sizeof *p->of);
    p->of[at] = n;
    p->count++;
    return true;
}

static bool put_products(products *p, reel_shape s) {
    int64_t behind = 1;
    if (!put_product(p, 1)) return false;
    for (int i = s.ndim - 1; i >= 0; i--) {
        behind *= s.dim[i];
        if (!put_product(p, behind)) return false;
    }
    return true;
}

static bool make_axes(reel__fused_space *s) {
    products p = {0};
    for (int i = 0; i < s->steps; i++) {
        const reel_shape shape = shape_of(s->step[i].node);
        if (reel__shape_numel(shape) == s->count && !put_products(&p, shape)) return false;
    }
    s->ndim = p.count > 1 ? p.count - 1 : 1;
    s->dim[0] = 1;
    for (int i = 0; i + 1 < p.count; i++) {
        if (p.of[i + 1] % p.of[i] != 0) return false;
        s->dim[s->ndim - 1 - i] = p.of[i + 1] / p.of[i];
    }
    return true;
}

/* ---- where nodes are in it ---- */

/* A node of as many elements as the space: in the same order. */
static void place_whole(const reel__fused_space *s, reel__fused_step *t) {
    const reel_shape shape = shape_of(t->node);
    int64_t behind = 1;
    t->placed = t->whole = true;
    for (int b = shape.ndim - 1; b >= 0; behind *= shape.dim[b--]) {
        int64_t inner = 1;
        for (int j = s->ndim - 1; j >= 0; inner *= s->dim[j--])
            if (s->dim[j] > 1 && behind <= inner && inner * s->dim[j] <= behind * shape.dim[b])
                t->along[b][j] = inner / behind;
    }
}

/* What lies along the node's axes, with these strides, along the space's. */
static void spread(const reel__fused_space *s, const reel__fused_step *t, const int64_t *stride,
                   int64_t along[REEL__FUSED_AXES]) {
    const int ndim = shape_of(t->node).ndim;
    for (int j = 0; j < s->ndim; j++) {
        along[j] = 0;
        for (int b = 0; b < ndim && s->dim[j] > 1; b++) along[j] += stride[b] * t->along[b][j];
    }
}

/* The axis of l that steps of so many elements go along, -1: none. */
static int axis_of(const reel__layout *l, int64_t step, int64_t count) {
    int best = -1;
    for (int b = 0; b < l->shape.ndim; b++)
        if (l->shape.dim[b] > 1 && l->stride[b] > 0 && step % l->stride[b] == 0 &&
            step / l->stride[b] * (count - 1) < l->shape.dim[b] &&
            (best < 0 || l->stride[b] > l->stride[best]))
            best = b;
    return best;
}

/* A smaller node, whose result is read by these steps: which of its axes each goes along. */
static bool place_small(const reel__fused_space *s, reel__fused_step *t,
                        const int64_t along[REEL__FUSED_AXES]) {
    const reel__layout *l = &t->node->call.out[0]->layout;
    for (int j = 0; j < s->ndim; j++) {
        if (along[j] == 0) continue;
        const int b = along[j] > 0 ? axis_of(l, along[j], s->dim[j]) : -1;
        if (b < 0) return false;
        t->along[b][j] = along[j] / l->stride[b];
    }
    t->placed = true;
    return true;
}

/* Whether node p's result, read by these steps from `offset` on, is what p computes there. */
static bool demand(const reel__fused_space *s, reel__fused_step *p, int64_t offset,
                   const int64_t along[REEL__FUSED_AXES]) {
    const reel__layout *l = &p->node->call.out[0]->layout;
    int64_t made[REEL__FUSED_AXES], stride[REEL_MAX_DIMS];
    if (offset != l->offset) return false;
    if (!p->placed && !place_small(s, p, along)) return false;
    result_strides(p->node, stride);
    spread(s, p, stride, made);
    return memcmp(made, along, (size_t)s->ndim * sizeof *made) == 0;
}

/* ---- words ---- */

static int add_word(reel__fused_space *s, reel__fused_word_kind kind, int of, int which) {
    if (s->words >= REEL__FUSED_WORDS) return -1;
    s->word[s->words] = (reel__fused_word){kind, of, which};
    return s->words++;
}

int reel__fused_constants(reel__op op) {
    switch (op) {
#define WORDS_PLAIN 0
#define WORDS_FAR 0
#define WORDS_TEST 0
#define WORDS_WITH1 1
#define WORDS_WITH2 2
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    case REEL_OP_##name:                                                                           \
        return WORDS_##form;
#include "tensor/ops/ops_map.def"
    default:
        return 0;
    }
}

/* How many numbers a node is told. */
static int constants_of(const reel__call *c) {
    switch (c->op) {
    case REEL_OP_fill:
    case REEL_OP_dequantize:
    case REEL_OP_dequantize_rows:
        return 1;
    case REEL_OP_dropout:
    case REEL_OP_dropout_again:
        return 2;
    default:
        return folds(c) ? 3 : reel__fused_constants(c->op);
    }
}

static bool reports(const reel__call *c) {
    return c->op == REEL_OP_index_select || c->op == REEL_OP_dequantize_rows ||
           (c->op == REEL_OP_bce && c->with.map.checked);
}

static bool add_words(reel__fused_space *s, int i) {
    const reel__call *c = &s->step[i].node->call;
    s->step[i].word = s->words;
    for (int k = 0; k < constants_of(c); k++)
        if (add_word(s, REEL__WORD_CONSTANT, i, k) < 0) return false;
    return !reports(c) ||
           (add_word(s, REEL__WORD_NAME, i, 0) >= 0 && add_word(s, REEL__WORD_SITE, i, 0) >= 0);
}

/* ---- operands ---- */

static const reel_tensor *tensor_of(const reel__fused_space *s, const reel__fused_operand *o) {
    const reel__call *c = &s->step[o->node].node->call;
    return o->slot < REEL__MOST_INPUTS ? c->in[o->slot] : c->out[o->slot - REEL__MOST_INPUTS];
}

static int value_of(const reel__fused_space *s, const reel__fused_operand *o) {
    const reel__group_node *n = s->step[o->node].node;
    return o->slot < REEL__MOST_INPUTS ? n->in[o->slot] : n->out[o->slot - REEL__MOST_INPUTS];
}

static bool is_alike(const reel__fused_space *s, const reel__fused_operand *a,
                     const reel__fused_operand *b) {
    return value_of(s, a) == value_of(s, b) && a->dtype == b->dtype && a->offset == b->offset &&
           memcmp(a->stride, b->stride, (size_t)s->ndim * sizeof *a->stride) == 0;
}

/* Read twice is loaded once, unless what it is may change between runs for one of the two. */
static int find_alike(const reel__fused_space *s, const reel__fused_operand *o) {
    for (int i = 0; i < s->operands; i++) {
        const reel__fused_operand *p = &s->operand[i];
        const bool fixed = !s->step[o->node].node->fed && !s->step[p->node].node->fed;
        if (fixed && !p->written && p->index < 0 && p->level == o->level && is_alike(s, p, o))
            return i;
    }
    return -1;
}

/* -1: there is no room. */
static int add_operand(reel__fused_space *s, reel__fused_operand o) {
    const reel_tensor *t = tensor_of(s, &o);
    o.dtype = t->layout.dtype;
    o.offset = t->layout.offset;
    o.level = s->step[o.node].level;
    const int alike = o.written || o.index >= 0 ? -1 : find_alike(s, &o);
    if (alike >= 0) return alike;
    if (s->operands >= REEL__FUSED_OPERANDS) return -1;
    o.word = add_word(s, REEL__WORD_DATA, s->operands, 0);
    if (o.word < 0) return -1;
    s->operand[s->operands] = o;
    return s->operands++;
}

/* ---- inputs ---- */

/* The node before `i` that makes input k, and which of its results it is; -1: none in the group. */
static int maker_of(const reel__fused_space *s, int i, int k, int *which) {
    const int value = s->step[i].node->in[k];
    for (int j = i - 1; j >= 0; j--)
        for (int r = 0; r < s->step[j].node->call.nout; r++)
            if (s->step[j].node->out[r] == value) {
                *which = r;
                return j;
            }
    return -1;
}

static bool find_input(reel__fused_space *s, int i, int k) {
    reel__fused_step *t = &s->step[i];
    const reel_tensor *x = t->node->call.in[k];
    reel__fused_operand o = {.node = i, .slot = k, .index = -1};
    int64_t stride[REEL_MAX_DIMS];
    int which = 0;
    reel__broadcast_strides(&x->layout, shape_of(t->node), stride);
    spread(s, t, stride, o.stride);
    const int j = maker_of(s, i, k, &which);
    if (j >= 0) {
        t->source[k] = j;
        return which == 0 && x->layout.dtype == s->step[j].node->call.out[0]->layout.dtype &&
               demand(s, &s->step[j], x->layout.offset, o.stride);
    }
    const int at = add_operand(s, o);
    t->source[k] = ~at;
    return at >= 0;
}

/* index_select, dequantize_rows: x's rows, by the indices; both come from memory. */
static bool find_rows(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    const reel__call *c = &t->node->call;
    const reel__layout *x = &c->in[0]->layout;
    const int axis = c->with.index.axis, ndim = x->shape.ndim;
    int64_t stride[REEL_MAX_DIMS] = {0}, one[REEL_MAX_DIMS] = {0};
    int which;
    if (maker_of(s, i, 0, &which) >= 0 || maker_of(s, i, 1, &which) >= 0) return false;
    reel__fused_operand index = {.node = i, .slot = 1, .index = -1};
    reel__fused_operand rows = {
        .node = i, .slot = 0, .row = x->stride[axis], .rows = x->shape.dim[axis]};
    stride[axis] = c->in[1]->layout.stride[0];
    one[axis] = 1;
    spread(s, t, stride, index.stride);
    spread(s, t, one, rows.along);
    for (int b = 0; b < ndim; b++) stride[b] = b == axis ? 0 : x->stride[b];
    spread(s, t, stride, rows.stride);
    rows.index = add_operand(s, index);
    const int at = rows.index >= 0 ? add_operand(s, rows) : -1;
    t->source[0] = ~at;
    return at >= 0;
}

/* A generator's state, or what was used of it: two numbers, which nothing in the group makes. */
static int add_state(reel__fused_space *s, int i, int slot) {
    return add_operand(
        s, (reel__fused_operand){.node = i, .slot = slot, .index = -1, .written = true});
}

static bool find_words(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    const bool again = t->node->call.op == REEL_OP_dropout_again;
    int which;
    const int j = maker_of(s, i, 1, &which);
    t->sources = 1;
    if (!t->whole) return false; /* words are counted by element */
    if (j >= 0) {
        t->drawn = j;
        return again && which == 1 && s->step[j].node->call.op == REEL_OP_dropout;
    }
    t->state = add_state(s, i, 1);
    if (!again && (t->node->kept & 2)) t->used = add_state(s, i, REEL__MOST_INPUTS + 1);
    return t->state >= 0 && (again || !(t->node->kept & 2) || t->used >= 0);
}

static bool find_inputs(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    const reel__op op = t->node->call.op;
    t->sources = t->node->call.nin;
    if (op == REEL_OP_index_select || op == REEL_OP_dequantize_rows) {
        t->sources = 1;
        return find_rows(s, i);
    }
    if ((op == REEL_OP_dropout || op == REEL_OP_dropout_again) && !find_words(s, i)) return false;
    for (int k = 0; k < t->sources; k++)
        if (!find_input(s, i, k)) return false;
    return true;
}

/* ---- results ---- */

/* Each of the node's coordinates is somewhere in the space. */
static bool covers(const reel__fused_space *s, const reel__fused_step *t) {
    const reel_shape shape = shape_of(t->node);
    for (int b = 0; b < shape.ndim; b++) {
        int64_t last = 0;
        for (int j = 0; j < s->ndim; j++) last += t->along[b][j] * (s->dim[j] - 1);
        if (last != shape.dim[b] - 1) return false;
    }
    return true;
}

static bool find_result(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    t->result = -1;
    if (!(t->node->kept & 1)) return true;
    reel__fused_operand o = {.node = i, .slot = REEL__MOST_INPUTS, .index = -1, .written = true};
    int64_t stride[REEL_MAX_DIMS];
    if (!covers(s, t)) return false;
    result_strides(t->node, stride);
    spread(s, t, stride, o.stride);
    t->result = add_operand(s, o);
    return t->result >= 0;
}

/* ---- folds ---- */

/* A node of a result of folds: along the axes that the result which it reads has. */
static void place_behind(const reel__fused_space *s, reel__fused_step *t, int k,
                         const reel__fused_step *maker) {
    const reel_shape shape = shape_of(t->node);
    const reel__layout *l = &t->node->call.in[k]->layout;
    reel__layout seen = {.shape = shape};
    int64_t stride[REEL_MAX_DIMS], made[REEL__FUSED_AXES];
    result_strides(maker->node, stride);
    spread(s, maker, stride, made);
    reel__broadcast_strides(l, shape, seen.stride);
    for (int j = 0; j < s->ndim; j++) {
        const int b = made[j] > 0 ? axis_of(&seen, made[j], s->dim[j]) : -1;
        if (b >= 0) t->along[b][j] = made[j] / seen.stride[b];
    }
    t->placed = true;
}

/* Levels, and nodes that stand behind folds: forwards, since it is what they read that says where
 * they are. */
static void find_levels(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++) {
        reel__fused_step *t = &s->step[i];
        for (int k = 0; k < t->node->call.nin; k++) {
            int which;
            const int j = maker_of(s, i, k, &which);
            if (j < 0) continue;
            const reel__fused_step *m = &s->step[j];
            const int level = m->level + m->folds;
            if (level > t->level) t->level = level;
            if (!t->placed && level > 0 && m->placed) place_behind(s, t, k, m);
        }
        if (t->level + t->folds + 1 > s->levels) s->levels = t->level + t->folds + 1;
    }
}

/* A node that waits for no fold, and is read behind folds alone, is computed there. */
static void move_behind(reel__fused_space *s) {
    for (int j = s->steps - 1; j >= 0; j--) {
        reel__fused_step *t = &s->step[j];
        int least = -1;
        for (int i = j + 1; i < s->steps; i++)
            for (int k = 0; k < s->step[i].node->call.nin; k++) {
                int which;
                if (maker_of(s, i, k, &which) != j) continue;
                if (least < 0 || s->step[i].level < least) least = s->step[i].level;
            }
        t->moved = !t->whole && !t->folds && t->level == 0 && least > 0;
        if (t->moved) t->level = least;
    }
}

/* Which of the space's axes a fold's result still has: all before the split, or all behind it. */
static bool find_kept(const reel__fused_space *s, reel__fused_step *t) {
    int64_t one[REEL_MAX_DIMS], along[REEL__FUSED_AXES];
    for (int b = 0; b < REEL_MAX_DIMS; b++) one[b] = !(t->node->call.with.reduce.axes >> b & 1);
    spread(s, t, one, along);
    t->kept = 0;
    for (int j = 0; j < s->ndim; j++) t->kept |= (unsigned)(along[j] != 0) << j;
    unsigned all = 0;
    for (int j = 0; j < s->ndim; j++) all |= (unsigned)(s->dim[j] > 1) << j;
    return all == 0 || t->kept != all;
}

/* The split that keeps the axes before it (rows) or behind it (columns), -1: none does. */
static int split_of(const reel__fused_space *s, unsigned kept, bool rows) {
    for (int p = 1; p < s->ndim; p++) {
        unsigned wanted = 0;
        for (int j = rows ? 0 : p; j < (rows ? p : s->ndim); j++)
            wanted |= (unsigned)(s->dim[j] > 1) << j;
        if (wanted == kept) return p;
    }
    return -1;
}

/* Folds of rows and folds of columns don't meet in a kernel. */
static bool add_fold(reel__fused_space *s, const reel__fused_step *t) {
    if (t->kept == 0) {
        if (s->kind == REEL__FUSED_MAP) s->kind = REEL__FUSED_ALL;
        return s->kind != REEL__FUSED_ROWS;
    }
    const int row = split_of(s, t->kept, true), column = split_of(s, t->kept, false);
    const reel__fused_kind kind = row > 0 ? REEL__FUSED_ROWS : REEL__FUSED_COLUMNS;
    const int split = row > 0 ? row : column;
    const bool first =
        s->kind == REEL__FUSED_MAP || (s->kind == REEL__FUSED_ALL && kind == REEL__FUSED_COLUMNS);
    if (split < 0 || (!first && (kind != s->kind || split != s->split))) return false;
    s->kind = kind;
    s->split = split;
    return true;
}

static bool find_folds(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++) {
        reel__fused_step *t = &s->step[i];
        if (t->folds && (!t->whole || !find_kept(s, t) || !add_fold(s, t))) return false;
    }
    s->outer = s->inner = 1;
    for (int j = 0; j < s->ndim; j++) *(j < s->split ? &s->outer : &s->inner) *= s->dim[j];
    return true;
}

/* A few elements fit into one block's registers: all of them are one row, where some wait for a
 * fold of all. */
static void make_one_row(reel__fused_space *s) {
    bool waits = false;
    for (int i = 0; i < s->steps; i++) waits |= s->step[i].whole && s->step[i].level > 0;
    if (s->kind == REEL__FUSED_ALL && waits) s->kind = REEL__FUSED_ROWS;
}

static bool find_scope(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    bool line = false, each = t->whole;
    t->scope = REEL__EACH;
    if (t->level == 0) return true;
    if (s->kind == REEL__FUSED_ROWS) {
        for (int b = 0; b < REEL_MAX_DIMS; b++)
            for (int j = s->split; j < s->ndim; j++) each |= t->along[b][j] != 0;
        if (!each) t->scope = REEL__LINE_OF;
        return true;
    }
    for (int k = 0; k < t->node->call.nin; k++) {
        int which;
        const int j = maker_of(s, i, k, &which);
        const reel__fused_step *m = j >= 0 ? &s->step[j] : NULL;
        line |= m && (m->folds ? m->kept != 0 : m->level > 0 && m->scope == REEL__LINE_OF);
    }
    for (int b = 0; b < REEL_MAX_DIMS; b++)
        for (int j = 0; j < s->split; j++) each |= t->along[b][j] != 0;
    t->scope = line ? REEL__LINE_OF : REEL__ONCE;
    if (each || t->folds) return false;
    for (int b = 0; b < REEL_MAX_DIMS; b++) /* what is computed once has one element */
        for (int j = 0; j < s->ndim; j++)
            if (!line && t->along[b][j] != 0) return false;
    return true;
}

/* What was moved is where the nodes are that read it. */
static void follow_readers(reel__fused_space *s) {
    for (int i = s->steps - 1; i >= 0; i--)
        for (int k = 0; k < s->step[i].node->call.nin; k++) {
            int which;
            const int j = maker_of(s, i, k, &which);
            if (j >= 0 && s->step[j].moved && s->step[j].level == s->step[i].level)
                s->step[j].scope = s->step[i].scope;
        }
}

/* What is read at another level, or in another scope, must be there. */
static bool find_crossings(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++)
        for (int k = 0; k < s->step[i].node->call.nin; k++) {
            int which;
            const int j = maker_of(s, i, k, &which);
            reel__fused_step *m = j >= 0 ? &s->step[j] : NULL;
            const reel__fused_step *t = &s->step[i];
            if (!m || which > 0) continue;
            const reel__fused_scope scope =
                m->folds ? (m->kept || s->kind == REEL__FUSED_ROWS ? REEL__LINE_OF : REEL__ONCE)
                         : m->scope;
            if (scope == REEL__EACH && t->level > m->level) m->crosses = true;
            if (m->crosses && (s->kind != REEL__FUSED_ROWS || t->scope != REEL__EACH)) return false;
            if (s->kind != REEL__FUSED_ROWS && scope != t->scope) return false;
            if (t->scope == REEL__LINE_OF && scope != t->scope) return false;
        }
    return true;
}

/* ---- scratch memory, for parts of folds ---- */

static size_t bytes_of_parts(const reel__fused_space *s, const reel__fused_step *t, int vector) {
    const reel__fused_shape h = reel__fused_shape_of(s, vector);
    const int64_t parts = t->kept ? s->inner * h.parts : h.blocks;
    return (size_t)parts * REEL__CUDA_FOLD_BYTES;
}

static bool find_scratch(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++) {
        reel__fused_step *t = &s->step[i];
        if (!t->folds || s->kind == REEL__FUSED_ROWS) continue;
        const size_t a = bytes_of_parts(s, t, s->vector), b = bytes_of_parts(s, t, 1);
        t->scratch = add_word(s, REEL__WORD_SCRATCH, i, (int)(s->scratch / REEL__CUDA_FOLD_BYTES));
        if (t->scratch < 0) return false;
        s->scratch += a > b ? a : b;
    }
    return true;
}

/* ---- all ---- */

/* What no node reads, and is smaller than the space: a single number. */
static bool place(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    if (!t->placed && reel__shape_numel(shape_of(t->node)) == 1) t->placed = true;
    return t->placed;
}

/* The least stride beyond `least`, INT64_MAX if there is none; *reach grows by what goes along it.
 */
static int64_t next_stride(const reel__fused_space *s, const int64_t *stride, int64_t least,
                           int64_t *reach) {
    int64_t step = INT64_MAX;
    for (int j = 0; j < s->ndim; j++)
        if (s->dim[j] > 1 && stride[j] > least && stride[j] < step) step = stride[j];
    for (int j = 0; j < s->ndim; j++)
        if (stride[j] == step) *reach += (s->dim[j] - 1) * step;
    return step;
}

/* Whether two operands seen by the same strides have no element in common: what they reach on some
 * inner axes is less than what lies between them, and with that less than the steps on the others.
 */
static bool are_apart(const reel__fused_space *s, const reel__fused_operand *p,
                      const reel__fused_operand *q) {
    const int64_t by = p->offset < q->offset ? q->offset - p->offset : p->offset - q->offset;
    int64_t reach = 0, more = 0, step = 0;
    if (p->index >= 0 || q->index >= 0 || p->dtype != q->dtype ||
        memcmp(p->stride, q->stride, (size_t)s->ndim * sizeof *p->stride) != 0)
        return false;
    for (int j = 0; j < s->ndim; j++)
        if (p->stride[j] < 0) return false;
    do {
        reach = more;
        step = next_stride(s, p->stride, step, &more);
    } while (reach < by && step < INT64_MAX && by + reach >= step);
    if (reach >= by) return false;
    for (int j = 0; j < s->ndim; j++)
        if (s->dim[j] > 1 && p->stride[j] >= step && p->stride[j] % step != 0) return false;
    return true;
}

/* Memory that is written is read by nobody but the thread that writes it. */
static bool is_safe(const reel__fused_space *s) {
    for (int a = 0; a < s->operands; a++)
        for (int b = 0; s->operand[a].written && b < s->operands; b++) {
            const reel__fused_operand *p = &s->operand[a], *q = &s->operand[b];
            if (a != b && value_of(s, p) == value_of(s, q) &&
                (q->index >= 0 || !is_alike(s, p, q)) && !are_apart(s, p, q))
                return false;
        }
    return true;
}

static bool has_one_state(const reel__fused_space *s) {
    int dropouts = 0;
    for (int i = 0; i < s->steps; i++) dropouts += s->step[i].node->call.op == REEL_OP_dropout;
    return dropouts <= 1;
}

static void choose_vector(reel__fused_space *s);

static bool begin(reel__fused_space *s, const reel__group *g) {
    *s = (reel__fused_space){.group = g, .steps = g->count};
    for (int i = 0; i < g->count; i++) {
        s->step[i] = (reel__fused_step){.node = &g->node[i],
                                        .drawn = -1,
                                        .state = -1,
                                        .used = -1,
                                        .scratch = -1,
                                        .folds = folds(&g->node[i].call)};
        if (!reel__cuda_fuses(&g->node[i])) return false;
        const int64_t n = reel__shape_numel(shape_of(&g->node[i]));
        if (n > s->count) s->count = n;
    }
    if (!has_one_state(s) || !make_axes(s)) return false;
    for (int i = 0; i < g->count; i++)
        if (reel__shape_numel(shape_of(&g->node[i])) == s->count) place_whole(s, &s->step[i]);
    for (int k = REEL__WORD_ZERO; k <= REEL__WORD_TICKETS; k++)
        add_word(s, (reel__fused_word_kind)k, 0, 0);
    return true;
}

bool reel__fused_find(reel__fused_space *s, const reel__group *g) {
    if (g->count < 1 || g->count > REEL__FUSED_NODES || !begin(s, g) || !find_folds(s))
        return false;
    find_levels(s);
    move_behind(s);
    make_one_row(s);
    for (int i = s->steps - 1; i >= 0; i--)
        if (!place(s, i) || !find_inputs(s, i) || !find_result(s, i) || !add_words(s, i))
            return false;
    for (int i = 0; i < s->steps; i++)
        if (!find_scope(s, i)) return false;
    follow_readers(s);
    if (!find_crossings(s) || !is_safe(s)) return false;
    choose_vector(s);
    return reel__fused_shape_of(s, s->vector).blocks > 0 && find_scratch(s);
}

/* ---- units ---- */

reel__fused_how reel__fused_how_of(const reel__fused_space *s, const reel__fused_operand *o,
                                   int vector) {
    const int last = s->ndim - 1;
    const int64_t step = o->stride[last];
    if (vector == 1) return REEL__SAME;
    if (o->index >= 0 && s->operand[o->index].stride[last] != 0) return REEL__APART;
    if (step == 0) return REEL__SAME;
    if (step != 1 || (o->index >= 0 && o->row % vector != 0)) return REEL__APART;
    for (int j = 0; j < last; j++)
        if (o->stride[j] % vector != 0) return REEL__APART;
    return REEL__LINE;
}

/* 16 bytes, of the smallest elements if they are alike, else 4 elements. */
static void choose_vector(reel__fused_space *s) {
    const int64_t last = s->dim[s->ndim - 1];
    size_t least = 8, most = 1;
    s->vector = 1;
    for (int i = 0; i < s->operands; i++) {
        const size_t size = reel_dtype_size(s->operand[i].dtype);
        if (reel__fused_how_of(s, &s->operand[i], 2) != REEL__LINE && last > 1) continue;
        if (size < least) least = size;
        if (size > most) most = size;
    }
    int vector = (int)(16 / least);
    if (least < most && vector > 4) vector = 4;
    const bool has_tail = s->ndim == 1 && s->kind <= REEL__FUSED_ALL;
    while (vector > 1 && last % vector != 0 && !has_tail) vector /= 2;
    for (int i = 0; i < s->operands; i++)
        if (vector > 1 && reel__fused_how_of(s, &s->operand[i], vector) == REEL__LINE)
            s->vector = vector;
}

/* ---- how it is launched ---- */

#define ENOUGH 528         /* blocks that keep any GPU busy */
#define WORTH 4            /* rows of columns that a thread takes before there are more parts */
#define WARP_UNITS 256     /* of a row that a warp takes */
#define MOST_WORDS 96      /* of registers, for what crosses levels */
#define LONG_ROW (1 << 16) /* worth several blocks, if there are */
#define FEW_ROWS 64        /* few */
#define MOST_TILES (REEL__CUDA_TICKETS - 8)

static int64_t parts_of(int64_t n, int64_t each) {
    return (n + each - 1) / each;
}

static int64_t least_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void shape_columns(const reel__fused_space *s, int vector, reel__fused_shape *h) {
    h->lanes = vector < 32 ? 32 / vector : 1;
    while (h->lanes > 1 && (int64_t)h->lanes / 2 * vector >= s->inner) h->lanes /= 2;
    const int high = h->threads / h->lanes;
    h->tiles = parts_of(s->inner, (int64_t)h->lanes * vector);
    h->parts = least_of(s->outer / (high * WORTH), ENOUGH / h->tiles);
    if (h->parts < 1) h->parts = 1;
    h->each = parts_of(s->outer, h->parts);
    h->blocks = h->tiles <= MOST_TILES ? h->tiles * h->parts : 0;
}

/* What crosses levels stays in registers, so a row has to have room in a block's. */
static void shape_rows(const reel__fused_space *s, int vector, reel__fused_shape *h) {
    int64_t words = 0;
    h->units = s->inner / vector;
    h->lanes = 1;
    while (h->lanes < 32 && h->lanes < h->units) h->lanes *= 2;
    if (h->units > WARP_UNITS) h->lanes = h->threads;
    h->items = parts_of(h->units, h->lanes);
    for (int i = 0; i < s->steps; i++)
        if (s->step[i].crosses) words += h->items * vector;
    const bool fits = words <= MOST_WORDS && (s->inner <= LONG_ROW || s->outer >= FEW_ROWS);
    h->blocks = fits ? parts_of(s->outer, h->threads / h->lanes) : 0;
}

reel__fused_shape reel__fused_shape_of(const reel__fused_space *s, int vector) {
    const int64_t threads = s->count / vector + s->count % vector;
    reel__fused_shape h = {.threads = s->kind == REEL__FUSED_MAP ? REEL__FUSED_THREADS
                                                                 : REEL__FUSED_FOLD_THREADS};
    h.blocks = parts_of(threads, h.threads);
    if (s->kind == REEL__FUSED_ALL) h.blocks = least_of(h.blocks, ENOUGH);
    if (s->kind == REEL__FUSED_COLUMNS) shape_columns(s, vector, &h);
    if (s->kind == REEL__FUSED_ROWS) shape_rows(s, vector, &h);
    if (h.blocks > INT32_MAX) h.blocks = 0;
    return h;
}
