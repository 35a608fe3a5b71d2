/* The loader: batches in order however they are made, and failures. */
#include "tests/loader_rig.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* One of the samples, or a view of it; both at once; an x that is the y. */
static reel_status pick_one(const reel_sample *s, int64_t n, reel_sample *out, void *user) {
    const int what = *(int *)user;
    *out = s[n - 1];
    if (what == 1) out->x = reel_slice(s[0].x, 0, 1, 2, 1);
    if (what == 2) out->y = out->x;
    if (what == 3) out->x = s[0].y, out->y = NULL;
    return reel_error_status();
}

START_TEST(a_collate_may_give_a_sample) {
    numbers d = numbers_of(12);
    for (int what = 0; what < 4; what++) {
        reel_loader_options o = {.batch_size = 4, .collate = pick_one, .user = &what};
        reel_loader *l = loader_of(&d.base, o, ways[_i]);
        reel_batch b;
        for (int k = 0; k < 3; k++) {
            ck_assert(reel_loader_next(l, &b));
            REEL_SCOPE;
            reel_full(reel_shape(2), -7, REEL_F32,
                      test_device()); /* where a sample was, if freed */
            const double last = (double)b.index[3], first = (double)b.index[0];
            ck_assert_double_eq(element(b.x, 0), what == 1   ? first * first
                                                 : what == 3 ? first
                                                             : last);
            if (what == 2) ck_assert_double_eq(element(b.y, 1), last * last);
            if (what == 3) ck_assert_ptr_null(b.y);
        }
        expect_fine();
        reel_loader_free(l);
    }
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

/* So many items are shuffled ahead, for the epoch behind this one. */
enum { LONG = 20000, LONG_BATCH = 3000 };

static void expect_order_of(reel_loader *l, int64_t epoch, uint64_t seed, int64_t from) {
    static int64_t order[LONG];
    reel_sampler *s = reel_random_sampler_new(LONG, false, 0, seed);
    reel_batch b;
    ck_assert_int_eq(reel_sampler_order(s, epoch, order), REEL_OK);
    ck_assert_int_eq(reel_loader_epoch(l), epoch);
    for (; reel_loader_next(l, &b); from += b.n) {
        for (int i = 0; i < REEL__PLANS_AHEAD; i++) ck_assert_ptr_nonnull(l->plan_ahead[i]);
        ck_assert_mem_eq(order + from, b.index, (size_t)b.n * sizeof *order);
    }
    ck_assert_int_eq(from, LONG);
    expect_fine();
    reel_sampler_free(s);
}

START_TEST(long_orders_are_planned_ahead) {
    numbers d = numbers_of(LONG);
    reel_loader_options o = {.batch_size = LONG_BATCH, .shuffle = true, .seed = 5};
    reel_loader *l = loader_of(&d.base, o, ways[_i]), *other = loader_of(&d.base, o, ways[_i]);
    reel_state *saved = reel_state_new();
    reel_batch b;
    for (int64_t epoch = 0; epoch < 3; epoch++) expect_order_of(l, epoch, 5, 0);
    ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(reel_loader_save(l, saved, "at"), REEL_OK);
    ck_assert(reel_loader_next(other, &b)); /* what is ahead there is of epoch 1 */
    ck_assert_int_eq(reel_loader_load(other, saved, "at"), REEL_OK);
    expect_order_of(other, 3, 5, LONG_BATCH);
    for (int64_t epoch = 4; epoch < 6; epoch++) expect_order_of(other, epoch, 5, 0);
    ck_assert_int_eq(reel_loader_load(other, saved, "at"), REEL_OK); /* back */
    expect_order_of(other, 3, 5, LONG_BATCH);
    expect_order_of(other, 4, 5, 0);
    reel_state_free(saved);
    reel_loader_free(other);
    reel_loader_free(l); /* a plan is under way */
}
END_TEST

/* The threads that make plans stay with the parent. */
START_TEST(a_child_plans_anew) {
    numbers d = numbers_of(LONG);
    reel_loader *l = loader_of(
        &d.base, (reel_loader_options){.batch_size = LONG_BATCH, .shuffle = true, .seed = 5},
        ways[0]);
    reel_batch b;
    ck_assert(reel_loader_next(l, &b));
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    expect_order_of(l, 0, 5, LONG_BATCH);
    for (int64_t epoch = 1; epoch < 4; epoch++) expect_order_of(l, epoch, 5, 0);
    reel_loader_free(l);
    if (child == 0) _exit(0); /* a check that failed has exited otherwise */
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child: %x", status);
}
END_TEST

/* Threads may be scarce: the workers' come first, and these once there is a batch. */
START_TEST(plans_ahead_come_behind_the_batch) {
    numbers d = numbers_of(LONG);
    reel_loader_options o = {.batch_size = LONG_BATCH, .shuffle = true, .seed = 5};
    reel_loader *l = loader_of(&d.base, o, ways[_i]);
    reel_batch b;
    ck_assert(reel_loader_next(l, &b));
    d.bad = b.index[0];
    reel_loader_free(l);
    l = loader_of(&d.base, o, ways[_i]);
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_IO, "can't read");
    for (int i = 0; i < REEL__PLANS_AHEAD; i++) ck_assert_ptr_null(l->plan_ahead[i]);
    d.bad = -1;
    ck_assert(reel_loader_next(l, &b));
    for (int i = 0; i < REEL__PLANS_AHEAD; i++) ck_assert_ptr_nonnull(l->plan_ahead[i]);
    reel_loader_free(l);
}
END_TEST

