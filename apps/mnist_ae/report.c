/* A campaign's figures beside the course report's, and the tables of them. */
#include "app.h"

#include <inttypes.h>
#include <math.h>

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

/* ---- results.csv, results.md ---- */

void report_csv(FILE *f, const app_campaign *c) {
    fputs("model,latent,seed,epochs,train_mse,test_mse,seconds\n", f);
    for (int i = 0; i < c->count; i++) {
        const app_cell *cell = &c->cells[i];
        fprintf(f, "%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%.9g,%.9g,%.3f\n",
                model_names[cell->model], cell->latent, cell->seed, c->options->epochs,
                cell->result.train_mse, cell->result.test_mse, cell->result.seconds);
    }
}

void report_markdown(FILE *f, const app_campaign *c) {
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
