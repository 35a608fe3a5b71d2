/* Einstein's sum, and products that are short for one.
 *
 * Each operand is brought to a tensor with one axis for each of its labels (repeated ones are taken
 * along the diagonal). Two operands at a time become one: labels of both that are needed later are
 * a batch, those that are not are summed, the rest is the left's and the right's own:
 *
 *     x[batch..., left, sum] y[batch..., sum, right] -> z[batch..., left, right]
 *
 * Letters are labels 0..51 in the order of ASCII, the axes of "..." come before them, counted from
 * the last: label -1 is the last of them. */
#include "tensor/einsum.h"

#include "tensor/ops/call_internal.h"

#include <string.h>

enum { LETTERS = 52, DOTS = REEL_MAX_DIMS, LABELS = LETTERS + DOTS, SUBSCRIPTS = 32 };

/* Labels counted from 0: those of "..." first, of which DOTS - 1 is the last axis. */
typedef struct {
    int count, label[SUBSCRIPTS];
} labels;

/* A tensor whose axes have these labels, each once. */
typedef struct {
    reel_tensor *t;
    labels l;
} term;

typedef struct {
    const char *at;
    int uses[LABELS];  /* in how many of the terms that are left it is, and in the result */
    int seen[LABELS];  /* how often it was written in the operands */
    bool kept[LABELS]; /* in the result */
    labels result;
    int dots; /* the most axes that a "..." stands for */
} sum;

static int label_of(char c) {
    if (c >= 'A' && c <= 'Z') return DOTS + c - 'A';
    if (c >= 'a' && c <= 'z') return DOTS + 26 + c - 'a';
    return -1;
}

static char letter_of(int label) {
    const int i = label - DOTS;
    return i < 0 ? '.' : (char)(i < 26 ? 'A' + i : 'a' + i - 26);
}

static int find(const labels *l, int label) {
    for (int i = 0; i < l->count; i++)
        if (l->label[i] == label) return i;
    return -1;
}

/* ---- reading the equation ---- */

static reel_status fail(reel_status code, const char *what) {
    return reel__fail_composite(code, "%s", what);
}

static reel_status append(labels *l, int label) {
    if (l->count == SUBSCRIPTS) return fail(REEL_ERR_ARGUMENT, "too many subscripts");
    l->label[l->count++] = label;
    return REEL_OK;
}

/* Subscripts up to a comma, "->" or the end, whose "..." stands for the axes that are left of ndim;
 * ndim -1: the result, whose "..." is `dots` axes. */
static reel_status read_subscripts(const char **p, int ndim, int dots, labels *l) {
    const char *s = *p;
    int letters = 0;
    for (const char *c = s; *c && *c != ',' && *c != '-'; c++) letters += label_of(*c) >= 0;
    bool had_dots = false;
    if (ndim >= 0) dots = ndim - letters;
    l->count = 0;
    for (; *s && *s != ',' && *s != '-'; s++) {
        if (*s == ' ') continue;
        if (strncmp(s, "...", 3) == 0 && !had_dots) {
            if (dots < 0) return fail(REEL_ERR_SHAPE, "more letters than axes");
            for (int i = 0; i < dots; i++) REEL_TRY(append(l, DOTS - dots + i));
            had_dots = true;
            s += 2;
        } else if (label_of(*s) < 0)
            return reel__fail_composite(REEL_ERR_ARGUMENT, "not a subscript: \"%.20s\"", s);
        else
            REEL_TRY(append(l, label_of(*s)));
    }
    *p = s;
    if (ndim >= 0 && l->count != ndim)
        return reel__fail_composite(REEL_ERR_SHAPE, "%d subscripts for an operand of %d axes",
                                    l->count, ndim);
    return REEL_OK;
}

