/* A group at work: each thread takes parts of its elements, and makes them tile by tile. */
#include "tensor/cpu/fused/cpu_fused_internal.h"
#include "tensor/cpu/kernels/cpu_reduce_internal.h"
#include "tensor/cpu/loops/cpu_words_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN REEL__REDUCED_RUN
#define LINE 128    /* bytes that scratch begins at multiples of */
#define GRAIN 16384 /* elements times calls that are worth a thread */

enum { MOST_SPREAD = 3 * REEL__MOST_FUSED };

/* Where elements lie: in the tensor's memory; in the group's, for all threads; in a thread's, those
 * of a tile, or of a part. */
typedef enum { MEMORY, SHARED, TILE, PART } place;

typedef struct {
    const reel_tensor *t;
    reel__along along;
    int64_t size; /* of an element */
    place place;
    size_t at;   /* in scratch */
    char *data;  /* in this run, of memory and what is shared */
    int spread;  /* of what is written out, as a loop needs it: its number; -1: none */
    size_t room; /* where, in a thread's scratch */
    bool one;    /* the loop repeats it itself */
} operand;

typedef struct {
    const reel__group_node *node;
    reel__when when;
    reel__loop loop; /* NULL: a fold, or a dropout */
    int64_t n;
    double constants[2];
    operand in[REEL__MOST_MAPPED], out;
    reel__reducing fold;
    reel__cell *left;
    reel__drop drop;
} step;

typedef struct {
    int count, spreads;
    reel__tiled tiled;
    int64_t part; /* elements that a thread takes at once */
    step *steps;
    char *scratch; /* shared, then each thread's */
    size_t shared, local;
    int threads;       /* that scratch has room for */
    atomic_int claims; /* of threads' scratch, in this run */
} fused;

/* ---- making one ---- */

/* Copies elements of as many bytes as constants say. */
static void copy_loop(const reel__run *r) {
    memcpy(r->out, r->in[0], (size_t)r->n * (size_t)r->constants[0]);
}

static reel__loop loop_of(const reel__call *c) {
    const reel__loops *l = reel__cpu_loops();
    const reel_dtype to = c->out[0]->layout.dtype, from = c->nin ? c->in[0]->layout.dtype : to;
    switch (c->op) {
    case REEL_OP_cast:
        return l->cast[from][to];
    case REEL_OP_copy:
        return copy_loop;
    case REEL_OP_fill:
        return l->fill[reel_dtype_size(to)];
    case REEL_OP_where:
        return l->where[reel_dtype_size(to)];
    case REEL_OP_dequantize:
        return l->dequantize[to][from];
    default:
        return reel__ops[c->op].kind == REEL__MAP ? l->map[c->op][from] : NULL;
    }
}

static size_t lined(size_t bytes) {
    return (bytes + LINE - 1) / LINE * LINE;
}

static size_t take(size_t *scratch, int64_t bytes) {
    const size_t at = *scratch;
    *scratch += lined((size_t)bytes);
    return at;
}

static bool touches(const reel__group_node *n, int value) {
    for (int i = 0; i < n->call.nin; i++)
        if (n->in[i] == value) return true;
    return n->out[0] == value;
}

static int last_touch(const reel__group *g, int value) {
    int last = 0;
    for (int k = 0; k < g->count; k++)
        if (touches(&g->node[k], value)) last = k;
    return last;
}

static bool is_folded(const reel__tiled *t, const reel__group *g, int value) {
    for (int k = 0; k < g->count; k++)
        if (t->when[k] == REEL__FOLDED && touches(&g->node[k], value)) return true;
    return false;
}

/* Tiles of a thread's scratch, which results take and let go. */
typedef struct {
    int64_t bytes; /* of each */
    int count;
    size_t at[REEL__MOST_FUSED];
    int until[REEL__MOST_FUSED]; /* the node that reads it last */
} tiles;

static size_t take_tile(tiles *t, size_t *scratch, int k, int last) {
    int i = 0;
    while (i < t->count && t->until[i] >= k) i++;
    if (i == t->count) t->at[t->count++] = take(scratch, t->bytes + LINE);
    t->until[i] = last;
    return t->at[i];
}

/* Where a value was put by the node that made it first; NULL: it lies in memory. */
static const operand *made(const fused *f, const reel__group *g, int count, int value) {
    for (int k = 0; k < count; k++)
        if (g->node[k].out[0] == value) return &f->steps[k].out;
    return NULL;
}

/* By nodes 0..k: then it was there before. */
static bool is_read(const reel__group *g, int k, int value) {
    for (int j = 0; j <= k; j++)
        for (int i = 0; i < g->node[j].call.nin; i++)
            if (g->node[j].in[i] == value) return true;
    return false;
}

