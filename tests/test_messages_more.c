/* What failures of modules, losses, optimizers, data and files say, and where. */
#include "tests/wrong_calls.h"

static const int cubed_line = __LINE__ + 3;
static reel_tensor *cubed(reel_tensor **in, void *user) {
    (void)user;
    return reel_apply(&cube_function, in, 1, NULL);
}
static reel_status map(reel_sample *s, int64_t i, void *user) {
    (void)i;
    s->x = reel_matmul(s->x, *(reel_tensor **)user);
    return reel_error_status();
}

static reel_tensor *gives_null(reel_module *of, reel_tensor *in) {
    (void)of;
    (void)in;
    return NULL;
}

START_TEST(modules) {
    reel_module null;
    reel_module_init(&null, "null", gives_null);
    SAYS("forward: gives NULL: null", reel_forward(&null, x));
    reel_module_free(&null);
    SAYS("module_init: no module", reel_module_init(NULL, "m", NULL));
    SAYS("module_param: no module", reel_module_param(NULL, "w", x));
    SAYS("module_param: no name in m", reel_module_param(&m, NULL, x));
    SAYS("module_param: a dot in a name: a.b in m", reel_module_param(&m, "a.b", x));
    SAYS("module_param: no tensor: w in m", reel_module_param(&m, "w", NULL));
    SAYS("module_param: takes floats: [5] i64", reel_module_param(&m, "w", labels));
    SAYS("module_param: there already: there in m", reel_module_param(&m, "there", row));
    SAYS("module_buffer: is tracked: b in m", reel_module_buffer(&m, "b", w));
    SAYS("module_buffer: no module", reel_module_buffer(NULL, "b", x));
    SAYS("module_child: no module", reel_module_child(NULL, "c", NULL));
    SAYS("module_child: no child: c in m", reel_module_child(&m, "c", NULL));
    SAYS("module_child: it contains its parent: c in m", reel_module_child(&m, "c", &m));
    SAYS("forward: no module", reel_forward(NULL, x));
    SAYS("forward: a module without one: m", reel_forward(&m, x));
    SAYS("forward: no input: linear", reel_forward(linear, NULL));
    SAYS("linear: inner dimensions differ: x[2, 3], weight[2, 4], bias[2]",
         reel_forward(linear, x));
    SAYS("linear: dtypes differ: labels[5] i64, weight[2, 4] f32, bias[2] f32",
         reel_forward(linear, labels));
    SAYS("module_params: no module", reel_module_params(NULL));
    SAYS("module_param_count: no module", reel_module_param_count(NULL));
    SAYS("module_get: no parameter or buffer: nothing in m", reel_module_get(&m, "nothing"));
    SAYS("module_get: no parameter or buffer: there in no module", reel_module_get(NULL, "there"));
    SAYS("module_get: no parameter or buffer:  in m", reel_module_get(&m, NULL));
    SAYS("module_get_child: no module: nothing in m", reel_module_get_child(&m, "nothing"));
    SAYS("module_get_child: no module:  in m", reel_module_get_child(&m, NULL));
    SAYS("module_to: no module", reel_module_to(NULL, cpu));
    SAYS("module_save: no module", reel_module_save(NULL, state, "m"));
    SAYS("module_save: no state", reel_module_save(&m, NULL, "m"));
    SAYS("module_load: no state", reel_module_load(&m, NULL, "m"));
    SAYS("module_load: not in the state: m.there", reel_module_load(&m, state, "m"));
    SAYS("module_load: no module", reel_module_load(NULL, state, "m"));
    SAYS("module_unfreeze: no module", reel_module_unfreeze(NULL));
    SAYS("module_summary: no module", reel_module_summary(stdout, NULL));
    SAYS("module_summary: no file", reel_module_summary(NULL, &m));
    SAYS("linear_new: a size below 1: in 0, out 2",
         reel_linear_new(0, 2, (reel_linear_options){0}));
    SAYS("linear_new: [2, 9223372036854775807] is no shape of a tensor",
         reel_linear_new(INT64_MAX, 2, (reel_linear_options){0}));
    SAYS("linear_new: takes f32 or f64, not i64",
         reel_linear_new(2, 2, (reel_linear_options){.dtype = REEL_I64}));
    SAYS("sequential_new: no modules: 2 of them", reel_sequential_new(NULL, 2));
    SAYS("sequential_new: no child: 1 in sequential",
         reel_sequential(reel_relu_new(), NULL, reel_relu_new()));
    SAYS("module_list_new: no child: 0 in module_list", reel_module_list(NULL));
    SAYS("sequential_new: no modules: -1 of them", reel_sequential_new(NULL, -1));
    SAYS("dropout_new: p must lie in [0, 1]: 1.5", reel_dropout_new(1.5, 0));
    SAYS("dropout_new: p must lie in [0, 1]: nan", reel_dropout_new(NAN, 0));
    SAYS("softmax: no such axis: x[2, 3]", reel_forward(softmax, x));
    SAYS("xavier_uniform_: no tensor", reel_xavier_uniform_(NULL, g, 1));
    SAYS("xavier_uniform_: needs 2 axes: [2]", reel_xavier_uniform_(row, g, 1));
    SAYS("kaiming_normal_: gain must be positive and finite: 0", reel_kaiming_normal_(x, g, 0));
    SAYS("kaiming_normal_: takes f32 or f64: [5] i64", reel_kaiming_normal_(labels, g, 1));
    SAYS("orthogonal_: needs 2 axes: [2]", reel_orthogonal_(row, g, 1));
    SAYS("trunc_normal_: mean must be finite, std positive and finite: 0, -1",
         reel_trunc_normal_(x, g, 0, -1, 0, 1));
    SAYS("trunc_normal_: not an interval: [2, 1]", reel_trunc_normal_(x, g, 0, 1, 2, 1));
    SAYS("gain: no such nonlinearity: 9", reel_gain((reel_nonlinearity)9, 0));
    SAYS("meter_add: no meter", reel_meter_add(NULL, x));
    SAYS("meter_add: no value", reel_meter_add(&meter, NULL));
    SAYS("meter_add: one element is wanted, not 6", reel_meter_add(&meter, x));
    SAYS("meter_add: weight must be 0 or more, and finite: -1",
         reel_meter_add_weighted(&meter, one, -1));
}
END_TEST