/* After the operands: "->" and the result's, or the labels that come once, "..." in front. */
static reel_status read_result(sum *s, const char *p) {
    if (*p == '-') {
        if (p[1] != '>') return fail(REEL_ERR_ARGUMENT, "not a subscript: \"-\"");
        p += 2;
        REEL_TRY(read_subscripts(&p, -1, s->dots, &s->result));
        if (*p) return fail(REEL_ERR_ARGUMENT, "something follows the result's subscripts");
    } else
        for (int i = 0; i < LABELS; i++)
            if (i < DOTS ? i >= DOTS - s->dots : s->seen[i] == 1) REEL_TRY(append(&s->result, i));
    if (s->result.count > REEL_MAX_DIMS)
        return reel__fail_composite(REEL_ERR_SHAPE, "more than %d axes", REEL_MAX_DIMS);
    for (int i = 0; i < s->result.count; i++) {
        const int label = s->result.label[i];
        if (s->kept[label] || !s->seen[label])
            return reel__fail_composite(REEL_ERR_ARGUMENT, "%c is %s", letter_of(label),
                                        s->kept[label] ? "in the result twice"
                                                       : "in the result, and in no operand");
        s->kept[label] = true;
        s->uses[label]++;
    }
    return REEL_OK;
}

/* ---- one operand ---- */

/* t with axes in that order, of which `order` names all. */
static reel_tensor *permuted(const char *at, reel_tensor *t, const int *order, int count) {
    reel_shape axes = {.ndim = count};
    bool as_it_is = true;
    for (int i = 0; i < count; i++) {
        axes.dim[i] = order[i];
        as_it_is = as_it_is && order[i] == i;
    }
    return as_it_is ? t : reel_permute_at(at, t, axes);
}

/* Axes i < k, of one size, become the last one: every (n + 1)-th entry of both as one. */
static reel_tensor *diagonal(const char *at, reel_tensor *t, int i, int k) {
    int order[REEL_MAX_DIMS], count = 0;
    const int ndim = reel_ndim(t);
    const int64_t n = reel_dim(t, i);
    for (int a = 0; a < ndim; a++)
        if (a != i && a != k) order[count++] = a;
    order[count++] = i;
    order[count++] = k;
    t = permuted(at, t, order, ndim);
    t = reel_flatten_at(at, t, ndim - 2, ndim - 1);
    return reel_slice_at(at, t, -1, 0, n * n, n + 1);
}

/* A label that comes again is the diagonal of both its axes, which is the last axis then. */
static reel_status take_diagonals(const char *at, term *x) {
    for (int k = 0; k < x->l.count; k++) {
        const int label = x->l.label[k], i = find(&x->l, label);
        if (i == k) continue;
        if (reel_dim(x->t, i) != reel_dim(x->t, k))
            return reel__fail_composite(REEL_ERR_SHAPE, "%c has sizes %lld and %lld in one operand",
                                        letter_of(label), (long long)reel_dim(x->t, i),
                                        (long long)reel_dim(x->t, k));
        x->t = diagonal(at, x->t, i, k);
        if (!x->t) return reel_error_status();
        labels left = {0};
        for (int a = 0; a < x->l.count; a++)
            if (a != i && a != k) left.label[left.count++] = x->l.label[a];
        left.label[left.count++] = label;
        x->l = left;
        k = -1; /* axes have moved: once more */
    }
    return REEL_OK;
}

/* Sums x over labels for which `drop` says so. */
static void sum_over(const char *at, term *x, const bool drop[LABELS]) {
    reel_shape axes = {0};
    labels left = {0};
    for (int i = 0; i < x->l.count; i++)
        if (drop[x->l.label[i]])
            axes.dim[axes.ndim++] = i;
        else
            left.label[left.count++] = x->l.label[i];
    if (axes.ndim) x->t = reel_sum_at(at, x->t, axes, false);
    x->l = left;
}

/* ---- two operands ---- */

/* Labels of a product by where they go. */
typedef struct {
    labels batch, left, right, summed;
} roles;

static void push(labels *l, int label) {
    l->label[l->count++] = label;
}

static int64_t size_of(const term *x, int label) {
    const int i = find(&x->l, label);
    return i < 0 ? 1 : reel_dim(x->t, i);
}

