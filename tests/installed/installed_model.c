/* A user's first program: fits y = x W to W = 2 with SGD, and fails unless it gets there. */
#include <reel/reel.h>

int main(void) {
    reel_module model;
    reel_module_init(&model, "model", NULL);
    reel_tensor *W =
        reel_module_param(&model, "W", reel_zeros(reel_shape(1, 1), REEL_F32, reel_cpu()));
    reel_state *params = reel_module_params(&model);
    reel_optim *sgd = reel_sgd_new(params, (reel_sgd_options){.lr = 0.1});
    for (int step = 0; step < 100; step++) {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(8, 1), REEL_F32, reel_cpu());
        reel_backward(reel_mse_loss(reel_matmul(x, W), reel_scale(x, 2.0)));
        reel_optim_step(sgd);
    }
    double w = reel_item(W);
    reel_optim_free(sgd);
    reel_state_free(params);
    reel_module_free(&model);
    return reel_report(stderr) || !(w > 1.999 && w < 2.001);
}
