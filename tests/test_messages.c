/* What failures of tensors and their ops say, each line as its caller reads it. A newcomer meets
 * them before anything else, so a change of one is looked at here. */
#include "tests/wrong_calls.h"

static reel_tensor *hook(reel_tensor *gradient, void *user) {
    (void)user;
    return gradient;
}
static reel_tensor *gives_null(reel_tensor **in, void *user) {
    (void)in;
    (void)user;
    return NULL;
}
static reel_tensor *squared(reel_tensor **in, void *user) {
    (void)user;
    return reel_square(in[0]);
}

START_TEST(creation) {
    SAYS("empty: [-1, 3] is no shape of a tensor", reel_empty(reel_shape(-1, 3), REEL_F32, cpu));
    SAYS("zeros: [2, -3] is no shape of a tensor", reel_zeros(reel_shape(2, -3), REEL_F32, cpu));
    SAYS("zeros_like: the tensor to be like is NULL", reel_zeros_like(NULL));
    SAYS("arange: [-2] is no shape of a tensor", reel_arange(-2, REEL_F32, cpu));
    SAYS("arange: can't count in f32 from 0 to 1 by 0", reel_arange_from(0, 1, 0, REEL_F32, cpu));
    SAYS("linspace: [-1] is no shape of a tensor", reel_linspace(0, 1, -1, REEL_F32, cpu));
    SAYS("linspace: gives f32 or f64, not i64", reel_linspace(0, 1, 5, REEL_I64, cpu));
    SAYS("eye: [-1, 2] is no shape of a tensor", reel_eye(-1, 2, REEL_F32, cpu));
    SAYS("from: data is NULL", reel_from(NULL, reel_shape(2), REEL_F32));
    SAYS("from: [-2] is no shape of a tensor", reel_from(NULL, reel_shape(-2), REEL_F32));
    reel_fail(REEL_ERR_STATE, REEL_HERE, "said to nobody");
    ck_assert_int_eq(reel_report(NULL), 1);
    reel_clear_error();
    SAYS("read: the host memory is NULL", reel_read(x, NULL, 24));
    SAYS("read: [2, 3] f32 has 24 bytes, 23 given", reel_read(x, data, 23));
    SAYS("write: the tensor is NULL", reel_write(none, data, 24));
    SAYS("item: [2, 3] has not one element", reel_item(x));
    SAYS("item: the tensor is NULL", reel_item(NULL));
    SAYS("set_name: the tensor is NULL", reel_set_name(NULL, "x"));
    SAYS("threads: 0 is not in 1..256", reel_set_threads(0));
    SAYS("matmul_precision: there is no precision 7",
         reel_set_matmul_precision((reel_matmul_precision)7));
    SAYS("device: \"gpu\" is none of cpu, cuda, cuda:N", reel_device_parse("gpu", &device));
    SAYS("device: \"\" is none of cpu, cuda, cuda:N", reel_device_parse(NULL, &device));
    SAYS("device: nowhere to put it", reel_device_parse("cpu", NULL));
}
END_TEST

