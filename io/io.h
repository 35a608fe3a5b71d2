/* Files: what Reel reads and writes. Every path-taking function names the path in its failure.
 *
 * What is read is a regular file: a directory, a FIFO or a device is REEL_ERR_IO at once, whatever
 * the format. What is written is written whole or not at all, to a temporary file beside the path
 * which then takes its place. A symbolic link stays, and what it leads to is replaced, or made; the
 * new file has the mode of the old one, and its owner and group as far as the process may give
 * them; one that was not there has the mode that umask leaves. A file that may not be written to is
 * an error, as is the process's limit of file sizes, which does not kill (SIGXFSZ). Any number of
 * threads and processes may write one path: the last to end has it. */
#ifndef REEL_IO_IO_H
#define REEL_IO_IO_H

#include "../tensor/state.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- IDX, MNIST's format: u8 arrays, plain or gzipped (known by the first bytes) ---- */

/* The file's array, u8, on the CPU, borrowed. Errors: missing, empty, no regular file, wrong magic,
 * a type other than u8, a header that promises more or less than the file holds, not gzip inside,
 * sizes that overflow. */
REEL_API reel_tensor *reel_idx_read(const char *path);

/* ---- MNIST ---- */

typedef enum {
    REEL_MNIST_DIRECTORY,
    REEL_MNIST_CACHE,
    REEL_MNIST_DOWNLOAD,
    REEL_MNIST_SYNTHETIC
} reel_mnist_source;

typedef struct {
    reel_tensor *train_images, *train_labels; /* u8 [N,28,28], i64 [N]; retained */
    reel_tensor *test_images, *test_labels;   /* u8 [M,28,28], i64 [M]; retained */
    reel_mnist_source source;
    char description[512]; /* one line: which source, where, and why not the ones before it */
} reel_mnist;

/* Looks, in this order, where `where` says: "synthetic" draws digits; a directory is read, and must
 * be whole; NULL takes the directory $REEL_DATA where that is set and not empty, which must be
 * whole too, else tries the cache ($XDG_CACHE_HOME/reel/mnist, else ~/.cache/reel/mnist), then a
 * download into the cache, then synthetic digits. The struct is the caller's: zero it first,
 * reel_mnist_free lets its tensors go. */
REEL_API reel_status reel_mnist_load(reel_mnist *m, const char *where);
REEL_API void reel_mnist_free(reel_mnist *m);

/* n digits drawn by code: ten classes in turn, jittered; the same seed, the same pixels. images u8
 * [n,28,28], labels i64 [n], borrowed. */
REEL_API reel_status reel_digits_draw(int64_t n, uint64_t seed, reel_tensor **images,
                                      reel_tensor **labels);

/* ---- pictures ---- */

/* Writes image[H,W] (grey) or [H,W,3]: u8, or f32, f64, f16, bf16 in 0..1 (cut to it, NaN black);
 * i64 is REEL_ERR_DTYPE. At most 65535 pixels a side and a gigabyte. */
REEL_API reel_status reel_png_write(const char *path, reel_tensor *image);

/* A grid of cells, filled row by row with images[N,H,W] (u8 or float, as above). Texts are ASCII;
 * any of them, and any entry of captions and row_labels, may be NULL. Captions wider than a cell
 * move the columns apart. */
typedef struct {
    int columns;                   /* 0: as many as images */
    int scale;                     /* pixels per pixel, 0: 3 */
    const char *title;             /* above, at the left */
    const char *const *captions;   /* N of them, each centred under its cell */
    const char *const *row_labels; /* one per row, at its left */
} reel_grid_options;
REEL_API reel_status reel_grid_write(const char *path, reel_tensor *images,
                                     reel_grid_options options);

/* ---- safetensors ---- */

