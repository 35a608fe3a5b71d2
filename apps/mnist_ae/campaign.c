/* A table of runs: every model at every size with every seed, and the report on them. */
#include "app.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- figures ---- */

double report_figure(int model, int64_t latent) {
    static const int64_t latents[] = {10, 50, 100, 300};
    static const double figures[MODEL_COUNT][4] = {
        [MODEL_TIED] = {0.0304, 0.0094, 0.0029, 0.0026},
        [MODEL_CLASSIC] = {0.0291, 0.0079, 0.0043, 0.0040},
    };
    for (int i = 0; i < 4; i++)
        if (latents[i] == latent) return figures[model][i];
    return NAN;
}

double campaign_test_mse(const app_campaign *c, int model, int64_t latent) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < c->count; i++) {
        if (c->cells[i].model != model || c->cells[i].latent != latent) continue;
        sum += c->cells[i].result.test_mse;
        count++;
    }
    return sum / count;
}

/* ---- results.csv, results.md ---- */

static void report_csv(FILE *f, const app_campaign *c) {
    fputs("model,latent,seed,epochs,train_mse,test_mse,seconds\n", f);
    for (int i = 0; i < c->count; i++) {
        const app_cell *cell = &c->cells[i];
        fprintf(f, "%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%.9g,%.9g,%.3f\n",
                model_names[cell->model], cell->latent, cell->seed, c->options->epochs,
                cell->result.train_mse, cell->result.test_mse, cell->result.seconds);
    }
}

static void report_markdown(FILE *f, const app_campaign *c) {
    const app_options *o = c->options;
    bool real = !data_is_synthetic(c->data);
    fputs("# Test MSE\n\n", f);
    if (!real) fprintf(f, "**%s**\n\n", SYNTHETIC_WARNING);
    fputs("Mean over the seeds; beside it the course report's figure. Bold: lower than the "
          "report's.\n\n| model |",
          f);
    for (int l = 0; l < o->latent_count; l++)
        fprintf(f, " L = %" PRId64 " | report |", o->latents[l]);
    fputs("\n| --- |", f);
    for (int l = 0; l < o->latent_count; l++) fputs(" ---: | ---: |", f);
    for (int m = 0; m < o->model_count; m++) {
        fprintf(f, "\n| %s |", model_names[o->models[m]]);
        for (int l = 0; l < o->latent_count; l++) {
            double ours = campaign_test_mse(c, (int)o->models[m], o->latents[l]);
            double theirs = report_figure((int)o->models[m], o->latents[l]);
            fprintf(f, real && ours < theirs ? " **%.4f** |" : " %.4f |", ours);
            fprintf(f, isnan(theirs) ? " - |" : " %.4f |", theirs);
        }
    }
    fprintf(f, "\n\nData: %s.\n\nRecipe: ", c->data->mnist.description);
    report_recipe(f, o);
}

void report_recipe(FILE *f, const app_options *o) {
    char device[DEVICE_NAME], lr[NUMBER_SIZE];
    fprintf(f,
            "%s, learning rate %s, schedule %s, batch %" PRId64 ", %" PRId64
            " epochs, init %s; seeds",
            optimizer_names[o->optimizer], number_text(lr, o->lr), schedule_names[o->schedule],
            o->batch, o->epochs, init_names[o->init]);
    for (int i = 0; i < o->seed_count; i++) fprintf(f, "%s %" PRId64, i ? "," : "", o->seeds[i]);
    if (o->limit) fprintf(f, "; only the first %" PRId64 " images of each set", o->limit);
    fprintf(f, "; trained on %s.\n", device_name(device, o->device));
}

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