START_TEST(elementwise) {
    SAYS("add: shapes do not broadcast: x[2, 3], row[2]", reel_add(x, row));
    SAYS("add: none is NULL: x[2, 3], none", reel_add(x, none));
    SAYS("add: input 1 is NULL: x[2, 3], NULL", reel_add(x, NULL));
    SAYS("add: dtypes differ: x[2, 3] f32, labels[5] i64", reel_add(x, labels));
    SAYS("sub: dtypes differ: [2, 3] f32, labels[5] i64", reel_sub(reel_relu(x), labels));
    SAYS("div: takes floats: labels[5] i64, labels[5] i64", reel_div(labels, labels));
    SAYS("add: dtypes differ: half[2, 3] f16, x[2, 3] f32", reel_add(half, x));
    SAYS("exp: takes floats: labels[5] i64", reel_exp(labels));
    SAYS("scale: takes floats: labels[5] i64", reel_scale(labels, 2));
    SAYS("shift: takes floats: labels[5] i64", reel_shift(labels, 2));
    SAYS("clamp: takes floats: labels[5] i64", reel_clamp(labels, 0, 1));
    SAYS("pow_scalar: takes floats: labels[5] i64", reel_pow_scalar(labels, 2));
    SAYS("pow_scalar: takes floats: labels[5] i64", reel_pow_scalar(labels, 3));
    SAYS("pow_scalar: input 0 is NULL: NULL", reel_pow_scalar(NULL, 2));
    SAYS("where: the mask must be u8: x[2, 3] f32, x[2, 3] f32, x[2, 3] f32", reel_where(x, x, x));
    SAYS("where: shapes do not broadcast: mask[2, 3], x[2, 3], row[2]", reel_where(mask, x, row));
    SAYS("masked_fill: the mask must be u8: x[2, 3] f32, x[2, 3] f32", reel_masked_fill(x, x, 0));
    SAYS("masked_fill: input 1 is NULL: x[2, 3], NULL", reel_masked_fill(x, NULL, 0));
    SAYS("masked_fill: input 0 is NULL: NULL, mask[2, 3]", reel_masked_fill(NULL, mask, 0));
    SAYS("masked_fill: the mask must be u8: x[2, 3] f32, row[2] f32", reel_masked_fill(x, row, 0));
    SAYS("masked_fill: the mask must be u8: x[2, 3] f32, x[2, 3] f32",
         reel_in_place(masked_fill, x, x, 0));
    SAYS("masked_fill: none is NULL: x[2, 3], none", reel_in_place(masked_fill, x, none, 0));
    SAYS("cast: input 0 is NULL: NULL", reel_cast(NULL, REEL_F64));
    SAYS("dequantize: gives f32 or f64, not i64: bytes[2, 3] u8",
         reel_dequantize(bytes, 1, REEL_I64));
    SAYS("add_: shapes do not broadcast: x[2, 3], row[2]", reel_in_place(add, x, row));
    SAYS("add_: the tensor to change is NULL: NULL, x[2, 3]", reel_in_place(add, NULL, x));
    SAYS("relu_: takes floats: labels[5] i64", reel_in_place(relu, labels));
    SAYS("mul: the result does not fit into [2]: x[2, 3], x[2, 3]", reel_into(row, mul, x, x));
    SAYS("copy_: the result does not fit into [2, 3]: x[2, 3], row[2]", reel_copy_(x, row));
    SAYS("copy_: input 0 is NULL: NULL, x[2, 3]", reel_copy_(NULL, x));
    SAYS("copy_: input 1 is NULL: x[2, 3], NULL", reel_copy_(x, NULL));
    SAYS("fill_: the tensor to change is NULL", reel_fill_(NULL, 1));
    SAYS("bce: dtypes differ: x[2, 3] f32, labels[5] i64", reel_bce(x, labels));
}
END_TEST

START_TEST(reductions_and_products) {
    SAYS("sum: no axis 2: x[2, 3]", reel_sum_over(x, reel_axes(2), false));
    SAYS("sum: axis 0 listed twice: x[2, 3]", reel_sum_over(x, reel_axes(0, 0), false));
    SAYS("mean: takes floats: labels[5] i64", reel_mean(labels));
    SAYS("max: axis 0 is empty: empty[0]", reel_max(empty));
    SAYS("argmax: is of one axis or of all, not of 2: cube[2, 3, 4]",
         reel_argmax_over(cube, reel_axes(0, 1), false));
    SAYS("logsumexp: takes floats: labels[5] i64", reel_logsumexp(labels));
    SAYS("norm: input 0 is NULL: NULL", reel_norm(NULL, 2));
    SAYS("norm: takes floats: labels[5] i64", reel_norm(labels, 2));
    SAYS("norm: input 0 is NULL: NULL", reel_norm(NULL, 3));
    SAYS("norm: takes floats: labels[5] i64", reel_norm(labels, 1));
    SAYS("norm: takes floats: labels[5] i64", reel_norm(labels, INFINITY));
    SAYS("norm: p is not a number: x[2, 3]", reel_norm(x, NAN));
    SAYS("norm: no axis 3: x[2, 3]", reel_norm_over(x, 2, reel_axes(3), false));
    SAYS("matmul: inner dimensions differ: x[2, 3] @ x[2, 3]", reel_matmul(x, x));
    SAYS("matmul: takes no 0-d tensor: x[2, 3] @ []",
         reel_matmul(x, reel_scalar(1, REEL_F32, cpu)));
    SAYS("matmul: batches do not broadcast: cube[2, 3, 4] @ [3, 4, 2]",
         reel_matmul(cube, reel_zeros(reel_shape(3, 4, 2), REEL_F32, cpu)));
    SAYS("softmax: no such axis: x[2, 3]", reel_softmax(x, 2));
    SAYS("log_softmax: no such axis: x[2, 3]", reel_log_softmax(x, -3));
    SAYS("mse: shapes differ: x[2, 3], row[2]", reel_mse(x, row));
}
END_TEST

