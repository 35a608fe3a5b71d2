/* Plots: a gnuplot script beside the picture, and gnuplot run on it where it is installed
 * (gnuplot.c).
 *
 * Nothing here goes through a shell, and nothing the caller names can become more than a name:
 * texts stand in quotes, and paths start with '/' or './', for gnuplot takes "< command" and
 * "| command" for pipes. The script draws to its standard output, so that the picture can replace
 * an older one whole. */
#include "io/io_internal.h"

#include "tensor/text/locale_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Matplotlib's first eight (tab10), told apart by most people. */
static const unsigned palette[] = {0x1f77b4, 0xff7f0e, 0x2ca02c, 0xd62728,
                                   0x9467bd, 0x8c564b, 0xe377c2, 0x7f7f7f};

enum { COLOURS = sizeof palette / sizeof palette[0], MARKED_ROWS = 20, MAX_PANELS = 100 };
enum { SOLID, DASHED, FAINT };

/* What a line's CSV says: where its columns are (from 1), how many rows there are, what the least
 * and the greatest x is, if all are whole numbers, and y, of those above 0 (0 if there are none).
 */
typedef struct {
    int x, y;
    int64_t rows;
    bool whole;
    long long low, high;
    double y_low, y_high;
} columns;

/* ---- what the caller hands in ---- */

static bool is_line_of_text(const char *s) {
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f) return false;
    return true;
}

/* Required texts must be there; all must be one line. */
static reel_status check_text(const char *what, const char *text, bool required, const char *path) {
    if (text == NULL && required)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "plot: no %s: %s", what, path);
    if (text != NULL && !is_line_of_text(text))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "plot: %s has a control character: %s", what,
                         path);
    return REEL_OK;
}

static reel_status check_lines(const char *path, const reel_plot_line *lines, int count) {
    if (lines == NULL || count < 1)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "plot: no lines: %s", path);
    for (int i = 0; i < count; i++) {
        REEL_TRY(check_text("csv", lines[i].csv, true, path));
        REEL_TRY(check_text("x column", lines[i].x, true, path));
        REEL_TRY(check_text("y column", lines[i].y, true, path));
        REEL_TRY(check_text("label", lines[i].label, false, path));
    }
    return REEL_OK;
}

static reel_status check_texts(const char *path, const reel_plot_panel *panels, int count,
                               const reel_plot_options *o) {
    REEL_TRY(check_text("path", path, true, path != NULL ? path : "NULL"));
    if (panels == NULL || count < 1 || count > MAX_PANELS)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "plot: not 1..%d panels: %s", MAX_PANELS, path);
    REEL_TRY(check_text("title", o->title, false, path));
    REEL_TRY(check_text("x_label", o->x_label, false, path));
    REEL_TRY(check_text("y_label", o->y_label, false, path));
    for (int i = 0; i < count; i++) {
        REEL_TRY(check_text("panel's title", panels[i].title, false, path));
        REEL_TRY(check_lines(path, panels[i].lines, panels[i].count));
    }
    return REEL_OK;
}

/* 1 for the first column of the header line; 0 if none has the name. */
static int column_number(const char *header, const char *name) {
    size_t length = strlen(name);
    for (int i = 1;; i++) {
        size_t n = strcspn(header, ",\r\n");
        if (n == length && memcmp(header, name, n) == 0) return i;
        if (header[n] != ',') return 0;
        header += n + 1;
    }
}

static const char *cell_of(const char *row, int column) {
    for (int i = 1; i < column; i++) {
        row += strcspn(row, ",\n");
        if (*row == ',') row++;
    }
    return row;
}

static bool is_empty(const char *cell) { /* strtod would go on into the next row */
    return strchr(",\r\n", *cell) != NULL;
}

/* Takes the x and y of a row into account. */
static void look_at_row(columns *c, const char *row) {
    const char *cell = cell_of(row, c->x);
    char *end;
    long long x = is_empty(cell) ? 0 : strtoll(cell, &end, 10);
    c->whole = c->whole && !is_empty(cell) && end > cell && is_empty(end);
    if (c->rows == 0 || x < c->low) c->low = x;
    if (c->rows == 0 || x > c->high) c->high = x;
    c->rows++;
    cell = cell_of(row, c->y);
    double y = is_empty(cell) ? 0 : strtod(cell, NULL);
    if (!(y > 0) || isinf(y)) return;
    if (c->y_low == 0 || y < c->y_low) c->y_low = y;
    if (y > c->y_high) c->y_high = y;
}