typedef struct {
    numbers of;
    int asked;
} counted_length;

static int64_t length_counted(reel_dataset *d) {
    ((counted_length *)d)->asked++;
    return ((numbers *)d)->n;
}

static reel_status gather_items(reel_dataset *d, const int64_t *index, int64_t n,
                                reel_sample *out) {
    (void)d;
    out->x = reel_from(index, reel_shape(n), REEL_I64);
    out->y = NULL;
    return reel_error_status();
}

static const reel_dataset_class counted_length_class = {
    .length = length_counted, .get = numbers_get, .gather = gather_items};

/* What a length of the caller's fails with belongs to the epoch that needs it. */
START_TEST(plans_ahead_ask_no_dataset) {
    counted_length d = {{{&counted_length_class}, LONG, -1}, 0};
    reel_loader *l = loader_of(
        &d.of.base, (reel_loader_options){.batch_size = LONG_BATCH, .shuffle = true, .seed = 5},
        ways[0]);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        d.asked = 0;
        expect_order_of(l, epoch, 5, 0);
        ck_assert_int_eq(d.asked, 1);
        d.of.n += 7; /* more items than there are in the orders */
    }
    d.of.n = LONG - 1;
    reel_batch b;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_ARGUMENT, "of a dataset of 19999");
    reel_loader_free(l);
}
END_TEST

START_TEST(no_plan_is_ahead_of_the_last_epoch) {
    static int64_t order[LONG];
    const int64_t last = INT64_MAX - 1;
    numbers d = numbers_of(LONG);
    reel_loader_options o = {.batch_size = LONG_BATCH, .shuffle = true, .seed = 5};
    reel_loader *l = loader_of(&d.base, o, ways[0]);
    reel_sampler *s = reel_random_sampler_new(LONG, false, 0, o.seed);
    reel_batch b;
    ck_assert(reel_loader_next(l, &b)); /* epochs 1 and 2 are ahead */
    reel__loader_move(l, (reel__plan){NULL, NULL, 0}, last, 0);
    ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(reel_sampler_order(s, last, order), REEL_OK);
    ck_assert_mem_eq(order, b.index, (size_t)b.n * sizeof *order);
    ck_assert_ptr_null(l->plan_ahead[last % REEL__PLANS_AHEAD]);
    reel_sampler_free(s);
    reel_loader_free(l);
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

/* Freed, or never one: nothing is read through the pointer. */
START_TEST(what_is_no_loader_is_refused) {
    numbers d = numbers_of(10);
    reel_state *s = reel_state_new();
    reel_loader *freed = reel_loader_new(&d.base, (reel_loader_options){0});
    reel_loader_free(freed);
    reel_loader *const none[] = {freed, (reel_loader *)&d, (reel_loader *)(uintptr_t)8};
    const char *const said = ": not a loader, or freed already";
    for (int i = 0; i < 3; i++) {
        reel_batch b;
        ck_assert(!reel_loader_next(none[i], &b));
        expect_failure(REEL_ERR_ARGUMENT, said);
        ck_assert_int_eq(reel_loader_batches(none[i]), 0);
        expect_failure(REEL_ERR_ARGUMENT, said);
        ck_assert_int_eq(reel_loader_epoch(none[i]), 0);
        expect_failure(REEL_ERR_ARGUMENT, said);
        ck_assert_int_eq(reel_loader_position(none[i]), 0);
        expect_failure(REEL_ERR_ARGUMENT, said);
        ck_assert_int_ne(reel_loader_save(none[i], s, NULL), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, said);
        ck_assert_int_ne(reel_loader_load(none[i], s, NULL), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, said);
        reel_loader_free(none[i]);
        expect_failure(REEL_ERR_ARGUMENT, said);
    }
    reel_state_free(s);
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

int main(void) {
    Suite *s = suite_create("loader");
    TCase *c = add_case(s, "batches");
    tcase_add_loop_test(c, a_collate_of_ones_own_is_asked, 0, WAYS);
    tcase_add_loop_test(c, a_collate_may_give_a_sample, 0, WAYS);
    tcase_add_loop_test(c, pixels_become_floats, 0, WAYS);
    tcase_add_loop_test(c, ways_change_nothing, 0, KINDS);
    tcase_add_test(c, each_epoch_has_an_order_of_its_own);
    tcase_add_loop_test(c, long_orders_are_planned_ahead, 0, WAYS);
    if (test_device().type == REEL_CPU) tcase_add_test(c, a_child_plans_anew);
    tcase_add_loop_test(c, plans_ahead_come_behind_the_batch, 0, 2);
    tcase_add_test(c, plans_ahead_ask_no_dataset);
    tcase_add_test(c, no_plan_is_ahead_of_the_last_epoch);
    tcase_add_test(c, batches_are_counted);
    tcase_add_loop_test(c, a_failure_arrives_at_its_batch, 0, WAYS);
    tcase_add_loop_test(c, a_subset_of_what_gathers_gathers, 0, WAYS);
    tcase_add_loop_test(c, datasets_are_not_believed, 0, WAYS);
    tcase_add_loop_test(c, a_kept_failure_ends_the_loop_and_loses_nothing, 0, WAYS);
    tcase_add_loop_test(c, a_loader_is_freed_at_any_time, 0, WAYS);
    tcase_add_test(c, bad_options_are_errors);
    tcase_add_test(c, what_is_no_loader_is_refused);
    tcase_add_test(c, samplers_are_not_believed);
    return run_suite(s);
}