START_TEST(indexing) {
    SAYS("index_select: the index must be i64: x[2, 3] f32, x[2, 3] f32",
         reel_index_select(x, 0, x));
    SAYS("index_select: no such axis: x[2, 3], labels[5]", reel_index_select(x, 2, labels));
    SAYS("index_select: index 2 at position 2 is not in 0..1: x[2, 3], labels[5]",
         reel_index_select(x, 0, labels));
    SAYS("index_add: one index an entry is needed: x[2, 3], labels[5]",
         reel_index_add(x, 0, labels, 4));
    SAYS("index_add: size -1 is negative: x[2, 3], index_list[2]",
         reel_index_add(x, 0, index_list, -1));
    SAYS("gather: shapes differ besides the axis: x[2, 3], labels[5]", reel_gather(x, 1, labels));
    SAYS("scatter_add: one index an element is needed: x[2, 3], index_list[2]",
         reel_scatter_add(x, 1, index_list, 3));
    SAYS("topk: k 4 is not in 0..3: x[2, 3]", reel_topk(x, 4, 1, true, NULL));
    SAYS("topk: no such axis: x[2, 3]", reel_topk(x, 1, 2, true, NULL));
    SAYS("sort: no such axis: x[2, 3]", reel_sort(x, 2, false, NULL));
    SAYS("argsort: no such axis: x[2, 3]", reel_argsort(x, 2, false));
    SAYS("argsort: input 0 is NULL: NULL", reel_argsort(NULL, 0, false));
    SAYS("one_hot: index 2 at position 2 is not in 0..1: labels[5]",
         reel_one_hot(labels, 2, REEL_F32));
    SAYS("one_hot: the index must be i64: x[2, 3] f32", reel_one_hot(x, 2, REEL_F32));
    SAYS("one_hot: -2 classes: labels[5]", reel_one_hot(labels, -2, REEL_F32));
    SAYS("dequantize_rows: the index must be i64: x[2, 3] f32, x[2, 3] f32",
         reel_dequantize_rows(x, x, 1, REEL_F32));
}
END_TEST

START_TEST(views) {
    SAYS("reshape: its elements do not fit into [4, 2]: x[2, 3]",
         reel_reshape(x, reel_shape(4, 2)));
    SAYS("reshape: input 0 is NULL: NULL", reel_reshape(NULL, reel_shape(4, 2)));
    SAYS("squeeze: axis 0 has 2 entries, not one: x[2, 3]", reel_squeeze(x, 0));
    SAYS("squeeze: no axis 2: x[2, 3]", reel_squeeze(x, 2));
    SAYS("squeeze: input 0 is NULL: NULL", reel_squeeze(NULL, 0));
    SAYS("unsqueeze: no place for a new axis 4: x[2, 3]", reel_unsqueeze(x, 4));
    SAYS("flatten: axis 1 comes after axis 0: x[2, 3]", reel_flatten(x, 1, 0));
    SAYS("flatten: no axis 5: x[2, 3]", reel_flatten(x, 0, 5));
    SAYS("permute: [0] does not list every axis once: x[2, 3]", reel_permute(x, reel_axes(0)));
    SAYS("permute: [0, 2] does not list every axis once: x[2, 3]",
         reel_permute(x, reel_axes(0, 2)));
    SAYS("transpose: no axis 2: x[2, 3]", reel_transpose(x, 0, 2));
    SAYS("transpose: input 0 is NULL: NULL", reel_transpose(NULL, 0, 1));
    SAYS("t: takes two axes or more: row[2]", reel_t(row));
    SAYS("t: input 0 is NULL: NULL", reel_t(NULL));
    SAYS("slice: no axis 2: x[2, 3]", reel_slice(x, 2, 0, 1, 1));
    SAYS("slice: step 0, at least 1 is needed: x[2, 3]", reel_slice(x, 0, 0, 1, 0));
    SAYS("select: no index 5 on axis 0: x[2, 3]", reel_select(x, 0, 5));
    SAYS("select: no axis 2: x[2, 3]", reel_select(x, 2, 0));
    SAYS("select: input 0 is NULL: NULL", reel_select(NULL, 0, INT64_MAX));
    SAYS("split: the sizes do not add up to 3: x[2, 3]", reel_split(x, 1, ones, 2, parts));
    SAYS("split: sizes is NULL: x[2, 3]", reel_split(x, 1, NULL, 2, parts));
    SAYS("split: there is nowhere to put the parts: x[2, 3]", reel_split(x, 1, sizes, 2, NULL));
    SAYS("split: input 0 is NULL: NULL", reel_split(NULL, 1, sizes, 2, parts));
    SAYS("chunk: no axis 2: x[2, 3]", reel_chunk(x, 2, 2, parts));
    SAYS("chunk: 0 chunks: x[2, 3]", reel_chunk(x, 1, 0, parts));
    SAYS("unbind: 3 entries along axis 1, not 2: x[2, 3]", reel_unbind(x, 1, 2, parts));
    SAYS("expand: does not broadcast to [2, 4]: x[2, 3]", reel_expand(x, reel_shape(2, 4)));
    SAYS("expand: input 0 is NULL: NULL", reel_expand(NULL, reel_shape(2, 4)));
    SAYS("contiguous: input 0 is NULL: NULL", reel_contiguous(NULL));
    SAYS("concat: input 1, [2], does not fit the first: x[2, 3], row[2]", reel_concat(0, x, row));
    SAYS("concat: input 1 is NULL: x[2, 3], NULL", reel_concat(0, x, NULL));
    SAYS("concat: no such axis: x[2, 3], x[2, 3]", reel_concat(2, x, x));
    SAYS("concat: no tensors are given", reel_concat_list(NULL, 2, 0));
    SAYS("stack: input 1, [2, 3, 4], does not fit the first: x[2, 3], cube[2, 3, 4]",
         reel_stack(0, x, cube));
    SAYS("repeat: can't be repeated [2] times: x[2, 3]", reel_repeat(x, reel_shape(2)));
    SAYS("repeat: can't be repeated [2, -1] times: x[2, 3]", reel_repeat(x, reel_shape(2, -1)));
    SAYS("repeat: input 0 is NULL: NULL", reel_repeat(NULL, reel_shape(2, 2)));
    SAYS("flip: no such axis: x[2, 3]", reel_flip(x, 2));
    SAYS("tril: takes two axes or more: row[2]", reel_tril(row, 0));
}
END_TEST

