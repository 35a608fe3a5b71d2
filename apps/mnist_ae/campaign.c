/* A table of runs: every model at every size with every seed, and the report on them. */
#include "app.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

/* A file below the campaign's directory, as `print` writes it: whole or not at all. */
static reel_status write_text(const app_campaign *c, const char *name,
                              void (*print)(FILE *f, const app_campaign *c)) {
    char path[PATH_SIZE], *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f) print(f, c);
    bool whole = f && !ferror(f);
    reel_status status;
    if ((f && fclose(f) != 0) || !whole)
        status = reel_fail(REEL_ERR_MEMORY, NULL, "campaign: out of memory: %s", name);
    else
        status = reel_file_write(path_in(path, c->options->out, name), text, size);
    free(text);
    return status;
}

/* ---- curves.png ---- */

enum { CURVES = 2 * MODEL_COUNT }; /* in a panel */

typedef struct {
    char title[32], csv[MODEL_COUNT][PATH_SIZE];
    reel_plot_line lines[CURVES];
} curves_panel;

/* One size: test over training, which is faint, a colour a model; the first seed. */
static void fill_panel(curves_panel *p, const app_campaign *c, int64_t latent) {
    static const char *const labels[MODEL_COUNT][2] = {
        [MODEL_TIED] = {"tied, test", "tied, training"},
        [MODEL_CLASSIC] = {"classic, test", "classic, training"},
    };
    const app_options *o = c->options;
    snprintf(p->title, sizeof p->title, "L = %" PRId64, latent);
    for (int m = 0; m < o->model_count; m++) {
        int model = (int)o->models[m];
        char name[CELL_NAME];
        cell_name(name, model, latent, o->seeds[0]);
        snprintf(p->csv[m], PATH_SIZE, "%s/%s/history.csv", o->out, name);
        for (int train = 0; train < 2; train++)
            p->lines[2 * m + train] = (reel_plot_line){.csv = p->csv[m],
                                                       .x = "epoch",
                                                       .y = train ? "train_mse" : "test_mse",
                                                       .label = labels[model][train],
                                                       .style = train ? 2 : 0,
                                                       .colour = model};
    }
}

static reel_status write_curves(const app_campaign *c) {
    const app_options *o = c->options;
    char path[PATH_SIZE];
    reel_plot_panel panels[MAX_LATENTS];
    curves_panel *p = calloc((size_t)o->latent_count, sizeof *p);
    if (!p) return reel_fail(REEL_ERR_MEMORY, NULL, "campaign: out of memory");
    for (int l = 0; l < o->latent_count; l++) {
        fill_panel(&p[l], c, o->latents[l]);
        panels[l] = (reel_plot_panel){p[l].title, p[l].lines, 2 * o->model_count};
    }
    reel_plot_options options = {
        .title = data_is_synthetic(c->data) ? "MSE by epoch (synthetic digits)" : "MSE by epoch",
        .x_label = "epoch",
        .y_label = "MSE",
        .log_y = true};
    reel_status status = reel_plot_panels_write(path_in(path, o->out, "curves.png"), panels,
                                                o->latent_count, options, NULL);
    free(p);
    return status;
}

/* ---- the runs ---- */

static int cells_of(const app_options *o) {
    return o->model_count * o->latent_count * o->seed_count;
}

static app_cell cell_at(const app_options *o, int number) {
    const int seed = number % o->seed_count, latent = number / o->seed_count % o->latent_count,
              model = number / o->seed_count / o->latent_count;
    return (app_cell){.number = number,
                      .model = (int)o->models[model],
                      .latent = o->latents[latent],
                      .seed = o->seeds[seed]};
}

static int run_cell(const app_campaign *c, app_cell *cell) {
    char name[CELL_NAME], label[2 * CELL_NAME], out[PATH_SIZE];
    app_options o = *c->options;
    o.model = cell->model;
    o.latent = cell->latent;
    o.seed = cell->seed;
    cell_name(name, cell->model, cell->latent, cell->seed);
    snprintf(label, sizeof label, "%d/%d %s", cell->number + 1, cells_of(&o), name);
    return run_train(&o, c->data, path_in(out, o.out, name), label, &cell->result);
}

/* Those who do them: the program's own thread, and others. */
typedef struct {
    app_campaign *campaign;
    pthread_mutex_t lock; /* of all below, and of the campaign's cells */
    int next;             /* the number of the next one */
    int status;           /* not EXIT_SUCCESS: nobody begins another */
    reel_status failure;  /* the first */
    char why[2000];
} crew;

