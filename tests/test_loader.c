/* The loader: batches in order however they are made, failures, and checkpoints. */
#include "data/data_internal.h"
#include "tensor/ops.h"
#include "tests/expect.h"
#include "tests/numbers.h"

#include <stdatomic.h>

/* How batches are made: by so many threads, and uploaded ahead or not, which on the CPU moves
 * nothing but goes the same way. */
typedef struct {
    int workers;
    bool ahead;
} way;

static const way ways[] = {{0, false}, {1, false}, {2, false}, {5, false},
                           {0, true},  {1, true},  {2, true},  {5, true}};
enum { WAYS = sizeof ways / sizeof *ways };

/* A loader of batches for the device under test. */
static reel_loader *loader_of(reel_dataset *d, reel_loader_options o, way w) {
    o.workers = w.workers;
    o.device = test_device();
    reel_loader *l = reel_loader_new(d, o);
    expect_fine();
    l->read_ahead |= w.ahead;
    return l;
}

/* In a scope, which owns what is copied. */
static const void *on_host(reel_tensor *t) {
    return reel_data(reel_to(t, reel_cpu()));
}

static void check_numbers(const reel_batch *b) {
    ck_assert(reel_shape_equal(reel_shape_of(b->x), reel_shape(b->n, 2)));
    ck_assert(reel_shape_equal(reel_shape_of(b->y), reel_shape(b->n)));
    REEL_SCOPE;
    const float *x = on_host(b->x);
    const int64_t *y = on_host(b->y);
    for (int64_t k = 0; k < b->n; k++) {
        ck_assert_float_eq(x[2 * k], (float)b->index[k]);
        ck_assert_float_eq(x[2 * k + 1], (float)(b->index[k] * b->index[k]));
        ck_assert_int_eq(y[k], b->index[k]);
    }
}

/* ---- what a loader gave: a list of numbers ---- */

typedef struct {
    int64_t v[4096];
    int count;
} trace;

static void note(trace *t, int64_t v) {
    ck_assert_int_lt(t->count, 4096);
    t->v[t->count++] = v;
}

/* Calls reel_loader_next `calls` times. */
static void run(reel_loader *l, int calls, trace *t) {
    for (reel_batch b; calls > 0; calls--) {
        if (reel_loader_next(l, &b)) {
            check_numbers(&b);
            note(t, b.number);
            for (int64_t k = 0; k < b.n; k++) note(t, b.index[k]);
        } else {
            expect_fine();
            ck_assert_ptr_null(b.x);
            note(t, -reel_loader_epoch(l));
        }
    }
}

static void check_same(const trace *a, const trace *b) {
    ck_assert_int_eq(a->count, b->count);
    ck_assert_mem_eq(a->v, b->v, (size_t)a->count * sizeof *a->v);
}

/* ---- samplers and batch samplers of one's own ---- */

/* Epoch e is e, e - 1, ..., each modulo n, and then nothing of `n` more. */
typedef struct {
    reel_sampler base;
    int64_t n, length;
    reel_status status;
} counting_down;

static int64_t down_length(reel_sampler *s) {
    return ((counting_down *)s)->length;
}

static reel_status down_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const counting_down *c = (counting_down *)s;
    for (int64_t k = 0; k < c->length; k++) index[k] = (epoch + c->length - k) % c->n;
    return c->status;
}

static const reel_sampler_class down_class = {down_length, down_order, NULL};

/* Batches of 1, 2, 3, ... items, the first of them e + 1; with `count` or `size` not 0 it lies. */
typedef struct {
    reel_batch_sampler base;
    int64_t n, count, size;
} triangle;

static int64_t triangle_length(reel_batch_sampler *s) {
    return ((triangle *)s)->n;
}

static reel_status triangle_plan(reel_batch_sampler *s, int64_t epoch, int64_t *index,
                                 int64_t *sizes, int64_t *batches) {
    const triangle *t = (triangle *)s;
    *batches = 0;
    for (int64_t k = 0; k < t->n; k++) index[k] = (k * 7 + epoch) % t->n;
    for (int64_t size = epoch + 1, at = 0; at + size <= t->n; at += size++)
        sizes[(*batches)++] = size;
    if (t->count) *batches = t->count;
    if (t->size) sizes[1] = t->size;
    return REEL_OK;
}