START_TEST(draws) {
    SAYS("uniform_: the tensor is NULL", reel_uniform_(NULL, g, 0, 1));
    SAYS("uniform_: the generator is NULL", reel_uniform_(x, NULL, 0, 1));
    SAYS("uniform_: takes f32 or f64, not i64", reel_uniform_(labels, g, 0, 1));
    SAYS("uniform_: from 1 to 0 is no interval: x[2, 3]", reel_uniform_(x, g, 1, 0));
    SAYS("uniform_: from nan to 0 is no interval: x[2, 3]", reel_uniform_(x, g, NAN, 0));
    SAYS("uniform_: from 0 to inf is no interval: x[2, 3]", reel_uniform_(x, g, 0, INFINITY));
    SAYS("normal_: std must be 0 or more, not -1: x[2, 3]", reel_normal_(x, g, 0, -1));
    SAYS("randn: the generator is NULL", reel_randn(reel_shape(2), REEL_F32, NULL));
    SAYS("randn: takes f32 or f64, not i64", reel_randn(reel_shape(2), REEL_I64, g));
    SAYS("rand: [-2] is no shape of a tensor", reel_rand(reel_shape(-2), REEL_F32, g));
    SAYS("randint: high 3 is not above low 3", reel_randint(3, 3, reel_shape(2), REEL_I64, g));
    SAYS("randint: gives f32, f64, i64 or u8, not f16",
         reel_randint(0, 5, reel_shape(2), REEL_F16, g));
    SAYS("randint: u8 does not hold all of 0..299",
         reel_randint(0, 300, reel_shape(2), REEL_U8, g));
    SAYS("randperm: [-1] is no shape of a tensor", reel_randperm(-1, g));
    SAYS("randperm: the generator is NULL", reel_randperm(3, NULL));
    SAYS("bernoulli: takes floats: labels[5] i64", reel_bernoulli(labels, g));
    SAYS("bernoulli: the generator is NULL", reel_bernoulli(x, NULL));
    SAYS("bernoulli_: probability 2 is not in 0..1", reel_bernoulli_(x, g, 2));
    SAYS("multinomial: weights have one axis or two: cube[2, 3, 4]",
         reel_multinomial(cube, 2, false, g));
    SAYS("multinomial: 4 draws without replacement from 3 weights: x[2, 3]",
         reel_multinomial(x, 4, false, g));
    SAYS("multinomial: takes floats: labels[5] i64", reel_multinomial(labels, 1, false, g));
}
END_TEST