START_TEST(losses) {
    SAYS("mse_loss: shapes differ: x[2, 3], row[2]", reel_mse_loss(x, row));
    SAYS("mse_loss: target is NULL: x[2, 3], target", reel_mse_loss(x, NULL));
    SAYS("mse_loss: y is NULL: y, x[2, 3]", reel_mse_loss(NULL, x));
    SAYS("mse_loss: takes f32 or f64: labels[5] i64, labels[5] i64", reel_mse_loss(labels, labels));
    SAYS("mse_loss: no such reduction: 7: x[2, 3], x[2, 3]",
         reel_mse_loss_with(x, x, (reel_reduction)7));
    SAYS("l1_loss: shapes differ: x[2, 3], labels[5]", reel_l1_loss(x, labels));
    SAYS("bce_loss: dtypes differ: x[2, 3] f32, target[2, 3] f64",
         reel_bce_loss(x, reel_cast(x, REEL_F64)));
    SAYS("huber_loss: delta must be positive and finite, not -1: x[2, 3], x[2, 3]",
         reel_huber_loss_with(x, x, .delta = -1));
    SAYS("smooth_l1_loss: shapes differ: x[2, 3], cube[2, 3, 4]", reel_smooth_l1_loss(x, cube));
    SAYS("smooth_l1_loss: beta must be 0 or more, and finite, not nan: x[2, 3], x[2, 3]",
         reel_smooth_l1_loss_with(x, x, .beta = NAN));
    SAYS("hinge_loss: margin must be 0 or more, and finite, not inf: x[2, 3], x[2, 3]",
         reel_hinge_loss_with(x, x, .margin = INFINITY));
    SAYS("bce_with_logits_loss: dtypes differ: x[2, 3] f32, target[2, 3] i64",
         reel_bce_with_logits_loss(x, reel_cast(x, REEL_I64)));
    SAYS("bce_with_logits_loss: shapes do not broadcast: x[2, 3], x[2, 3], weight[4]",
         reel_bce_with_logits_loss_with(x, x, .weight = reel_zeros(reel_shape(4), REEL_F32, cpu)));
    SAYS("bce_with_logits_loss: shapes do not broadcast: x[2, 3], x[2, 3], pos_weight[2, 3, 4]",
         reel_bce_with_logits_loss_with(x, x, .pos_weight = cube));
    SAYS("bce_with_logits_loss: shapes do not broadcast: x[2, 3], x[2, 3], weight[2, 3, 4]",
         reel_bce_with_logits_loss_with(x, x, .weight = cube));
    SAYS("nll_loss: the target's shape is not the first's without axis 1, the classes: x[2, 3], "
         "x[2, 3]",
         reel_nll_loss(x, x));
    SAYS("nll_loss: classes are i64: cast the target: x[2, 3] f32, row[2] f32",
         reel_nll_loss(x, row));
    SAYS("nll_loss: classes are axis 1 of the first, which has 1: row[2], index_list[2]",
         reel_nll_loss(row, index_list));
    SAYS("nll_loss: target is NULL: x[2, 3], target", reel_nll_loss(x, NULL));
    SAYS("cross_entropy_loss: a target for each class is a probability, and a float: cast it, or "
         "give classes, i64 without axis 1: logits[5, 4] f32, one_hot[5, 4] i64",
         reel_cross_entropy_loss(logits, one_hot));
    SAYS("cross_entropy_loss: a target for each class is a probability, and a float: cast it, or "
         "give classes, i64 without axis 1: logits[5, 4] f32, target[5, 4] u8",
         reel_cross_entropy_loss(logits, reel_cast(one_hot, REEL_U8)));
    SAYS("cross_entropy_loss: classes are i64: cast the target: logits[5, 4] f32, target[5] u8",
         reel_cross_entropy_loss(logits, reel_cast(labels, REEL_U8)));
    SAYS("cross_entropy_loss: classes are i64: cast the target: logits[5, 4] f32, target[5] f32",
         reel_cross_entropy_loss(logits, reel_cast(labels, REEL_F32)));
    SAYS("cross_entropy_loss: classes are axis 1 of the first, not its last: permute it: tokens[5, "
         "7, 4], words[5, 7]",
         reel_cross_entropy_loss(tokens, words));
    SAYS("cross_entropy_loss: classes are axis 1 of the first, not its last: permute it, and cast "
         "the target to i64: tokens[5, 7, 4] f32, target[5, 7] f32",
         reel_cross_entropy_loss(tokens, reel_cast(words, REEL_F32)));
    SAYS("cross_entropy_loss: the target's shape is not the first's without axis 1, the classes: "
         "logits[5, 4], words[5, 7]",
         reel_cross_entropy_loss(logits, words));
    SAYS("cross_entropy_loss: target is NULL: logits[5, 4], target",
         reel_cross_entropy_loss(logits, NULL));
    SAYS("cross_entropy_loss: x is NULL: x, labels[5]", reel_cross_entropy_loss(NULL, labels));
    SAYS("cross_entropy_loss: classes are axis 1 of the first, which has 1: row[2], labels[5]",
         reel_cross_entropy_loss(row, labels));
    SAYS("cross_entropy_loss: takes f32 or f64: x[5, 4] i64, labels[5] i64",
         reel_cross_entropy_loss(reel_cast(logits, REEL_I64), labels));
    SAYS("cross_entropy_loss: dtypes differ: logits[5, 4] f32, target[5, 4] f64",
         reel_cross_entropy_loss(logits, reel_cast(logits, REEL_F64)));
    SAYS("cross_entropy_loss: weight needs one axis of 4 classes: logits[5, 4], labels[5], "
         "weight[2]",
         reel_cross_entropy_loss_with(logits, labels, .weight = row));
    SAYS("cross_entropy_loss: dtypes differ: logits[5, 4] f32, labels[5] i64, weight[4] f64",
         reel_cross_entropy_loss_with(logits, labels,
                                      .weight = reel_zeros(reel_shape(4), REEL_F64, cpu)));
    SAYS("cross_entropy_loss: label_smoothing must lie in [0, 1], not 2: logits[5, 4], labels[5]",
         reel_cross_entropy_loss_with(logits, labels, .label_smoothing = 2));
    SAYS("cross_entropy_loss: of probabilities none is ignored: logits[5, 4], logits[5, 4]",
         reel_cross_entropy_loss_with(logits, logits, .ignore_index = REEL_ZERO));
    SAYS("cross_entropy_loss: index 9 at position 1 is not in 0..3: logits[5, 4], target[5]",
         reel_cross_entropy_loss(logits,
                                 reel_cast(reel_scale(reel_cast(labels, REEL_F32), 9), REEL_I64)));
    SAYS("kl_div_loss: shapes differ: x[2, 3], row[2]", reel_kl_div_loss(x, row));
    SAYS("cosine_embedding_loss: shapes of the first two differ: x[2, 3], row[2], row[2]",
         reel_cosine_embedding_loss(x, row, row));
    SAYS("cosine_embedding_loss: wants x[B, D], y[B, D] and target[B]: x[2, 3], x[2, 3], x[2, 3]",
         reel_cosine_embedding_loss(x, x, x));
    SAYS("cosine_embedding_loss: target is NULL: x[2, 3], x[2, 3], target",
         reel_cosine_embedding_loss(x, x, NULL));
    SAYS("cosine_embedding_loss: dtypes differ: x[2, 3] f32, x[2, 3] f32, index_list[2] i64",
         reel_cosine_embedding_loss(x, x, index_list));
    SAYS("cosine_embedding_loss: margin must lie in [-1, 1], not 2: x[2, 3], x[2, 3], row[2]",
         reel_cosine_embedding_loss_with(x, x, row, .margin = 2));
}
END_TEST

