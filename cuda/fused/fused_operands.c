/* What a kernel is told, reads and writes: its words, and its operands in memory. */
#include "cuda/fused/fused_space_internal.h"

#include <string.h>

/* ---- words ---- */

int reel__fused_add_word(reel__fused_space *s, reel__fused_word_kind kind, int of, int which) {
    if (s->words >= REEL__FUSED_WORDS) return -1;
    s->word[s->words] = (reel__fused_word){kind, of, which};
    return s->words++;
}

int reel__fused_constants(reel__op op) {
    switch (op) {
#define WORDS_PLAIN 0
#define WORDS_FAR (-1)
#define WORDS_TEST (-1)
#define WORDS_WITH1 1
#define WORDS_WITH2 2
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    case REEL_OP_##name:                                                                           \
        return WORDS_##form;
#include "tensor/ops/ops_map.def"
    default:
        return -1;
    }
}

/* How many numbers a node is told; none if it is negative. */
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

bool reel__fused_add_words(reel__fused_space *s, int i) {
    const reel__call *c = &s->step[i].node->call;
    s->step[i].word = s->words;
    for (int k = 0; k < constants_of(c); k++)
        if (reel__fused_add_word(s, REEL__WORD_CONSTANT, i, k) < 0) return false;
    return !reel__may_fail(c) || (reel__fused_add_word(s, REEL__WORD_NAME, i, 0) >= 0 &&
                                  reel__fused_add_word(s, REEL__WORD_SITE, i, 0) >= 0);
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
    o.word = reel__fused_add_word(s, REEL__WORD_DATA, s->operands, 0);
    if (o.word < 0) return -1;
    s->operand[s->operands] = o;
    return s->operands++;
}

/* ---- inputs ---- */

static bool find_input(reel__fused_space *s, int i, int k) {
    reel__fused_step *t = &s->step[i];
    const reel_tensor *x = t->node->call.in[k];
    reel__fused_operand o = {.node = i, .slot = k, .index = -1};
    int64_t stride[REEL_MAX_DIMS];
    int which = 0;
    reel__broadcast_strides(&x->layout, shape_of(t->node), stride);
    reel__fused_spread(s, t, stride, o.stride);
    const int j = reel__fused_maker_of(s, i, k, &which);
    if (j >= 0) {
        t->source[k] = j;
        return which == 0 && x->layout.dtype == s->step[j].node->call.out[0]->layout.dtype &&
               reel__fused_demand(s, &s->step[j], x->layout.offset, o.stride);
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
    if (reel__fused_maker_of(s, i, 0, &which) >= 0 || reel__fused_maker_of(s, i, 1, &which) >= 0)
        return false;
    reel__fused_operand index = {.node = i, .slot = 1, .index = -1};
    reel__fused_operand rows = {
        .node = i, .slot = 0, .row = x->stride[axis], .rows = x->shape.dim[axis]};
    stride[axis] = c->in[1]->layout.stride[0];
    one[axis] = 1;
    reel__fused_spread(s, t, stride, index.stride);
    reel__fused_spread(s, t, one, rows.along);
    for (int b = 0; b < ndim; b++) stride[b] = b == axis ? 0 : x->stride[b];
    reel__fused_spread(s, t, stride, rows.stride);
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
    const int j = reel__fused_maker_of(s, i, 1, &which);
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

bool reel__fused_find_inputs(reel__fused_space *s, int i) {
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

bool reel__fused_find_result(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    t->result = -1;
    if (!(t->node->kept & 1)) return true;
    reel__fused_operand o = {.node = i, .slot = REEL__MOST_INPUTS, .index = -1, .written = true};
    int64_t stride[REEL_MAX_DIMS];
    if (!covers(s, t)) return false;
    reel__fused_result_strides(t->node, stride);
    reel__fused_spread(s, t, stride, o.stride);
    t->result = add_operand(s, o);
    return t->result >= 0;
}

/* ---- what may be written ---- */

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

bool reel__fused_is_safe(const reel__fused_space *s) {
    for (int a = 0; a < s->operands; a++)
        for (int b = 0; s->operand[a].written && b < s->operands; b++) {
            const reel__fused_operand *p = &s->operand[a], *q = &s->operand[b];
            if (a != b && value_of(s, p) == value_of(s, q) &&
                (q->index >= 0 || !is_alike(s, p, q)) && !are_apart(s, p, q))
                return false;
        }
    return true;
}
