/* Gradients with respect to given tensors, handed to the caller. */
#include "autograd/autograd_internal.h"

static reel_status check_counts(const char *at, reel_tensor *const *outputs, int output_count,
                                reel_tensor *const *inputs, int input_count,
                                reel_tensor *const *grads) {
    const char *lacks = output_count < 1 || !outputs ? "outputs"
                        : input_count < 1 || !inputs ? "inputs"
                        : !grads                     ? "place for the gradients"
                                                     : NULL;
    return lacks ? reel_fail(REEL_ERR_ARGUMENT, at, "grad_of: no %s", lacks) : REEL_OK;
}

static reel_status fail_input(const reel__pass *p, const reel_tensor *t, int i, const char *why) {
    char operand[200];
    reel__describe(operand, sizeof operand, reel_name(t), t, false, false);
    return reel_fail(REEL_ERR_ARGUMENT, p->at, "grad_of: input %d, %s, %s", i, operand, why);
}

static reel_status ask(reel__pass *p, reel_tensor *const *inputs, int count) {
    for (int i = 0; i < count; i++) {
        if (!inputs[i]) return reel_fail(REEL_ERR_ARGUMENT, p->at, "grad_of: input %d is NULL", i);
        if (!reel__live(p->at, "grad_of", "an input", inputs[i])) return reel_error_status();
        if (!inputs[i]->track) return fail_input(p, inputs[i], i, "is not tracked");
        reel__slot *s = reel__slot_make(p, inputs[i]);
        if (!s) return reel_error_status();
        s->apart = true;
    }
    return REEL_OK;
}

static reel_status answer(reel__pass *p, reel_tensor *const *inputs, int count, bool allow_unused,
                          reel_tensor **grads) {
    for (int i = 0; i < count; i++) {
        const reel__slot *s = reel__slot_of(p, inputs[i]);
        grads[i] = s && s->sum ? reel__scope_give(reel_retain(s->sum)) : NULL;
        if (grads[i]) continue;
        if (reel_failed()) return reel_error_status();
        if (!allow_unused)
            return fail_input(p, inputs[i], i,
                              "does not take part in the outputs (see allow_unused)");
    }
    return REEL_OK;
}

reel_status reel_grad_of_at(const char *at, reel_tensor *const *outputs, int output_count,
                            reel_tensor *const *inputs, int input_count, reel_tensor **grads,
                            reel_grad_of_options options) {
    for (int i = 0; i < input_count && grads; i++) grads[i] = NULL;
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_counts(at, outputs, output_count, inputs, input_count, grads));
    reel__pass p = {.what = "grad_of",
                    .output = "output",
                    .at = at,
                    .recorded = options.create_graph,
                    .retain = options.retain_graph || options.create_graph,
                    .selective = true};
    reel_status status = ask(&p, inputs, input_count);
    if (status == REEL_OK) status = reel__pass_run(&p, outputs, options.gradients, output_count);
    if (status == REEL_OK) status = answer(&p, inputs, input_count, options.allow_unused, grads);
    reel__pass_end(&p);
    for (int i = 0; status != REEL_OK && i < input_count; i++) grads[i] = NULL;
    return status;
}