/* Reads a file into a state (tensors on the CPU, owned by the state; text from __metadata__);
 * owned, NULL on failure. Every word of the header is checked before it is believed, and memory
 * grows with the file alone: names, tensors and text may be as many as the format's 100 MB of
 * header hold. What becomes of the format's dtypes:
 *
 *     F32 F64 I64 U8 F16 BF16        as they are
 *     BOOL                           u8, 0 or 1
 *     I8 I16 U16 I32 U32 U64         i64; a U64 tensor beyond i64 is left out
 *     F8_E4M3 F8_E5M2 F8_E8M0        f32, which holds all of their numbers
 *     C64 F4 F6_E2M3 F6_E3M2, others left out
 *
 * A tensor of more than 8 dimensions is left out too. What is left out is listed by name
 * (reel_state_left_out_name), and whoever loads one of that name from the state fails with the
 * reason. */
REEL_API reel_state *reel_safetensors_read(const char *path);
/* Writes to a temporary file beside `path`, syncs it, renames it over `path`, syncs the directory:
 * `path` is at all times the old file or the new one. While a failure is kept, this and every other
 * write does nothing and returns the failure's status. A header of more than 100 MB (names, text)
 * is REEL_ERR_ARGUMENT: what grows with a run belongs in a tensor. */
REEL_API reel_status reel_safetensors_write(const reel_state *s, const char *path);

/* ---- checkpoints: one safetensors file ---- */

/* As reel_safetensors_write, with {"format": "reel-checkpoint", "version": "1"} in the metadata.
 * keep_last k > 1 also keeps the k - 1 newest before it as path.1 (the newest), path.2, ...; those
 * after them, that a larger k kept, are removed. Threads and processes that write one path take
 * turns. Where `path` is a link, path.1, ... are beside the link. */
REEL_API reel_status reel_checkpoint_write(const reel_state *s, const char *path, int keep_last);
/* Owned. A file that is not a checkpoint is REEL_ERR_FORMAT. A missing file is REEL_ERR_IO: ask
 * reel_file_exists first. */
REEL_API reel_state *reel_checkpoint_read(const char *path);

/* ---- files ---- */

REEL_API bool reel_file_exists(const char *path); /* a directory exists too; NULL does not */
/* Makes a directory and those above it; one that is there is fine. */
REEL_API reel_status reel_make_dirs(const char *path);
/* Writes bytes to `path` as reel_safetensors_write does: whole or not at all. */
REEL_API reel_status reel_file_write(const char *path, const void *bytes, size_t size);
/* Reads a whole regular file; *bytes is malloc'd, with a NUL after it; free it. */
REEL_API reel_status reel_file_read(const char *path, void **bytes, size_t *size);

/* ---- history: a table of numbers as CSV ---- */

/* Appended to by rows; on disk whole after each write. Reading it back lets a resumed run go on
 * with it: every number comes back to the same bits (NaN as nan). Column names are unique, not
 * empty, without comma, quote or line end. A file that is not such a table is REEL_ERR_FORMAT,
 * which names the line. */
typedef struct reel_history reel_history;
REEL_API reel_history *reel_history_new(const char *const *columns, int count); /* owned */
REEL_API reel_history *reel_history_read(const char *path); /* owned; NULL on failure */
REEL_API void reel_history_free(reel_history *h);
REEL_API reel_status reel_history_add(reel_history *h, const double *row); /* one number a column */
REEL_API reel_status reel_history_write(const reel_history *h, const char *path);
REEL_API int64_t reel_history_rows(const reel_history *h);
REEL_API double reel_history_get(const reel_history *h, int64_t row,
                                 const char *column);               /* NaN if there is none */
REEL_API void reel_history_truncate(reel_history *h, int64_t rows); /* keeps the first rows */

/* ---- plots: gnuplot, where it is installed ---- */