static const reel_batch_sampler_class triangle_class = {triangle_length, triangle_plan, NULL};

/* ---- a loader of each kind ---- */

enum { SEQUENTIAL, SHUFFLE, DROP_LAST, DRAWN, WEIGHTED, KEPT, SUBSET, OWN, BATCHES, KINDS };

typedef struct {
    numbers set;
    counting_down down;
    triangle batches;
    reel_sampler *sampler;
    reel_loader *loader;
} rig;

#define ITEMS 23

static reel_sampler *sampler_of(rig *r, int kind) {
    double weights[ITEMS];
    int64_t some[9];
    for (int k = 0; k < ITEMS; k++) weights[k] = k % 4;
    for (int k = 0; k < 9; k++) some[k] = 2 * k + 1;
    switch (kind) {
    case DRAWN:
        return reel_random_sampler_new(ITEMS, true, 31, 4);
    case WEIGHTED:
        return reel_weighted_sampler_new(weights, ITEMS, 28, true, 4);
    case KEPT:
        return reel_weighted_sampler_new(weights, ITEMS, 12, false, 4);
    case SUBSET:
        return reel_subset_sampler_new(some, 9, 4);
    case OWN:
        return &r->down.base;
    default:
        return NULL;
    }
}

static void rig_open(rig *r, int kind, way w) {
    *r = (rig){.set = numbers_of(ITEMS),
               .down = {{&down_class}, ITEMS, 14, REEL_OK},
               .batches = {{&triangle_class}, ITEMS, 0, 0}};
    r->sampler = sampler_of(r, kind);
    reel_loader_options o = {.seed = 4, .sampler = r->sampler};
    if (kind == BATCHES)
        o.batch_sampler = &r->batches.base;
    else
        o.batch_size = 5;
    o.shuffle = kind == SHUFFLE || kind == DROP_LAST;
    o.drop_last = kind == DROP_LAST;
    r->loader = loader_of(&r->set.base, o, w);
}

static void rig_close(rig *r) {
    reel_loader_free(r->loader);
    reel_sampler_free(r->sampler);
}

/* ---- collate ---- */

/* Item i is x[i + 1]. */
static reel_status ragged_get(reel_dataset *d, int64_t i, reel_sample *out) {
    (void)d;
    out->x = reel_ones(reel_shape(i + 1), REEL_F32, reel_cpu());
    return reel_error_status();
}

static const reel_dataset_class ragged_class = {.length = numbers_length, .get = ragged_get};

/* Pads with zeros to *user entries. */
static reel_status pad(const reel_sample *samples, int64_t n, reel_sample *out, void *user) {
    out->x = reel_zeros(reel_shape(n, *(int64_t *)user), REEL_F32, reel_cpu());
    for (int64_t k = 0; k < n; k++)
        reel_copy_(reel_slice(reel_select(out->x, 0, k), 0, 0, reel_dim(samples[k].x, 0), 1),
                   samples[k].x);
    return reel_error_status();
}

static reel_status give_nothing(const reel_sample *s, int64_t n, reel_sample *out, void *user) {
    (void)s, (void)n, (void)out, (void)user;
    return REEL_OK;
}

START_TEST(a_collate_of_ones_own_is_asked) {
    numbers d = {{&ragged_class}, 6, -1};
    int64_t width = 7;
    reel_batch b;
    reel_loader_options o = {.batch_size = 4};
    reel_loader *l = loader_of(&d.base, o, ways[_i]);
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_SHAPE, "loader: epoch 0, batch 0: collate: shapes differ");
    reel_loader_free(l);

    o.collate = pad;
    o.user = &width;
    l = loader_of(&d.base, o, ways[_i]);
    ck_assert(reel_loader_next(l, &b));
    ck_assert(reel_shape_equal(reel_shape_of(b.x), reel_shape(4, 7)));
    {
        REEL_SCOPE;
        ck_assert_double_eq(reel_item(reel_sum(b.x)), 10);
    }
    reel_loader_free(l);

    o.collate = give_nothing;
    l = loader_of(&d.base, o, ways[_i]);
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_STATE, "gave no x");
    reel_loader_free(l);
}
END_TEST

