/* report.html: the campaign as one self-contained page. Pictures are data URIs; light and dark as
 * the reader has it. */
#include "app.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1c1e21;--soft:#667;--line:#d8dbe0;--page:#fdfdfc;--good:#0a7a4b;"
    "--goodpage:#e8f6ee;--warn:#8a2b06;--warnpage:#fff0e6}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e3;--soft:#9aa;--line:#3a3e44;--page:#"
    "16181b;"
    "--good:#6fd6a4;--goodpage:#15301f;--warn:#ffb38a;--warnpage:#3a2114}}\n"
    "body{margin:0 auto;max-width:64rem;padding:3rem 1.5rem "
    "5rem;background:var(--page);color:var(--ink);"
    "font:17px/1.55 Charter,'Bitstream Charter','Sitka Text',Cambria,Georgia,serif}\n"
    "h1{font-size:2.1rem;line-height:1.15;margin:0 0 .4rem}h2{font-size:1.35rem;margin:2.8rem 0 "
    ".8rem;"
    "padding-top:1rem;border-top:1px solid var(--line)}h3{font-size:1.05rem;margin:1.6rem 0 "
    ".5rem}\n"
    ".lead,figcaption,small{color:var(--soft)}.lead{margin-top:0}\n"
    ".warning{background:var(--warnpage);color:var(--warn);border-left:4px solid;padding:.8rem "
    "1rem;"
    "font-weight:bold}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:"
    "100%}\n"
    "th,td{padding:.5rem .8rem;text-align:right;border-bottom:1px solid var(--line)}"
    "th:first-child{text-align:left}td b{font-size:1.15em}td small{display:block}\n"
    "td.beats{background:var(--goodpage)}td.beats b{color:var(--good)}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:"
    "1rem}\n"
    "figure{margin:0}img{max-width:100%;height:auto;background:#fff;border-radius:4px}"
    "figcaption{font-size:.85rem;margin-top:.2rem}\n";

static void print_escaped(FILE *f, const char *text) {
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", f);
        else if (*text == '<')
            fputs("&lt;", f);
        else if (*text == '>')
            fputs("&gt;", f);
        else if (*text == '"')
            fputs("&quot;", f);
        else
            fputc(*text, f);
    }
}

/* RFC 4648, section 4. */
static void print_base64(FILE *f, const unsigned char *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        unsigned word = (unsigned)bytes[i] << 16;
        if (n > 1) word |= (unsigned)bytes[i + 1] << 8;
        if (n > 2) word |= bytes[i + 2];
        for (size_t d = 0; d < 4; d++) fputc(d <= n ? digits[word >> (18 - 6 * d) & 63] : '=', f);
    }
}

/* A picture below the campaign's directory; nothing where there is none, as curves.png without
 * gnuplot. */
static void print_picture(FILE *f, const app_campaign *c, const char *name, const char *caption) {
    char path[PATH_SIZE];
    void *bytes = NULL;
    size_t size = 0;
    if (!reel_file_exists(path_in(path, c->options->out, name))) return;
    if (reel_file_read(path, &bytes, &size) != REEL_OK)
        return; /* kept: the page is not written then */
    fprintf(f, "<figure><img alt=\"%s\" src=\"data:image/png;base64,", caption);
    print_base64(f, bytes, size);
    fprintf(f, "\"><figcaption>%s</figcaption></figure>\n", caption);
    free(bytes);
}

static void print_cell(FILE *f, const app_campaign *c, int model, int64_t latent) {
    double ours = campaign_test_mse(c, model, latent), theirs = report_figure(model, latent);
    bool beats = !data_is_synthetic(c->data) && ours < theirs;
    fprintf(f, "<td%s><b>%.4f</b>", beats ? " class=\"beats\"" : "", ours);
    if (isnan(theirs))
        fputs("<small>not in the report</small></td>", f);
    else
        fprintf(f, "<small>report %.4f%s</small></td>", theirs, beats ? " &#10003;" : "");
}

