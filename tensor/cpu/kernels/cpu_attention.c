/* Attention by tiles: of some queries and some keys the products, their softmax as far as it is
 * known, and what that makes of the values; what came before is faded as a greater score is found.
 * Backward makes the tiles anew from the logarithms of the sums.
 *
 * A tile of products lies as s[key][query]: k q^T, of which q is turned once for many keys, and
 * whose columns are softmaxes (cpu_attention_internal.h).
 *
 * Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018); Dao et al.,
 * "FlashAttention" (2022), algorithms 1 and 4. */
#include "tensor/cpu/loops/cpu_attention_internal.h"

#include "tensor/formulas/attention_words_internal.h"
#include "tensor/ops/attention_internal.h"

#include <math.h>
#include <string.h>

#define QUERIES REEL__TILE_QUERIES
#define KEYS REEL__TILE_KEYS
#define WORTH_A_PART 400000.0 /* flops */

/* An operand: element (b, h, i, e) lies at data + b batch + h head + i row + e, in elements. */
typedef struct {
    char *data;
    int64_t batch, head, row;
} operand;

typedef struct {
    reel__attention_sizes n;
    double scale, dropout;
    bool causal, f64;
    int64_t size; /* bytes of an element */
    operand q, k, v, y, g, dq, dk, dv;
    const char *bias; /* NULL: none */
    int64_t bias_step[4];
    int64_t seed[2];
    char *lse, *delta;
    int64_t tiles;       /* of queries, or of keys where these are what is cut */
    atomic_bool *failed; /* for lack of scratch memory */
} attention;

/* Scratch memory of a part of the work: more than some threads' stacks hold. */
static void *space_new(const attention *a, size_t bytes) {
    void *space = reel__cpu_alloc(0, bytes);
    if (!space) *a->failed = true;
    return space;
}

static reel_status end_of(const reel__call *c, bool failed) {
    if (!failed) return REEL_OK;
    return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory for tiles");
}

static char *at(const attention *a, const operand *o, int64_t b, int64_t h, int64_t i) {
    return o->data + (b * o->batch + h * o->head + i * o->row) * a->size;
}

/* ---- products of tiles ---- */

/* s[key][query] = x[key][e] y[query][e] */
static void multiply_turned(const attention *a, void *s, const void *x, int64_t x_row,
                            const void *y, int64_t y_row, int64_t keys, int64_t queries,
                            int64_t width, void *panel) {
    const reel__gemm g = {.x = x,
                          .y = y,
                          .z = s,
                          .m = keys,
                          .n = queries,
                          .k = width,
                          .x_row = x_row,
                          .x_step = 1,
                          .y_step = 1,
                          .y_column = y_row,
                          .z_row = QUERIES};
    reel__cpu_loops()->gemm[a->f64](&g, panel);
}

/* z[row][e] (+)= sum over the other of s y[other][e], rows being queries or keys */
static void multiply_values(const attention *a, void *z, int64_t z_row, const void *s,
                            const void *y, int64_t y_row, int64_t keys, int64_t queries,
                            int64_t width, bool by_query, bool accumulate, void *panel) {
    const reel__gemm g = {.x = s,
                          .y = y,
                          .z = z,
                          .m = by_query ? queries : keys,
                          .n = width,
                          .k = by_query ? keys : queries,
                          .x_row = by_query ? 1 : QUERIES,
                          .x_step = by_query ? QUERIES : 1,
                          .y_step = y_row,
                          .y_column = 1,
                          .z_row = z_row,
                          .accumulate = accumulate};
    reel__cpu_loops()->gemm[a->f64](&g, panel);
}

/* ---- what tiles are told ---- */