/* ---- the loader ---- */

static reel_status count_and_collate(const reel_sample *s, int64_t n, reel_sample *out,
                                     void *user) {
    atomic_fetch_add((atomic_int *)user, 1);
    return reel_collate_default(s, n, out, NULL);
}

START_TEST(pixels_become_floats) {
    static uint8_t pixels[100][28][28];
    int64_t labels[100];
    for (int i = 0; i < 100; i++) {
        labels[i] = i % 10;
        for (int p = 0; p < 784; p++) pixels[i][p / 28][p % 28] = (uint8_t)(i * 31 + p * 7);
    }
    REEL_SCOPE;
    reel_dataset *d = reel_tensor_dataset_new(reel_from(pixels, reel_shape(100, 28, 28), REEL_U8),
                                              reel_from(labels, reel_shape(100), REEL_I64));
    reel_loader_options o = {.batch_size = 40, .shuffle = true, .scale = 1.0 / 255};
    reel_loader *gathered = loader_of(d, o, ways[_i]);
    atomic_int asked = 0;
    o.collate = count_and_collate;
    o.user = &asked;
    reel_loader *collated = loader_of(d, o, ways[_i]);
    ck_assert_int_eq(reel_loader_batches(gathered), 3);
    int seen[100] = {0};
    for (reel_batch b, c; reel_loader_next(gathered, &b);) {
        ck_assert(reel_loader_next(collated, &c));
        ck_assert_int_eq(b.n, b.number < 2 ? 40 : 20);
        ck_assert(reel_shape_equal(reel_shape_of(b.x), reel_shape(b.n, 28, 28)));
        ck_assert_int_eq(reel_dtype_of(b.x), REEL_F32);
        ck_assert_int_eq(reel_dtype_of(b.y), REEL_I64);
        const float *x = on_host(b.x);
        const int64_t *y = on_host(b.y);
        ck_assert_mem_eq(x, on_host(c.x), (size_t)b.n * 784 * sizeof *x);
        ck_assert_mem_eq(y, on_host(c.y), (size_t)b.n * sizeof *y);
        for (int64_t k = 0; k < b.n; k++) {
            int64_t i = b.index[k];
            seen[i]++;
            ck_assert_int_eq(y[k], labels[i]);
            for (int p = 0; p < 784; p++)
                ck_assert_float_eq_tol(x[k * 784 + p], (float)pixels[i][p / 28][p % 28] / 255,
                                       1e-6f);
        }
    }
    expect_fine();
    for (int i = 0; i < 100; i++) ck_assert_int_eq(seen[i], 1);
    ck_assert_int_eq(atomic_load(&asked), 3);
    reel_loader_free(collated);
    reel_loader_free(gathered);
    reel_dataset_free(d);
}
END_TEST

START_TEST(ways_change_nothing) {
    int kind = _i;
    static trace expected, got;
    rig r;
    expected.count = 0;
    rig_open(&r, kind, ways[0]);
    run(r.loader, 30, &expected);
    rig_close(&r);
    for (int w = 1; w < WAYS; w++) {
        got.count = 0;
        rig_open(&r, kind, ways[w]);
        run(r.loader, 30, &got);
        rig_close(&r);
        check_same(&expected, &got);
    }
}
END_TEST

static void order_of_epoch(reel_loader *l, int64_t *order) {
    for (reel_batch b; reel_loader_next(l, &b);)
        for (int64_t k = 0; k < b.n; k++) *order++ = b.index[k];
    expect_fine();
}

