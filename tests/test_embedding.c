/* Embeddings: values, layers, and what they refuse. */
#include "reel.h"

#include "tests/expect.h"

static reel_tensor *index_of(reel_shape s, const int64_t *v) {
    return reel_to(reel_from(v, s, REEL_I64), test_device());
}

START_TEST(rows_come_by_number) {
    REEL_SCOPE;
    reel_tensor *w = reel_track(f64(reel_shape(3, 2), (double[]){1, 2, 3, 4, 5, 6}));
    reel_tensor *index = index_of(reel_shape(2, 2), (int64_t[]){2, 0, 0, 1});
    reel_tensor *y =
        reel_embedding(w, index, (reel_embedding_options){.pads = true, .padding_idx = -3});
    expect_values(y, (double[]){5, 6, 1, 2, 1, 2, 3, 4}, 8);
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(2, 2, 2)));
    reel_backward(reel_sum(y));
    expect_values(reel_grad(w), (double[]){0, 0, 1, 1, 1, 1}, 6);
    ck_assert_ptr_null(reel_embedding(w, w, (reel_embedding_options){0}));
    expect_failure(REEL_ERR_DTYPE, "embedding: the index must be i64: w[3, 2]");
    ck_assert_ptr_null(reel_embedding(index, index, (reel_embedding_options){0}));
    expect_failure(REEL_ERR_DTYPE, "embedding: the weight must be of floats");
    ck_assert_ptr_null(
        reel_embedding(w, index, (reel_embedding_options){.pads = true, .padding_idx = 3}));
    expect_failure(REEL_ERR_ARGUMENT, "embedding: padding_idx 3 of 3 rows");
    ck_assert_ptr_null(reel_embedding(NULL, index, (reel_embedding_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "embedding: weight is NULL");
}
END_TEST

START_TEST(bags_are_gathered) {
    REEL_SCOPE;
    reel_tensor *w = f64(reel_shape(3, 2), (double[]){1, 2, 3, 4, 5, 7});
    reel_tensor *index = index_of(reel_shape(4), (int64_t[]){2, 0, 1, 1});
    reel_tensor *offsets = index_of(reel_shape(3), (int64_t[]){0, 2, 2});
    expect_values(reel_embedding_bag(w, index, (reel_embedding_bag_options){.offsets = offsets}),
                  (double[]){3, 4.5, 0, 0, 3, 4}, 6);
    index = reel_reshape(index, reel_shape(2, 2));
    expect_values(reel_embedding_bag(w, index, (reel_embedding_bag_options){.mode = REEL_BAG_MAX}),
                  (double[]){5, 7, 3, 4}, 4);
    reel_tensor *by = f64(reel_shape(2, 2), (double[]){2, 1, 0, 3});
    expect_values(
        reel_embedding_bag(
            w, index, (reel_embedding_bag_options){.mode = REEL_BAG_SUM, .per_sample_weights = by}),
        (double[]){11, 16, 9, 12}, 4);
    expect_values(reel_embedding_bag(w, index,
                                     (reel_embedding_bag_options){
                                         .mode = REEL_BAG_MAX, .pads = true, .padding_idx = 1}),
                  (double[]){5, 7, 0, 0}, 4);
    ck_assert_ptr_null(reel_embedding_bag(
        w, index, (reel_embedding_bag_options){.mode = REEL_BAG_MEAN, .per_sample_weights = by}));
    expect_failure(REEL_ERR_ARGUMENT, "embedding_bag: per_sample_weights are for the mode sum");
    ck_assert_ptr_null(
        reel_embedding_bag(w, index, (reel_embedding_bag_options){.offsets = offsets}));
    expect_failure(REEL_ERR_SHAPE, "embedding_bag: with offsets the index must be [n]");
}
END_TEST

/* Of equals the first of a bag, as PyTorch has it; not one that is padding. */
START_TEST(first_of_equals_gets_the_gradient) {
    REEL_SCOPE;
    reel_tensor *w = f64(reel_shape(4, 2), (double[]){1, 5, 1, 3, 1, 5, 0, 5});
    reel_tensor *index = index_of(reel_shape(1, 4), (int64_t[]){0, 1, 2, 2}), *grad;
    reel_track(w);
    for (int pads = 0; pads < 2; pads++) {
        reel_embedding_bag_options o = {.mode = REEL_BAG_MAX, .pads = pads, .padding_idx = 0};
        reel_tensor *y = reel_sum(reel_embedding_bag(w, index, o));
        reel_grad_of(&y, 1, &w, 1, &grad, (reel_grad_of_options){0});
        expect_values(
            grad, pads ? (double[]){0, 0, 1, 0, 0, 1, 0, 0} : (double[]){1, 1, 0, 0, 0, 0, 0, 0},
            8);
    }
}
END_TEST

START_TEST(layers_are_made) {
    reel_module *m = reel_embedding_new(
        5, 4, (reel_embedding_layer_options){.pads = true, .padding_idx = 2, .dtype = REEL_F64});
    reel_module_to(m, test_device());
    {
        REEL_SCOPE;
        reel_tensor *y = reel_forward(m, index_of(reel_shape(1), (int64_t[]){2}));
        expect_values(y, (double[]){0, 0, 0, 0}, 4);
        reel_tensor *given = f64(reel_shape(2, 2), (double[]){1, 2, 3, 4});
        reel_module *frozen = reel_embedding_bag_new(
            2, 2, REEL_BAG_SUM,
            (reel_embedding_layer_options){.from_pretrained = given, .freeze = true});
        reel_tensor *bag = index_of(reel_shape(1, 2), (int64_t[]){1, 0});
        expect_values(reel_forward(frozen, bag), (double[]){4, 6}, 2);
        ck_assert(!reel_is_tracked(reel_module_get(frozen, "weight")));
        reel_module_free(frozen);
    }
    reel_module_free(m);
    ck_assert_ptr_null(reel_embedding_new(0, 4, (reel_embedding_layer_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "embedding_new: a size below 1: num 0, dim 4");
    ck_assert_ptr_null(
        reel_embedding_new(3, 4, (reel_embedding_layer_options){.pads = true, .padding_idx = 3}));
    expect_failure(REEL_ERR_ARGUMENT, "embedding_new: padding_idx 3 of 3 rows");
}
END_TEST

int main(void) {
    Suite *s = suite_create("embedding");
    TCase *t = add_case(s, "embedding");
    tcase_add_test(t, rows_come_by_number);
    tcase_add_test(t, bags_are_gathered);
    tcase_add_test(t, first_of_equals_gets_the_gradient);
    tcase_add_test(t, layers_are_made);
    return run_suite(s);
}