static void print_table(FILE *f, const app_campaign *c) {
    const app_options *o = c->options;
    fputs("<div class=\"wide\"><table>\n<tr><th>model</th>", f);
    for (int l = 0; l < o->latent_count; l++) fprintf(f, "<th>L = %" PRId64 "</th>", o->latents[l]);
    for (int m = 0; m < o->model_count; m++) {
        fprintf(f, "</tr>\n<tr><th>%s</th>", model_names[o->models[m]]);
        for (int l = 0; l < o->latent_count; l++)
            print_cell(f, c, (int)o->models[m], o->latents[l]);
    }
    fputs("</tr>\n</table></div>\n", f);
}

/* One kind of picture ("samples.png") at one size, all models side by side. */
static void print_pictures(FILE *f, const app_campaign *c, int64_t latent, const char *title,
                           const char *file) {
    const app_options *o = c->options;
    fprintf(f, "<h3>%s</h3>\n<div class=\"pair\">\n", title);
    for (int m = 0; m < o->model_count; m++) {
        char cell[CELL_NAME], name[2 * CELL_NAME], caption[128];
        cell_name(cell, (int)o->models[m], latent, o->seeds[0]);
        snprintf(name, sizeof name, "%s/%s", cell, file);
        snprintf(caption, sizeof caption, "%s, L = %" PRId64 ", seed %" PRId64,
                 model_names[o->models[m]], latent, o->seeds[0]);
        print_picture(f, c, name, caption);
    }
    fputs("</div>\n", f);
}

/* The report shows best and worst at 10 and 100: where neither was run, all sizes do. */
static bool shows_extremes(const app_options *o, int64_t latent) {
    bool any = false;
    for (int l = 0; l < o->latent_count; l++) any |= o->latents[l] == 10 || o->latents[l] == 100;
    return !any || latent == 10 || latent == 100;
}

static void print_latent(FILE *f, const app_campaign *c, int64_t latent) {
    fprintf(f, "<h2>L = %" PRId64 "</h2>\n", latent);
    print_pictures(f, c, latent, "One of each class", "samples.png");
    if (!shows_extremes(c->options, latent)) return;
    print_pictures(f, c, latent, "The ten best reconstructions", "best.png");
    print_pictures(f, c, latent, "The ten worst reconstructions", "worst.png");
}

void report_html(FILE *f, const app_campaign *c) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n"
          "<title>Autoencoders on MNIST</title>\n<style>\n",
          f);
    fprintf(f, "%s</style></head>\n<body>\n<h1>Autoencoders on MNIST</h1>\n", style);
    fputs("<p class=\"lead\">A course report's table, reproduced with Reel: test MSE of a tied and "
          "a classic "
          "autoencoder 784&ndash;L&ndash;784.</p>\n",
          f);
    if (data_is_synthetic(c->data)) fprintf(f, "<p class=\"warning\">%s</p>\n", SYNTHETIC_WARNING);
    print_table(f, c);
    fputs("<p><small>Mean over the seeds; marked where it is below the report's "
          "figure.</small></p>\n",
          f);
    fputs("<h2>How</h2>\n<p><b>Data.</b> ", f);
    print_escaped(f, c->data->mnist.description);
    fputs(".</p>\n<p><b>Recipe</b>, the same for every cell. ", f);
    report_recipe(f, c->options);
    fputs(
        "</p>\n<p><b>Models.</b> tied: h = relu(xW + b<sub>1</sub>), y = sigmoid(hW<sup>T</sup> + "
        "b<sub>2</sub>), one "
        "shared W and two biases of one number each. classic: linear, ReLU, linear, sigmoid.</p>\n"
        "<h2>Curves</h2>\n",
        f);
    print_picture(f, c, "curves.png",
                  "MSE by epoch, a panel a size, first seed: training in paler lines");
    for (int l = 0; l < c->options->latent_count; l++) print_latent(f, c, c->options->latents[l]);
    fputs("</body></html>\n", f);
}