START_TEST(optimizers) {
    SAYS("sgd_new: no parameters", reel_sgd_new(NULL, (reel_sgd_options){.lr = 1}));
    SAYS("sgd_new: no parameters", reel_sgd_new(empty_state, (reel_sgd_options){.lr = 1}));
    SAYS("sgd_new: lr must be 0 or more, and finite: -1",
         reel_sgd_new(state, (reel_sgd_options){.lr = -1}));
    SAYS("sgd_new: lr must be 0 or more, and finite: nan",
         reel_sgd_new(state, (reel_sgd_options){.lr = NAN}));
    SAYS("sgd_new: no lr", reel_sgd_new(params, (reel_sgd_options){0}));
    SAYS("sgd_new: nesterov needs a momentum and no dampening: momentum 0, dampening 0",
         reel_sgd_new(params, (reel_sgd_options){.lr = 1, .nesterov = true}));
    SAYS("sgd_new: momentum must be 0 or more, and finite: -2",
         reel_sgd_new(params, (reel_sgd_options){.lr = 1, .momentum = -2}));
    SAYS("adam_new: beta1 must lie in [0, 1): 1",
         reel_adam_new(params, (reel_adam_options){.beta1 = 1}));
    SAYS("adam_new: eps must be 0 or more, and finite: inf",
         reel_adam_new(params, (reel_adam_options){.eps = INFINITY}));
    SAYS("adamw_new: beta2 must lie in [0, 1): 7",
         reel_adamw_new(params, (reel_adam_options){.beta2 = 7}));
    SAYS("rmsprop_new: alpha must lie in [0, 1): 2",
         reel_rmsprop_new(params, (reel_rmsprop_options){.alpha = 2}));
    SAYS("adagrad_new: f32 does not hold 1e+40",
         reel_adagrad_new(params, (reel_adagrad_options){.initial_accumulator_value = 1e40}));
    SAYS("adagrad_new: lr_decay must be 0 or more, and finite: -1",
         reel_adagrad_new(params, (reel_adagrad_options){.lr_decay = -1}));
    SAYS("adadelta_new: rho must lie in [0, 1): 1",
         reel_adadelta_new(params, (reel_adadelta_options){.rho = 1}));
    SAYS("asgd_new: lr must be 0 or more, and finite: nan",
         reel_asgd_new(params, (reel_asgd_options){.lr = NAN}));
    SAYS("nadam_new: no parameters", reel_nadam_new(NULL, (reel_nadam_options){0}));
    SAYS("radam_new: no parameters", reel_radam_new(NULL, (reel_radam_options){0}));
    SAYS("adamax_new: no parameters", reel_adamax_new(NULL, (reel_adamax_options){0}));
    SAYS("optim_add_group: no optimizer",
         reel_optim_add_group(NULL, params, (reel_group_options){0}));
    SAYS("optim_add_group: no parameters",
         reel_optim_add_group(adam, NULL, (reel_group_options){0}));
    SAYS("optim_add_group: in another group already: w",
         reel_optim_add_group(adam, params, (reel_group_options){0}));
    SAYS("optim_step: no optimizer", reel_optim_step(NULL));
    SAYS("optim_set_lr: no optimizer", reel_optim_set_lr(NULL, 1));
    SAYS("optim_set_lr: lr must be 0 or more, and finite: -1", reel_optim_set_lr(adam, -1));
    SAYS("optim_set_group_lr: lr must be 0 or more, and finite: -1",
         reel_optim_set_group_lr(adam, 0, -1));
    SAYS("optim_set_group_lr: no group 3 of 1", reel_optim_set_group_lr(adam, 3, 1));
    SAYS("optim_set_group_lr: no optimizer", reel_optim_set_group_lr(NULL, 0, 1));
    SAYS("optim_save: no optimizer", reel_optim_save(NULL, state, "o"));
    SAYS("optim_save: no state", reel_optim_save(adam, NULL, "o"));
    SAYS("optim_load: no state", reel_optim_load(adam, NULL, "o"));
    SAYS("optim_load: not in the state: o.w.m", reel_optim_load(adam, state, "o"));
    SAYS("clip_grad_norm: no optimizer", reel_clip_grad_norm(NULL, 1));
    SAYS("clip_grad_norm: max_norm must be 0 or more: -1", reel_clip_grad_norm(adam, -1));
    SAYS("clip_grad_value: no optimizer", reel_clip_grad_value(NULL, 1));
    SAYS("clip_grad_value: limit must be 0 or more: nan", reel_clip_grad_value(adam, NAN));
    SAYS("cosine_schedule_new: no optimizer",
         reel_cosine_schedule_new(NULL, (reel_cosine_options){.steps = 2}));
    SAYS("cosine_schedule_new: a length below 1: 0",
         reel_cosine_schedule_new(adam, (reel_cosine_options){.steps = 0}));
    SAYS("cosine_schedule_new: floor must be 0 or more, and finite: nan",
         reel_cosine_schedule_new(adam, (reel_cosine_options){.steps = 2, .floor = NAN}));
    SAYS("cosine_restarts_schedule_new: multiply must be 1 or more: -1",
         reel_cosine_restarts_schedule_new(
             adam, (reel_cosine_restarts_options){.steps = 2, .multiply = -1}));
    SAYS("step_schedule_new: a length below 1: 0",
         reel_step_schedule_new(adam, (reel_step_options){.every = 0}));
    SAYS("multi_step_schedule_new: no milestones: 2 of them",
         reel_multi_step_schedule_new(adam,
                                      (reel_multi_step_options){.milestones = NULL, .count = 2}));
    SAYS("exponential_schedule_new: no gamma",
         reel_exponential_schedule_new(adam, (reel_exponential_options){0}));
    SAYS("constant_schedule_new: a length below 1: 0",
         reel_constant_schedule_new(adam, (reel_constant_options){0}));
    SAYS("linear_schedule_new: a length below 1: 0",
         reel_linear_schedule_new(adam, (reel_linear_schedule_options){0}));
    SAYS("polynomial_schedule_new: power must be 0 or more, and finite: nan",
         reel_polynomial_schedule_new(adam, (reel_polynomial_options){.steps = 1, .power = NAN}));
    SAYS("lambda_schedule_new: no function",
         reel_lambda_schedule_new(adam, (reel_lambda_options){0}));
    SAYS("one_cycle_schedule_new: pct_start must lie in [0, 1]: 2",
         reel_one_cycle_schedule_new(adam, (reel_one_cycle_options){.steps = 3, .pct_start = 2}));
    SAYS("plateau_schedule_new: factor must lie in [0, 1): 2",
         reel_plateau_schedule_new(adam, (reel_plateau_options){.factor = 2}));
    SAYS("warmup_schedule_new: no optimizer",
         reel_warmup_schedule_new(NULL, (reel_warmup_options){.steps = 1}));
    SAYS("sequential_schedule_new: no parts",
         reel_sequential_schedule_new(adam, (reel_sequential_options){0}));
    SAYS("chained_schedule_new: no parts", reel_chained_schedule_new(adam, NULL, 2));
    SAYS("schedule_step: no schedule", reel_schedule_step(NULL));
    SAYS("schedule_step_metric: no schedule", reel_schedule_step_metric(NULL, 1));
    SAYS("schedule_step_metric: takes no metric: use reel_schedule_step",
         reel_schedule_step_metric(cosine, 1));
    SAYS("schedule_save: no schedule", reel_schedule_save(NULL, state, "s"));
    SAYS("schedule_load: no state", reel_schedule_load(cosine, NULL, "s"));
    SAYS("schedule_load: no step in the state: s", reel_schedule_load(cosine, state, "s"));
}
END_TEST

