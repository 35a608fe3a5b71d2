/* Cases of functions of several ops, with random shapes and options: functions_check.py compares
 * them. */
#include "tests/parity/parity_layers.h"

#include "tensor/distances.h"
#include "tensor/einsum.h"

#include <string.h>

/* ---- einsum: param[0] says which; letters a..f have random sizes ---- */

static const char *const equations[] = {
    "ab,bc->ac", "abc,acd->abd", "abcd,abed->abce", "ab,ab->a",  "aab->ab",
    "ab,c->bac", "ab,bc,cd",     "a,ab,b->",        "abc->cab",  "abc,bd,ce->ade",
    "aba,b->a",  "abc,cbd->ad",  "abcd,bed->aec",   "ab,b,ab->", NULL};

static int subscripts_of(const char *equation, int which, const char **first) {
    for (; which > 0; which--) equation = strchr(equation, ',') + 1;
    *first = equation;
    return (int)strcspn(equation, ",-");
}

static int operands_of(const char *equation) {
    int n = 1;
    for (; *equation && *equation != '-'; equation++) n += *equation == ',';
    return n;
}

static void draw_einsum(dice *d, op_shapes *s) {
    int64_t size[6];
    int count = 0;
    while (equations[count]) count++;
    s->param[0] = dice_int(d, 0, count - 1);
    for (int i = 0; i < 6; i++) size[i] = dice_int(d, 0, 9) ? dice_int(d, 1, 5) : 0;
    const char *equation = equations[s->param[0]];
    for (int k = 0; k < operands_of(equation); k++) {
        const char *p;
        s->in[k].ndim = subscripts_of(equation, k, &p);
        for (int i = 0; i < s->in[k].ndim; i++) s->in[k].dim[i] = size[p[i] - 'a'];
    }
    for (int k = operands_of(equation); k < 3; k++) s->in[k] = reel_shape(1);
}

static reel_tensor *run_einsum(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_einsum_list(equations[param[0]], in, operands_of(equations[param[0]]));
}
static const op_case einsum_case = {.inputs = 3, .run = run_einsum};

/* ---- of pairs ---- */

static void draw_pair_axis(dice *d, op_shapes *s) {
    draw_axis(d, s);
    s->in[1] = s->in[0];
    if (s->in[1].ndim > 1 && dice_one_in(d, 3)) s->in[1].dim[0] = 1;
}
static reel_tensor *run_cosine(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_cosine_similarity(in[0], in[1], (int)param[0], 0);
}
static const op_case cosine_case = {.inputs = 2, .run = run_cosine};

/* param[1]: p in halves, param[2]: keepdim */
static void draw_distance(dice *d, op_shapes *s) {
    draw_pair_axis(d, s);
    s->param[1] = dice_int(d, 2, 8);
    s->param[2] = dice_int(d, 0, 1);
}
static reel_tensor *run_distance(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_pairwise_distance(in[0], in[1], (double)param[1] / 2, 0, param[2] != 0);
}
static const op_case distance_case = {.inputs = 2, .run = run_distance};

static void draw_bilinear(dice *d, op_shapes *s) {
    const int64_t i = dice_int(d, 1, 5), j = dice_int(d, 1, 5), o = dice_int(d, 1, 5);
    s->in[0] = draw_shape(d, 0, 3);
    s->in[1] = s->in[0];
    s->in[0].dim[s->in[0].ndim++] = i;
    s->in[1].dim[s->in[1].ndim++] = j;
    s->in[2] = reel_shape(o, i, j);
    s->in[3] = reel_shape(o);
    s->param[0] = dice_int(d, 0, 1);
}
static reel_tensor *run_bilinear(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_bilinear(in[0], in[1], in[2], param[0] ? in[3] : NULL);
}
static const op_case bilinear_case = {.inputs = 4, .run = run_bilinear};

/* ---- repeat_interleave ---- */

static void draw_interleaved(dice *d, op_shapes *s) {
    draw_axis(d, s);
    s->param[1] = dice_int(d, 0, 4);
}
static reel_tensor *run_interleaved(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_repeat_interleave(in[0], param[1], (int)param[0]);
}
static const op_case interleave_case = {.inputs = 1, .run = run_interleaved};

#define ROW(function, which, how)                                                                  \
    {                                                                                              \
        .family = "function", .name = #function, .c = &which##_case, .draw = how,                  \
        .dtypes = REEL__FLOAT, .differentiable = true                                              \
    }
const parity_subject parity_functions[] = {ROW(einsum, einsum, draw_einsum),
                                           ROW(cosine_similarity, cosine, draw_pair_axis),
                                           ROW(pairwise_distance, distance, draw_distance),
                                           ROW(bilinear, bilinear, draw_bilinear),
                                           ROW(repeat_interleave, interleave, draw_interleaved),
                                           {.name = NULL}};