START_TEST(states) {
    SAYS("state_put: no state", reel_state_put(NULL, "x", x));
    SAYS("state_put: no name", reel_state_put(state, "", x));
    SAYS("state_put: no tensor: x", reel_state_put(state, "x", NULL));
    SAYS("state_put: there already: there", reel_state_put(state, "there", x));
    SAYS("state_put: no name", reel_state_put_in(state, "model", NULL, x));
    SAYS("state_put_text: no state", reel_state_put_text(NULL, "a", "b"));
    SAYS("state_put_text: no key", reel_state_put_text(state, NULL, "b"));
    SAYS("state_put_text: no value: a", reel_state_put_text(state, "a", NULL));
    SAYS("state_put_text: no state", reel_state_put_int(NULL, "a", 1));
    SAYS("state_put_text: no key", reel_state_put_double(state, "", 1));
}
END_TEST

START_TEST(gradients) {
    SAYS("track: takes floats: [5] i64", reel_track(labels));
    SAYS("track: is the result of an op: [2, 3] f32", reel_track(reel_relu(w)));
    SAYS("backward: the loss is NULL", reel_backward(NULL));
    SAYS("backward: [2, 3] does not come from a tracked tensor", reel_backward(x));
    SAYS("backward: [2, 3] has not one element: give its gradient", reel_backward(reel_relu(w)));
    SAYS("backward: the gradient given is not of the shape and dtype of [2, 3]",
         reel_backward_with(reel_relu(w), .gradient = row));
    SAYS("grad_of: no outputs", reel_grad_of(NULL, 1, &w, 1, parts, (reel_grad_of_options){0}));
    SAYS("grad_of: no inputs", reel_grad_of(&x, 1, NULL, 1, parts, (reel_grad_of_options){0}));
    SAYS("grad_of: no place for the gradients",
         reel_grad_of(&x, 1, &w, 1, NULL, (reel_grad_of_options){0}));
    SAYS("grad_of: input 0, [2, 3], is not tracked",
         reel_grad_of(&w, 1, &x, 1, parts, (reel_grad_of_options){0}));
    SAYS("grad_of: input 0 is NULL",
         reel_grad_of(&w, 1, &none, 1, parts, (reel_grad_of_options){0}));
    SAYS("register_hook: [2, 3] is not tracked", reel_register_hook(x, hook, NULL));
    SAYS("register_hook: the tensor is NULL", reel_register_hook(NULL, hook, NULL));
    SAYS("register_hook: the hook is NULL", reel_register_hook(w, NULL, NULL));
    SAYS("apply: the function lacks everything", reel_apply(NULL, &w, 1, NULL));
    SAYS("cube: no inputs", reel_apply(&cube_function, NULL, 1, NULL));
    SAYS("cube: input 0 is NULL", reel_apply(&cube_function, &none, 1, NULL));
    SAYS("tape_dot: the tensor is NULL", reel_tape_dot(stdout, NULL));
    SAYS("tape_dot: the file is NULL", reel_tape_dot(NULL, w));
    SAYS("tape_dot: the tensor is not tracked", reel_tape_dot(stdout, x));
    SAYS("gradcheck: the function is NULL",
         reel_gradcheck(NULL, NULL, &w, 1, (reel_gradcheck_options){0}));
    SAYS("gradcheck: input 0 is not f64: [2, 3] f32",
         reel_gradcheck(gives_null, NULL, &w, 1, (reel_gradcheck_options){0}));
    SAYS("gradcheck: what f gives is f32, not f64",
         reel_gradcheck(squared, NULL, &x, 1, (reel_gradcheck_options){0}));
    SAYS("gradcheck: input 0 is NULL",
         reel_gradcheck(squared, NULL, &none, 1, (reel_gradcheck_options){0}));
    SAYS("gradcheck: inputs is NULL",
         reel_gradcheck(squared, NULL, NULL, 1, (reel_gradcheck_options){0}));
    SAYS("gradcheck: input 0 is not f64: [2, 3] f32",
         reel_gradcheck(squared, NULL, &w, 1, (reel_gradcheck_options){0}));
    SAYS("gradgradcheck: -1 inputs",
         reel_gradgradcheck(squared, NULL, &w, -1, (reel_gradcheck_options){0}));
}
END_TEST