static operand operand_of(const reel_tensor *t) {
    return (operand){.t = t, .size = (int64_t)reel_dtype_size(t->layout.dtype), .spread = -1};
}

static void place_result(fused *f, const reel__group *g, int k, tiles *t) {
    const reel__group_node *n = &g->node[k];
    const int value = n->out[0];
    const operand *before = made(f, g, k, value);
    step *s = &f->steps[k];
    s->out = operand_of(n->call.out[0]);
    if (before) {
        s->out.place = before->place;
        s->out.at = before->at;
        return;
    }
    if ((n->kept & 1) || is_read(g, k, value)) return;
    if (s->when != REEL__TILED) {
        s->out.place = SHARED;
        s->out.at = take(&f->shared, reel_numel(s->out.t) * s->out.size);
    } else if (is_folded(&f->tiled, g, value)) {
        s->out.place = PART;
        s->out.at = take(&f->local, f->part * s->out.size);
    } else {
        s->out.place = TILE;
        s->out.at = take_tile(t, &f->local, k, last_touch(g, value));
    }
}

/* Loops of floats repeat a second operand themselves. */
static bool is_repeated(const step *s, const reel__call *c, int i) {
    return reel__ops[c->op].kind == REEL__MAP && c->nin == 2 && i == 1 &&
           s->in[1].along.count == 1 && reel_dtype_is_float(c->in[1]->layout.dtype);
}

/* As many elements as are written out of an operand: of a short one, so many that a tile may begin
 * anywhere in it. */
static int64_t spread_of(const operand *o) {
    const bool is_short = o->along.inner == 1 && o->along.count <= REEL__TILE;
    return REEL__TILE + (is_short ? o->along.count : 0);
}

/* Inputs whose elements it goes along. */
static int reading(const reel__call *c) {
    return reel__is_drop(c) ? 1 : c->nin;
}

static void place_inputs(fused *f, const reel__group *g, int k) {
    const reel__call *c = &g->node[k].call;
    step *s = &f->steps[k];
    for (int i = 0; i < reading(c); i++) {
        operand *o = &s->in[i];
        *o = operand_of(c->in[i]);
        reel__cpu_along(&o->along, c, c->in[i]);
        const operand *from = made(f, g, k, g->node[k].in[i]);
        if (from) {
            o->place = from->place;
            o->at = from->at;
        }
        o->one = is_repeated(s, c, i);
        if (o->along.whole || o->one) continue;
        o->spread = f->spreads++;
        o->room = take(&f->local, spread_of(o) * o->size);
    }
}

static bool make_fold(step *s) {
    const int64_t parts = (s->n + RUN - 1) / RUN;
    s->left = calloc((size_t)parts * 2, sizeof *s->left);
    return s->left != NULL;
}

static bool make_steps(fused *f, const reel__group *g) {
    tiles t = {.bytes = REEL__TILE};
    for (int k = 0; k < g->count; k++) {
        const int64_t bytes =
            REEL__TILE * (int64_t)reel_dtype_size(g->node[k].call.out[0]->layout.dtype);
        if (bytes > t.bytes) t.bytes = bytes;
    }
    for (int k = 0; k < g->count; k++) {
        const reel__call *c = &g->node[k].call;
        step *s = &f->steps[k];
        *s = (step){.node = &g->node[k],
                    .when = f->tiled.when[k],
                    .loop = loop_of(c),
                    .n = reel__elements(c)};
        place_inputs(f, g, k);
        place_result(f, g, k, &t);
        if (reel__is_fold(c) && !make_fold(s)) return false;
    }
    return true;
}

/* ---- before a run ---- */

/* Kernels make an element of any dtype from a number like this, in the caller's mode. */
static void set_constants(step *s) {
    const reel__call *c = &s->node->call;
    s->constants[0] = s->constants[1] = 0;
    if (c->op == REEL_OP_fill) {
        const reel__run one = {.n = 1,
                               .out = s->constants,
                               .in = {&c->with.fill.value},
                               .out_stride = 1,
                               .in_stride = {1},
                               .constants = (const double[2]){0}};
        reel__cpu_loops()->cast[REEL_F64][s->out.t->layout.dtype](&one);
    } else if (c->op == REEL_OP_copy) {
        s->constants[0] = (double)s->out.size;
    } else if (c->op == REEL_OP_dequantize) {
        s->constants[0] = c->with.cast.scale;
    } else if (reel__ops[c->op].kind == REEL__MAP) {
        s->constants[0] = c->with.map.a;
        s->constants[1] = c->with.map.b;
    }
}

