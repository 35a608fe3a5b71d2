/* A model's state dict, there and back:
 *
 *     parity_model write|read PATH
 *
 * PATH has its weights and nothing else, which PyTorch loads strictly, and PATH.io an x and the y
 * that it is made, in evaluation. model_check.py has the same model. */
#include <reel.h>

#include <stdio.h>
#include <string.h>

static reel_module *model_new(void) {
    const reel_linear_options f64 = {.dtype = REEL_F64};
    reel_module *normed = reel_linear_new(6, 6, f64), *bounded = reel_linear_new(6, 4, f64);
    if (normed) reel_weight_norm(normed, "weight", (reel_weight_norm_options){0});
    if (bounded) reel_spectral_norm(bounded, "weight", (reel_spectral_norm_options){0});
    reel_module *m = reel_sequential(
        reel_linear_new(5, 6, f64), reel_dropout_new(0.3, 0),
        reel_prelu_new((reel_prelu_options){.num_parameters = 6, .dtype = REEL_F64}), normed,
        reel_rrelu_new((reel_rrelu_options){0}), reel_alpha_dropout_new(0.1, 0), bounded);
    if (m) reel_eval(m);
    return m;
}

static reel_tensor *input(void) {
    return reel_sin(reel_reshape(reel_arange(15, REEL_F64, reel_cpu()), reel_shape(3, 5)));
}

static void write_model(reel_module *m, const char *path, const char *io) {
    reel_state *weights = reel_state_new(), *pair = reel_state_new();
    reel_module_save(m, weights, NULL);
    reel_safetensors_write(weights, path);
    reel_tensor *x = input();
    reel_state_put(pair, "x", x);
    reel_state_put(pair, "y", reel_detach(reel_forward(m, x)));
    reel_safetensors_write(pair, io);
    reel_state_free(weights);
    reel_state_free(pair);
}

static void read_model(reel_module *m, const char *path, const char *io) {
    reel_state *weights = reel_safetensors_read(path), *pair = reel_safetensors_read(io),
               *unexpected = reel_state_new();
    reel_module_load_with(m, weights, NULL, (reel_load_options){.unexpected = unexpected});
    if (reel_state_count(unexpected))
        reel_fail(REEL_ERR_FORMAT, NULL, "parity: PyTorch has more than Reel: %s",
                  reel_state_name(unexpected, 0));
    reel_tensor *y = reel_forward(m, reel_state_get(pair, "x"));
    const double off = reel_item(reel_max(reel_abs(reel_sub(y, reel_state_get(pair, "y")))));
    if (!(off < 1e-12)) reel_fail(REEL_ERR_FORMAT, NULL, "parity: y is off by %g", off);
    reel_state_free(weights);
    reel_state_free(pair);
    reel_state_free(unexpected);
}

int main(int argc, char **argv) {
    char io[4096];
    if (argc != 3 || (strcmp(argv[1], "write") && strcmp(argv[1], "read"))) {
        fputs("usage: parity_model write|read PATH\n", stderr);
        return 2;
    }
    snprintf(io, sizeof io, "%s.io", argv[2]);
    reel_module *m = model_new();
    {
        REEL_SCOPE;
        (strcmp(argv[1], "write") ? read_model : write_model)(m, argv[2], io);
    }
    reel_module_free(m);
    return reel_report(stderr);
}
