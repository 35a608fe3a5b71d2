/* Cases of every row of tensor/ops/ops.def: see parity_case.h. Of those that change their inputs
 * only the names: parity_optim has them. */
#include "tests/parity/parity_case.h"

#include <string.h>

/* What cases are drawn by, where shapes that broadcast, or those of the op's own case, won't do. */
static reel_tensor *topk_indices(reel_tensor **in, const int64_t *param) {
    reel_tensor *found = NULL;
    reel_topk(in[0], param[1], (int)param[0], param[2] != 0, &found);
    return found;
}

static reel_tensor *sort_indices(reel_tensor **in, const int64_t *param) {
    reel_tensor *found = NULL;
    reel_sort(in[0], (int)param[0], param[1] != 0, &found);
    return found;
}

static const parity_subject drawn[] = {
    {.name = "fill", .draw = draw_made},
    {.name = "arange", .draw = draw_counted},
    {.name = "bce", .probabilities = true},
    {.name = "bce_grad", .probabilities = true},
    {.name = "sum", .draw = draw_reduced},
    {.name = "mean", .draw = draw_reduced},
    {.name = "prod", .draw = draw_reduced},
    {.name = "max", .draw = draw_extreme},
    {.name = "min", .draw = draw_extreme},
    {.name = "argmax", .draw = draw_position},
    {.name = "argmin", .draw = draw_position},
    {.name = "any", .draw = draw_reduced},
    {.name = "all", .draw = draw_reduced},
    {.name = "var", .draw = draw_spread},
    {.name = "std", .draw = draw_spread},
    {.name = "norm", .draw = draw_reduced},
    {.name = "power_norm", .draw = draw_power},
    {.name = "sum_norm", .draw = draw_reduced},
    {.name = "max_norm", .draw = draw_extreme},
    {.name = "min_norm", .draw = draw_extreme},
    {.name = "logsumexp", .draw = draw_reduced},
    {.name = "log_softmax", .draw = draw_axis},
    {.name = "mse", .draw = draw_pair},
    {.name = "attention_kept", .floats_only = true},
    {.name = "nll", .floats_only = true},
    {.name = "nll_grad", .floats_only = true},
    {.name = "matmul", .draw = draw_products},
    {.name = "softmax", .draw = draw_axis},
    {.name = "attention", .draw = draw_attention},
    {.name = "attention_grad", .draw = draw_attention},
    {.name = "standardize", .draw = draw_standardize},
    {.name = "standardize_grad", .draw = draw_standardize_grad},
    {.name = "conv", .draw = draw_conv},
    {.name = "conv_input_grad", .draw = draw_conv_input_grad},
    {.name = "conv_weight_grad", .draw = draw_conv_weight_grad},
    {.name = "cumsum", .draw = draw_sorted},
    {.name = "index_select", .draw = draw_selected},
    {.name = "index_add", .draw = draw_added},
    {.name = "gather", .draw = draw_gathered},
    {.name = "scatter_add", .draw = draw_scattered},
    {.name = "dequantize_rows", .draw = draw_rows},
    {.name = "topk", .draw = draw_best, .second = topk_indices},
    {.name = "sort", .draw = draw_sorted, .second = sort_indices},
    {.name = "one_hot", .draw = draw_classes},
    {.name = "concat", .draw = draw_joined},
    {.name = "stack", .draw = draw_stacked},
    {.name = "flip", .draw = draw_axis},
    {.name = "tril", .draw = draw_triangle},
    {.name = "triu", .draw = draw_triangle},
    {.name = "slice_put", .draw = draw_put},
    {.name = "reshape", .draw = draw_reshaped},
    {.name = "permute", .draw = draw_permuted},
    {.name = "slice", .draw = draw_slice},
    {.name = "expand", .draw = draw_expanded},
};

static parity_subject subject_of(reel__op op) {
    const reel__op_info *info = &reel__ops[op];
    parity_subject s = {.name = info->name};
    for (int i = 0; i < COUNT(drawn); i++)
        if (strcmp(drawn[i].name, info->name) == 0) s = drawn[i];
    s.family = "op";
    s.c = op_cases[op];
    s.dtypes = info->dtypes;
    s.differentiable = info->gradient < REEL__CONST;
    return s;
}

int main(int argc, char **argv) {
    record r;
    if (!record_open(&r, argc, argv)) return 2;
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!op_cases[op]) continue;
        const parity_subject s = subject_of((reel__op)op);
        if (s.c->no_layouts)
            record_subject(&r, s.family, s.name);
        else
            parity_cases(&r, &s);
    }
    return record_close(&r);
}