/* As its kernel does. */
static void set_drop(step *s) {
    const reel__call *c = &s->node->call;
    int64_t *state = reel__data(c->in[1]);
    s->drop = (reel__drop){.seed = (uint64_t)state[0],
                           .first = (uint64_t)state[1],
                           .least = reel__least_kept(c->with.dropout.p),
                           .scale = 1 / (1 - c->with.dropout.p)};
    if (c->op == REEL_OP_dropout_again) return;
    if (s->node->kept >> 1 & 1) memcpy(reel__data(c->out[1]), state, 2 * sizeof *state);
    state[1] += (s->n + 3) / 4;
}

/* Where it lies now: its node may have another tensor each time. */
static void find(const fused *f, operand *o, const reel_tensor *t) {
    o->t = t;
    if (o->place == MEMORY) o->data = reel__data(o->t);
    if (o->place == SHARED) o->data = f->scratch + o->at;
}

static void prepare(fused *f) {
    for (int k = 0; k < f->count; k++) {
        step *s = &f->steps[k];
        find(f, &s->out, s->node->call.out[0]);
        for (int i = 0; i < reading(&s->node->call); i++) find(f, &s->in[i], s->node->call.in[i]);
        if (reel__is_drop(&s->node->call))
            set_drop(s);
        else if (s->loop)
            set_constants(s);
        else
            reel__cpu_reduce_all_begin(&s->fold, &s->node->call, s->n, s->out.data, s->left);
    }
}

/* Scratch for as many threads as there may be. */
static reel_status make_room(fused *f) {
    const int threads = reel_threads();
    if (f->threads >= threads) return REEL_OK;
    free(f->scratch);
    f->threads = 0;
    const size_t bytes = f->shared + (size_t)threads * f->local;
    f->scratch = aligned_alloc(LINE, lined(bytes ? bytes : 1));
    if (!f->scratch)
        return reel_fail(REEL_ERR_MEMORY, f->steps[0].node->call.at, "%s: out of memory",
                         reel__ops[f->steps[0].node->call.op].name);
    f->threads = threads;
    return REEL_OK;
}

/* ---- operands of a tile ---- */

/* n elements from `begin` on, in a thread's scratch; `first` is where its part begins. */
typedef struct {
    char *local;
    int64_t first, begin, n;
    bool spread[MOST_SPREAD]; /* which short operands are written out */
} tile;

static char *whole_at(const operand *o, const tile *t) {
    if (o->place == TILE) return t->local + o->at;
    if (o->place == PART) return t->local + o->at + (t->begin - t->first) * o->size;
    return o->data + t->begin * o->size;
}

/* Entries again and again, `n` of them altogether. */
static void write_period(char *to, const char *from, int64_t count, int64_t n, int64_t size) {
    memcpy(to, from, (size_t)(count * size));
    for (int64_t done = count; done < n;) {
        const int64_t more = reel__least(done, n - done);
        memcpy(to + done * size, to, (size_t)(more * size));
        done += more;
    }
}

static char *short_at(const operand *o, tile *t) {
    char *to = t->local + o->room;
    if (!t->spread[o->spread]) write_period(to, o->data, o->along.count, spread_of(o), o->size);
    t->spread[o->spread] = true;
    return to + t->begin % o->along.count * o->size;
}

/* Of rows that are longer than a tile: where they lie, or the end of one and the next one's begin.
 */
static char *long_at(const operand *o, tile *t) {
    const int64_t at = t->begin % o->along.count, rest = o->along.count - at;
    char *to = t->local + o->room;
    if (t->n <= rest) return o->data + at * o->size;
    memcpy(to, o->data + at * o->size, (size_t)(rest * o->size));
    memcpy(to + rest * o->size, o->data, (size_t)((t->n - rest) * o->size));
    return to;
}

/* Each entry `inner` times. */
static char *repeated_at(const operand *o, tile *t) {
    const reel__loop fill = reel__cpu_loops()->fill[o->size];
    char *to = t->local + o->room;
    for (int64_t i = 0; i < t->n;) {
        const int64_t at = t->begin + i, rest = o->along.inner - at % o->along.inner;
        const char *entry = o->data + at / o->along.inner % o->along.count * o->size;
        double element[2] = {0};
        memcpy(element, entry, (size_t)o->size);
        const reel__run r = {.n = reel__least(rest, t->n - i),
                             .out = to + i * o->size,
                             .out_stride = 1,
                             .constants = element};
        fill(&r);
        i += r.n;
    }
    return to;
}

static char *at(const operand *o, tile *t) {
    if (o->along.whole) return whole_at(o, t);
    if (o->one) return o->data;
    if (o->along.inner > 1) return repeated_at(o, t);
    return o->along.count <= REEL__TILE ? short_at(o, t) : long_at(o, t);
}

/* ---- work ---- */

static void run_drop(const step *s, tile *t) {
    reel__drop d = s->drop;
    d.first += (uint64_t)t->begin / 4;
    d.n = t->n;
    d.x = at(&s->in[0], t);
    d.y = whole_at(&s->out, t);
    reel__cpu_words()->drop[s->out.t->layout.dtype == REEL_F64](&d);
}

