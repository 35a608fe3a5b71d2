/* A run to and from its checkpoint. Tensors hold what the next step depends on, and no clock: two
 * runs of the same settings have the same bytes there, stopped and resumed or not. Text holds the
 * rest. */
#include "app.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
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
    char lr[NUMBER_SIZE];
    return reel_fail(REEL_ERR_STATE, NULL,
                     "train: the loss is no longer finite in epoch %" PRId64
                     ", at iteration %" PRId64 " (--lr %s): %s is left as it was",
                     r->epoch + 1, r->iteration, number_text(lr, r->options->lr), r->checkpoint);
}

/* ---- save ---- */

enum { SECONDS_WIDTH = 24 }; /* room for a number of them, with its space */

static bool are_seconds(double v) {
    return v >= 0 && v < 1e12;
}

static bool grow(app_rows *rows, int64_t count) {
    if ((size_t)count < rows->capacity) return true;
    size_t more = ((size_t)count + 32) * 2;
    char *seconds = realloc(rows->seconds, more * SECONDS_WIDTH);
    if (seconds) rows->seconds = seconds;
    double *cells = seconds ? realloc(rows->cells, more * EXACT_COLUMNS * sizeof *cells) : NULL;
    if (!cells) return false;
    rows->cells = cells;
    rows->capacity = more;
    return true;
}

reel_status run_record(app_run *r, const double row[HISTORY_COLUMNS]) {
    app_rows *rows = &r->rows;
    int64_t count = reel_history_rows(r->history);
    if (!grow(rows, count))
        return reel_fail(REEL_ERR_MEMORY, NULL, "train: out of memory: %s", r->checkpoint);
    memcpy(rows->cells + count * EXACT_COLUMNS, row, EXACT_COLUMNS * sizeof *row);
    rows->used +=
        (size_t)snprintf(rows->seconds + rows->used, SECONDS_WIDTH, "%.3f ", row[EXACT_COLUMNS]);
    return reel_history_add(r->history, row);
}

/* f64 [epochs,5]: a tensor has room for any number of epochs. The seconds are one line of text:
 * numbers of whole milliseconds, which read back to the same bits. */
static reel_status put_history(const app_run *r, reel_state *s) {
    int64_t rows = reel_history_rows(r->history);
    if (rows == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *t = reel_from(r->rows.cells, reel_shape(rows, EXACT_COLUMNS), REEL_F64);
    REEL_TRY(reel_state_put(s, "history", t));
    return reel_state_put_text(s, "history.seconds", r->rows.seconds);
}

static reel_status put_run(app_run *r, reel_state *s) {
    char device[DEVICE_NAME];
    REEL_TRY(settings_put(r->options, s));
    REEL_TRY(reel_state_put_text(s, "data", data_is_synthetic(r->data) ? "synthetic" : "MNIST"));
    REEL_TRY(reel_state_put_text(s, "data.fingerprint", r->data->fingerprint));
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

/* As checkpoints without the tensor have it: a line an epoch, under "history.<epoch>". */
static reel_status get_history_lines(app_run *r, const reel_state *s) {
    for (int64_t row = 1; row <= r->epoch; row++) {
        char key[64];
        double v[HISTORY_COLUMNS];
        snprintf(key, sizeof key, "history.%" PRId64, row);
        const char *line = reel_state_text(s, key);
        if (!line ||
            sscanf(line, "%lf %lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4, v + 5) != 6 ||
            !are_seconds(v[EXACT_COLUMNS]))
            return damaged(r, key);
        REEL_TRY(run_record(r, v));
    }
    return REEL_OK;
}

static reel_status get_history(app_run *r, const reel_state *s) {
    reel_tensor *t = reel_state_get(s, "history");
    const char *seconds = reel_state_text(s, "history.seconds");
    if (!t && !seconds) return get_history_lines(r, s);
    if (!t || !seconds || reel_dtype_of(t) != REEL_F64 || reel_ndim(t) != 2 ||
        reel_dim(t, 0) != r->epoch || reel_dim(t, 1) != EXACT_COLUMNS)
        return damaged(r, "history");
    const double *cells = reel_data(t);
    for (int64_t row = 0; row < r->epoch; row++, cells += EXACT_COLUMNS) {
        double v[HISTORY_COLUMNS];
        char *end;
        memcpy(v, cells, EXACT_COLUMNS * sizeof *v);
        v[EXACT_COLUMNS] = strtod(seconds, &end);
        if (end == seconds || !are_seconds(v[EXACT_COLUMNS])) return damaged(r, "history.seconds");
        seconds = end;
        REEL_TRY(run_record(r, v));
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
    int64_t batches = reel_loader_batches(r->train); /* an epoch's last may be done, it not yet */
    if (!reel_state_int(s, "iteration", &r->iteration) || r->iteration < r->epoch * batches ||
        r->iteration > (r->epoch + 1) * batches)
        return damaged(r, "iteration");
    if (!reel_state_double(s, "seconds", &r->seconds) || !are_seconds(r->seconds))
        return damaged(r, "seconds");
    return REEL_OK;
}

static reel_status data_agree(const app_run *r, const reel_state *s) {
    const char *here = data_is_synthetic(r->data) ? "synthetic" : "MNIST";
    const char *saved = reel_state_text(s, "data");
    const char *fingerprint = reel_state_text(s, "data.fingerprint");
    if (!saved) return damaged(r, "data");
    if (strcmp(saved, here) != 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "resume: --data is %s here, but %s in the checkpoint: %s", here, saved,
                         r->checkpoint);
    if (!fingerprint || strcmp(fingerprint, r->data->fingerprint) == 0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL,
                     "resume: --data has other images or labels here (fingerprint %s) than in the "
                     "checkpoint (%.16s): %s",
                     r->data->fingerprint, fingerprint, r->checkpoint);
}

static reel_status get_run(app_run *r, const reel_state *s) {
    REEL_TRY(settings_threads(r->options, s, r->checkpoint));
    REEL_TRY(settings_agree(r->options, s, r->checkpoint));
    REEL_TRY(data_agree(r, s));
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
