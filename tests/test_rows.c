/* Loaders over rows of tensors, which gather where these lie: the same batches as item by item. */
#include "cuda/cuda.h"
#include "data/data_internal.h"
#include "tensor/ops.h"
#include "tests/expect.h"

#define ITEMS 23

/* x u8[ITEMS,3] of any bytes, y i64[ITEMS], where y[i] = i. */
static reel_dataset *rows_on(reel_device device) {
    reel_dataset *d = NULL;
    {
        REEL_SCOPE;
        reel_tensor *x = reel_scale(reel_arange(ITEMS * 3, REEL_F32, reel_cpu()), 3.7);
        x = reel_cast(reel_reshape(x, reel_shape(ITEMS, 3)), REEL_U8);
        d = reel_tensor_dataset_new(reel_to(x, device), reel_arange(ITEMS, REEL_I64, device));
    }
    expect_fine();
    return d;
}

/* In a scope, which owns what is copied. */
static const void *on_host(reel_tensor *t) {
    return reel_data(reel_to(t, reel_cpu()));
}

static void expect_same(reel_tensor *a, reel_tensor *b) {
    ck_assert_int_eq(!a, !b);
    if (!a) return;
    ck_assert(reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    ck_assert_int_eq(reel_dtype_of(a), reel_dtype_of(b));
    size_t bytes = (size_t)reel_numel(a) * reel_dtype_size(reel_dtype_of(a));
    REEL_SCOPE;
    ck_assert_mem_eq(on_host(a), on_host(b), bytes);
}

/* `epochs` epochs of both are the same; the first one gathers rows, on `rows`. */
static void expect_same_epochs(reel_loader *l, reel_loader *by_item, reel_device rows, int epochs) {
    for (int e = 0; e < epochs; e++) {
        reel_batch a, b;
        while (reel_loader_next(l, &a)) {
            ck_assert(reel_loader_next(by_item, &b));
            ck_assert_int_eq(a.n, b.n);
            ck_assert_mem_eq(a.index, b.index, (size_t)a.n * sizeof *a.index);
            ck_assert_ptr_nonnull(l->order);
            ck_assert(reel_device_equal(reel_device_of(l->order), rows));
            ck_assert_ptr_null(by_item->order);
            expect_same(a.x, b.x);
            expect_same(a.y, b.y);
        }
        expect_fine();
        ck_assert(!reel_loader_next(by_item, &b));
        ck_assert_ptr_null(l->order);
    }
}

/* Every place for the rows and every place for the batches, scaled or not. */
static void expect_same_anywhere(reel_dataset *d, reel_device rows) {
    const reel_device devices[] = {reel_cpu(), test_device()};
    for (int k = 0; k < 16; k++) {
        reel_loader_options o = {.batch_size = 5,
                                 .shuffle = true,
                                 .workers = k & 1 ? 2 : 0,
                                 .scale = k & 2 ? 1.0 / 255 : 0,
                                 .device = devices[k >> 2 & 1]};
        reel_loader *l = reel_loader_new(d, o);
        l->read_ahead |= k >> 3 & 1;
        o.workers = 0;
        o.collate = reel_collate_default;
        reel_loader *by_item = reel_loader_new(d, o);
        expect_same_epochs(l, by_item, rows, 3);
        ck_assert(rows.type == REEL_CPU || !l->crew);
        reel_loader_free(by_item);
        reel_loader_free(l);
    }
}

START_TEST(rows_are_what_items_are) {
    const reel_device devices[] = {reel_cpu(), test_device()};
    reel_dataset *d = rows_on(devices[_i]);
    expect_same_anywhere(d, devices[_i]);
    reel_dataset_free(d);
}
END_TEST

START_TEST(subsets_have_the_rows_of_the_whole) {
    const reel_device device = test_device();
    reel_dataset *d = rows_on(device), *parts[2];
    reel_dataset *some = reel_subset_dataset_new(d, (int64_t[]){22, 3, 3, 17, 0, 9, 8}, 7);
    reel_dataset *fewer = reel_subset_dataset_new(some, (int64_t[]){6, 0, 5, 2, 4, 4}, 6);
    ck_assert_int_eq(reel_random_split(d, (int64_t[]){15, 8}, 2, 1, parts), REEL_OK);
    expect_same_anywhere(some, device);
    expect_same_anywhere(fewer, device);
    expect_same_anywhere(parts[1], device);
    int64_t index[2] = {1, 2};
    reel_sample all;
    ck_assert_int_eq(reel__dataset_rows(fewer, index, 2, &all), REEL_OK);
    ck_assert_int_eq(reel_dim(all.x, 0), ITEMS);
    ck_assert_int_eq(index[0], 22);
    ck_assert_int_eq(index[1], 9);
    for (int k = 0; k < 2; k++) reel_dataset_free(parts[k]);
    reel_dataset_free(fewer);
    reel_dataset_free(some);
    reel_dataset_free(d);
}
END_TEST

START_TEST(an_order_from_a_checkpoint_is_gone_by) {
    reel_dataset *d = rows_on(test_device());
    const reel_loader_options o = {.batch_size = 4, .shuffle = true, .device = test_device()};
    reel_loader *from = reel_loader_new(d, o), *to = reel_loader_new(d, o);
    reel_state *s = reel_state_new();
    reel_batch b;
    for (int k = 0; k < 9; k++) reel_loader_next(from, &b); /* the third batch of epoch 1 */
    for (int k = 0; k < 2; k++) ck_assert(reel_loader_next(to, &b));
    ck_assert_int_eq(reel_loader_save(from, s, NULL), REEL_OK);
    ck_assert_int_eq(reel_loader_load(to, s, NULL), REEL_OK);
    for (int64_t k = 3; k < 6; k++) {
        ck_assert(reel_loader_next(to, &b));
        ck_assert_int_eq(b.number, k - 1);
        REEL_SCOPE;
        ck_assert_mem_eq(on_host(b.y), b.index, (size_t)b.n * sizeof *b.index);
    }
    reel_state_free(s);
    reel_loader_free(to);
    reel_loader_free(from);
    reel_dataset_free(d);
}
END_TEST

START_TEST(labels_lie_where_images_do) {
    if (test_device().type == REEL_CPU) return;
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(4, 2), REEL_U8, test_device());
    ck_assert_ptr_null(reel_tensor_dataset_new(x, reel_arange(4, REEL_I64, reel_cpu())));
    expect_failure(REEL_ERR_DEVICE, "devices differ: x[4, 2] on cuda");
}
END_TEST