static void run_loop(const step *s, tile *t) {
    if (!s->loop) {
        run_drop(s, t);
        return;
    }
    reel__run r = {.n = t->n, .out_stride = 1, .constants = s->constants};
    for (int i = 0; i < s->node->call.nin; i++) {
        r.in[i] = at(&s->in[i], t);
        r.in_stride[i] = !s->in[i].one;
    }
    r.out = whole_at(&s->out, t);
    s->loop(&r);
}

static void run_fold(step *s, const tile *t) {
    const char *x = whole_at(&s->in[0], t);
    const char *y = s->node->call.nin > 1 ? whole_at(&s->in[1], t) : x;
    reel__cpu_reduce_all_part(&s->fold, t->begin / RUN, x, y);
}

/* Calls on a few elements, and the ends of folds. */
static void run_few(fused *f, reel__when when) {
    for (int k = 0; k < f->count; k++) {
        step *s = &f->steps[k];
        tile t = {.local = f->scratch + f->shared};
        if (s->when == REEL__FOLDED && when == REEL__AFTER) reel__cpu_reduce_all_end(&s->fold);
        if (s->when != when) continue;
        t.n = s->n;
        if (reel__is_fold(&s->node->call)) {
            run_fold(s, &t);
            reel__cpu_reduce_all_end(&s->fold);
        } else {
            run_loop(s, &t);
        }
    }
}

static void work_before(void *context, int64_t begin, int64_t end) {
    (void)begin, (void)end;
    run_few(context, REEL__BEFORE);
}

static void work_after(void *context, int64_t begin, int64_t end) {
    (void)begin, (void)end;
    run_few(context, REEL__AFTER);
}

static void run_part(fused *f, tile *t, int64_t end) {
    for (; t->begin < end; t->begin += t->n) {
        t->n = reel__least(REEL__TILE, end - t->begin);
        for (int k = 0; k < f->count; k++)
            if (f->steps[k].when == REEL__TILED) run_loop(&f->steps[k], t);
    }
    t->begin = t->first;
    for (int k = 0; k < f->count; k++)
        if (f->steps[k].when == REEL__FOLDED) run_fold(&f->steps[k], t);
}

static void work_parts(void *context, int64_t begin, int64_t end) {
    fused *f = context;
    const size_t mine = (size_t)atomic_fetch_add(&f->claims, 1);
    tile t = {.local = f->scratch + f->shared + mine * f->local};
    for (int64_t i = begin; i < end; i++) {
        t.first = t.begin = i * f->part;
        run_part(f, &t, reel__least(f->tiled.n, t.first + f->part));
    }
}

static bool has(const fused *f, reel__when when) {
    for (int k = 0; k < f->count; k++)
        if (f->steps[k].when == when) return true;
    return false;
}

static reel_status run(void *of) {
    fused *f = of;
    REEL_TRY(make_room(f));
    prepare(f);
    atomic_store_explicit(&f->claims, 0, memory_order_relaxed);
    if (has(f, REEL__BEFORE)) reel__cpu_parallel(1, 1, work_before, f);
    reel__cpu_parallel((f->tiled.n + f->part - 1) / f->part, GRAIN / (f->part * f->count) + 1,
                       work_parts, f);
    if (f->tiled.folds || has(f, REEL__AFTER)) reel__cpu_parallel(1, 1, work_after, f);
    return REEL_OK;
}

/* ---- what a plan has of it ---- */

static void free_fused(void *of) {
    fused *f = of;
    for (int k = 0; f->steps && k < f->count; k++) free(f->steps[k].left);
    free(f->steps);
    free(f->scratch);
    free(f);
}

static void describe(const void *of, char *to, size_t size) {
    const fused *f = of;
    size_t at = (size_t)snprintf(to, size, "tiles of %lld:", (long long)f->tiled.n);
    for (int k = 0; k < f->count && at < size; k++)
        at +=
            (size_t)snprintf(to + at, size - at, " %s", reel__ops[f->steps[k].node->call.op].name);
}

reel__fused *reel__cpu_fuse(const reel__group *g) {
    reel__fused *fused_of = malloc(sizeof *fused_of);
    fused *f = calloc(1, sizeof *f);
    if (f) {
        f->count = g->count;
        f->steps = calloc((size_t)g->count, sizeof *f->steps);
        const bool fits = reel__cpu_tiled(&f->tiled, g);
        f->part = f->tiled.folds ? RUN : REEL__TILE;
        if (fused_of && f->steps && fits && make_steps(f, g)) {
            *fused_of =
                (reel__fused){.run = run, .free = free_fused, .describe = describe, .of = f};
            return fused_of;
        }
        free_fused(f);
    }
    free(fused_of);
    return NULL;
}