START_TEST(datasets) {
    SAYS("dataset: is NULL", reel_dataset_length(NULL));
    SAYS("dataset: is NULL", reel_dataset_get(NULL, 0, &sample));
    SAYS("dataset_get: item 2 of a dataset of 2", reel_dataset_get(set, 2, &sample));
    SAYS("dataset_get: out is NULL", reel_dataset_get(set, 0, NULL));
    SAYS("tensor_dataset: x is NULL", reel_tensor_dataset_new(NULL, NULL));
    SAYS("tensor_dataset: x has no axis to take items from", reel_tensor_dataset_new(one, NULL));
    SAYS("dataset: is NULL", reel_subset_dataset_new(NULL, NULL, 0));
    SAYS("subset: index is NULL", reel_subset_dataset_new(set, NULL, 1));
    SAYS("subset: index 0 is 7, outside a dataset of 2",
         reel_subset_dataset_new(set, (int64_t[]){7}, 1));
    SAYS("concat: parts is NULL", reel_concat_dataset_new(NULL, 1));
    SAYS("concat: no parts", reel_concat_dataset_new(&set, 0));
    SAYS("concat: part 0: dataset: is NULL", reel_concat_dataset_new(&no_set, 1));
    SAYS("map: the dataset is NULL", reel_map_dataset_new(NULL, map, NULL));
    SAYS("map: the function is NULL", reel_map_dataset_new(set, NULL, NULL));
    SAYS("random_split: lengths or out is NULL, or count below 1",
         reel_random_split(set, NULL, 2, 0, sets));
    SAYS("random_split: length 1 is 2; 1 of 2 items are left",
         reel_random_split(set, (int64_t[]){1, 2}, 2, 0, sets));
    SAYS("dataset: is NULL", reel_random_split(NULL, (int64_t[]){1, 2}, 2, 0, sets));
    SAYS("sampler: is NULL", reel_sampler_length(NULL));
    SAYS("sampler: is NULL", reel_sampler_order(NULL, 0, NULL));
    SAYS("sampler: index is NULL", reel_sampler_order(sampler, 0, NULL));
    SAYS("sequential_sampler: n is -1", reel_sequential_sampler_new(-1));
    SAYS("random_sampler: draws is 2, which asks for replacement",
         reel_random_sampler_new(3, false, 2, 0));
    SAYS("weighted_sampler: weights is NULL", reel_weighted_sampler_new(NULL, 2, 1, false, 0));
    SAYS("weighted_sampler: weight 1 is nan",
         reel_weighted_sampler_new((double[]){1, NAN}, 2, 1, false, 0));
    SAYS("weighted_sampler: 2 draws without replacement from 1 items of weight above 0",
         reel_weighted_sampler_new((double[]){1, 0}, 2, 2, false, 0));
    SAYS("subset_sampler: index is NULL", reel_subset_sampler_new(NULL, 2, 0));
    SAYS("batch_sampler: the sampler is NULL", reel_batch_sampler_new(NULL, 2, false));
    SAYS("batch_sampler: batch_size is 0", reel_batch_sampler_new(sampler, 0, false));
    SAYS("collate: samples or out is NULL", reel_collate_default(NULL, 1, &sample, NULL));
    SAYS("collate: samples or out is NULL", reel_collate_default(&sample, 1, NULL, NULL));
    SAYS("collate: no samples", reel_collate_default(&sample, 0, &sample, NULL));
    SAYS("dataset: is NULL", reel_loader_new(NULL, (reel_loader_options){0}));
    SAYS("loader: batch_size is -1", reel_loader_new(set, (reel_loader_options){.batch_size = -1}));
    SAYS("loader: workers is -1, outside 0..256",
         reel_loader_new(set, (reel_loader_options){.workers = -1}));
    SAYS("loader: both sampler and shuffle are set",
         reel_loader_new(set, (reel_loader_options){.shuffle = true, .sampler = sampler}));
    SAYS("loader: scale is nan", reel_loader_new(set, (reel_loader_options){.scale = NAN}));
    SAYS("loader_next: loader is NULL", reel_loader_next(NULL, &batch));
    SAYS("loader_next: the batch is NULL", reel_loader_next(loader, NULL));
    SAYS("loader_save: loader is NULL", reel_loader_save(NULL, state, "l"));
    SAYS("loader_save: state is NULL", reel_loader_save(loader, NULL, "l"));
    SAYS("loader_load: state is NULL", reel_loader_load(loader, NULL, "l"));
    SAYS("loader_load: l.progress is not in the state", reel_loader_load(loader, state, "l"));
}
END_TEST

