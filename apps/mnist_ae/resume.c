/* A run to and from its checkpoint. Tensors hold what the next step depends on, and no clock: two
 * runs of the same settings have the same bytes there, stopped and resumed or not. Text holds the
 * rest. */
#include "app.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

reel_status run_check(app_run *r, double mse) {
    reel_state *params = reel_module_params(r->model);
    double sum = mse;
    {
        REEL_SCOPE;
        for (int i = 0; i < reel_state_count(params) && isfinite(sum); i++)
            sum += reel_item(reel_sum(reel_detach(reel_state_at(params, i))));
    }
    reel_state_free(params);
    REEL_TRY(reel_error_status());
    if (isfinite(sum)) return REEL_OK;
    return reel_fail(REEL_ERR_STATE, NULL,
                     "train: the loss is no longer finite in epoch %" PRId64
                     ", at iteration %" PRId64 " (--lr %g): %s is left as it was",
                     r->epoch + 1, r->iteration, r->options->lr, r->checkpoint);
}

/* ---- save ---- */

/* A row as text, under "history.<epoch>": numbers that read back to the same bits. */
static reel_status put_history(const app_run *r, reel_state *s) {
    for (int64_t row = 0; row < reel_history_rows(r->history); row++) {
        char key[64], line[256] = "";
        for (int i = 0; i < HISTORY_COLUMNS; i++) {
            size_t used = strlen(line);
            snprintf(line + used, sizeof line - used, "%.17g ",
                     reel_history_get(r->history, row, history_columns[i]));
        }
        snprintf(key, sizeof key, "history.%" PRId64, row + 1);
        REEL_TRY(reel_state_put_text(s, key, line));
    }
    return REEL_OK;
}

static reel_status put_run(app_run *r, reel_state *s) {
    char device[DEVICE_NAME];
    REEL_TRY(settings_put(r->options, s));
    REEL_TRY(reel_state_put_text(s, "data", data_is_synthetic(r->data) ? "synthetic" : "MNIST"));
    REEL_TRY(reel_state_put_text(s, "device", device_name(device, r->options->device)));
    REEL_TRY(reel_module_save(r->model, s, "model"));
    REEL_TRY(reel_optim_save(r->optim, s, "optim"));
    REEL_TRY(reel_schedule_save(r->schedule, s, "schedule"));
    REEL_TRY(reel_loader_save(r->train, s, "loader"));
    if (r->loss.sum) REEL_TRY(reel_state_put(s, "loss.sum", r->loss.sum));
    REEL_TRY(reel_state_put_double(s, "loss.weight", r->loss.weight));
    REEL_TRY(reel_state_put_int(s, "epoch", r->epoch));
    REEL_TRY(reel_state_put_int(s, "iteration", r->iteration));
    REEL_TRY(reel_state_put_double(s, "seconds", run_seconds(r)));
    return put_history(r, s);
}

reel_status run_save(app_run *r) {
    REEL_TRY(run_check(r, r->loss.sum ? reel_meter_mean(&r->loss) : 0.0));
    reel_state *s = reel_state_new();
    reel_status status = put_run(r, s);
    if (status == REEL_OK) status = reel_checkpoint_write(s, r->checkpoint, r->options->keep);
    reel_state_free(s);
    return status;
}

/* ---- resume ---- */

static reel_status damaged(const app_run *r, const char *what) {
    return reel_fail(REEL_ERR_FORMAT, NULL, "resume: %s is missing or makes no sense: %s", what,
                     r->checkpoint);
}

static reel_status get_history(app_run *r, const reel_state *s) {
    for (int64_t row = 1; row <= r->epoch; row++) {
        char key[64];
        double v[HISTORY_COLUMNS];
        snprintf(key, sizeof key, "history.%" PRId64, row);
        const char *line = reel_state_text(s, key);
        if (!line ||
            sscanf(line, "%lf %lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4, v + 5) != 6)
            return damaged(r, key);
        REEL_TRY(reel_history_add(r->history, v));
    }
    return REEL_OK;
}

static reel_status get_loss(app_run *r, const reel_state *s) {
    reel_tensor *sum = reel_state_get(s, "loss.sum");
    if (!reel_state_double(s, "loss.weight", &r->loss.weight)) return damaged(r, "loss.weight");
    if (!sum) return r->loss.weight == 0 ? REEL_OK : damaged(r, "loss.sum");
    if (reel_dtype_of(sum) != REEL_F64 || reel_ndim(sum) != 0) return damaged(r, "loss.sum");
    REEL_SCOPE;
    r->loss.sum = reel_retain(reel_to(sum, r->options->device));
    return reel_error_status();
}

static reel_status get_counts(app_run *r, const reel_state *s) {
    if (!reel_state_int(s, "epoch", &r->epoch) || r->epoch < 0 || r->epoch > r->options->epochs)
        return damaged(r, "epoch");
    if (!reel_state_int(s, "iteration", &r->iteration) || r->iteration < 0)
        return damaged(r, "iteration");
    if (!reel_state_double(s, "seconds", &r->seconds)) return damaged(r, "seconds");
    return REEL_OK;
}

static reel_status get_run(app_run *r, const reel_state *s) {
    REEL_TRY(settings_threads(r->options, s, r->checkpoint));
    REEL_TRY(settings_agree(r->options, s, r->checkpoint));
    const char *data = data_is_synthetic(r->data) ? "synthetic" : "MNIST",
               *saved = reel_state_text(s, "data");
    if (!saved) return damaged(r, "data");
    if (strcmp(saved, data) != 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "resume: --data is %s here, but %s in the checkpoint: %s", data, saved,
                         r->checkpoint);
    REEL_TRY(get_counts(r, s));
    REEL_TRY(get_history(r, s));
    REEL_TRY(get_loss(r, s));
    REEL_TRY(reel_module_load(r->model, s, "model"));
    REEL_TRY(reel_schedule_load(r->schedule, s, "schedule"));
    REEL_TRY(reel_optim_load(r->optim, s, "optim"));
    return reel_loader_load(r->train, s, "loader");
}

reel_status run_resume(app_run *r) {
    if (!reel_file_exists(r->checkpoint)) return REEL_OK;
    reel_state *s = reel_checkpoint_read(r->checkpoint);
    if (!s) return reel_error_status();
    reel_status status = get_run(r, s);
    reel_state_free(s);
    return status;
}