static reel__attention_tile tile_of(const attention *a, int64_t b, int64_t h, int64_t query,
                                    int64_t queries, int64_t key, int64_t keys) {
    const reel__attention_sizes *n = &a->n;
    reel__attention_tile t = {.keys = keys,
                              .queries = queries,
                              .first = key - query,
                              .causal = a->causal,
                              .scale = a->scale,
                              .drops = a->dropout > 0,
                              .kept = 1 / (1 - a->dropout)};
    if (a->bias) {
        t.bias_key = a->bias_step[3];
        t.bias_query = a->bias_step[2];
        t.bias = a->bias + (b * a->bias_step[0] + h * a->bias_step[1] + query * t.bias_query +
                            key * t.bias_key) *
                               a->size;
    }
    if (t.drops) {
        t.seed[0] = (uint32_t)a->seed[0];
        t.seed[1] = (uint32_t)a->seed[1];
        t.threshold = reel__least_kept(a->dropout);
        t.row = (uint64_t)((b * n->heads + h) * n->queries + query);
        t.block = (uint64_t)key / 4;
    }
    return t;
}

/* Keys that queries before `end` look at. */
static int64_t keys_before(const attention *a, int64_t end) {
    return a->causal ? reel__least(end, a->n.keys) : a->n.keys;
}

/* ---- forward ---- */

typedef struct {
    _Alignas(64) char s[KEYS * QUERIES * 8];
    _Alignas(64) char panel[REEL__GEMM_ROOM];
    double most[QUERIES], sum[QUERIES], fade[QUERIES];
} forward_space;

static void begin_state(const attention *a, forward_space *space) {
    for (int i = 0; i < QUERIES; i++) {
        if (a->f64) {
            space->most[i] = -INFINITY;
            space->sum[i] = 0;
        } else {
            ((float *)space->most)[i] = -INFINITY;
            ((float *)space->sum)[i] = 0;
        }
    }
}

static void attend(const attention *a, int64_t b, int64_t h, int64_t query, forward_space *space) {
    const reel__attention_sizes *n = &a->n;
    const reel__attentions *loops = reel__cpu_attentions();
    const int64_t queries = reel__least(QUERIES, n->queries - query),
                  group = h / (n->heads / n->groups), end = keys_before(a, query + queries);
    const reel__attention_state state = {space->most, space->sum, space->fade};
    char *y = at(a, &a->y, b, h, query);
    begin_state(a, space);
    for (int64_t key = 0; key < end; key += KEYS) {
        const int64_t keys = reel__least(KEYS, end - key);
        reel__attention_tile t = tile_of(a, b, h, query, queries, key, keys);
        t.s = space->s;
        multiply_turned(a, t.s, at(a, &a->k, b, group, key), a->k.row, at(a, &a->q, b, h, query),
                        a->q.row, keys, queries, n->width, space->panel);
        loops->soften[a->f64](&t, &state);
        if (key > 0) loops->scale_rows[a->f64](y, a->y.row, queries, n->value_width, space->fade);
        multiply_values(a, y, a->y.row, t.s, at(a, &a->v, b, group, key), a->v.row, keys, queries,
                        n->value_width, true, key > 0, space->panel);
    }
    loops->finish[a->f64](&state, queries, 1 / (1 - a->dropout),
                          a->lse + ((b * n->heads + h) * n->queries + query) * a->size);
    if (end > 0) loops->scale_rows[a->f64](y, a->y.row, queries, n->value_width, space->fade);
}

static void work_forward(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    forward_space *space = space_new(a, sizeof *space);
    if (!space) return;
    for (int64_t i = begin; i < end; i++) {
        const int64_t of = i / a->tiles;
        attend(a, of / a->n.heads, of % a->n.heads, i % a->tiles * QUERIES, space);
    }
    reel__cpu_free(0, space, sizeof *space);
}

/* ---- operands ---- */

static double flops_of_head(const attention *a) {
    return 2.0 * (double)a->n.queries * (double)a->n.keys * (double)(a->n.width + a->n.value_width);
}

/* `count` parts of all work. */
static int64_t grain_of(const attention *a, int64_t count) {
    const double all = flops_of_head(a) * (double)(a->n.batch * a->n.heads);
    return (int64_t)(WORTH_A_PART / (all / (double)count + 1)) + 1;
}