START_TEST(files) {
    SAYS("IDX: no path given", reel_idx_read(NULL));
    SAYS("cannot open: No such file or directory: /none/x", reel_idx_read("/none/x"));
    SAYS("cannot read: Is a directory: /", reel_idx_read("/"));
    SAYS("mnist_load: m is NULL", reel_mnist_load(NULL, "synthetic"));
    SAYS("no MNIST: cannot open: No such file or directory: /none",
         reel_mnist_load(&mnist, "/none"));
    SAYS("digits_draw: a negative count", reel_digits_draw(-1, 0, &parts[0], &parts[1]));
    SAYS("digits_draw: [9223372036854775807, 28, 28] is no shape of a tensor",
         reel_digits_draw(INT64_MAX, 0, &parts[0], &parts[1]));
    SAYS("digits_draw: images or labels is NULL", reel_digits_draw(1, 0, NULL, &parts[1]));
    SAYS("png: no path", reel_png_write(NULL, x));
    SAYS("png: no image: /none/x.png", reel_png_write("/none/x.png", NULL));
    SAYS("png: an image is [H, W] or [H, W, 3], not [2]: /none/x.png",
         reel_png_write("/none/x.png", row));
    SAYS("cannot write: No such file or directory: /none/x.png", reel_png_write("/none/x.png", x));
    SAYS("cannot write: No such file or directory: /none/x.png",
         reel_png_write("/none/x.png", half));
    SAYS("grid: no path", reel_grid_write(NULL, cube, (reel_grid_options){0}));
    SAYS("grid: no images: /none/x.png",
         reel_grid_write("/none/x.png", NULL, (reel_grid_options){0}));
    SAYS("grid: images are [N, H, W], not [2, 3]: /none/x.png",
         reel_grid_write("/none/x.png", x, (reel_grid_options){0}));
    SAYS("grid: 0 columns at scale -1: /none/x.png",
         reel_grid_write("/none/x.png", cube, (reel_grid_options){.scale = -1}));
    SAYS("safetensors: no path", reel_safetensors_read(NULL));
    SAYS("cannot open: No such file or directory: /none/x", reel_safetensors_read("/none/x"));
    SAYS("safetensors: no state: /none/x", reel_safetensors_write(NULL, "/none/x"));
    SAYS("cannot write: no path given", reel_safetensors_write(state, NULL));
    SAYS("cannot write: No such file or directory: /none/x",
         reel_safetensors_write(state, "/none/x"));
    SAYS("checkpoint: no state: /none/x", reel_checkpoint_write(NULL, "/none/x", 1));
    SAYS("cannot write: no path given", reel_checkpoint_write(state, NULL, 1));
    SAYS("cannot write: No such file or directory: /none/x",
         reel_checkpoint_write(state, "/none/x", 0));
    SAYS("safetensors: no path", reel_checkpoint_read(NULL));
    SAYS("cannot open: No such file or directory: /none/x", reel_checkpoint_read("/none/x"));
    SAYS("make_dirs: no path given", reel_make_dirs(NULL));
    SAYS("cannot make directory: Not a directory: /dev/null: /dev/null/x",
         reel_make_dirs("/dev/null/x"));
    SAYS("cannot write: no path given", reel_file_write(NULL, "x", 1));
    SAYS("file_write: bytes is NULL: /none/x", reel_file_write("/none/x", NULL, 1));
    SAYS("cannot write: No such file or directory: /none/x", reel_file_write("/none/x", "x", 1));
    SAYS("file_read: path, bytes or size is NULL", reel_file_read(NULL, &bytes_read, &size_read));
    SAYS("file_read: path, bytes or size is NULL: /none/x",
         reel_file_read("/none/x", NULL, &size_read));
    SAYS("cannot open: No such file or directory: /none/x",
         reel_file_read("/none/x", &bytes_read, &size_read));
    SAYS("history: no columns", reel_history_new(NULL, 1));
    SAYS("history: two columns called a", reel_history_new((const char *[]){"a", "a"}, 2));
    SAYS("history: a column's name is empty, or has a comma or quote",
         reel_history_new((const char *[]){"a", NULL}, 2));
    SAYS("file_read: path, bytes or size is NULL", reel_history_read(NULL));
    SAYS("cannot open: No such file or directory: /none/x", reel_history_read("/none/x"));
    SAYS("history: no history", reel_history_add(NULL, (double[]){1}));
    SAYS("history: no row", reel_history_add(history, NULL));
    SAYS("history: no history: /none/x", reel_history_write(NULL, "/none/x"));
    SAYS("history: no path", reel_history_write(history, NULL));
    SAYS("cannot write: No such file or directory: /none/x",
         reel_history_write(history, "/none/x"));
    SAYS("plot: no path: NULL", reel_plot_write(NULL, &line, 1, (reel_plot_options){0}, NULL));
    SAYS("plot: no lines: /none/x.png",
         reel_plot_write("/none/x.png", NULL, 1, (reel_plot_options){0}, NULL));
    SAYS("cannot open: No such file or directory: /none/a.csv",
         reel_plot_write("/none/x.png", &line, 1, (reel_plot_options){0}, NULL));
}
END_TEST