/* Each run that is done, in its place, and results.csv anew. */
static int keep_cell(app_campaign *c, const app_cell *cell) {
    int at = c->count++;
    for (; at > 0 && c->cells[at - 1].number > cell->number; at--) c->cells[at] = c->cells[at - 1];
    c->cells[at] = *cell;
    return write_text(c, "results.csv", report_csv) == REEL_OK ? EXIT_SUCCESS : EXIT_FAILED;
}

/* The next run's number; -1: there is none to begin. */
static int take_number(crew *w) {
    pthread_mutex_lock(&w->lock);
    if (w->status == EXIT_SUCCESS && signal_caught()) w->status = 128 + signal_caught();
    const bool more = w->status == EXIT_SUCCESS && w->next < cells_of(w->campaign->options);
    const int number = more ? w->next++ : -1;
    pthread_mutex_unlock(&w->lock);
    return number;
}

/* The first failure is kept, and told by the program's own thread in the end; any other at once. */
static void keep_failure(crew *w) {
    if (w->failure != REEL_OK) {
        say_failure();
        return;
    }
    w->failure = reel_error_status();
    w->status = EXIT_FAILED; /* rather than the signal's */
    snprintf(w->why, sizeof w->why, "%s", reel_error());
}

static void end_run(crew *w, const app_cell *cell, int status) {
    pthread_mutex_lock(&w->lock);
    if (status == EXIT_SUCCESS) status = keep_cell(w->campaign, cell);
    if (status == EXIT_FAILED)
        keep_failure(w);
    else if (w->status == EXIT_SUCCESS)
        w->status = status;
    pthread_mutex_unlock(&w->lock);
    reel_clear_error();
}

static void *work(void *of) {
    crew *w = of;
    const app_options *o = w->campaign->options;
    if (o->threads) reel_set_threads(o->threads); /* a setting of each thread */
    for (int number; (number = take_number(w)) >= 0;) {
        app_cell cell = cell_at(o, number);
        const int status = run_cell(w->campaign, &cell);
        end_run(w, &cell, status);
    }
    return NULL;
}

/* As many runs at once as were asked for: fewer if there are no threads to be had. */
static int run_cells(app_campaign *c) {
    crew w = {.campaign = c, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t other[MAX_JOBS];
    int others = 0;
    while (others + 1 < c->options->jobs && pthread_create(&other[others], NULL, work, &w) == 0)
        others++;
    work(&w);
    while (others > 0) pthread_join(other[--others], NULL);
    if (w.failure != REEL_OK) reel_fail(w.failure, NULL, "%s", w.why);
    return w.status;
}

/* ---- the campaign ---- */

static reel_status write_report(const app_campaign *c) {
    REEL_TRY(write_text(c, "results.md", report_markdown));
    REEL_TRY(write_curves(c));
    return write_text(c, "report.html", report_html);
}

/* Between signals_catch and _release, and no signal is forgotten. */
static int run_all(app_campaign *c) {
    signals_catch();
    int status = run_cells(c);
    signals_release();
    return status == EXIT_SUCCESS && signal_caught() ? 128 + signal_caught() : status;
}

/* Captured steps on a GPU keep the host idle, and it can see to other runs; else a run wants all of
 * it. */
static int jobs_of(const app_options *o) {
    const int jobs = o->jobs ? o->jobs : o->device.type != REEL_CPU && !o->eager ? 8 : 1;
    return jobs < cells_of(o) ? jobs : cells_of(o);
}

int command_campaign(const app_options *asked) {
    app_options options = *asked, *o = &options;
    app_data data = {0};
    app_campaign c = {.options = o, .data = &data};
    int status = EXIT_FAILED, lock = -1;
    o->jobs = jobs_of(o);
    c.cells = calloc((size_t)cells_of(o), sizeof *c.cells);
    if (!c.cells) reel_fail(REEL_ERR_MEMORY, NULL, "campaign: out of memory");
    if (c.cells && out_lock(o->out, &lock) == REEL_OK && data_open(&data, o) == REEL_OK)
        status = run_all(&c);
    if (status == EXIT_SUCCESS && write_report(&c) != REEL_OK) status = EXIT_FAILED;
    if (status == EXIT_SUCCESS) {
        report_markdown(stdout, &c);
        printf("\nAll of it: %s/report.html\n", o->out);
    }
    data_close(&data);
    out_unlock(lock);
    free(c.cells);
    return status;
}