START_TEST(each_epoch_has_an_order_of_its_own) {
    numbers d = numbers_of(30);
    reel_loader_options o = {.batch_size = 7, .shuffle = true, .seed = 5, .device = test_device()};
    reel_loader *a = reel_loader_new(&d.base, o), *b = reel_loader_new(&d.base, o);
    o.seed = 6;
    reel_loader *c = reel_loader_new(&d.base, o);
    int64_t first[30], second[30], same[30], other[30];
    order_of_epoch(a, first);
    order_of_epoch(a, second);
    order_of_epoch(b, same);
    order_of_epoch(c, other);
    ck_assert_mem_ne(first, second, sizeof first);
    ck_assert_mem_eq(first, same, sizeof first);
    ck_assert_mem_ne(first, other, sizeof first);
    ck_assert_int_eq(reel_loader_epoch(a), 2);
    ck_assert_int_eq(reel_loader_position(a), 0);
    reel_loader_free(a);
    reel_loader_free(b);
    reel_loader_free(c);
}
END_TEST

START_TEST(batches_are_counted) {
    static const struct {
        int64_t items, batch_size, batches;
        bool drop_last;
    } cases[] = {
        {10, 5, 2, false}, {11, 5, 3, false},        {11, 5, 2, true}, {4, 5, 1, false},
        {4, 5, 0, true},   {0, 5, 0, false},         {1, 1, 1, false}, {3, 0, 3, false},
        {5, 5, 1, true},   {4, INT64_MAX, 1, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int w = 0; w < WAYS; w++) {
            numbers d = numbers_of(cases[k].items);
            reel_loader *l = loader_of(&d.base,
                                       (reel_loader_options){.batch_size = cases[k].batch_size,
                                                             .drop_last = cases[k].drop_last},
                                       ways[w]);
            ck_assert_int_eq(reel_loader_batches(l), cases[k].batches);
            for (int64_t epoch = 0; epoch < 2; epoch++) {
                int64_t batches = 0;
                ck_assert_int_eq(reel_loader_epoch(l), epoch);
                for (reel_batch b; reel_loader_next(l, &b);) {
                    ck_assert_int_eq(b.number, batches++);
                    ck_assert_int_eq(reel_loader_position(l), batches);
                    check_numbers(&b);
                }
                ck_assert_int_eq(batches, cases[k].batches);
            }
            expect_fine();
            reel_loader_free(l);
        }
}
END_TEST

START_TEST(a_failure_arrives_at_its_batch) {
    numbers d = numbers_of(100);
    d.bad = 57;
    reel_loader *l =
        loader_of(&d.base, (reel_loader_options){.batch_size = 10, .prefetch = 4}, ways[_i]);
    reel_batch b;
    for (int k = 0; k < 5; k++) ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(b.number, 4);
    ck_assert(!reel_loader_next(l, &b));
    ck_assert_int_eq(reel_error_status(), REEL_ERR_IO);
    char text[160];
    snprintf(text, sizeof text,
             "loader: epoch 0, batch 5: item 57: numbers: can't read (tests/test_loader.c:%d)",
             __LINE__ - 5);
    ck_assert_str_eq(reel_error(), text);
    ck_assert_ptr_null(b.x);
    ck_assert(!reel_loader_next(l, &b)); /* and stays, until it is cleared */
    ck_assert_int_eq(reel_loader_position(l), 5);
    reel_clear_error();
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_IO, "batch 5: item 57");
    d.bad = -1;
    int64_t left = 0;
    for (; reel_loader_next(l, &b); left++) {
        ck_assert_int_eq(b.number, left + 5);
        check_numbers(&b);
    }
    expect_fine();
    ck_assert_int_eq(left, 5);
    reel_loader_free(l);
}
END_TEST

/* What a dataset of one's own may do wrong: mode 0 gives no x, 1 lets an op fail, 2 fails without a
 * word. */
static reel_status misbehave(reel_dataset *d, int64_t i, reel_sample *out) {
    int64_t mode = ((numbers *)d)->bad;
    (void)i;
    if (mode == 1) out->x = reel_matmul(reel_zeros(reel_shape(2), REEL_F32, reel_cpu()), NULL);
    return mode == 2 ? REEL_ERR_FORMAT : REEL_OK;
}