static reel_status find_columns(const reel_plot_line *line, columns *c) {
    void *text;
    size_t size;
    REEL_TRY(reel_file_read(line->csv, &text, &size));
    *c = (columns){
        .x = column_number(text, line->x), .y = column_number(text, line->y), .whole = true};
    const char *s = strchr(text, '\n'); /* the header's end */
    for (; s != NULL && s[1] != '\0'; s = strchr(s + 1, '\n')) look_at_row(c, s + 1);
    free(text);
    if (c->x != 0 && c->y != 0) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL, "plot: no column %s: %s", c->x == 0 ? line->x : line->y,
                     line->csv);
}

/* ---- the script ---- */

/* Prefix and text in quotes. Within single ones gnuplot interprets nothing, but takes a quote only
 * in some places, however it is doubled; within double ones three characters are written by their
 * numbers. */
static void put_quoted(reel__text *b, const char *prefix, const char *text) {
    const bool single = strchr(text, '\'') == NULL;
    reel__text_add(b, "%c%s", single ? '\'' : '"', prefix);
    for (; *text != '\0'; text++)
        if (!single && strchr("\"\\`", *text) != NULL)
            reel__text_add(b, "\\%03o", *text);
        else
            reel__text_add(b, "%c", *text);
    reel__text_add(b, "%c", single ? '\'' : '"');
}

/* For a shell: a quote ends the quotes, stands for itself, and begins them anew. */
static void put_shell_quoted(reel__text *b, const char *text) {
    reel__text_add(b, "'");
    for (; *text != '\0'; text++)
        if (*text == '\'')
            reel__text_add(b, "'\\''");
        else
            reel__text_add(b, "%c", *text);
    reel__text_add(b, "'");
}

static const char *path_prefix(const char *path) {
    return path[0] == '/' ? "" : "./";
}

static void put_setting(reel__text *b, const char *setting, const char *text, const char *font) {
    if (text == NULL) return;
    reel__text_add(b, "set %s ", setting);
    put_quoted(b, "", text);
    reel__text_add(b, " %s\n", font);
}

static const char look[] =
    "if (strstrt(GPVAL_TERMINALS, ' pngcairo ')) {\n"
    "    set terminal pngcairo noenhanced font 'sans,12' size %d,%d background '#ffffff'\n"
    "} else {\n"
    "    set terminal png noenhanced size %d,%d background '#ffffff'\n"
    "}\n"
    "set datafile separator comma\n"
    "set border 3 linecolor rgb '#808080'\n"
    "set tics nomirror out scale 0.6 textcolor rgb '#404040'\n"
    "set grid linetype 1 linewidth 1 linecolor rgb '#e6e6e6'\n";

static const char dark[] = "textcolor rgb '#202020'";

static void put_look(reel__text *b, int width, int height) {
    reel__text_add(b, look, width, height, width, height);
}

/* Whole numbers fill the width, and a single one stands in the middle. gnuplot would put ticks at
 * the halves of a few epochs; over a longer range its own are whole. */
static void put_x_axis(reel__text *b, const columns *c, int count) {
    static const double exact = 9007199254740992; /* 2^53 */
    double low = exact, high = -exact;
    bool whole = true;
    for (int i = 0; i < count; i++) {
        if (c[i].rows == 0) continue;
        whole = whole && c[i].whole;
        low = fmin(low, (double)c[i].low);
        high = fmax(high, (double)c[i].high);
    }
    whole = whole && low <= high && -exact < low && high < exact;
    double one = low == high ? 1 : 0;
    if (whole)
        reel__text_add(b, "set xrange [%.17g:%.17g]\n", low - one, high + one);
    else
        reel__text_add(b, "set xrange [*:*]\n");
    reel__text_add(b, "set xtics %s\n", whole && high - low <= 10 ? "1" : "autofreq");
}

static void put_y_axis(reel__text *b, const columns *c, int count) {
    double low = 0, high = 0;
    for (int i = 0; i < count; i++) {
        if (c[i].y_low > 0 && (low == 0 || c[i].y_low < low)) low = c[i].y_low;
        if (c[i].y_high > high) high = c[i].y_high;
    }
    if (low > 0)
        reel__plot_log_axis(b, low, high);
    else
        reel__text_add(b, "set logscale y\nset yrange [*:*]\n");
}

/* Three fifths of the way to white. */
static unsigned fainter(unsigned colour) {
    unsigned mixed = 0;
    for (unsigned shift = 0; shift < 24; shift += 8)
        mixed |= ((colour >> shift & 255) * 2 + 255 * 3) / 5 << shift;
    return mixed;
}

