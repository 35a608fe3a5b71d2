/* Datasets, samplers and collate. */
#include "data/data_internal.h"
#include "tensor/ops.h"
#include "tests/expect.h"
#include "tests/numbers.h"

static void expect_refused(const void *made, const char *part) {
    ck_assert_ptr_null(made);
    expect_failure(REEL_ERR_ARGUMENT, part);
}

/* ---- datasets ---- */

START_TEST(a_tensor_dataset_gives_rows) {
    size_t before = reel_tensors_alive();
    reel_dataset *d = NULL;
    {
        REEL_SCOPE;
        reel_tensor *x = reel_reshape(reel_arange(12, REEL_U8, reel_cpu()), reel_shape(4, 3));
        d = reel_tensor_dataset_new(x, reel_arange(4, REEL_I64, reel_cpu()));
    }
    ck_assert_int_eq(reel_dataset_length(d), 4);
    {
        REEL_SCOPE;
        reel_sample s;
        ck_assert_int_eq(reel_dataset_get(d, 2, &s), REEL_OK);
        uint8_t row[3];
        ck_assert_int_eq(reel_read(s.x, row, sizeof row), REEL_OK);
        ck_assert_mem_eq(row, ((uint8_t[]){6, 7, 8}), 3);
        ck_assert_int_eq((int)reel_item(s.y), 2);
        const int64_t order[3] = {3, 0, 3};
        ck_assert_int_eq(d->cls->gather(d, order, 3, &s), REEL_OK);
        uint8_t rows[9];
        ck_assert_int_eq(reel_read(s.x, rows, sizeof rows), REEL_OK);
        ck_assert_mem_eq(rows, ((uint8_t[]){9, 10, 11, 0, 1, 2, 9, 10, 11}), 9);
    }
    reel_dataset_free(d);
    ck_assert_uint_eq(reel_tensors_alive(), before);
}
END_TEST

START_TEST(a_dataset_without_labels_has_none) {
    REEL_SCOPE;
    reel_dataset *d = reel_tensor_dataset_new(reel_arange(3, REEL_F64, reel_cpu()), NULL);
    reel_sample s;
    ck_assert_int_eq(reel_dataset_get(d, 1, &s), REEL_OK);
    ck_assert_ptr_null(s.y);
    reel_loader *l = reel_loader_new(d, (reel_loader_options){.batch_size = 2});
    reel_batch b;
    ck_assert(reel_loader_next(l, &b));
    ck_assert_ptr_null(b.y);
    ck_assert_int_eq(reel_dtype_of(b.x), REEL_F64);
    reel_loader_free(l);
    reel_dataset_free(d);
}
END_TEST

START_TEST(a_transposed_tensor_is_a_dataset) {
    REEL_SCOPE;
    reel_tensor *x = reel_reshape(reel_arange(6, REEL_I64, reel_cpu()), reel_shape(2, 3));
    reel_dataset *d = reel_tensor_dataset_new(reel_t(x), NULL);
    reel_sample s;
    ck_assert_int_eq(reel_dataset_length(d), 3);
    ck_assert_int_eq(reel__dataset_gather(d, (int64_t[]){2, 0}, 2, &s), REEL_OK);
    ck_assert_mem_eq(reel_data(s.x), ((int64_t[]){2, 5, 0, 3}), 4 * sizeof(int64_t));
    reel_dataset_free(d);
}
END_TEST

