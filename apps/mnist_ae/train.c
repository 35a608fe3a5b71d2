/* The training loop. */
#include "app.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* One step: it is captured, and replayed from then on (--eager: run as it is). False: no batch is
 * left of the epoch. */
static bool step(void *run) {
    app_run *r = run;
    reel_batch b;
    if (!reel_loader_next(r->train, &b)) return false;
    reel_tensor *loss = reel_mse_loss(reel_forward(r->model, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(r->optim);
    reel_schedule_step(r->schedule);
    reel_meter_add_weighted(&r->loss, loss, (double)b.n); /* on the device: no wait */
    return true;
}

/* As many steps as may pass before somebody looks: at a signal, at the bar, for a checkpoint. On a
 * GPU many may be one launch. */
static int64_t steps_at_once(const app_run *r) {
    const int64_t few = r->options->device.type == REEL_CPU ? 1 : 50;
    const int64_t every = r->options->save_every;
    const int64_t left = every ? every - r->iteration % every : few;
    return left < few ? left : few;
}

/* One epoch, or what is left of one; a failure ends it as the last batch does. False: a signal asks
 * the run to stop. */
static bool train_epoch(app_run *r, app_progress *bar) {
    for (int64_t asked = 1, done = 1; done == asked;) {
        asked = steps_at_once(r);
        done = reel_replay(r->plan, asked);
        r->iteration += done;
        if (done == 0) break;
        if (progress_due(bar)) progress_draw(bar, r, reel_meter_mean(&r->loss));
        if (signal_caught()) return false;
        if (r->options->save_every && r->iteration % r->options->save_every == 0) run_save(r);
    }
    return true;
}

static reel_status write_history(app_run *r) {
    char path[PATH_SIZE];
    r->written = reel_history_rows(r->history);
    return reel_history_write(r->history, path_in(path, r->out, "history.csv"));
}

/* history.csv is written whole: past a thousand epochs only once it has grown by a hundredth, or
 * the writing would take the longer the longer a run is. The checkpoint has every row. */
static bool history_is_due(const app_run *r) {
    int64_t rows = reel_history_rows(r->history);
    return rows <= 1000 || rows - r->written >= rows / 100;
}

static reel_status finish_epoch(app_run *r, app_progress *bar) {
    double train = reel_meter_mean(&r->loss), test = test_mse(r->model, r->test);
    REEL_TRY(run_check(r, train));
    REEL_TRY(run_check(r, test));
    reel_meter_reset(&r->loss);
    r->epoch++;
    const double row[] = {(double)r->epoch,
                          (double)r->iteration,
                          reel_optim_lr(r->optim),
                          train,
                          test,
                          round(1e3 * run_seconds(r)) / 1e3};
    REEL_TRY(run_record(r, row));
    REEL_TRY(run_save(r));
    if (history_is_due(r)) REEL_TRY(write_history(r));
    progress_epoch(bar, r, train, test);
    return REEL_OK;
}

/* After a signal, once the checkpoint is written. */
static int stop(app_run *r) {
    return write_history(r) == REEL_OK ? 128 + signal_caught() : EXIT_FAILED;
}

static int train_epochs(app_run *r, app_progress *bar) {
    while (r->epoch < r->options->epochs) {
        if (!train_epoch(r, bar)) return run_save(r) == REEL_OK ? stop(r) : EXIT_FAILED;
        if (reel_failed() || finish_epoch(r, bar) != REEL_OK) return EXIT_FAILED;
        if (signal_caught()) return stop(r);
    }
    return EXIT_SUCCESS;
}

/* ---- before and after ---- */

static reel_optim *optim_new(const app_options *o, const reel_state *params) {
    switch (o->optimizer) {
    case OPTIMIZER_ADAMW:
        return reel_adamw_new(params, (reel_adam_options){.lr = o->lr});
    case OPTIMIZER_SGD:
        return reel_sgd_new(params, (reel_sgd_options){.lr = o->lr});
    default:
        return reel_adam_new(params, (reel_adam_options){.lr = o->lr});
    }
}

static reel_schedule *schedule_new(const app_options *o, reel_optim *optim, int64_t steps) {
    int64_t warmup = (steps + 19) / 20, rest = steps > warmup ? steps - warmup : 1;
    switch (o->schedule) {
    case SCHEDULE_CONSTANT:
        return reel_step_schedule_new(optim, (reel_step_options){.every = steps, .gamma = 1.0});
    case SCHEDULE_STEP:
        return reel_step_schedule_new(optim, (reel_step_options){.every = steps / 3 + 1});
    case SCHEDULE_WARMUP_COSINE:
        return reel_warmup_schedule_new(
            optim, (reel_warmup_options){.steps = warmup,
                                         .after = reel_cosine_schedule_new(
                                             optim, (reel_cosine_options){.steps = rest})});
    default:
        return reel_cosine_schedule_new(optim, (reel_cosine_options){.steps = steps});
    }
}

const char *const history_columns[HISTORY_COLUMNS] = {"epoch",     "iteration", "lr",
                                                      "train_mse", "test_mse",  "seconds"};

static reel_status open_run(app_run *r) {
    const app_options *o = r->options;
    r->model = model_new(o->model, o->latent, o->init, (uint64_t)o->seed);
    REEL_TRY(reel_module_to(r->model, o->device));
    reel_state *params = reel_module_params(r->model);
    r->optim = optim_new(o, params);
    reel_state_free(params);
    r->train = data_train_loader(r->data, o);
    r->test = data_test_loader(r->data, o);
    r->schedule = schedule_new(o, r->optim, o->epochs * reel_loader_batches(r->train));
    r->history = reel_history_new(history_columns, HISTORY_COLUMNS);
    if (o->resume) run_resume(r);
    r->plan = reel_capture(step, r, (reel_capture_options){.eager = o->eager});
    r->started = now();
    return reel_error_status();
}

static void close_run(app_run *r) {
    reel_plan_free(r->plan);
    reel_history_free(r->history);
    free(r->rows.cells);
    free(r->rows.seconds);
    reel_loader_free(r->test);
    reel_loader_free(r->train);
    reel_schedule_free(r->schedule);
    reel_optim_free(r->optim);
    reel_module_free(r->model);
    reel_meter_reset(&r->loss);
    out_unlock(r->lock);
}

static reel_status write_results(app_run *r, app_result *result) {
    char title[64];
    int64_t last = reel_history_rows(r->history) - 1;
    *result = (app_result){reel_history_get(r->history, last, "train_mse"),
                           reel_history_get(r->history, last, "test_mse"),
                           reel_history_get(r->history, last, "seconds")};
    REEL_TRY(write_history(r)); /* a run that was done before may lack it */
    snprintf(title, sizeof title, "%s, L = %" PRId64, model_names[r->options->model],
             r->options->latent);
    return pictures_write(r->model, r->data, r->test, r->options->device, title, r->out);
}

int run_train(const app_options *o, const app_data *d, const char *out, const char *label,
              app_result *result) {
    app_run r = {.options = o, .data = d, .out = out, .label = label, .lock = -1};
    app_progress bar = {0};
    int status = EXIT_FAILED;
    path_in(r.checkpoint, out, "checkpoint.safetensors");
    if (out_lock(out, &r.lock) == REEL_OK && open_run(&r) == REEL_OK) {
        progress_start(&bar, &r);
        status = train_epochs(&r, &bar);
        progress_end(&bar);
    }
    if (status == EXIT_SUCCESS && write_results(&r, result) != REEL_OK) status = EXIT_FAILED;
    close_run(&r);
    return status;
}

int command_train(const app_options *o) {
    char name[CELL_NAME], out[PATH_SIZE];
    app_data data = {0};
    app_result result = {0};
    path_in(out, "runs", cell_name(name, o->model, o->latent, o->seed));
    if (o->out) snprintf(out, sizeof out, "%s", o->out);
    int status = EXIT_FAILED;
    if (data_open(&data, o) == REEL_OK) {
        signals_catch();
        status = run_train(o, &data, out, name, &result);
        signals_release();
    }
    if (status == EXIT_SUCCESS)
        printf("%s: train MSE %.5f, test MSE %.5f after %" PRId64 " epochs in %.1f s: %s\n"
               "data: %s\n",
               name, result.train_mse, result.test_mse, o->epochs, result.seconds, out,
               data.mnist.description);
    data_close(&data);
    return status;
}