/* An axis of 1 whose label has another size in y: x goes without it. */
static reel_tensor *without_broadcast(const char *at, term *x, const term *y) {
    reel_shape s = {0};
    labels left = {0};
    for (int i = 0; i < x->l.count; i++) {
        const int label = x->l.label[i];
        if (reel_dim(x->t, i) == 1 && find(&y->l, label) >= 0 && size_of(y, label) != 1) continue;
        s.dim[s.ndim++] = reel_dim(x->t, i);
        push(&left, label);
    }
    if (left.count != x->l.count) x->t = reel_reshape_at(at, x->t, s);
    x->l = left;
    return x->t;
}

static reel_status check_sizes(const term *x, const term *y) {
    for (int i = 0; i < x->l.count; i++) {
        const int label = x->l.label[i];
        if (find(&y->l, label) < 0) continue;
        const int64_t a = size_of(x, label), b = size_of(y, label);
        if (a != b && a != 1 && b != 1)
            return reel__fail_composite(REEL_ERR_SHAPE, "%c has sizes %lld and %lld",
                                        letter_of(label), (long long)a, (long long)b);
    }
    return REEL_OK;
}

static roles roles_of(const sum *s, const term *x, const term *y) {
    roles r = {0};
    for (int i = 0; i < x->l.count; i++) {
        const int label = x->l.label[i];
        if (find(&y->l, label) < 0)
            push(&r.left, label);
        else
            push(s->uses[label] > 2 ? &r.batch : &r.summed, label);
    }
    for (int i = 0; i < y->l.count; i++)
        if (find(&x->l, y->l.label[i]) < 0) push(&r.right, y->l.label[i]);
    return r;
}

static int64_t product_of(const term *x, const labels *l) {
    int64_t n = 1;
    for (int i = 0; i < l->count; i++) n *= size_of(x, l->label[i]);
    return n;
}

/* x as [batch..., a, b]; the batch is one axis where there would be too many. */
static reel_tensor *as_matrices(const char *at, const term *x, const labels *batch, const labels *a,
                                const labels *b) {
    int order[REEL_MAX_DIMS], count = 0;
    const labels *parts[] = {batch, a, b};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < parts[k]->count; i++) order[count++] = find(&x->l, parts[k]->label[i]);
    reel_tensor *t = permuted(at, x->t, order, count);
    reel_shape s = {0};
    if (batch->count + 2 <= REEL_MAX_DIMS)
        for (int i = 0; i < batch->count; i++) s.dim[s.ndim++] = size_of(x, batch->label[i]);
    else
        s.dim[s.ndim++] = product_of(x, batch);
    s.dim[s.ndim++] = product_of(x, a);
    s.dim[s.ndim++] = product_of(x, b);
    return reel_reshape_at(at, t, s);
}

static reel_tensor *multiplied(const char *at, const term *x, const term *y, const roles *r) {
    const labels none = {0};
    const bool sums = r->summed.count > 0;
    /* left[batch..., L, S] right[batch..., S, R], or without a sum [batch..., L, 1] and [..., 1, R]
     */
    reel_tensor *a = as_matrices(at, x, &r->batch, &r->left, sums ? &r->summed : &none),
                *b = as_matrices(at, y, &r->batch, sums ? &r->summed : &none, &r->right);
    return sums ? reel_matmul_at(at, a, b) : reel_mul_at(at, a, b);
}

/* z's axes as its labels have them. */
static reel_status join(const sum *s, term *x, term *y) {
    REEL_TRY(check_sizes(x, y));
    if (!without_broadcast(s->at, x, y) || !without_broadcast(s->at, y, x))
        return reel_error_status();
    bool lonely[LABELS];
    for (int i = 0; i < LABELS; i++) /* in one of them alone, and needed no more */
        lonely[i] = s->uses[i] - (find(&x->l, i) >= 0) - (find(&y->l, i) >= 0) == 0 &&
                    (find(&x->l, i) >= 0) != (find(&y->l, i) >= 0);
    sum_over(s->at, x, lonely);
    sum_over(s->at, y, lonely);
    if (!x->t || !y->t) return reel_error_status();
    const roles r = roles_of(s, x, y);
    const labels *parts[] = {&r.batch, &r.left, &r.right};
    labels all = {0};
    reel_shape shape = {0};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < parts[k]->count; i++) {
            if (all.count == REEL_MAX_DIMS) return fail(REEL_ERR_SHAPE, "more than 8 axes");
            shape.dim[shape.ndim++] = size_of(k == 2 ? y : x, parts[k]->label[i]);
            push(&all, parts[k]->label[i]);
        }
    x->t = reel_reshape_at(s->at, multiplied(s->at, x, y, &r), shape);
    x->l = all;
    return x->t ? REEL_OK : reel_error_status();
}