static void put_strokes(reel__text *b, const reel_plot_line *line) {
    unsigned colour = palette[(unsigned)line->colour % COLOURS];
    reel__text_add(b, " linewidth 2.5 linecolor rgb '#%06x' dashtype %s",
                   line->style == FAINT ? fainter(colour) : colour,
                   line->style == DASHED ? "(12, 6)" : "solid");
}

/* A short line gets a mark at each row, so that even a single row shows. */
static void put_line(reel__text *b, const reel_plot_line *line, const columns *c, bool legend) {
    legend = legend && line->label != NULL;
    put_quoted(b, path_prefix(line->csv), line->csv);
    reel__text_add(b, " using %d:%d skip 1 ", c->x, c->y);
    reel__text_add(b, legend ? "title " : "notitle");
    if (legend) put_quoted(b, "", line->label);
    reel__text_add(b, " with %s",
                   c->rows <= MARKED_ROWS ? "linespoints pointtype 7 pointsize 0.6" : "lines");
    put_strokes(b, line);
}

static void put_lines(reel__text *b, const reel_plot_panel *p, const columns *c,
                      const reel_plot_options *o, bool legend) {
    if (o->log_y) put_y_axis(b, c, p->count);
    put_x_axis(b, c, p->count);
    const char *before = "plot ";
    for (int faint = 1; faint >= 0; faint--)
        for (int i = 0; i < p->count; i++) {
            if ((p->lines[i].style == FAINT) != faint) continue;
            reel__text_add(b, "%s\\\n    ", before);
            put_line(b, &p->lines[i], &c[i], legend);
            before = ", ";
        }
    reel__text_add(b, "\n");
}

static void put_single(reel__text *b, const reel_plot_panel *p, const columns *c,
                       const reel_plot_options *o) {
    put_look(b, 1000, 600);
    reel__text_add(b, "set key outside right top Left reverse samplen 4 spacing 1.3 %s\n", dark);
    put_setting(b, "title", o->title, "font ',14' textcolor rgb '#202020'");
    put_setting(b, "xlabel", o->x_label, dark);
    put_setting(b, "ylabel", o->y_label, dark);
    put_lines(b, p, c, o, true);
}

/* ---- panels: a grid below a title and a legend; all sizes in pixels ---- */

enum { LEFT = 90, RIGHT = 25, BELOW = 70, ABOVE = 88, BETWEEN = 75, LEGEND_ROW = 22, STROKE = 36 };

typedef struct {
    int across, down, width, height; /* panels; the picture */
    int entries, row, slot;          /* of the legend, in one row of it; an entry's width */
} grid;

static grid grid_of(const reel_plot_panel *panels, int count) {
    grid g = {.across = (int)ceil(sqrt(count))};
    size_t longest = 0;
    for (int i = 0; i < panels->count; i++) {
        const char *label = panels->lines[i].label;
        if (label == NULL) continue;
        g.entries++;
        if (strlen(label) > longest) longest = strlen(label);
    }
    g.down = (count + g.across - 1) / g.across;
    g.width = g.across == 1 ? 800 : g.across == 2 ? 410 : 300;
    g.width = LEFT + g.across * g.width + (g.across - 1) * BETWEEN + RIGHT;
    g.slot = STROKE + 30 + 8 * (int)(longest < 100 ? longest : 100);
    g.row = g.width / g.slot > 1 ? g.width / g.slot : 1;
    if (g.row > g.entries && g.entries > 0) g.row = g.entries;
    g.height = ABOVE + (g.entries + g.row - 1) / g.row * LEGEND_ROW + BELOW +
               g.down * (g.across <= 2 ? 255 : 200) + (g.down - 1) * BETWEEN;
    return g;
}

/* Drawn by hand: gnuplot's own is as wide as a panel at the most. */
static void put_legend(reel__text *b, const reel_plot_panel *p, const grid *g) {
    double w = g->width, h = g->height;
    for (int i = 0, n = 0; i < p->count; i++) {
        if (p->lines[i].label == NULL) continue;
        double x = (w - g->row * g->slot + 20) / 2 + n % g->row * g->slot;
        double y = h - 60 - n / g->row * LEGEND_ROW;
        reel__text_add(b, "set arrow from screen %.5g,%.5g to screen %.5g,%.5g nohead", x / w,
                       y / h, (x + STROKE) / w, y / h);
        put_strokes(b, &p->lines[i]);
        reel__text_add(b, "\nset label ");
        put_quoted(b, "", p->lines[i].label);
        reel__text_add(b, " at screen %.5g,%.5g left %s\n", (x + STROKE + 8) / w, y / h, dark);
        n++;
    }
}

