/* Plots: a gnuplot script beside the picture, and gnuplot run on it where it is installed
 * (gnuplot.c).
 *
 * Nothing here goes through a shell, and nothing the caller names can become more than a name:
 * texts stand in quotes, and paths start with '/' or './', for gnuplot takes "< command" and
 * "| command" for pipes. The script draws to its standard output,
 * so that the picture can replace an older one whole. */
#include "io/io_internal.h"

#include <stdlib.h>
#include <string.h>

/* Matplotlib's first eight (tab10), told apart by most people. */
static const char *const palette[] = {"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728",
                                      "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"};

enum { COLOURS = sizeof palette / sizeof palette[0], MARKED_ROWS = 40 };

/* What a line's CSV says: where its columns are (from 1), how many rows there are, and what the
 * least and the greatest x is, if all are whole numbers. */
typedef struct {
    int x, y;
    int64_t rows;
    bool whole;
    long long low, high;
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

static reel_status check_texts(const char *path, const reel_plot_line *lines, int count,
                               const reel_plot_options *o) {
    REEL_TRY(check_text("path", path, true, path != NULL ? path : "NULL"));
    if (lines == NULL || count < 1)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "plot: no lines: %s", path);
    REEL_TRY(check_text("title", o->title, false, path));
    REEL_TRY(check_text("x_label", o->x_label, false, path));
    REEL_TRY(check_text("y_label", o->y_label, false, path));
    for (int i = 0; i < count; i++) {
        REEL_TRY(check_text("csv", lines[i].csv, true, path));
        REEL_TRY(check_text("x column", lines[i].x, true, path));
        REEL_TRY(check_text("y column", lines[i].y, true, path));
        REEL_TRY(check_text("label", lines[i].label, false, path));
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

/* Takes the x of a row into account. */
static void look_at_row(columns *c, const char *row) {
    for (int i = 1; i < c->x; i++) {
        row += strcspn(row, ",\n");
        if (*row == ',') row++;
    }
    char *end;
    long long x = strtoll(row, &end, 10);
    c->whole = c->whole && end > row && strchr(",\r\n", *end) != NULL;
    if (c->rows == 0 || x < c->low) c->low = x;
    if (c->rows == 0 || x > c->high) c->high = x;
    c->rows++;
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
static void put_quoted(reel__buffer *b, const char *prefix, const char *text) {
    const bool single = strchr(text, '\'') == NULL;
    reel__buffer_print(b, "%c%s", single ? '\'' : '"', prefix);
    for (; *text != '\0'; text++)
        if (!single && strchr("\"\\`", *text) != NULL)
            reel__buffer_print(b, "\\%03o", *text);
        else
            reel__buffer_print(b, "%c", *text);
    reel__buffer_print(b, "%c", single ? '\'' : '"');
}

/* For a shell: a quote ends the quotes, stands for itself, and begins them anew. */
static void put_shell_quoted(reel__buffer *b, const char *text) {
    reel__buffer_print(b, "'");
    for (; *text != '\0'; text++)
        if (*text == '\'')
            reel__buffer_print(b, "'\\''");
        else
            reel__buffer_print(b, "%c", *text);
    reel__buffer_print(b, "'");
}

static const char *path_prefix(const char *path) {
    return path[0] == '/' ? "" : "./";
}

static void put_setting(reel__buffer *b, const char *setting, const char *text, const char *font) {
    if (text == NULL) return;
    reel__buffer_print(b, "set %s ", setting);
    put_quoted(b, "", text);
    reel__buffer_print(b, " %s\n", font);
}

static const char look[] =
    "if (strstrt(GPVAL_TERMINALS, ' pngcairo ')) {\n"
    "    set terminal pngcairo noenhanced font 'sans,12' size 1000,600 background '#ffffff'\n"
    "} else {\n"
    "    set terminal png noenhanced size 1000,600 background '#ffffff'\n"
    "}\n"
    "set datafile separator comma\n"
    "set border 3 linecolor rgb '#808080'\n"
    "set tics nomirror out scale 0.6 textcolor rgb '#404040'\n"
    "set grid linetype 1 linewidth 1 linecolor rgb '#e6e6e6'\n"
    "set key outside right top Left reverse samplen 4 spacing 1.3 textcolor rgb '#202020'\n";

/* A label at 1, 2 and 5 of each decade. */
static const char log_look[] = "set logscale y\n"
                               "set ytics ()\n"
                               "set for [e = -40:40] for [m in '1 2 5'] "
                               "ytics add (sprintf('%g', m * 10.0**e) m * 10.0**e)\n";

static void put_look(reel__buffer *b, const reel_plot_options *o) {
    reel__buffer_print(b, "%s%s", look, o->log_y ? log_look : "");
    put_setting(b, "title", o->title, "font ',14' textcolor rgb '#202020'");
    put_setting(b, "xlabel", o->x_label, "textcolor rgb '#202020'");
    put_setting(b, "ylabel", o->y_label, "textcolor rgb '#202020'");
}

/* gnuplot would put ticks at the halves of a few epochs; over a longer range its own are whole. */
static void put_x_ticks(reel__buffer *b, const columns *c, int count) {
    columns all = c[0];
    for (int i = 1; i < count; i++) {
        all.whole = all.whole && c[i].whole;
        if (c[i].low < all.low) all.low = c[i].low;
        if (c[i].high > all.high) all.high = c[i].high;
    }
    if (all.whole && (double)all.high - (double)all.low <= 10)
        reel__buffer_print(b, "set xtics 1\n");
}

/* A short line gets a mark at each row, so that even a single row shows. */
static void put_line(reel__buffer *b, const reel_plot_line *line, const columns *c) {
    put_quoted(b, path_prefix(line->csv), line->csv);
    reel__buffer_print(b, " using %d:%d skip 1 ", c->x, c->y);
    reel__buffer_print(b, line->label != NULL ? "title " : "notitle");
    if (line->label != NULL) put_quoted(b, "", line->label);
    reel__buffer_print(b, " with %s linewidth 2 linecolor rgb '%s' dashtype %s",
                       c->rows <= MARKED_ROWS ? "linespoints pointtype 7 pointsize 0.6" : "lines",
                       palette[(unsigned)line->colour % COLOURS], line->dash ? "(12, 6)" : "solid");
}

static reel_status put_script(const char *path, const char *script, const reel_plot_line *lines,
                              const columns *c, int count, const reel_plot_options *o) {
    reel__buffer b = {0};
    reel__buffer_print(&b, "# From the same directory: gnuplot ");
    put_shell_quoted(&b, script);
    reel__buffer_print(&b, " > ");
    put_shell_quoted(&b, path);
    reel__buffer_print(&b, "\n");
    put_look(&b, o);
    put_x_ticks(&b, c, count);
    for (int i = 0; i < count; i++) {
        reel__buffer_print(&b, "%s\\\n    ", i == 0 ? "plot " : ", ");
        put_line(&b, &lines[i], &c[i]);
    }
    reel__buffer_print(&b, "\n");
    return reel__buffer_write(&b, script);
}

static reel_status write_script(const char *path, const char *script, const reel_plot_line *lines,
                                int count, const reel_plot_options *o) {
    columns *c = calloc((size_t)count, sizeof *c);
    if (c == NULL) return reel_fail(REEL_ERR_MEMORY, NULL, "plot: out of memory: %s", path);
    reel_status status = REEL_OK;
    for (int i = 0; i < count && status == REEL_OK; i++) status = find_columns(&lines[i], &c[i]);
    if (status == REEL_OK) status = put_script(path, script, lines, c, count, o);
    free(c);
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

reel_status reel_plot_write(const char *path, const reel_plot_line *lines, int count,
                            reel_plot_options options, bool *drawn) {
    bool unasked;
    if (drawn == NULL) drawn = &unasked;
    *drawn = false;
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_texts(path, lines, count, &options));
    char *script = script_path(path);
    if (script == NULL) return reel_error_status();
    reel_status status = write_script(path, script, lines, count, &options);
    if (status == REEL_OK) status = reel__gnuplot(script, path, drawn);
    free(script);
    return status;
}
