/* Whether a group's nodes can be one kernel, and the space that it goes over: which calls can be
 * part of one, the scratch memory it takes, and the order in which all else is found out. */
#include "cuda/fused/fused_space_internal.h"

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

static bool has_one_state(const reel__fused_space *s) {
    int dropouts = 0;
    for (int i = 0; i < s->steps; i++) dropouts += s->step[i].node->call.op == REEL_OP_dropout;
    return dropouts <= 1;
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
        t->scratch = reel__fused_add_word(s, REEL__WORD_SCRATCH, i,
                                          (int)(s->scratch / REEL__CUDA_FOLD_BYTES));
        if (t->scratch < 0) return false;
        s->scratch += a > b ? a : b;
    }
    return true;
}

/* ---- all ---- */

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
    if (!has_one_state(s) || !reel__fused_make_axes(s)) return false;
    for (int i = 0; i < g->count; i++)
        if (reel__shape_numel(shape_of(&g->node[i])) == s->count)
            reel__fused_place_whole(s, &s->step[i]);
    for (int k = REEL__WORD_ZERO; k <= REEL__WORD_TICKETS; k++)
        reel__fused_add_word(s, (reel__fused_word_kind)k, 0, 0);
    return true;
}

/* The longest of the nodes is the space, and its axes are all nodes'. Folds cut it into levels;
 * then each node, the last one first, is placed, and says what it reads, writes and is told; at
 * last scopes, what may be written before others have read it, and how wide a step is. */
bool reel__fused_find(reel__fused_space *s, const reel__group *g) {
    if (g->count < 1 || g->count > REEL__FUSED_NODES || !begin(s, g) || !reel__fused_find_folds(s))
        return false;
    reel__fused_find_levels(s);
    for (int i = s->steps - 1; i >= 0; i--)
        if (!reel__fused_place_number(s, i) || !reel__fused_find_inputs(s, i) ||
            !reel__fused_find_result(s, i) || !reel__fused_add_words(s, i))
            return false;
    if (!reel__fused_find_scopes(s) || !reel__fused_is_safe(s)) return false;
    reel__fused_choose_vector(s);
    return reel__fused_shape_of(s, s->vector).blocks > 0 && find_scratch(s);
}