/* 0 gives a row too few, 1 gives too few labels, 2 fails without a word. */
static reel_status misgather(reel_dataset *d, const int64_t *index, int64_t n, reel_sample *out) {
    int64_t mode = ((numbers *)d)->bad;
    (void)index;
    out->x = reel_zeros(reel_shape(mode == 0 ? n - 1 : n, 2), REEL_F32, reel_cpu());
    if (mode == 1) out->y = reel_zeros(reel_shape(n - 1), REEL_I64, reel_cpu());
    return mode == 2 ? REEL_ERR_FORMAT : REEL_OK;
}

static const reel_dataset_class misbehave_class = {.length = numbers_length, .get = misbehave};
static const reel_dataset_class misgather_class = {
    .length = numbers_length, .get = misbehave, .gather = misgather};

/* Item i by gather alone: x i, twice. */
static reel_status gather_numbers(reel_dataset *d, const int64_t *index, int64_t n,
                                  reel_sample *out) {
    (void)d;
    reel_tensor *i = reel_cast(reel_from(index, reel_shape(n, 1), REEL_I64), REEL_F32);
    out->x = reel_expand(i, reel_shape(n, 2));
    return reel_error_status();
}

static const reel_dataset_class gather_class = {
    .length = numbers_length, .get = misbehave, .gather = gather_numbers};

/* A subset asks for whole batches too, by the items of the whole. */
START_TEST(a_subset_of_what_gathers_gathers) {
    numbers d = {{&gather_class}, 10, 0};
    const int64_t index[] = {9, 2, 7, 2};
    reel_dataset *some = reel_subset_dataset_new(&d.base, index, 4);
    reel_loader *l = loader_of(some, (reel_loader_options){.batch_size = 3}, ways[_i]);
    int64_t k = 0;
    for (reel_batch b; reel_loader_next(l, &b);)
        for (int64_t i = 0; i < b.n; i++, k++)
            ck_assert_double_eq(element(b.x, 2 * i + 1), (double)index[k]);
    expect_fine();
    ck_assert_int_eq(k, 4);
    reel_loader_free(l);
    reel_dataset_free(some);
}
END_TEST

START_TEST(datasets_are_not_believed) {
    static const struct {
        const reel_dataset_class *cls;
        const char *message;
    } cases[] = {
        {&misbehave_class, "item 0: dataset: get gave no x"},
        {&misbehave_class, "item 0: matmul"},
        {&misbehave_class, "item 0: dataset: get failed without saying why"},
        {&misgather_class, "gather gave an x of 3 rows for 4 items"},
        {&misgather_class, "gather gave a y of 3 rows for 4 items"},
        {&misgather_class, "gather failed without saying why"},
    };
    for (int k = 0; k < 6; k++) {
        numbers d = {{cases[k].cls}, 8, k % 3};
        reel_loader *l = loader_of(&d.base, (reel_loader_options){.batch_size = 4}, ways[_i]);
        reel_batch b;
        ck_assert(!reel_loader_next(l, &b));
        ck_assert_msg(strstr(reel_error(), cases[k].message), "%s", reel_error());
        reel_clear_error();
        reel_loader_free(l);
    }
}
END_TEST

START_TEST(a_kept_failure_ends_the_loop_and_loses_nothing) {
    numbers d = numbers_of(20);
    reel_loader *l = loader_of(&d.base, (reel_loader_options){.batch_size = 5}, ways[_i]);
    int steps = 0;
    for (reel_batch b; reel_loader_next(l, &b); steps++)
        if (steps == 1) reel_fail(REEL_ERR_STATE, NULL, "the user's step failed");
    ck_assert_int_eq(steps, 2);
    expect_failure(REEL_ERR_STATE, "the user's step failed");
    ck_assert_int_eq(reel_loader_epoch(l), 0);
    ck_assert_int_eq(reel_loader_position(l), 2);
    for (reel_batch b; reel_loader_next(l, &b); steps++) ck_assert_int_eq(b.number, steps);
    ck_assert_int_eq(steps, 4);
    reel_loader_free(l);
}
END_TEST

