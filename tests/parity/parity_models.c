/* Writes what the models of tests/bench/models compute, in f64 and without dropout: parity_models
 * DIR [MODEL...] makes DIR/MODEL.safetensors of each, which models_check.py goes through again with
 * PyTorch.
 *
 *     param.NAME, buffer.NAME   at the beginning
 *     x, target                 the batch
 *     grad.NAME                 of the first step
 *     losses[STEPS + 1]         before each step of AdamW, and after the last one */
#include "tests/bench/models/zoo.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 20, BATCH = 2 };

static void put_all(reel_state *s, const char *prefix, reel_module *m) {
    reel_state *now = reel_state_new();
    reel_module_save(m, now, NULL);
    for (int i = 0; i < reel_state_count(now); i++) {
        REEL_SCOPE;
        REEL_NO_GRAD;
        reel_state_put_in(
            s, prefix, reel_state_name(now, i),
            reel_to(reel_add(reel_state_at(now, i), reel_zeros_like(reel_state_at(now, i))),
                    reel_cpu()));
    }
    reel_state_free(now);
}

static void put_gradients(reel_state *s, const reel_state *params) {
    for (int i = 0; i < reel_state_count(params); i++) {
        reel_tensor *g = reel_grad(reel_state_at(params, i));
        REEL_SCOPE;
        if (g)
            reel_state_put_in(s, "grad", reel_state_name(params, i),
                              reel_to(reel_scale(g, 1.0), reel_cpu()));
    }
}

static void run(const zoo_model *of, reel_device device, reel_state *s) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(1, reel_cpu());
    reel_module *m = of->make((model_options){.dtype = REEL_F64, .generator = g});
    reel_tensor *x, *target;
    double losses[STEPS + 1];
    put_all(s, "param", m);
    zoo_draw(of, BATCH, REEL_F64, g, &x, &target);
    reel_state_put(s, "x", x);
    reel_state_put(s, "target", target);
    reel_module_to(m, device);
    x = reel_to(x, device);
    target = reel_to(target, device);
    reel_state *params = reel_module_params(m);
    reel_optim *adam = reel_adamw_new(params, (reel_adam_options){.lr = 1e-3});
    for (int i = 0; i <= STEPS && !reel_failed(); i++) {
        REEL_SCOPE;
        reel_tensor *loss = zoo_loss(of, reel_forward(m, x), target);
        losses[i] = reel_item(loss);
        if (i == STEPS) break;
        reel_backward(loss);
        if (i == 0) put_gradients(s, params);
        reel_optim_step(adam);
    }
    reel_state_put(s, "losses", reel_from(losses, reel_shape(STEPS + 1), REEL_F64));
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
    reel_generator_free(g);
}

static bool is_wanted(const char *name, char **names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return count == 0;
}

int main(int argc, char **argv) {
    const char *where = getenv("REEL_TEST_DEVICE");
    reel_device device = reel_cpu();
    if (argc < 2) {
        fputs("usage: parity_models DIR [MODEL...]\n", stderr);
        return 2;
    }
    if (where) reel_device_parse(where, &device);
    reel_make_dirs(argv[1]);
    for (int i = 0; zoo_at(i) && !reel_failed(); i++) {
        if (!is_wanted(zoo_at(i)->name, argv + 2, argc - 2)) continue;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s.safetensors", argv[1], zoo_at(i)->name);
        reel_state *s = reel_state_new();
        run(zoo_at(i), device, s);
        reel_safetensors_write(s, path);
        reel_state_free(s);
    }
    return reel_report(stderr);
}