/* Of [B,H,T,E], or of [B,T,H,E], whose last axis is contiguous. */
static operand operand_of(const reel_tensor *t, bool rows_first) {
    const int64_t *stride = t->layout.stride;
    return (operand){reel__data(t), stride[0], stride[rows_first ? 2 : 1],
                     stride[rows_first ? 1 : 2]};
}

/* A part of the packed result, [B,rows,heads,width]. */
static operand part_of(char *data, int64_t rows, int64_t heads, int64_t width) {
    return (operand){data, rows * heads * width, width, heads * width};
}

static reel_tensor *by_rows(const reel__call *c, reel_tensor *t) {
    if (t->layout.shape.dim[3] == 1 || t->layout.stride[3] == 1) return t;
    return reel_contiguous_at(c->at, t);
}

/* Of q, k, v, bias and seed; false, and a failure kept, without memory. In a scope of the caller's.
 */
static bool fill(attention *a, const reel__call *c, const reel_tensor *seed) {
    const reel_tensor *bias = c->in[3];
    const reel_tensor *q = by_rows(c, c->in[0]), *k = by_rows(c, c->in[1]),
                      *v = by_rows(c, c->in[2]);
    if (!q || !k || !v) return false;
    *a = (attention){.n = reel__attention_sizes_of(q, k, v),
                     .scale = c->with.attention.scale,
                     .dropout = c->with.attention.dropout,
                     .causal = c->with.attention.causal,
                     .f64 = q->layout.dtype == REEL_F64,
                     .size = (int64_t)reel_dtype_size(q->layout.dtype),
                     .q = operand_of(q, false),
                     .k = operand_of(k, false),
                     .v = operand_of(v, false)};
    if (reel__attention_has(bias)) {
        a->bias = reel__data(bias);
        for (int i = 0; i < 4; i++)
            a->bias_step[i] = bias->layout.shape.dim[i] == 1 ? 0 : bias->layout.stride[i];
    }
    if (reel__attention_has(seed)) {
        const int64_t *from = reel__data(seed);
        a->seed[0] = from[0];
        a->seed[1] = from[seed->layout.stride[0]];
    }
    return true;
}

reel_status reel__cpu_attention(const reel__call *c) {
    reel_tensor *y = c->out[0], *lse = c->out[1];
    atomic_bool failed = false;
    if (reel_numel(lse) == 0) return REEL_OK;
    if (reel_numel(c->in[1]) == 0 || reel_numel(y) == 0) {
        const bool done = reel_fill_at_(c->at, y, 0) && reel_fill_at_(c->at, lse, INFINITY);
        return done ? REEL_OK : reel_error_status();
    }
    REEL_SCOPE;
    attention a;
    if (!fill(&a, c, c->in[4])) return reel_error_status();
    a.failed = &failed;
    a.y = operand_of(y, true);
    a.lse = reel__data(lse);
    a.tiles = (a.n.queries + QUERIES - 1) / QUERIES;
    const int64_t count = a.n.batch * a.n.heads * a.tiles;
    reel__cpu_parallel(count, grain_of(&a, count), work_forward, &a);
    return end_of(c, failed);
}

/* ---- backward ---- */

typedef struct {
    _Alignas(64) char s[KEYS * QUERIES * 8];
    _Alignas(64) char dp[KEYS * QUERIES * 8];
    _Alignas(64) char panel[REEL__GEMM_ROOM];
} backward_space;