START_TEST(a_loader_is_freed_at_any_time) {
    numbers d = numbers_of(200);
    size_t before = reel_tensors_alive();
    for (int calls = 0; calls < 12; calls += 3) {
        reel_loader *l = loader_of(&d.base, (reel_loader_options){.batch_size = 8}, ways[_i]);
        reel_batch b;
        for (int k = 0; k < calls; k++) ck_assert(reel_loader_next(l, &b));
        reel_loader_free(l);
        ck_assert_uint_eq(reel_tensors_alive(), before);
    }
    reel_loader_free(NULL);
}
END_TEST

START_TEST(bad_options_are_errors) {
    numbers d = numbers_of(10);
    triangle t = {{&triangle_class}, 10, 0, 0};
    reel_sampler *s = reel_sequential_sampler_new(10);
    reel_batch_sampler *bs = &t.base, empty = {NULL};
    const struct {
        const char *message;
        reel_loader_options options;
    } cases[] = {
        {"batch_size is -1", {.batch_size = -1}},
        {"workers is -1", {.workers = -1}},
        {"workers is 257", {.workers = 257}},
        {"prefetch is -2", {.prefetch = -2}},
        {"scale is", {.scale = 0.0 / 0.0}},
        {"scale is inf", {.scale = 1.0 / 0.0}},
        {"both sampler and shuffle", {.sampler = s, .shuffle = true}},
        {"both batch_sampler and batch_size", {.batch_sampler = bs, .batch_size = 2}},
        {"both batch_sampler and shuffle", {.batch_sampler = bs, .shuffle = true}},
        {"both batch_sampler and sampler", {.batch_sampler = bs, .sampler = s}},
        {"both batch_sampler and drop_last", {.batch_sampler = bs, .drop_last = true}},
        {"lacks length or plan", {.batch_sampler = &empty}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        ck_assert_ptr_null(reel_loader_new(&d.base, cases[k].options));
        expect_failure(REEL_ERR_ARGUMENT, cases[k].message);
    }
    ck_assert_ptr_null(reel_loader_new(NULL, (reel_loader_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    ck_assert_ptr_null(reel_loader_new(&d.base, (reel_loader_options){.device = reel_cuda(99)}));
    ck_assert(reel_failed());
    reel_clear_error();
    reel_batch b;
    ck_assert(!reel_loader_next(NULL, &b));
    expect_failure(REEL_ERR_ARGUMENT, "loader is NULL");
    ck_assert_int_eq(reel_loader_epoch(NULL) + reel_loader_position(NULL), 0);
    reel_sampler_free(s);
}
END_TEST

START_TEST(samplers_are_not_believed) {
    numbers d = numbers_of(10);
    counting_down down = {{&down_class}, 11, 6, REEL_OK};
    reel_batch b;
    reel_loader *l = reel_loader_new(&d.base, (reel_loader_options){.sampler = &down.base});
    for (int e = 0; e < 4; e++) {
        while (reel_loader_next(l, &b)) {
        }
        expect_fine();
    }
    ck_assert(!reel_loader_next(l, &b)); /* epoch 4 has 4 + 6 = 10 */
    expect_failure(REEL_ERR_ARGUMENT, "is item 10 of a dataset of 10");
    down.status = REEL_ERR_IO;
    ck_assert_int_eq(reel_loader_batches(l), 0);
    expect_failure(REEL_ERR_IO, "order failed without saying why");
    down.length = -1;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "length is -1");
    reel_loader_free(l);

    triangle t = {{&triangle_class}, 10, 0, 0};
    l = reel_loader_new(&d.base, (reel_loader_options){.batch_sampler = &t.base});
    ck_assert_int_eq(reel_loader_batches(l), 4);
    for (int k = 0; k < 5; k++) reel_loader_next(l, &b);
    t.count = 11;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "11 batches of 10 items");
    t.count = -1;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "-1 batches");
    t.count = 0, t.size = 9;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "batch 1 has 9 items; 8 are left");
    t.size = -1;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "batch 1 has -1 items");
    t.n = -1;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "length is -1");
    reel_loader_free(l);
}
END_TEST