START_TEST(bad_items_and_tensors_are_errors) {
    numbers d = numbers_of(10);
    reel_sample s;
    REEL_SCOPE;
    ck_assert_int_ne(reel_dataset_get(&d.base, 10, &s), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "item 10 of a dataset of 10");
    ck_assert_int_ne(reel_dataset_get(&d.base, -1, &s), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "item -1");
    ck_assert_int_ne(reel_dataset_get(&d.base, 0, NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "out is NULL");
    ck_assert_int_ne(reel_dataset_get(NULL, 0, &s), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    d.n = -3;
    ck_assert_int_eq(reel_dataset_length(&d.base), 0);
    expect_failure(REEL_ERR_ARGUMENT, "length is -3");
    reel_tensor *four = reel_arange(4, REEL_U8, reel_cpu());
    expect_refused(reel_tensor_dataset_new(NULL, four), "x is NULL");
    ck_assert_ptr_null(reel_tensor_dataset_new(four, reel_arange(5, REEL_U8, reel_cpu())));
    expect_failure(REEL_ERR_SHAPE, "x has 4 items, y has 5");
    ck_assert_ptr_null(reel_tensor_dataset_new(reel_scalar(1, REEL_F32, reel_cpu()), NULL));
    expect_failure(REEL_ERR_SHAPE, "x has no axis");
    ck_assert_ptr_null(reel_tensor_dataset_new(four, reel_scalar(1, REEL_F32, reel_cpu())));
    expect_failure(REEL_ERR_SHAPE, "y has no axis");
    reel_dataset_free(NULL);
}
END_TEST

static int64_t label(reel_dataset *d, int64_t i) {
    int64_t y = -1;
    REEL_SCOPE;
    reel_sample s;
    if (reel_dataset_get(d, i, &s) == REEL_OK) y = (int64_t)reel_item(s.y);
    return y;
}

START_TEST(a_subset_gives_its_items) {
    numbers d = numbers_of(10);
    reel_dataset *s = reel_subset_dataset_new(&d.base, (int64_t[]){7, 2, 7}, 3);
    ck_assert_int_eq(reel_dataset_length(s), 3);
    ck_assert_int_eq(label(s, 0), 7);
    ck_assert_int_eq(label(s, 1), 2);
    ck_assert_int_eq(label(s, 2), 7);
    ck_assert_int_eq(label(s, 3), -1);
    expect_failure(REEL_ERR_ARGUMENT, "item 3 of a dataset of 3");
    ck_assert(!s->cls->gather);
    reel_dataset *none = reel_subset_dataset_new(s, NULL, 0);
    ck_assert_int_eq(reel_dataset_length(none), 0);
    expect_refused(reel_subset_dataset_new(&d.base, (int64_t[]){1, 10}, 2), "index 1 is 10");
    expect_refused(reel_subset_dataset_new(&d.base, (int64_t[]){-1}, 1), "index 0 is -1");
    expect_refused(reel_subset_dataset_new(&d.base, NULL, 1), "index is NULL");
    expect_refused(reel_subset_dataset_new(&d.base, NULL, -1), "n is -1");
    expect_refused(reel_subset_dataset_new(NULL, NULL, 0), "NULL");
    reel_dataset_free(none);
    reel_dataset_free(s);
}
END_TEST

START_TEST(a_subset_of_tensors_gathers) {
    REEL_SCOPE;
    reel_tensor *x = reel_scale(reel_arange(10, REEL_F32, reel_cpu()), 3);
    reel_dataset *d = reel_tensor_dataset_new(x, reel_arange(10, REEL_I64, reel_cpu()));
    reel_dataset *s = reel_subset_dataset_new(d, (int64_t[]){9, 1, 4}, 3);
    reel_dataset *t = reel_subset_dataset_new(s, (int64_t[]){2, 0}, 2);
    ck_assert(t->cls->gather);
    reel_loader *l = reel_loader_new(t, (reel_loader_options){.batch_size = 2});
    reel_batch b;
    ck_assert(reel_loader_next(l, &b));
    ck_assert_mem_eq(reel_data(b.x), ((float[]){12, 27}), 2 * sizeof(float));
    ck_assert_mem_eq(reel_data(b.y), ((int64_t[]){4, 9}), 2 * sizeof(int64_t));
    reel_loader_free(l);
    reel_dataset_free(t);
    reel_dataset_free(s);
    reel_dataset_free(d);
}
END_TEST

START_TEST(concat_passes_over_empty_parts) {
    numbers a = numbers_of(0), b = numbers_of(2), c = numbers_of(0), d = numbers_of(3),
            e = numbers_of(0);
    reel_dataset *parts[] = {&a.base, &b.base, &c.base, &d.base, &e.base};
    reel_dataset *all = reel_concat_dataset_new(parts, 5);
    ck_assert_int_eq(reel_dataset_length(all), 5);
    const int64_t expected[] = {0, 1, 0, 1, 2, -1};
    for (int64_t i = 0; i < 6; i++) ck_assert_int_eq(label(all, i), expected[i]);
    expect_failure(REEL_ERR_ARGUMENT, "item 5 of a dataset of 5");
    reel_dataset_free(all);

    all = reel_concat_dataset_new(parts, 1);
    ck_assert_int_eq(reel_dataset_length(all), 0);
    reel_dataset_free(all);
    expect_refused(reel_concat_dataset_new(parts, 0), "no parts");
    expect_refused(reel_concat_dataset_new(NULL, 2), "NULL");
    parts[1] = NULL;
    expect_refused(reel_concat_dataset_new(parts, 5), "part 1");
    b.n = d.n = INT64_MAX;
    parts[1] = &b.base;
    expect_refused(reel_concat_dataset_new(parts, 5), "more than");
}
END_TEST

static reel_status negate(reel_sample *s, int64_t i, void *user) {
    if (i == *(int64_t *)user) return REEL_ERR_ARGUMENT;
    s->x = reel_neg(s->x);
    return reel_error_status();
}

START_TEST(map_changes_samples) {
    numbers d = numbers_of(4);
    int64_t bad = 3;
    reel_dataset *m = reel_map_dataset_new(&d.base, negate, &bad);
    ck_assert(!m->cls->gather);
    {
        REEL_SCOPE;
        reel_sample s;
        ck_assert_int_eq(reel_dataset_get(m, 2, &s), REEL_OK);
        ck_assert_mem_eq(reel_data(s.x), ((float[]){-2, -4}), 2 * sizeof(float));
        ck_assert_int_eq(reel_dataset_get(m, 3, &s), REEL_ERR_ARGUMENT);
        expect_failure(REEL_ERR_ARGUMENT, "failed without saying why");
    }
    reel_dataset_free(m);
    expect_refused(reel_map_dataset_new(NULL, negate, NULL), "dataset is NULL");
    expect_refused(reel_map_dataset_new(&d.base, NULL, NULL), "function is NULL");
}
END_TEST

START_TEST(random_split_parts_all_items) {
    numbers d = numbers_of(20);
    reel_dataset *a[3], *b[3], *c[3];
    const int64_t lengths[3] = {12, 0, 8};
    ck_assert_int_eq(reel_random_split(&d.base, lengths, 3, 1, a), REEL_OK);
    ck_assert_int_eq(reel_random_split(&d.base, lengths, 3, 1, b), REEL_OK);
    ck_assert_int_eq(reel_random_split(&d.base, lengths, 3, 2, c), REEL_OK);
    int64_t order[20];
    reel_sampler *shuffle = reel_random_sampler_new(20, false, 0, 1);
    ck_assert_int_eq(reel_sampler_order(shuffle, 0, order), REEL_OK);
    int seen[20] = {0}, moved = 0, unlike_shuffle = 0;
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(reel_dataset_length(a[k]), lengths[k]);
        for (int64_t i = 0; i < lengths[k]; i++) {
            seen[label(a[k], i)]++;
            ck_assert_int_eq(label(a[k], i), label(b[k], i));
            moved += label(a[k], i) != label(c[k], i);
            unlike_shuffle += k == 0 && label(a[k], i) != order[i];
        }
    }
    for (int i = 0; i < 20; i++) ck_assert_int_eq(seen[i], 1);
    ck_assert_int_gt(moved, 0);
    ck_assert_int_gt(unlike_shuffle, 0);
    reel_sampler_free(shuffle);
    for (int k = 0; k < 3; k++) {
        reel_dataset_free(a[k]);
        reel_dataset_free(b[k]);
        reel_dataset_free(c[k]);
    }
}
END_TEST

START_TEST(bad_splits_are_errors) {
    numbers d = numbers_of(20);
    reel_dataset *out[2] = {&d.base, &d.base};
    ck_assert_int_ne(reel_random_split(&d.base, (int64_t[]){12, 7}, 2, 1, out), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "leave 1 of 20");
    ck_assert_ptr_null(out[0]);
    ck_assert_ptr_null(out[1]);
    ck_assert_int_ne(reel_random_split(&d.base, (int64_t[]){12, 9}, 2, 1, out), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "length 1 is 9; 8 of 20");
    ck_assert_int_ne(reel_random_split(&d.base, (int64_t[]){-1, 21}, 2, 1, out), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "length 0 is -1");
    ck_assert_int_ne(reel_random_split(NULL, (int64_t[]){1}, 1, 1, out), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    ck_assert_int_ne(reel_random_split(&d.base, NULL, 1, 1, out), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    ck_assert_int_ne(reel_random_split(&d.base, (int64_t[]){20}, 0, 1, out), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "count");
}
END_TEST

/* ---- samplers ---- */

/* sum (seen - expected)^2 / expected */
static double chi_square(const int *seen, const double *probability, int cells, int total) {
    double sum = 0;
    for (int k = 0; k < cells; k++) {
        double expected = probability[k] * total;
        sum += (seen[k] - expected) * (seen[k] - expected) / expected;
    }
    return sum;
}

START_TEST(shuffles_are_equally_likely) {
    reel_sampler *s = reel_random_sampler_new(4, false, 0, 7);
    int seen[64] = {0}, counts[24], used = 0;
    double probability[24];
    for (int64_t epoch = 0; epoch < 4800; epoch++) {
        int64_t p[4];
        ck_assert_int_eq(reel_sampler_order(s, epoch, p), REEL_OK);
        ck_assert_int_eq(1 << p[0] | 1 << p[1] | 1 << p[2] | 1 << p[3], 15);
        seen[p[0] * 16 + p[1] * 4 + p[2]]++;
    }
    for (int k = 0; k < 64; k++)
        if (seen[k]) counts[used++] = seen[k];
    ck_assert_int_eq(used, 24);
    for (int k = 0; k < 24; k++) probability[k] = 1.0 / 24;
    ck_assert_double_lt(chi_square(counts, probability, 24, 4800), 49.7); /* 23 d.o.f., 0.1 % */
    reel_sampler_free(s);
}
END_TEST

START_TEST(draws_follow_the_weights) {
    const double weights[5] = {1, 0, 2, 3, 4}, probability[4] = {0.1, 0.2, 0.3, 0.4};
    reel_sampler *s = reel_weighted_sampler_new(weights, 5, 10000, true, 3);
    ck_assert_int_eq(reel_sampler_length(s), 10000);
    static int64_t index[10000];
    int seen[5] = {0};
    ck_assert_int_eq(reel_sampler_order(s, 0, index), REEL_OK);
    for (int k = 0; k < 10000; k++) seen[index[k]]++;
    ck_assert_int_eq(seen[1], 0);
    const int positive[4] = {seen[0], seen[2], seen[3], seen[4]};
    ck_assert_double_lt(chi_square(positive, probability, 4, 10000), 16.3); /* 3 d.o.f. */
    reel_sampler_free(s);

    int uniform[8] = {0};
    double eighth[8];
    for (int k = 0; k < 8; k++) eighth[k] = 0.125;
    s = reel_random_sampler_new(8, true, 10000, 3);
    ck_assert_int_eq(reel_sampler_order(s, 5, index), REEL_OK);
    for (int k = 0; k < 10000; k++) uniform[index[k]]++;
    ck_assert_double_lt(chi_square(uniform, eighth, 8, 10000), 24.3); /* 7 d.o.f. */
    reel_sampler_free(s);
}
END_TEST

START_TEST(draws_without_replacement_follow_the_weights) {
    const double w[4] = {1, 0, 2, 5};
    static const int pairs[6][2] = {{0, 2}, {0, 3}, {2, 0}, {2, 3}, {3, 0}, {3, 2}};
    double probability[6];
    for (int k = 0; k < 6; k++) {
        double first = w[pairs[k][0]], second = w[pairs[k][1]];
        probability[k] = first / 8 * second / (8 - first);
    }
    reel_sampler *s = reel_weighted_sampler_new(w, 4, 2, false, 11);
    int seen[6] = {0}, known = 0;
    for (int64_t epoch = 0; epoch < 8000; epoch++) {
        int64_t p[2];
        ck_assert_int_eq(reel_sampler_order(s, epoch, p), REEL_OK);
        for (int k = 0; k < 6; k++)
            if (p[0] == pairs[k][0] && p[1] == pairs[k][1]) seen[k]++, known++;
    }
    ck_assert_int_eq(known, 8000);
    ck_assert_double_lt(chi_square(seen, probability, 6, 8000), 20.5); /* 5 d.o.f. */
    reel_sampler_free(s);
}
END_TEST

START_TEST(extreme_weights_keep_their_order) {
    const double w[3] = {5e-324, 1e300, 1e-300};
    for (int replacement = 0; replacement < 2; replacement++) {
        reel_sampler *s = reel_weighted_sampler_new(w, 3, 3, replacement, 1);
        int64_t p[3];
        ck_assert_int_eq(reel_sampler_order(s, 0, p), REEL_OK);
        ck_assert_int_eq(p[0], 1);
        ck_assert_int_eq(p[1], replacement ? 1 : 2);
        ck_assert_int_eq(p[2], replacement ? 1 : 0);
        reel_sampler_free(s);
    }
}
END_TEST

/* The remainder of a 64-bit word by 3 * 2^61 alone would be below half of it in 9 cases of 16. */
START_TEST(bounded_integers_have_no_bias) {
    reel__stream r = reel__stream_open(5, REEL__FOR_ORDER, 0);
    const int64_t n = 3 * ((int64_t)1 << 61);
    int below = 0;
    for (int k = 0; k < 10000; k++) {
        int64_t v = reel__stream_below(&r, n);
        ck_assert(v >= 0 && v < n);
        below += v < n / 2;
    }
    ck_assert_int_gt(below, 4800);
    ck_assert_int_lt(below, 5200);
    for (int k = 0; k < 100; k++) ck_assert_int_eq(reel__stream_below(&r, 1), 0);
}
END_TEST

START_TEST(orders_depend_on_seed_and_epoch_alone) {
    reel_sampler *a = reel_random_sampler_new(50, false, 0, 1);
    reel_sampler *b = reel_random_sampler_new(50, false, 0, 1);
    reel_sampler *c = reel_random_sampler_new(50, false, 0, (uint64_t)1 << 40 | 1);
    int64_t x[50], y[50];
    ck_assert_int_eq(reel_sampler_order(a, 9, x), REEL_OK);
    ck_assert_int_eq(reel_sampler_order(b, 2, y), REEL_OK);
    ck_assert_mem_ne(x, y, sizeof x);
    ck_assert_int_eq(reel_sampler_order(b, 9, y), REEL_OK);
    ck_assert_mem_eq(x, y, sizeof x);
    ck_assert_int_eq(reel_sampler_order(c, 9, y), REEL_OK);
    ck_assert_mem_ne(x, y, sizeof x);
    reel_sampler_free(a);
    reel_sampler_free(b);
    reel_sampler_free(c);
}
END_TEST

/* Checkpoints and results that people wrote down depend on it. */
START_TEST(orders_never_change) {
    reel_sampler *s = reel_random_sampler_new(10, false, 0, 42);
    int64_t p[10];
    ck_assert_int_eq(reel_sampler_order(s, 3, p), REEL_OK);
    ck_assert_mem_eq(p, ((int64_t[]){4, 8, 3, 9, 1, 5, 2, 7, 0, 6}), sizeof p);
    reel_sampler_free(s);
}
END_TEST

START_TEST(a_subset_sampler_shuffles_its_items) {
    const int64_t items[6] = {3, 8, 8, 1, 40, 0};
    reel_sampler *s = reel_subset_sampler_new(items, 6, 1);
    int64_t p[6], q[6];
    ck_assert_int_eq(reel_sampler_order(s, 0, p), REEL_OK);
    ck_assert_int_eq(reel_sampler_order(s, 1, q), REEL_OK);
    ck_assert_mem_ne(p, q, sizeof p);
    int seen[41] = {0};
    for (int k = 0; k < 6; k++) seen[p[k]]++;
    ck_assert(seen[0] == 1 && seen[1] == 1 && seen[3] == 1 && seen[8] == 2 && seen[40] == 1);
    reel_sampler_free(s);
}
END_TEST

START_TEST(bad_samplers_are_errors) {
    const double none[2] = {0, 0}, negative[2] = {1, -1}, infinite[2] = {1, 1.0 / 0.0},
                 nan[1] = {0.0 / 0.0}, huge[2] = {1e308, 1e308}, two[3] = {1, 0, 1};
    expect_refused(reel_sequential_sampler_new(-1), "n is -1");
    expect_refused(reel_random_sampler_new(-2, false, 0, 0), "n is -2");
    expect_refused(reel_random_sampler_new(2, true, -5, 0), "draws is -5");
    expect_refused(reel_random_sampler_new(2, false, 5, 0), "replacement");
    expect_refused(reel_random_sampler_new(0, true, 5, 0), "no items");
    expect_refused(reel_weighted_sampler_new(NULL, 2, 1, true, 0), "NULL");
    expect_refused(reel_weighted_sampler_new(two, 0, 1, true, 0), "no weights");
    expect_refused(reel_weighted_sampler_new(none, 2, 1, true, 0), "add up to 0");
    expect_refused(reel_weighted_sampler_new(negative, 2, 1, true, 0), "weight 1 is -1");
    expect_refused(reel_weighted_sampler_new(infinite, 2, 1, true, 0), "weight 1 is inf");
    expect_refused(reel_weighted_sampler_new(nan, 1, 1, true, 0), "weight 0 is");
    expect_refused(reel_weighted_sampler_new(huge, 2, 1, true, 0), "add up to inf");
    expect_refused(reel_weighted_sampler_new(two, 3, 0, true, 0), "draws is 0");
    expect_refused(reel_weighted_sampler_new(two, 3, 3, false, 0),
                   "3 draws without replacement from 2 items");
    expect_refused(reel_subset_sampler_new((int64_t[]){1, -4}, 2, 0), "index 1 is -4");
    expect_refused(reel_subset_sampler_new(NULL, 2, 0), "NULL");
    expect_refused(reel_batch_sampler_new(NULL, 2, false), "NULL");
    reel_sampler *s = reel_sequential_sampler_new(3);
    expect_refused(reel_batch_sampler_new(s, 0, false), "batch_size is 0");
    ck_assert_int_ne(reel_sampler_order(s, -1, (int64_t[3]){0}), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "epoch is -1");
    ck_assert_int_ne(reel_sampler_order(s, 0, NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "index is NULL");
    ck_assert_int_eq(reel_sampler_length(NULL), 0);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    reel_sampler_free(s);
    reel_sampler_free(NULL);
    reel_batch_sampler_free(NULL);
}
END_TEST

/* ---- freed ones ---- */

/* At once, and when others have come and gone since. */
START_TEST(what_was_freed_is_refused) {
    for (int others = 0; others < 200; others += 199) {
        REEL_SCOPE;
        reel_sample sample;
        int64_t index[4] = {0, 1, 2, 3};
        reel_tensor *x = reel_zeros(reel_shape(4), REEL_F32, test_device());
        reel_dataset *d = reel_tensor_dataset_new(x, NULL), *set[3];
        set[0] = reel_subset_dataset_new(d, index, 4);
        set[1] = reel_concat_dataset_new(&d, 1);
        set[2] = d;
        reel_sampler *sampler[3] = {
            reel_random_sampler_new(4, false, 0, 1), reel_subset_sampler_new(index, 4, 1),
            reel_weighted_sampler_new((double[]){1, 2, 3, 4}, 4, 4, true, 1)};
        reel_batch_sampler *batches = reel_batch_sampler_new(sampler[0], 2, false);
        reel_loader *l = reel_loader_new(set[1], (reel_loader_options){0});
        reel_batch b;
        ck_assert(reel_loader_next(l, &b));
        for (int k = 0; k < 3; k++) reel_dataset_free(set[k]);
        for (int k = 0; k < 3; k++) reel_sampler_free(sampler[k]);
        reel_batch_sampler_free(batches);
        for (int k = 0; k < others; k++) reel_sampler_free(reel_sequential_sampler_new(4));
        expect_fine();
        for (int k = 0; k < 3; k++) {
            ck_assert_int_eq(reel_dataset_length(set[k]), 0);
            expect_failure(REEL_ERR_ARGUMENT, "dataset: freed already");
            ck_assert_int_ne(reel_dataset_get(set[k], 0, &sample), REEL_OK);
            expect_failure(REEL_ERR_ARGUMENT, "freed already");
            ck_assert_ptr_null(reel_loader_new(set[k], (reel_loader_options){0}));
            expect_failure(REEL_ERR_ARGUMENT, "dataset: freed already");
            reel_dataset_free(set[k]);
            expect_failure(REEL_ERR_ARGUMENT, "dataset_free: freed already");
            ck_assert_int_eq(reel_sampler_length(sampler[k]), 0);
            expect_failure(REEL_ERR_ARGUMENT, "sampler: freed already");
            ck_assert_int_ne(reel_sampler_order(sampler[k], 0, index), REEL_OK);
            expect_failure(REEL_ERR_ARGUMENT, "freed already");
            reel_sampler_free(sampler[k]);
            expect_failure(REEL_ERR_ARGUMENT, "sampler_free: freed already");
        }
        reel_batch_sampler_free(batches);
        expect_failure(REEL_ERR_ARGUMENT, "batch_sampler_free: freed already");
        ck_assert(!reel_loader_next(l, &b));
        expect_failure(REEL_ERR_ARGUMENT, "freed already");
        reel_loader_free(l);
    }
}
END_TEST

/* Those that were freed are used again in the end: their number does not grow for ever. */
START_TEST(heads_are_used_again) {
    enum { MANY = 1000 };
    static const void *seen[MANY];
    int again = 0;
    for (int k = 0; k < MANY; k++) {
        reel_sampler *s = reel_sequential_sampler_new(1);
        ck_assert_int_eq(reel_sampler_length(s), 1);
        for (int j = 0; j < k; j++) again += seen[j] == s;
        seen[k] = s;
        reel_sampler_free(s);
    }
    ck_assert_int_gt(again, MANY / 2);
}
END_TEST

/* ---- collate ---- */

static void expect_unstacked(const reel_sample *samples, int64_t n, reel_status code,
                             const char *part) {
    reel_sample out;
    ck_assert_int_eq(reel_collate_default(samples, n, &out, NULL), code);
    expect_failure(code, part);
}

START_TEST(samples_that_differ_do_not_stack) {
    REEL_SCOPE;
    reel_tensor *two = reel_zeros(reel_shape(2), REEL_F32, reel_cpu());
    reel_tensor *three = reel_zeros(reel_shape(3), REEL_F32, reel_cpu());
    reel_tensor *bytes = reel_zeros(reel_shape(2), REEL_U8, reel_cpu());
    reel_tensor *deep = reel_zeros(reel_shape(1, 1, 1, 1, 1, 1, 1, 1), REEL_F32, reel_cpu());
    expect_unstacked((reel_sample[]){{two, NULL}, {three, NULL}}, 2, REEL_ERR_SHAPE,
                     "shapes differ: sample 1 has x[3] f32 on cpu, sample 0 has x[2] f32 on cpu");
    expect_unstacked((reel_sample[]){{two, two}, {two, bytes}}, 2, REEL_ERR_DTYPE,
                     "dtypes differ: sample 1 has y[2] u8 on cpu, sample 0 has y[2] f32 on cpu");
    expect_unstacked((reel_sample[]){{two, NULL}, {two, two}}, 2, REEL_ERR_ARGUMENT,
                     "sample 1 has a label, sample 0 has none");
    expect_unstacked((reel_sample[]){{two, two}, {two, NULL}}, 2, REEL_ERR_ARGUMENT,
                     "sample 1 has no label, sample 0 has one");
    expect_unstacked((reel_sample[]){{NULL, two}}, 1, REEL_ERR_ARGUMENT, "sample 0 has no x");
    expect_unstacked((reel_sample[]){{deep, two}}, 1, REEL_ERR_SHAPE, "8 axes");
    expect_unstacked(NULL, 1, REEL_ERR_ARGUMENT, "NULL");
    expect_unstacked((reel_sample[]){{two, two}}, 0, REEL_ERR_ARGUMENT, "no samples");
}
END_TEST

int main(void) {
    Suite *s = suite_create("data");
    TCase *c = add_case(s, "datasets");
    tcase_add_test(c, a_tensor_dataset_gives_rows);
    tcase_add_test(c, a_dataset_without_labels_has_none);
    tcase_add_test(c, a_transposed_tensor_is_a_dataset);
    tcase_add_test(c, bad_items_and_tensors_are_errors);
    tcase_add_test(c, a_subset_gives_its_items);
    tcase_add_test(c, a_subset_of_tensors_gathers);
    tcase_add_test(c, concat_passes_over_empty_parts);
    tcase_add_test(c, map_changes_samples);
    tcase_add_test(c, random_split_parts_all_items);
    tcase_add_test(c, bad_splits_are_errors);

    c = add_case(s, "samplers");
    tcase_add_test(c, shuffles_are_equally_likely);
    tcase_add_test(c, draws_follow_the_weights);
    tcase_add_test(c, draws_without_replacement_follow_the_weights);
    tcase_add_test(c, extreme_weights_keep_their_order);
    tcase_add_test(c, bounded_integers_have_no_bias);
    tcase_add_test(c, orders_depend_on_seed_and_epoch_alone);
    tcase_add_test(c, orders_never_change);
    tcase_add_test(c, a_subset_sampler_shuffles_its_items);
    tcase_add_test(c, bad_samplers_are_errors);

    c = add_case(s, "freed");
    tcase_add_test(c, what_was_freed_is_refused);
    tcase_add_test(c, heads_are_used_again);
    c = add_case(s, "collate");
    tcase_add_test(c, samples_that_differ_do_not_stack);
    return run_suite(s);
}
