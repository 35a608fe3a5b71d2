/* A history: named columns of numbers, one row a step or an epoch, kept as CSV.
 *
 * Numbers are written with as few digits as read back to the same bits, in the C locale whatever
 * the program's. */
#include "io/io_internal.h"

#include "tensor/text/decimal_internal.h"
#include "tensor/text/locale_internal.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reel_history {
    char **columns;
    int count;
    double *cells; /* rows one after another */
    int64_t rows, capacity;
};

/* ---- in memory ---- */

/* Names go into a CSV header as they are. */
static bool is_column_name(const char *name) {
    if (name == NULL || name[0] == '\0') return false;
    for (const char *c = name; *c != '\0'; c++)
        if (*c == ',' || *c == '"' || (unsigned char)*c < ' ') return false;
    return true;
}

static int column_index(const reel_history *h, const char *name) {
    for (int i = 0; i < h->count; i++)
        if (strcmp(h->columns[i], name) == 0) return i;
    return -1;
}

/* ": path", or nothing. */
static reel_status fail_column(reel_status code, const char *why, const char *name,
                               const char *path) {
    return reel_fail(code, NULL, "history: %s%.80s%s%s", why, name, *path ? ": " : "", path);
}

static reel_status no_memory(const char *path) {
    return fail_column(REEL_ERR_MEMORY, "out of memory", "", path);
}

