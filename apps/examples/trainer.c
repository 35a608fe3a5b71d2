#include "apps/examples/trainer.h"

const char *trainer_path(const trainer *t, const char *name) {
    static char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", t->out, name) >= (int)sizeof path)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "--out is too long: %.60s...", t->out);
    return path;
}

static void load(trainer *t) {
    reel_state *s = reel_checkpoint_read(trainer_path(t, "checkpoint.safetensors"));
    if (!s) return;
    reel_module_load(t->model, s, "model");
    reel_optim_load(t->optim, s, "optim");
    reel_schedule_load(t->schedule, s, "schedule");
    if (t->loader) reel_loader_load(t->loader, s, "loader");
    if (t->draws) reel_copy_(reel_generator_state(t->draws), reel_state_get(s, "draws"));
    reel_state_int(s, "step", &t->step);
    reel_history_free(t->history);
    t->history = reel_history_read(trainer_path(t, "history.csv"));
    int64_t rows = 0; /* one that was stopped between the two files has a row too many */
    if (t->history && reel_state_int(s, "rows", &rows)) reel_history_truncate(t->history, rows);
    reel_state_free(s);
}

static void save(trainer *t) {
    reel_state *s = reel_state_new();
    reel_module_save(t->model, s, "model");
    reel_optim_save(t->optim, s, "optim");
    reel_schedule_save(t->schedule, s, "schedule");
    if (t->loader) reel_loader_save(t->loader, s, "loader");
    if (t->draws) reel_state_put(s, "draws", reel_generator_state(t->draws));
    reel_state_put_int(s, "step", t->step);
    reel_state_put_int(s, "rows", reel_history_rows(t->history));
    reel_checkpoint_write(s, trainer_path(t, "checkpoint.safetensors"), 2);
    reel_state_free(s);
}

void trainer_start(trainer *t, bool resume, const char *const *columns, int count) {
    reel_make_dirs(t->out);
    t->history = reel_history_new(columns, count);
    if (resume && reel_file_exists(trainer_path(t, "checkpoint.safetensors"))) load(t);
}

void trainer_record(trainer *t, const char *const *columns, const double *row, int count) {
    if (reel_failed()) return;
    for (int i = 0; i < count; i++) printf(i == 0 ? "%s %.0f" : "  %s %.4f", columns[i], row[i]);
    putchar('\n');
    fflush(stdout);
    reel_history_add(t->history, row);
    reel_history_write(t->history, trainer_path(t, "history.csv"));
    save(t);
}

void trainer_free(trainer *t) {
    reel_history_free(t->history);
    reel_schedule_free(t->schedule);
    reel_optim_free(t->optim);
    reel_module_free(t->model);
    reel_loader_free(t->loader);
    reel_generator_free(t->draws);
}