/* ---- where ---- */

/* The failure names both lines of this file. */
static void expect_lines(const char *text, int inner, int outer) {
    char whole[1024];
    const char *file = file_name(__FILE__);
    snprintf(whole, sizeof whole, "%s (%s:%d, called from %s:%d)", text, file, inner, file, outer);
    ck_assert_str_eq(reel_error(), whole);
    reel_clear_error();
}

START_TEST(functions_are_there_beside_their_macros) {
    reel_module *(*make)(double, uint64_t) = reel_dropout_new;
    ck_assert_ptr_null(make(2, 0));
    ck_assert_str_eq(reel_error(), "dropout_new: p must lie in [0, 1]: 2");
    reel_clear_error();
    ck_assert_ptr_null((reel_dropout_new)(2, 0));
    ck_assert_str_eq(reel_error(), "dropout_new: p must lie in [0, 1]: 2");
    reel_clear_error();
}
END_TEST

START_TEST(calls_in_arguments_say_their_own_line) {
    SAYS("module_param: no tensor: v in m",
         reel_module_param(&m, "v", reel_module_param(&m, "v", NULL)));
    SAYS("dropout_new: p must lie in [0, 1]: 2",
         reel_module_child(&m, "c", reel_dropout_new(2, 0)));
    reel_linear_new(2, 2, (reel_linear_options){.dtype = REEL_U8}), reel_state_put(NULL, "a", x);
    expect_text(REEL_ERR_DTYPE, "linear_new: takes f32 or f64, not u8", __FILE__, __LINE__ - 1);
}
END_TEST