/* ---- whole ---- */

static reel_status read_operand(sum *s, const char **p, reel_tensor *t, term *x) {
    x->t = t;
    REEL_TRY(read_subscripts(p, reel_ndim(t), 0, &x->l));
    int dots = 0;
    for (int i = 0; i < x->l.count; i++) {
        s->seen[x->l.label[i]]++;
        dots += x->l.label[i] < DOTS;
    }
    if (dots > s->dots) s->dots = dots;
    return take_diagonals(s->at, x);
}

static reel_status read_all(sum *s, const char *equation, reel_tensor *const *operands, int count,
                            term *terms) {
    const char *p = equation;
    for (int k = 0; k < count; k++) {
        if (k > 0 && *p++ != ',') return fail(REEL_ERR_ARGUMENT, "more operands than subscripts");
        REEL_TRY(read_operand(s, &p, operands[k], &terms[k]));
        for (int i = 0; i < terms[k].l.count; i++) s->uses[terms[k].l.label[i]]++;
    }
    if (*p == ',') return fail(REEL_ERR_ARGUMENT, "more subscripts than operands");
    return read_result(s, p);
}

/* The labels that were joined are in one term less. */
static void count_join(sum *s, const term *x, const term *y) {
    for (int i = 0; i < x->l.count; i++)
        if (find(&y->l, x->l.label[i]) >= 0) s->uses[x->l.label[i]]--;
}

static reel_tensor *in_order(const sum *s, term *x) {
    bool drop[LABELS];
    int order[REEL_MAX_DIMS];
    for (int i = 0; i < LABELS; i++) drop[i] = !s->kept[i];
    sum_over(s->at, x, drop);
    for (int i = 0; i < s->result.count; i++) order[i] = find(&x->l, s->result.label[i]);
    return x->t ? permuted(s->at, x->t, order, s->result.count) : NULL;
}

enum { MOST_OPERANDS = 16 };

static reel_tensor *run(sum *s, const char *equation, reel_tensor *const *operands, int count) {
    term terms[MOST_OPERANDS];
    REEL_SCOPE;
    if (read_all(s, equation, operands, count, terms) != REEL_OK) return NULL;
    for (int k = 1; k < count; k++) {
        const term x = terms[0], y = terms[k];
        if (join(s, &terms[0], &terms[k]) != REEL_OK) return NULL;
        count_join(s, &x, &y);
    }
    return reel_scope_return(in_order(s, &terms[0]));
}

reel_tensor *reel_einsum_at(const char *at, const char *equation, reel_tensor *const *operands,
                            int count) {
    const bool few = operands && count >= 1 && count <= MOST_OPERANDS;
    reel_tensor *in[4] = {NULL}; /* which messages name */
    const int named = !few ? 0 : count < 4 ? count : 4;
    for (int i = 0; i < named; i++) in[i] = operands[i];
    REEL__COMPOSITE(.name = "einsum", .at = at, .in = {in[0], in[1], in[2], in[3]}, .given = named);
    if (!equation || !few) {
        if (equation)
            reel__fail_composite(REEL_ERR_ARGUMENT, "%d operands, of 1 to %d", count,
                                 MOST_OPERANDS);
        else
            reel__fail_composite(REEL_ERR_ARGUMENT, "no equation");
        return NULL;
    }
    if (!reel__composite_is_whole(&composite)) return NULL;
    for (int i = 0; i < count; i++)
        if (!reel__is_there("einsum", at, operands[i], "operand") ||
            !reel__live(at, "einsum", NULL, operands[i]))
            return NULL;
    sum s = {.at = at};
    return run(&s, equation, operands, count);
}