/* What the queries and keys of one tile give to each other: to dq, and to dk and dv, if wanted. */
static void exchange(const attention *a, int64_t b, int64_t h, int64_t query, int64_t key,
                     int64_t key_end, bool to_queries, bool to_keys, backward_space *space) {
    const reel__attention_sizes *n = &a->n;
    const int64_t queries = reel__least(QUERIES, n->queries - query),
                  end = reel__least(key_end, keys_before(a, query + queries)), keys = end - key,
                  group = h / (n->heads / n->groups), row = (b * n->heads + h) * n->queries + query;
    if (keys <= 0) return;
    const char *q = at(a, &a->q, b, h, query), *k = at(a, &a->k, b, group, key),
               *g = at(a, &a->g, b, h, query);
    reel__attention_tile t = tile_of(a, b, h, query, queries, key, keys);
    t.s = space->s;
    t.dp = space->dp;
    multiply_turned(a, t.s, k, a->k.row, q, a->q.row, keys, queries, n->width, space->panel);
    multiply_turned(a, t.dp, at(a, &a->v, b, group, key), a->v.row, g, a->g.row, keys, queries,
                    n->value_width, space->panel);
    reel__cpu_attentions()->bend[a->f64](&t, a->lse + row * a->size, a->delta + row * a->size);
    if (to_queries)
        multiply_values(a, at(a, &a->dq, b, h, query), a->dq.row, t.dp, k, a->k.row, keys, queries,
                        n->width, true, true, space->panel);
    if (!to_keys) return;
    multiply_values(a, at(a, &a->dv, b, group, key), a->dv.row, t.s, g, a->g.row, keys, queries,
                    n->value_width, false, true, space->panel);
    multiply_values(a, at(a, &a->dk, b, group, key), a->dk.row, t.dp, q, a->q.row, keys, queries,
                    n->width, false, true, space->panel);
}

/* The sum of g y over each value: what all gradients of a query's scores have in common. */
static void work_delta(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t b = i / a->n.heads, h = i % a->n.heads;
        reel__cpu_attentions()->dot_rows[a->f64](
            a->delta + i * a->n.queries * a->size, at(a, &a->y, b, h, 0), a->y.row,
            at(a, &a->g, b, h, 0), a->g.row, a->n.queries, a->n.value_width);
    }
}

/* All of a group, each tile once. */
static void work_groups(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    const reel__attention_sizes *n = &a->n;
    const int64_t sharing = n->heads / n->groups;
    backward_space *space = space_new(a, sizeof *space);
    if (!space) return;
    for (int64_t i = begin; i < end; i++)
        for (int64_t h = i % n->groups * sharing; h < (i % n->groups + 1) * sharing; h++)
            for (int64_t query = 0; query < n->queries; query += QUERIES)
                for (int64_t key = 0; key < n->keys; key += KEYS)
                    exchange(a, i / n->groups, h, query, key, reel__least(key + KEYS, n->keys),
                             true, true, space);
    reel__cpu_free(0, space, sizeof *space);
}

/* Of few heads the tiles are made twice: for the queries, and for the keys. */
static void work_queries(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    backward_space *space = space_new(a, sizeof *space);
    if (!space) return;
    for (int64_t i = begin; i < end; i++) {
        const int64_t of = i / a->tiles, query = i % a->tiles * QUERIES;
        for (int64_t key = 0; key < a->n.keys; key += KEYS)
            exchange(a, of / a->n.heads, of % a->n.heads, query, key,
                     reel__least(key + KEYS, a->n.keys), true, false, space);
    }
    reel__cpu_free(0, space, sizeof *space);
}

static void work_keys(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    const reel__attention_sizes *n = &a->n;
    const int64_t sharing = n->heads / n->groups;
    backward_space *space = space_new(a, sizeof *space);
    if (!space) return;
    for (int64_t i = begin; i < end; i++) {
        const int64_t of = i / a->tiles, key = i % a->tiles * KEYS, group = of % n->groups;
        for (int64_t h = group * sharing; h < (group + 1) * sharing; h++)
            for (int64_t query = 0; query < n->queries; query += QUERIES)
                exchange(a, of / n->groups, h, query, key, reel__least(key + KEYS, n->keys), false,
                         true, space);
    }
    reel__cpu_free(0, space, sizeof *space);
}