START_TEST(nothing_is_looked_at) {
    QUIET(reel_to(NULL, cpu));
    QUIET(reel_detach(NULL));
    QUIET(reel_track(NULL));
    QUIET(reel_meter_mean(NULL));
    QUIET(reel_optim_lr(NULL));
    QUIET(reel_optim_group_lr(adam, 3));
    QUIET(reel_optim_steps(NULL));
    QUIET(reel_schedule_lr(NULL, 1));
    QUIET(reel_ndim(NULL));
    QUIET(reel_dim(NULL, 0));
    QUIET(reel_stride(NULL, 0));
    QUIET(reel_shape_of(NULL));
    QUIET(reel_numel(NULL));
    QUIET(reel_dtype_of(NULL));
    QUIET(reel_device_of(NULL));
    QUIET(reel_is_contiguous(NULL));
    QUIET(reel_name(NULL));
    QUIET(reel_data(NULL));
    QUIET(reel_retain(NULL));
    QUIET(reel_release(NULL));
    QUIET(reel_scope_return(NULL));
    QUIET(reel_scope_close(NULL));
    QUIET(reel_leak_report(NULL));
    QUIET(reel_report(NULL));
    QUIET(reel_dtype_name((reel_dtype)77));
    QUIET(reel_dtype_size((reel_dtype)77));
    QUIET(reel_generator_state(NULL));
    QUIET(reel_generator_free(NULL));
    QUIET(reel_state_free(NULL));
    QUIET(reel_state_count(NULL));
    QUIET(reel_state_name(NULL, 0));
    QUIET(reel_state_at(NULL, 0));
    QUIET(reel_state_get(NULL, "a"));
    QUIET(reel_state_get(state, NULL));
    QUIET(reel_state_get_in(NULL, "a", "b"));
    QUIET(reel_state_get_in(state, NULL, NULL));
    QUIET(reel_state_text(NULL, "a"));
    QUIET(reel_state_text(state, NULL));
    QUIET(reel_state_text_count(NULL));
    QUIET(reel_state_text_key(NULL, 0));
    QUIET(reel_state_text_value(NULL, 0));
    QUIET(reel_state_text_key(state, 99));
    QUIET(reel_state_name(state, 99));
    QUIET(reel_state_at(state, -1));
    QUIET(reel_state_int(NULL, "a", &integer));
    QUIET(reel_state_int(state, NULL, &integer));
    QUIET(reel_state_double(NULL, "a", &real));
    QUIET(reel_state_int(state, "a", NULL));
    QUIET(reel_state_double(state, "a", NULL));
    QUIET(reel_untrack(NULL));
    QUIET(reel_is_tracked(NULL));
    QUIET(reel_grad(NULL));
    QUIET(reel_zero_grad(NULL));
    QUIET(reel_remove_hook(NULL, 1));
    QUIET(reel_context_user(NULL));
    QUIET(reel_context_needs(NULL, 0));
    QUIET(reel_dataset_free(NULL));
    QUIET(reel_sampler_free(NULL));
    QUIET(reel_batch_sampler_free(NULL));
    QUIET(reel_loader_free(NULL));
    QUIET(reel_loader_epoch(NULL));
    QUIET(reel_loader_position(NULL));
    QUIET(reel_mnist_free(NULL));
    QUIET(reel_file_exists(NULL));
    QUIET(reel_history_free(NULL));
    QUIET(reel_history_rows(NULL));
    QUIET(reel_history_get(NULL, 0, "a"));
    QUIET(reel_history_get(history, 0, NULL));
    QUIET(reel_history_truncate(NULL, 0));
    QUIET(reel_module_free(NULL));
    QUIET(reel_train(NULL));
    QUIET(reel_eval(NULL));
    QUIET(reel_module_freeze(NULL));
    QUIET(reel_meter_reset(NULL));
    QUIET(reel_optim_free(NULL));
    QUIET(reel_optim_group_count(NULL));
    QUIET(reel_optim_zero_grad(NULL));
    QUIET(reel_schedule_free(NULL));
}
END_TEST

int main(void) {
    Suite *s = suite_create("messages");
    TCase *c = add_wrong_calls(s, "tensors");
    tcase_add_test(c, creation);
    tcase_add_test(c, elementwise);
    tcase_add_test(c, reductions_and_products);
    tcase_add_test(c, indexing);
    tcase_add_test(c, views);
    tcase_add_test(c, draws);
    tcase_add_test(c, states);
    tcase_add_test(c, gradients);
    tcase_add_test(c, nothing_is_looked_at);
    return run_suite(s);
}