static reel_status add_column(reel_history *h, const char *name, reel_status code,
                              const char *path) {
    if (!is_column_name(name))
        return fail_column(code, "a column's name is empty, or has a comma or quote", "", path);
    h->columns[h->count] = strdup(name);
    if (h->columns[h->count] == NULL) return no_memory(path);
    h->count++;
    return REEL_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By sorting: a file may have any number of columns. */
static reel_status check_unique(const reel_history *h, reel_status code, const char *path) {
    const size_t n = (size_t)h->count;
    char **sorted = malloc(n * sizeof *sorted);
    if (sorted == NULL) return no_memory(path);
    memcpy(sorted, h->columns, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_text);
    reel_status status = REEL_OK;
    for (size_t i = 1; i < n && status == REEL_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = fail_column(code, "two columns called ", sorted[i], path);
    free(sorted);
    return status;
}

static reel_history *new_empty(size_t columns, const char *path) {
    reel_history *h = calloc(1, sizeof *h);
    if (h != NULL) h->columns = calloc(columns, sizeof *h->columns);
    if (h == NULL || h->columns == NULL) {
        no_memory(path);
        free(h);
        return NULL;
    }
    return h;
}

reel_history *reel_history_new(const char *const *columns, int count) {
    if (columns == NULL || count < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "history: no columns");
        return NULL;
    }
    reel_history *h = new_empty((size_t)count, "");
    reel_status status = h != NULL ? REEL_OK : reel_error_status();
    for (int i = 0; i < count && status == REEL_OK; i++)
        status = add_column(h, columns[i], REEL_ERR_ARGUMENT, "");
    if (status == REEL_OK) status = check_unique(h, REEL_ERR_ARGUMENT, "");
    if (status == REEL_OK) return h;
    reel_history_free(h);
    return NULL;
}

void reel_history_free(reel_history *h) {
    if (h == NULL) return;
    for (int i = 0; i < h->count; i++) free(h->columns[i]);
    free(h->columns);
    free(h->cells);
    free(h);
}

static reel_status make_room(reel_history *h) {
    if (h->rows < h->capacity) return REEL_OK;
    int64_t capacity = h->capacity == 0 ? 64 : 2 * h->capacity;
    double *larger = realloc(h->cells, (size_t)(capacity * h->count) * sizeof *h->cells);
    if (larger == NULL) return reel_fail(REEL_ERR_MEMORY, NULL, "history: out of memory");
    h->cells = larger;
    h->capacity = capacity;
    return REEL_OK;
}

reel_status reel_history_add(reel_history *h, const double *row) {
    if (h == NULL || row == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "history: no %s", h == NULL ? "history" : "row");
    REEL_TRY(make_room(h));
    memcpy(h->cells + h->rows * h->count, row, (size_t)h->count * sizeof *row);
    h->rows++;
    return REEL_OK;
}

int64_t reel_history_rows(const reel_history *h) {
    return h == NULL ? 0 : h->rows;
}

double reel_history_get(const reel_history *h, int64_t row, const char *column) {
    int i = h == NULL || column == NULL ? -1 : column_index(h, column);
    return i < 0 || row < 0 || row >= h->rows ? (double)NAN : h->cells[row * h->count + i];
}

void reel_history_truncate(reel_history *h, int64_t rows) {
    if (h != NULL && rows < h->rows) h->rows = rows < 0 ? 0 : rows;
}

/* ---- writing ---- */

/* printf would keep a NaN's sign, which means nothing. */
static void print_number(reel__text *b, double v) {
    const int digits = isfinite(v) ? reel__fewest_digits(v, false) : 1;
    if (isnan(v))
        reel__text_add(b, "nan");
    else
        reel__text_add(b, "%.*g", digits < DBL_DIG ? DBL_DIG : digits, v);
}

static void print(reel__text *b, const reel_history *h) {
    for (int i = 0; i < h->count; i++)
        reel__text_add(b, "%s%c", h->columns[i], i + 1 < h->count ? ',' : '\n');
    for (int64_t i = 0; i < h->rows * h->count; i++) {
        print_number(b, h->cells[i]);
        reel__text_add(b, "%c", (i + 1) % h->count != 0 ? ',' : '\n');
    }
}

reel_status reel_history_write(const reel_history *h, const char *path) {
    if (reel_failed()) return reel_error_status();
    if (h == NULL || path == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "history: no %s%s%s",
                         h == NULL ? "history" : "path", path == NULL ? "" : ": ",
                         path == NULL ? "" : path);
    reel__locale l;
    if (!reel__locale_enter(&l))
        return reel_fail(REEL_ERR_MEMORY, NULL, "history: out of memory: %s", path);
    reel__text b = {0};
    print(&b, h);
    reel__locale_leave(&l);
    return reel__text_write(&b, path);
}

/* ---- reading ---- */

/* Cuts the line at *text off with a NUL, without its LF or CR LF, and moves *text to the next; NULL
 * at the end. */
static char *next_line(char **text) {
    char *line = *text;
    if (*line == '\0') return NULL;
    char *end = line + strcspn(line, "\n");
    *text = *end == '\n' ? end + 1 : end;
    if (end > line && end[-1] == '\r') end--;
    *end = '\0';
    return line;
}

static reel_history *read_header(char *line, const char *path) {
    size_t count = 1;
    for (const char *c = line; *c != '\0'; c++) count += *c == ',';
    if (count > INT_MAX) {
        fail_column(REEL_ERR_FORMAT, "more columns than can be counted", "", path);
        return NULL;
    }
    reel_history *h = new_empty(count, path);
    reel_status status = h != NULL ? REEL_OK : reel_error_status();
    for (size_t i = 0; i < count && status == REEL_OK; i++)
        status = add_column(h, strsep(&line, ","), REEL_ERR_FORMAT, path);
    if (status == REEL_OK) status = check_unique(h, REEL_ERR_FORMAT, path);
    if (status == REEL_OK) return h;
    reel_history_free(h);
    return NULL;
}

static reel_status read_row(reel_history *h, const char *line, double *row, long number,
                            const char *path) {
    for (int i = 0; i < h->count; i++) {
        char *end;
        row[i] = strtod(line, &end);
        if (end == line || *line == ' ' || *line == '\t' || (*end != ',' && *end != '\0'))
            return reel_fail(REEL_ERR_FORMAT, NULL, "history: %s is no number: %s:%ld",
                             h->columns[i], path, number);
        bool last = i + 1 == h->count;
        if (last != (*end == '\0'))
            return reel_fail(REEL_ERR_FORMAT, NULL,
                             "history: %s columns than the header's %d: %s:%ld",
                             last ? "more" : "fewer", h->count, path, number);
        line = end + 1;
    }
    return reel_history_add(h, row);
}

static reel_status read_rows(reel_history *h, char *text, const char *path) {
    double *row = malloc((size_t)h->count * sizeof *row);
    if (row == NULL) return reel_fail(REEL_ERR_MEMORY, NULL, "history: out of memory: %s", path);
    reel_status status = REEL_OK;
    char *line;
    for (long number = 2; status == REEL_OK && (line = next_line(&text)) != NULL; number++)
        status = read_row(h, line, row, number, path);
    free(row);
    return status;
}

static reel_history *parse(char *text, size_t size, const char *path) {
    if (size == 0 || strlen(text) != size) {
        reel_fail(REEL_ERR_FORMAT, NULL, "history: %s: %s",
                  size == 0 ? "no header line" : "a NUL byte, so no CSV", path);
        return NULL;
    }
    reel__locale l;
    if (!reel__locale_enter(&l)) {
        reel_fail(REEL_ERR_MEMORY, NULL, "history: out of memory: %s", path);
        return NULL;
    }
    reel_history *h = read_header(next_line(&text), path);
    if (h != NULL && read_rows(h, text, path) != REEL_OK) {
        reel_history_free(h);
        h = NULL;
    }
    reel__locale_leave(&l);
    return h;
}

reel_history *reel_history_read(const char *path) {
    void *text;
    size_t size;
    const bool failed = reel_failed();
    if (reel_file_read(path, &text, &size) != REEL_OK) return NULL;
    reel_history *h = parse(text, size, path);
    reel__name_path(failed, path);
    free(text);
    return h;
}