/* ---- rows of one's own ---- */

/* Items are rows of `all`, last first; `mode` says what goes wrong. */
typedef struct {
    reel_dataset base;
    reel_sample all;
    int mode;
} backwards;

enum { FINE, NO_X, NO_REASON, LOW, NONE };

static int64_t backwards_length(reel_dataset *d) {
    return reel_dim(((backwards *)d)->all.x, 0);
}

static reel_status backwards_get(reel_dataset *d, int64_t i, reel_sample *out) {
    const backwards *b = (backwards *)d;
    out->x = reel_select(b->all.x, 0, -1 - i);
    return reel_error_status();
}

static reel_status backwards_rows(reel_dataset *d, int64_t *index, int64_t n, reel_sample *all) {
    const backwards *b = (backwards *)d;
    if (b->mode == NONE || (b->mode == NO_X && n > 0)) return REEL_OK;
    for (int64_t k = 0; k < n; k++)
        index[k] = b->mode == LOW ? -1 : backwards_length(d) - 1 - index[k];
    *all = b->all;
    return b->mode == NO_REASON && n > 0 ? REEL_ERR_IO : REEL_OK;
}

static const reel_dataset_class backwards_class = {
    .length = backwards_length, .get = backwards_get, .rows = backwards_rows};

START_TEST(a_class_of_ones_own_may_have_rows) {
    REEL_SCOPE;
    reel_tensor *x = reel_reshape(reel_arange(10, REEL_F64, test_device()), reel_shape(10, 1));
    backwards d = {{&backwards_class}, {x, NULL}, FINE};
    expect_same_anywhere(&d.base, test_device());
    d.mode = NONE;
    reel_loader *l = reel_loader_new(&d.base, (reel_loader_options){.batch_size = 4});
    reel_batch b;
    ck_assert(reel_loader_next(l, &b));
    ck_assert_ptr_null(l->order);
    expect_values(b.x, (double[]){9, 8, 7, 6}, 4);
    reel_loader_free(l);
}
END_TEST

START_TEST(rows_are_not_believed) {
    static const struct {
        int mode;
        reel_status status;
        const char *message;
    } cases[] = {{NO_X, REEL_ERR_STATE, "dataset: rows gave no x"},
                 {NO_REASON, REEL_ERR_IO, "dataset: rows failed without saying why"},
                 {LOW, REEL_ERR_ARGUMENT, "index -1 at position 0 is not in 0..9"}};
    REEL_SCOPE;
    reel_tensor *x = reel_arange(10, REEL_F64, test_device());
    for (int k = 0; k < 3; k++) {
        backwards d = {{&backwards_class}, {x, NULL}, cases[k].mode};
        reel_loader *l = reel_loader_new(
            &d.base, (reel_loader_options){.batch_size = 4, .device = test_device()});
        reel_batch b;
        if (reel_loader_next(l, &b)) reel_synchronize(test_device());
        expect_failure(cases[k].status, cases[k].message);
        d.mode = FINE;
        if (cases[k].mode != LOW) ck_assert(reel_loader_next(l, &b));
        reel_loader_free(l);
    }
}
END_TEST

/* ---- on a GPU ---- */

/* The host only says what to do: no copy, no wait, and after the first batches no memory. */
START_TEST(rows_stay_on_the_gpu) {
    if (test_device().type != REEL_CUDA) return;
    const int index = test_device().index;
    reel_cuda_counts before, after;
    reel_dataset *d = rows_on(test_device());
    reel_loader *l = reel_loader_new(d, (reel_loader_options){.batch_size = 2,
                                                              .shuffle = true,
                                                              .workers = 3,
                                                              .scale = 1.0 / 255,
                                                              .device = test_device()});
    reel_batch b;
    while (reel_loader_next(l, &b)) continue;
    ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(reel_cuda_count_calls(index, &before), REEL_OK);
    for (int k = 0; k < 9; k++) ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(reel_cuda_count_calls(index, &after), REEL_OK);
    ck_assert_int_eq(after.launches - before.launches, 18); /* x and y */
    ck_assert_int_eq(after.copies_from_host, before.copies_from_host);
    ck_assert_int_eq(after.copies_to_host, before.copies_to_host);
    ck_assert_int_eq(after.waits, before.waits);
    ck_assert_int_eq(after.device_allocs, before.device_allocs);
    reel_loader_free(l);
    reel_dataset_free(d);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rows");
    TCase *c = add_case(s, "rows");
    tcase_add_loop_test(c, rows_are_what_items_are, 0, 2);
    tcase_add_test(c, subsets_have_the_rows_of_the_whole);
    tcase_add_test(c, an_order_from_a_checkpoint_is_gone_by);
    tcase_add_test(c, labels_lie_where_images_do);
    tcase_add_test(c, a_class_of_ones_own_may_have_rows);
    tcase_add_test(c, rows_are_not_believed);
    tcase_add_test(c, rows_stay_on_the_gpu);
    return run_suite(s);
}
