/* Folds: which axes they go along, what waits for them, and where that is computed. */
#include "cuda/fused/fused_space_internal.h"

/* ---- which axes ---- */

/* Which of the space's axes a fold's result still has: all before the split, or all behind it. */
static bool find_kept(const reel__fused_space *s, reel__fused_step *t) {
    int64_t one[REEL_MAX_DIMS], along[REEL__FUSED_AXES];
    for (int b = 0; b < REEL_MAX_DIMS; b++) one[b] = !(t->node->call.with.reduce.axes >> b & 1);
    reel__fused_spread(s, t, one, along);
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

bool reel__fused_find_folds(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++) {
        reel__fused_step *t = &s->step[i];
        if (t->folds && (!t->whole || !find_kept(s, t) || !add_fold(s, t))) return false;
    }
    s->outer = s->inner = 1;
    for (int j = 0; j < s->ndim; j++) *(j < s->split ? &s->outer : &s->inner) *= s->dim[j];
    return true;
}

/* ---- what waits ---- */

/* Levels, and nodes that stand behind folds: forwards, since it is what they read that says where
 * they are. */
static void find_levels(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++) {
        reel__fused_step *t = &s->step[i];
        for (int k = 0; k < t->node->call.nin; k++) {
            int which;
            const int j = reel__fused_maker_of(s, i, k, &which);
            if (j < 0) continue;
            const reel__fused_step *m = &s->step[j];
            const int level = m->level + m->folds;
            if (level > t->level) t->level = level;
            if (!t->placed && level > 0 && m->placed) reel__fused_place_behind(s, t, k, m);
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
                if (reel__fused_maker_of(s, i, k, &which) != j) continue;
                if (least < 0 || s->step[i].level < least) least = s->step[i].level;
            }
        t->moved = !t->whole && !t->folds && t->level == 0 && least > 0;
        if (t->moved) t->level = least;
    }
}

/* A few elements fit into one block's registers: all of them are one row, where some wait for a
 * fold of all. */
static void make_one_row(reel__fused_space *s) {
    bool waits = false;
    for (int i = 0; i < s->steps; i++) waits |= s->step[i].whole && s->step[i].level > 0;
    if (s->kind == REEL__FUSED_ALL && waits) s->kind = REEL__FUSED_ROWS;
}

void reel__fused_find_levels(reel__fused_space *s) {
    find_levels(s);
    move_behind(s);
    make_one_row(s);
}

/* ---- where it is computed ---- */

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
        const int j = reel__fused_maker_of(s, i, k, &which);
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
            const int j = reel__fused_maker_of(s, i, k, &which);
            if (j >= 0 && s->step[j].moved && s->step[j].level == s->step[i].level)
                s->step[j].scope = s->step[i].scope;
        }
}

/* What is read at another level, or in another scope, must be there. */
static bool find_crossings(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++)
        for (int k = 0; k < s->step[i].node->call.nin; k++) {
            int which;
            const int j = reel__fused_maker_of(s, i, k, &which);
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

bool reel__fused_find_scopes(reel__fused_space *s) {
    for (int i = 0; i < s->steps; i++)
        if (!find_scope(s, i)) return false;
    follow_readers(s);
    return find_crossings(s);
}