/* ---- checkpoints ---- */

#define CALLS 24

/* Stops after each call in turn and goes on in a new loader, which works another way. */
START_TEST(a_resumed_loader_goes_on) {
    int kind = _i;
    static trace expected, got;
    rig r;
    expected.count = 0;
    rig_open(&r, kind, ways[0]);
    run(r.loader, CALLS, &expected);
    rig_close(&r);
    for (int stop = 0; stop <= CALLS; stop++) {
        reel_state *s = reel_state_new();
        got.count = 0;
        rig_open(&r, kind, ways[stop % WAYS]);
        run(r.loader, stop, &got);
        ck_assert_int_eq(reel_loader_save(r.loader, s, "train"), REEL_OK);
        rig_close(&r);
        rig_open(&r, kind, ways[(3 * stop + kind + 1) % WAYS]);
        run(r.loader, stop % 3, &(trace){.count = 0}); /* where it stood before doesn't matter */
        ck_assert_int_eq(reel_loader_load(r.loader, s, "train"), REEL_OK);
        run(r.loader, CALLS - stop, &got);
        rig_close(&r);
        reel_state_free(s);
        check_same(&expected, &got);
    }
}
END_TEST

START_TEST(a_saved_state_is_a_copy) {
    rig r;
    trace t = {.count = 0};
    reel_state *s = reel_state_new();
    rig_open(&r, SHUFFLE, ways[6]);
    run(r.loader, 2, &t);
    ck_assert_int_eq(reel_loader_save(r.loader, s, NULL), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 3);
    run(r.loader, 7, &t);
    int64_t progress[3];
    ck_assert_int_eq(reel_read(reel_state_get(s, "progress"), progress, sizeof progress), REEL_OK);
    ck_assert(progress[0] == 0 && progress[1] == 2 && progress[2] == ITEMS);
    ck_assert_int_ne(reel_loader_save(r.loader, s, NULL), REEL_OK); /* the names are there */
    expect_failure(REEL_ERR_ARGUMENT, "progress");
    rig_close(&r);
    reel_state_free(s);
}
END_TEST

typedef struct {
    const char *message;
    int64_t progress[3], order[4], starts[4];
    int order_count, starts_count;
} saved;

static reel_state *state_of(const saved *c) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put_in(s, "l", "progress", reel_from(c->progress, reel_shape(3), REEL_I64));
        reel_state_put_in(s, "l", "order",
                          reel_from(c->order, reel_shape(c->order_count), REEL_I64));
        reel_state_put_in(s, "l", "starts",
                          reel_from(c->starts, reel_shape(c->starts_count), REEL_I64));
    }
    expect_fine();
    return s;
}

/* Loads s, which must fail, and checks that the loader stands where it did. */
static void check_refused(const reel_state *s, const char *message) {
    rig r;
    static trace expected, got;
    expected.count = got.count = 0;
    rig_open(&r, SHUFFLE, ways[0]);
    run(r.loader, 9, &expected);
    rig_close(&r);
    rig_open(&r, SHUFFLE, ways[6]);
    run(r.loader, 3, &got);
    ck_assert_int_ne(reel_loader_load(r.loader, s, "l"), REEL_OK);
    ck_assert_msg(strstr(reel_error(), message), "%s, not %s", reel_error(), message);
    reel_clear_error();
    run(r.loader, 6, &got);
    check_same(&expected, &got);
    rig_close(&r);
}