/* A site lasts as long as its call. */
START_TEST(sites_end_with_their_call) {
    reel_state_put(state, "again", row);
    reel_fail(REEL_ERR_STATE, NULL, "mine: no line");
    ck_assert_str_eq(reel_error(), "mine: no line");
    reel_clear_error();
}
END_TEST

/* What a constructor keeps lives as long as the block that it stands in. */
START_TEST(compound_literals_outlive_the_call) {
    reel_dataset *mapped = reel_map_dataset_new(set, map, &(reel_tensor *){row});
    for (int i = 0; i < 100; i++) reel_state_put_int(state, "i", i);
    const int here = __LINE__ + 1;
    ck_assert_int_eq(reel_dataset_get(mapped, 0, &sample), REEL_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(reel_error(), "matmul: inner dimensions differ: x[3] @ [2]"));
    char caller[64];
    snprintf(caller, sizeof caller, "called from %s:%d)", file_name(__FILE__), here);
    ck_assert_ptr_nonnull(strstr(reel_error(), caller));
    reel_clear_error();
    reel_dataset_free(mapped);
}
END_TEST

/* In a loader's thread or a worker's, the batch and both lines are named. */
START_TEST(what_a_loader_calls) {
    reel_dataset *mapped = reel_map_dataset_new(set, map, &(reel_tensor *){row});
    reel_loader *l = reel_loader_new(mapped, (reel_loader_options){.workers = _i});
    const int here = __LINE__ + 1;
    ck_assert(!reel_loader_next(l, &batch));
    char tail[128];
    snprintf(tail, sizeof tail, ", called from %s:%d)", file_name(__FILE__), here);
    ck_assert_msg(strstr(reel_error(), "matmul: inner dimensions differ: x[3] @ [2] (") &&
                      strstr(reel_error(), tail) &&
                      strncmp(reel_error(), "loader: epoch 0, batch 0: ", 26) == 0,
                  "%s", reel_error());
    reel_clear_error();
    reel_loader_free(l);
    reel_dataset_free(mapped);
}
END_TEST