static void put_panels(reel__text *b, const reel_plot_panel *panels, const columns *c, int count,
                       const reel_plot_options *o) {
    grid g = grid_of(panels, count);
    double w = g.width, h = g.height;
    char place[96];
    put_look(b, g.width, g.height);
    reel__text_add(
        b,
        "unset key\n"
        "set multiplot layout %d,%d margins screen %.5g,%.5g,%.5g,%.5g spacing screen %.5g,%.5g\n",
        g.down, g.across, LEFT / w, 1 - RIGHT / w, BELOW / h,
        1 - (ABOVE + (g.entries + g.row - 1) / g.row * LEGEND_ROW) / h, BETWEEN / w, BETWEEN / h);
    snprintf(place, sizeof place, "at screen 0.5,%.5g center font ',15' %s", 1 - 28 / h, dark);
    put_setting(b, "label", o->title, place);
    put_legend(b, panels, &g);
    for (int i = 0; i < count; c += panels[i++].count) {
        reel__text_add(b, "unset title\nunset xlabel\nunset ylabel\n");
        put_setting(b, "title", panels[i].title,
                    "font ',13' offset 0,-0.4 textcolor rgb '#202020'");
        if (i + g.across >= count) put_setting(b, "xlabel", o->x_label, dark);
        if (i % g.across == 0) put_setting(b, "ylabel", o->y_label, dark);
        put_lines(b, &panels[i], c, o, false);
        if (i == 0) reel__text_add(b, "unset arrow\nunset label\n");
    }
    reel__text_add(b, "unset multiplot\n");
}

static reel_status put_script(const char *path, const char *script, const reel_plot_panel *panels,
                              const columns *c, int count, const reel_plot_options *o) {
    reel__text b = {0};
    reel__text_add(&b, "# From the same directory: gnuplot ");
    put_shell_quoted(&b, script);
    reel__text_add(&b, " > ");
    put_shell_quoted(&b, path);
    reel__text_add(&b, "\n");
    if (count == 1 && panels[0].title == NULL)
        put_single(&b, panels, c, o);
    else
        put_panels(&b, panels, c, count, o);
    return reel__text_write(&b, script);
}

static reel_status write_script(const char *path, const char *script, const reel_plot_panel *panels,
                                int count, const reel_plot_options *o) {
    size_t lines = 0;
    for (int i = 0; i < count; i++) lines += (size_t)panels[i].count;
    columns *c = calloc(lines, sizeof *c), *at = c;
    if (c == NULL) return reel_fail(REEL_ERR_MEMORY, NULL, "plot: out of memory: %s", path);
    reel_status status = REEL_OK;
    for (int p = 0; p < count; p++)
        for (int i = 0; i < panels[p].count && status == REEL_OK; i++)
            status = find_columns(&panels[p].lines[i], at++);
    if (status == REEL_OK) status = put_script(path, script, panels, c, count, o);
    free(c);
    return status;
}

/* Numbers are read and written as C has them, whatever the program's locale. */
static reel_status write_script_in_c(const char *path, const char *script,
                                     const reel_plot_panel *panels, int count,
                                     const reel_plot_options *o) {
    reel__locale l;
    if (!reel__locale_enter(&l))
        return reel_fail(REEL_ERR_MEMORY, NULL, "plot: out of memory: %s", path);
    reel_status status = write_script(path, script, panels, count, o);
    reel__locale_leave(&l);
    return status;
}

/* loss.png: loss.gp; another name gets .gp after it. Owned. */
static char *script_path(const char *path) {
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".png") == 0) n -= 4;
    char *script;
    if (asprintf(&script, "%.*s.gp", (int)n, path) >= 0) return script;
    reel_fail(REEL_ERR_MEMORY, NULL, "plot: out of memory: %s", path);
    return NULL;
}

reel_status reel_plot_panels_write(const char *path, const reel_plot_panel *panels, int count,
                                   reel_plot_options options, bool *drawn) {
    bool unasked;
    if (drawn == NULL) drawn = &unasked;
    *drawn = false;
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_texts(path, panels, count, &options));
    char *script = script_path(path);
    if (script == NULL) return reel_error_status();
    reel_status status = write_script_in_c(path, script, panels, count, &options);
    if (status == REEL_OK) status = reel__gnuplot(script, path, REEL__GNUPLOT_PATIENCE, drawn);
    free(script);
    return status;
}

reel_status reel_plot_write(const char *path, const reel_plot_line *lines, int count,
                            reel_plot_options options, bool *drawn) {
    const reel_plot_panel all = {NULL, lines, count};
    return reel_plot_panels_write(path, &all, 1, options, drawn);
}
