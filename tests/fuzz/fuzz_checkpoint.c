/* A checkpoint: the input is the file. What is read is loaded into a small model, its optimizer,
 * its schedule and its loader, all of which take it whole or leave it. */
#include "data/data.h"
#include "io/io.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tests/fuzz/fuzz.h"

static void load_loader(const reel_state *s) {
    reel_dataset *set = NULL;
    {
        REEL_SCOPE;
        set = reel_tensor_dataset_new(reel_zeros(reel_shape(3, 2), REEL_F32, reel_cpu()), NULL);
    }
    reel_loader *l = reel_loader_new(set, (reel_loader_options){.batch_size = 2});
    const bool loaded = reel_loader_load(l, s, "loader") == REEL_OK;
    fuzz_check(loaded);
    reel_batch b;
    while (loaded && reel_loader_next(l, &b)) HOLDS(b.n >= 1 && b.n <= 3);
    HOLDS(!reel_failed());
    reel_loader_free(l);
    reel_dataset_free(set);
}

static void load_model(const reel_state *s) {
    reel_module *m = reel_linear_new(2, 1, (reel_linear_options){0});
    reel_state *params = reel_module_params(m);
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){0});
    reel_schedule *cosine = reel_cosine_schedule_new(adam, (reel_cosine_options){.steps = 5});
    fuzz_check(reel_module_load(m, s, "model") == REEL_OK);
    fuzz_check(reel_optim_load(adam, s, "optim") == REEL_OK);
    fuzz_check(reel_schedule_load(cosine, s, "schedule") == REEL_OK);
    HOLDS(reel_optim_lr(adam) >= 0 && reel_optim_steps(adam) >= 0);
    reel_schedule_free(cosine);
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    reel_state *s = reel_checkpoint_read(fuzz_file(&(fuzz_part){data, size}, 1));
    fuzz_check(s != NULL);
    if (s) {
        load_model(s);
        load_loader(s);
    }
    reel_state_free(s);
    fuzz_check_clean();
    return 0;
}