START_TEST(bad_states_are_refused) {
    static const saved cases[] = {
        {"a dataset of 24 items", {0, 0, 24}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"progress is not", {-1, 0, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"progress is not", {INT64_MAX, 0, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"position -1", {0, -1, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"position 3 of an epoch of 2", {0, 3, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"item 23", {0, 0, 23}, {1, 2, 3, 23}, {0, 2, 4}, 4, 3},
        {"item -1", {0, 0, 23}, {-1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 2, 3}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 4, 4}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {1, 2, 4}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 9, 4}, 4, 3},
        {"don't cut 3 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 2, 4}, 3, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0}, 4, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        reel_state *s = state_of(&cases[k]);
        check_refused(s, cases[k].message);
        reel_state_free(s);
    }
}
END_TEST

START_TEST(states_of_the_wrong_kind_are_refused) {
    reel_state *s = reel_state_new();
    check_refused(s, "l.progress is not in the state");
    {
        REEL_SCOPE;
        reel_state_put(s, "l.progress",
                       reel_from(((int64_t[]){0, 0, 23}), reel_shape(3), REEL_I64));
        check_refused(s, "l.order is not in the state");
        reel_state_put(s, "l.order", reel_zeros(reel_shape(2), REEL_F32, reel_cpu()));
    }
    check_refused(s, "l.order is not a list of i64");
    rig r;
    rig_open(&r, SHUFFLE, ways[0]);
    ck_assert_int_ne(reel_loader_load(NULL, s, "l"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "loader is NULL");
    ck_assert_int_ne(reel_loader_load(r.loader, NULL, "l"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "state is NULL");
    ck_assert_int_ne(reel_loader_save(r.loader, NULL, "l"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "state is NULL");
    reel_fail(REEL_ERR_IO, NULL, "an earlier failure");
    ck_assert_int_eq(reel_loader_save(r.loader, s, "m"), REEL_ERR_IO);
    ck_assert_int_eq(reel_state_count(s), 2);
    reel_clear_error();
    rig_close(&r);
    reel_state_free(s);
}
END_TEST

/* The user's own order, of another length and with items twice, is taken as it is. */
START_TEST(an_order_need_not_be_a_permutation) {
    const saved c = {"", {6, 1, 23}, {5, 5, 22, 0}, {0, 1, 4}, 4, 3};
    reel_state *s = state_of(&c);
    rig r;
    rig_open(&r, SHUFFLE, ways[5]);
    ck_assert_int_eq(reel_loader_load(r.loader, s, "l"), REEL_OK);
    reel_batch b;
    ck_assert(reel_loader_next(r.loader, &b));
    ck_assert_int_eq(b.n, 3);
    ck_assert_mem_eq(b.index, ((int64_t[]){5, 22, 0}), 3 * sizeof(int64_t));
    ck_assert(!reel_loader_next(r.loader, &b));
    expect_fine();
    ck_assert_int_eq(reel_loader_epoch(r.loader), 7);
    ck_assert_int_eq(reel_loader_batches(r.loader), 5);
    rig_close(&r);
    reel_state_free(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("loader");
    TCase *c = add_case(s, "batches");
    tcase_add_loop_test(c, a_collate_of_ones_own_is_asked, 0, WAYS);
    tcase_add_loop_test(c, pixels_become_floats, 0, WAYS);
    tcase_add_loop_test(c, ways_change_nothing, 0, KINDS);
    tcase_add_test(c, each_epoch_has_an_order_of_its_own);
    tcase_add_test(c, batches_are_counted);
    tcase_add_loop_test(c, a_failure_arrives_at_its_batch, 0, WAYS);
    tcase_add_loop_test(c, a_subset_of_what_gathers_gathers, 0, WAYS);
    tcase_add_loop_test(c, datasets_are_not_believed, 0, WAYS);
    tcase_add_loop_test(c, a_kept_failure_ends_the_loop_and_loses_nothing, 0, WAYS);
    tcase_add_loop_test(c, a_loader_is_freed_at_any_time, 0, WAYS);
    tcase_add_test(c, bad_options_are_errors);
    tcase_add_test(c, samplers_are_not_believed);

    c = add_case(s, "checkpoints");
    tcase_add_loop_test(c, a_resumed_loader_goes_on, 0, KINDS);
    tcase_add_test(c, a_saved_state_is_a_copy);
    tcase_add_test(c, bad_states_are_refused);
    tcase_add_test(c, states_of_the_wrong_kind_are_refused);
    tcase_add_test(c, an_order_need_not_be_a_permutation);
    return run_suite(s);
}