typedef struct {
    const char *csv;   /* a file with a header line */
    const char *x, *y; /* its columns */
    const char *label; /* in the legend; NULL: none */
    int style;         /* 0 solid, 1 dashed, 2 faint: paler, below the others */
    int colour;        /* lines of one number share a colour; 0, 1, 2, ... */
} reel_plot_line;
typedef struct {
    const char *title, *x_label, *y_label;
    bool log_y; /* its range and ticks are those of the numbers above 0 */
} reel_plot_options;
/* Writes `path` (PNG) and beside it the script that drew it (loss.png: loss.gp). Without gnuplot
 * only the script is written and *drawn is false, which is no failure; drawn may be NULL. A gnuplot
 * that fails, or hangs (a minute without a byte: it is killed), is REEL_ERR_IO with its first
 * words, and an older picture stays. Where the program ignores SIGCHLD or reaps every child, so
 * that nobody knows how gnuplot ended, a whole PNG is a success. Texts are drawn as they are;
 * control characters in them are an error. */
REEL_API reel_status reel_plot_write(const char *path, const reel_plot_line *lines, int count,
                                     reel_plot_options options, bool *drawn);

/* Several plots in one picture, row by row, about as many columns as rows. Each has a y axis that
 * fits its own lines; the legend, above them all, is the first one's. Otherwise as
 * reel_plot_write. */
typedef struct {
    const char *title; /* NULL: none */
    const reel_plot_line *lines;
    int count;
} reel_plot_panel;
REEL_API reel_status reel_plot_panels_write(const char *path, const reel_plot_panel *panels,
                                            int count, reel_plot_options options, bool *drawn);

/* ---- profiles (tensor/profile.h) ---- */

/* Writes the profile that was stopped as a Chrome trace, for chrome://tracing or
 * https://ui.perfetto.dev: of each thread what it called and when, one inside the other, and below
 * it each GPU, if `device_times` was asked for. Categories are forward, backward, optimizer, fused,
 * copy, pass, range; an event's arguments are its call site, function, inputs and bytes. otherData
 * says how many events there were no places for. REEL_ERR_STATE where there is no profile, or it is
 * under way. */
REEL_API reel_status reel_profile_write(const char *path);

/* ---- call sites: see error.h ---- */

#define reel_idx_read(...) REEL__CALL(reel_idx_read(__VA_ARGS__))
#define reel_mnist_load(...) REEL__CALL(reel_mnist_load(__VA_ARGS__))
#define reel_digits_draw(...) REEL__CALL(reel_digits_draw(__VA_ARGS__))
#define reel_png_write(...) REEL__CALL(reel_png_write(__VA_ARGS__))
#define reel_grid_write(...) REEL__CALL(reel_grid_write(__VA_ARGS__))
#define reel_safetensors_read(...) REEL__CALL(reel_safetensors_read(__VA_ARGS__))
#define reel_safetensors_write(...) REEL__CALL(reel_safetensors_write(__VA_ARGS__))
#define reel_checkpoint_write(...) REEL__CALL(reel_checkpoint_write(__VA_ARGS__))
#define reel_checkpoint_read(...) REEL__CALL(reel_checkpoint_read(__VA_ARGS__))
#define reel_make_dirs(...) REEL__CALL(reel_make_dirs(__VA_ARGS__))
#define reel_file_write(...) REEL__CALL(reel_file_write(__VA_ARGS__))
#define reel_file_read(...) REEL__CALL(reel_file_read(__VA_ARGS__))
#define reel_history_new(...) REEL__CALL(reel_history_new(__VA_ARGS__))
#define reel_history_read(...) REEL__CALL(reel_history_read(__VA_ARGS__))
#define reel_history_add(...) REEL__CALL(reel_history_add(__VA_ARGS__))
#define reel_history_write(...) REEL__CALL(reel_history_write(__VA_ARGS__))
#define reel_profile_write(...) REEL__CALL(reel_profile_write(__VA_ARGS__))
#define reel_plot_write(...) REEL__CALL(reel_plot_write(__VA_ARGS__))
#define reel_plot_panels_write(...) REEL__CALL(reel_plot_panels_write(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