#define MANY_GROUPS 16 /* which keep most processors busy, each by itself */

static void go_back(attention *a) {
    const reel__attention_sizes *n = &a->n;
    const int64_t heads = n->batch * n->heads, groups = n->batch * n->groups;
    reel__cpu_parallel(heads, grain_of(a, heads), work_delta, a);
    if (groups >= MANY_GROUPS) {
        reel__cpu_parallel(groups, grain_of(a, groups), work_groups, a);
        return;
    }
    a->tiles = (n->queries + QUERIES - 1) / QUERIES;
    reel__cpu_parallel(heads * a->tiles, grain_of(a, heads * a->tiles), work_queries, a);
    a->tiles = (n->keys + KEYS - 1) / KEYS;
    reel__cpu_parallel(groups * a->tiles, grain_of(a, groups * a->tiles), work_keys, a);
}

reel_status reel__cpu_attention_grad(const reel__call *c) {
    reel_tensor *out = c->out[0];
    atomic_bool failed = false;
    if (reel_numel(out) == 0) return REEL_OK;
    if (!reel_fill_at_(c->at, out, 0)) return reel_error_status();
    if (reel_numel(c->in[5]) == 0 || reel_numel(c->in[4]) == 0 || reel_numel(c->in[1]) == 0)
        return REEL_OK;
    REEL_SCOPE;
    attention a;
    const reel_tensor *y = by_rows(c, c->in[4]), *g = by_rows(c, c->in[6]),
                      *lse = reel_contiguous_at(c->at, c->in[5]);
    const reel_tensor *delta = lse ? reel_empty_like_at(c->at, lse) : NULL;
    if (!y || !g || !delta || !fill(&a, c, c->in[7])) return reel_error_status();
    const reel__attention_sizes *n = &a.n;
    a.failed = &failed;
    a.y = operand_of(y, true);
    a.g = operand_of(g, true);
    a.lse = reel__data(lse);
    a.delta = reel__data(delta);
    char *to = reel__data(out);
    a.dq = part_of(to, n->queries, n->heads, n->width);
    a.dk = part_of(to + reel_numel(c->in[0]) * a.size, n->keys, n->groups, n->width);
    a.dv = part_of(to + (reel_numel(c->in[0]) + reel_numel(c->in[1])) * a.size, n->keys, n->groups,
                   n->value_width);
    go_back(&a);
    return end_of(c, failed);
}

/* ---- what is dropped ---- */

typedef struct {
    char *out;
    int64_t keys;
    bool f64;
    uint32_t key[2], threshold;
    double kept;
} dropping;

static void work_kept(void *context, int64_t begin, int64_t end) {
    const dropping *d = context;
    for (int64_t row = begin; row < end; row++)
        for (int64_t j = 0; j < d->keys; j++) {
            uint32_t word[4];
            reel__attention_words(d->key, (uint64_t)row, (uint64_t)j / 4, word);
            const double x = word[j % 4] >= d->threshold ? d->kept : 0;
            const int64_t to = row * d->keys + j;
            if (d->f64)
                ((double *)d->out)[to] = x;
            else
                ((float *)d->out)[to] = (float)x;
        }
}

reel_status reel__cpu_attention_kept(const reel__call *c) {
    reel_tensor *out = c->out[0];
    const int64_t *seed = reel__data(c->in[0]);
    if (reel_numel(out) == 0) return REEL_OK;
    dropping d = {.out = reel__data(out),
                  .keys = reel_dim(out, -1),
                  .f64 = out->layout.dtype == REEL_F64,
                  .key = {(uint32_t)seed[0], (uint32_t)seed[c->in[0]->layout.stride[0]]},
                  .threshold = reel__least_kept(c->with.bernoulli.p),
                  .kept = 1 / (1 - c->with.bernoulli.p)};
    reel__cpu_parallel(reel_numel(out) / d.keys, 4096 / d.keys + 1, work_kept, &d);
    return REEL_OK;
}