static const int forward_line = __LINE__ + 3;
static reel_tensor *forward(reel_module *module, reel_tensor *y) {
    (void)module;
    return reel_add(y, reel_module_get(linear, "weight"));
}

START_TEST(what_a_module_calls) {
    reel_module outer;
    reel_module_init(&outer, "outer", forward);
    ck_assert_ptr_null(reel_forward(&outer, x));
    expect_lines("add: shapes do not broadcast: y[2, 3], weight[2, 4]", forward_line, __LINE__ - 1);
    ck_assert_ptr_null(reel_forward(linear, x));
    expect_text(REEL_ERR_SHAPE, "linear: inner dimensions differ: x[2, 3], weight[2, 4], bias[2]",
                __FILE__, __LINE__ - 2);
    reel_module_free(&outer);
}
END_TEST

START_TEST(what_a_gradcheck_finds) {
    char text[256];
    ck_assert_int_ne(reel_gradcheck(cubed, NULL, &w64, 1, (reel_gradcheck_options){0}), REEL_OK);
    snprintf(text, sizeof text,
             "[2, 3], of a function that ends with cube at %s:%d (%s:", file_name(__FILE__),
             cubed_line, file_name(__FILE__));
    ck_assert_msg(strstr(reel_error(), text) &&
                      strncmp(reel_error(), "gradcheck: input 0, element ", 28) == 0,
                  "%s", reel_error());
    reel_clear_error();
}
END_TEST

/* However long, a line keeps its place. */
START_TEST(long_texts_are_cut_before_the_place) {
    char path[3000];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    ck_assert_ptr_null(reel_idx_read(path));
    char tail[128];
    snprintf(tail, sizeof tail, " (%s:%d)", file_name(__FILE__), __LINE__ - 2);
    const size_t length = strlen(reel_error());
    ck_assert(length > strlen(tail));
    ck_assert_str_eq(reel_error() + length - strlen(tail), tail);
    reel_clear_error();
}
END_TEST

int main(void) {
    Suite *s = suite_create("messages_more");
    TCase *c = add_wrong_calls(s, "objects");
    tcase_add_test(c, modules);
    tcase_add_test(c, losses);
    tcase_add_test(c, optimizers);
    tcase_add_test(c, datasets);
    tcase_add_test(c, files);
    c = add_wrong_calls(s, "where");
    tcase_add_test(c, functions_are_there_beside_their_macros);
    tcase_add_test(c, calls_in_arguments_say_their_own_line);
    tcase_add_test(c, sites_end_with_their_call);
    tcase_add_test(c, compound_literals_outlive_the_call);
    tcase_add_loop_test(c, what_a_loader_calls, 0, 3);
    tcase_add_test(c, what_a_module_calls);
    tcase_add_test(c, what_a_gradcheck_finds);
    tcase_add_test(c, long_texts_are_cut_before_the_place);
    return run_suite(s);
}
