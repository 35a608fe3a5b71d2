/* A table of runs: every model at every size with every seed, and the report on them. */
#include "app.h"

#include <inttypes.h>
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

/* ---- the campaign ---- */

static int cells_of(const app_options *o) {
    return o->model_count * o->latent_count * o->seed_count;
}

static int run_cell(app_campaign *c, app_cell cell) {
    char name[CELL_NAME], label[2 * CELL_NAME], out[PATH_SIZE];
    app_options o = *c->options;
    o.model = cell.model;
    o.latent = cell.latent;
    o.seed = cell.seed;
    cell_name(name, cell.model, cell.latent, cell.seed);
    snprintf(label, sizeof label, "%d/%d %s", c->count + 1, cells_of(&o), name);
    int status = run_train(&o, c->data, path_in(out, o.out, name), label, &cell.result);
    if (status != EXIT_SUCCESS) return status;
    c->cells[c->count++] = cell;
    return write_text(c, "results.csv", report_csv) == REEL_OK ? EXIT_SUCCESS : EXIT_FAILED;
}

static int run_cells(app_campaign *c) {
    const app_options *o = c->options;
    for (int m = 0; m < o->model_count; m++)
        for (int l = 0; l < o->latent_count; l++)
            for (int s = 0; s < o->seed_count; s++) {
                app_cell cell = {
                    .model = (int)o->models[m], .latent = o->latents[l], .seed = o->seeds[s]};
                int status = signal_caught() ? 128 + signal_caught() : run_cell(c, cell);
                if (status != EXIT_SUCCESS) return status;
            }
    return EXIT_SUCCESS;
}

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

int command_campaign(const app_options *o) {
    app_data data = {0};
    app_campaign c = {.options = o, .data = &data};
    int status = EXIT_FAILED, lock = -1;
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
