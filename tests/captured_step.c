#include "tests/captured_step.h"

#include "capture/capture_internal.h"
#include "tests/expect.h"

#include "reel.h"

enum { PIXELS = 784, BATCHES = 3 };

struct captured_step {
    reel_tensor *W, *b1, *b2; /* of the tied one */
    reel_module *model;       /* of the others */
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_dataset *images;
    reel_loader *loader;
    reel_meter loss;
    reel_plan *plan;
};

static reel_tensor *forward(captured_step *s, reel_tensor *x) {
    if (s->model) return reel_forward(s->model, x);
    reel_tensor *h = reel_relu(reel_add(reel_matmul(x, s->W), s->b1));
    return reel_sigmoid(reel_add(reel_matmul(h, reel_t(s->W)), s->b2));
}

static bool step(void *user) {
    captured_step *s = user;
    reel_batch b;
    if (!reel_loader_next(s->loader, &b)) return false;
    reel_tensor *loss = reel_mse_loss(forward(s, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(s->optim);
    reel_schedule_step(s->schedule);
    reel_meter_add_weighted(&s->loss, loss, (double)b.n);
    return true;
}

static reel_tensor *param(captured_step *s, const char *name, reel_shape shape, double value) {
    reel_tensor *t = reel_full(shape, value, REEL_F32, reel_cpu());
    reel_track(t);
    reel_state_put(s->params, name, t);
    return reel_retain(t);
}

static void make_model(captured_step *s, step_kind kind, int64_t latent) {
    const reel_linear_options o = {0};
    if (kind == TIED_STEP) {
        s->params = reel_state_new();
        s->W = param(s, "W", reel_shape(PIXELS, latent), 0.01);
        s->b1 = param(s, "b1", reel_shape(1), 0);
        s->b2 = param(s, "b2", reel_shape(1), 0);
        return;
    }
    if (kind == CLASSIC_STEP)
        s->model = reel_sequential(reel_linear_new(PIXELS, latent, o), reel_relu_new(),
                                   reel_linear_new(latent, PIXELS, o), reel_sigmoid_new());
    else
        s->model = reel_sequential(reel_linear_new(PIXELS, latent, o), reel_tanh_new(),
                                   reel_linear_new(latent, 8, o), reel_relu_new(),
                                   reel_linear_new(8, latent, o), reel_tanh_new(),
                                   reel_linear_new(latent, PIXELS, o), reel_sigmoid_new());
    s->params = reel_module_params(s->model);
}

captured_step *captured_step_new(step_kind kind, int64_t latent, int64_t batch) {
    captured_step *s = calloc(1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    REEL_SCOPE;
    make_model(s, kind, latent);
    s->optim = reel_adam_new(s->params, (reel_adam_options){.lr = 1e-3});
    s->schedule = reel_cosine_schedule_new(s->optim, (reel_cosine_options){.steps = 40});
    s->images = reel_tensor_dataset_new(
        reel_zeros(reel_shape(BATCHES * batch, PIXELS), REEL_U8, reel_cpu()), NULL);
    s->loader =
        reel_loader_new(s->images, (reel_loader_options){.batch_size = batch, .scale = 1 / 255.0});
    /* call by call, in their order, as a kernel of the whole step finds them */
    s->plan =
        reel_capture(step, s, (reel_capture_options){.without = REEL_PASS_FUSE | REEL_PASS_WHOLE});
    reel_replay(s->plan, 1);
    ck_assert_msg(!reel_failed(), "%s", reel_error());
    return s;
}

/* With those results kept that outlive a step, as a whole step's are. */
reel__group captured_step_nodes(captured_step *s) {
    reel__program *p = s->plan->program[0];
    for (int k = 0; k < p->count; k++) {
        p->node[k].kept = 0;
        for (int i = 0; i < p->node[k].call.nout; i++)
            if (p->memory[p->node[k].out[i]].outer) p->node[k].kept |= 1u << i;
    }
    return (reel__group){p->node, p->count};
}

void captured_step_free(captured_step *s) {
    reel_plan_free(s->plan);
    reel_meter_reset(&s->loss);
    reel_loader_free(s->loader);
    reel_dataset_free(s->images);
    reel_schedule_free(s->schedule);
    reel_optim_free(s->optim);
    reel_state_free(s->params);
    reel_module_free(s->model);
    reel_release(s->W);
    reel_release(s->b1);
    reel_release(s->b2);
    free(s);
}
