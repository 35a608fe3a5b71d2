/* What crosses files within io/. */
#ifndef REEL_IO_IO_INTERNAL_H
#define REEL_IO_IO_INTERNAL_H

#include "io/io.h"
#include "tensor/text/text_buffer_internal.h"

#include <signal.h>
#include <sys/types.h>

/* ---- file.c ---- */

/* REEL_ERR_IO, "what: errno's text: path"; REEL_ERR_MEMORY where errno says that. */
reel_status reel__fail_errno(const char *what, const char *path);

/* For failures of others, which know of no path: puts it behind the kept message if it is not in
 * there. `failed`: reel_failed() as it was before, whose failure is left as it is. */
void reel__name_path(bool failed, const char *path);

/* Every file is opened here: not inherited by programs that are started, and never as a descriptor
 * from 0 to 2, which, where the parent has closed them, others print to. -1 and errno on failure.
 */
int reel__open(const char *path, int flags, mode_t mode);
int reel__above_standard(int fd); /* fd, or another for the same, fd closed; takes -1 */

/* The one way to open what is to be read: regular files alone (REEL_ERR_IO else, and at once), of
 * which *size is the size. -1 on failure. */
int reel__open_to_read(const char *path, uint64_t *size);

/* ---- signals.c ---- */

/* While held, a signal of this number that the calling thread raises does nothing. */
typedef struct {
    int number;
    bool was_pending;
    sigset_t only, before;
} reel__held_signal;
void reel__hold_signal(reel__held_signal *h, int number);
void reel__let_signal(const reel__held_signal *h);

/* ---- replace.c: a file replaced whole ----------------------------------------------------------
 *
 * Bytes go, in order, to a temporary file beside `path`; commit syncs it, renames it over `path`
 * and syncs the directory, so that at all times `path` is the old file or the new one. What a
 * process that was killed left of this is removed by the next that writes the same file. A large
 * file thus needs no second copy in memory:
 *
 *     reel__replacement *r = reel__replace_open(path);
 *     if (r == NULL) return reel_error_status();
 *     if (reel__replace_write(r, header, n) != REEL_OK) {
 *         reel__replace_abort(r);
 *         return reel_error_status();
 *     }
 *     return reel__replace_commit(r);
 *
 * Failures name path and errno's text. */
typedef struct reel__replacement reel__replacement;

/* Owned; NULL on failure, and while a failure is kept. A `path` that is there and is no regular
 * file (a directory, /dev/null), or may not be written to, is an error. Where it is a symbolic
 * link, what it leads to is replaced, or made. The new file gets the old one's mode, and its owner
 * and group as far as the process may give them; one that was not there gets what umask leaves. */
reel__replacement *reel__replace_open(const char *path);
/* Gives the new file the mode, owner and group of another, that is open. */
void reel__replace_take_after(reel__replacement *r, int fd);
/* REEL_ERR_IO where the system refuses; the caller then aborts. */
reel_status reel__replace_write(reel__replacement *r, const void *bytes, size_t n);
/* Frees r whatever comes of it. While a failure is kept it aborts and returns its status. */
reel_status reel__replace_commit(reel__replacement *r);
/* The same where nothing is at `path` yet. *there: something is by now, and r is as it was. */
reel_status reel__replace_commit_new(reel__replacement *r, bool *there);
/* Removes the temporary file, frees r. Takes NULL. */
void reel__replace_abort(reel__replacement *r);

/* ---- sha256.c ---- */

typedef struct {
    uint32_t hash[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} reel__sha256;
void reel__sha256_init(reel__sha256 *s);
void reel__sha256_update(reel__sha256 *s, const void *bytes, size_t n);
void reel__sha256_final(reel__sha256 *s, char hex[65]); /* 64 lower-case digits and a NUL */

/* ---- download.c ---- */

/* A gzipped file that mirrors offer. The sum is that of the bytes inside the gzip: mirrors pack the
 * same bytes differently. */
typedef struct {
    const char *name;   /* the mirror's URL followed by this is the file's URL */
    const char *sha256; /* lower-case hexadecimal */
} reel__remote_file;

/* Asks the mirrors (base URLs that end in '/', NULL after the last) in turn, and writes the first
 * answer of the right sum to directory/name, whole or not at all; the directory is made. The
 * failure says why the last mirror's answer would not do. */
reel_status reel__download(const char *const *mirrors, reel__remote_file file,
                           const char *directory);

/* The four files of MNIST, from public mirrors, into `directory`. */
reel_status reel__mnist_download(const char *directory);

/* ---- text_file.c ---- */

/* Writes a text to path, whole or not at all, and empties it. */
reel_status reel__text_write(reel__text *t, const char *path);

/* ---- json.c ---------------------------------------------------------------------------------
 *
 * A text read value by value, without a tree and without an allocation. The first thing that is
 * wrong stays in `wrong`, with `at` where it is; after it nothing is found any more, so that loops
 * end. Strings are decoded in place, so the text is used up:
 *
 *     reel__json_enter(&j);                       // at a REEL__JSON_OBJECT
 *     while (reel__json_more(&j, '}')) {
 *         const char *key = reel__json_key(&j);   // NULL: j.wrong says why
 *         ... its value: reel__json_size, _string, _skip, or _enter again ...
 *     }
 *     if (!reel__json_end(&j)) ... */
typedef struct {
    char *begin, *at, *end;
    const char *wrong; /* NULL: nothing yet */
    bool first;        /* of a list or an object: no comma before it */
} reel__json;
typedef enum {
    REEL__JSON_NONE,
    REEL__JSON_OBJECT,
    REEL__JSON_LIST,
    REEL__JSON_STRING,
    REEL__JSON_NUMBER,
    REEL__JSON_WORD
} reel__json_kind;

void reel__json_start(reel__json *j, char *text, size_t size);
reel__json_kind reel__json_peek(reel__json *j); /* of the value that comes next */
bool reel__json_end(reel__json *j);             /* whether nothing follows, and nothing was wrong */
void reel__json_enter(reel__json *j);           /* the object or list that comes next */
bool reel__json_more(reel__json *j, char close);
/* Valid as long as the text. Without NUL, and UTF-8; NULL if there is none. */
char *reel__json_key(reel__json *j);
char *reel__json_string(reel__json *j);
/* A whole number from 0 on. False, at a value that is something else: nothing is wrong with it yet,
 * but nothing further is to be read. */
bool reel__json_size(reel__json *j, uint64_t *n);
void reel__json_skip(
    reel__json *j); /* any value; one of more than 64 brackets in brackets is wrong */

/* The bytes of the UTF-8 character at `text`; 0 if it is none. */
size_t reel__utf8_length(const char *text, const char *end);
/* In quotes, with escapes. False, and half of it printed, if it is not UTF-8. */
bool reel__json_put_string(reel__text *b, const char *text);

/* ---- plot_axis.c ---- */

/* gnuplot's settings for a logarithmic y axis on which low..high (both above 0) fills the height,
 * with three to nine labels. */
void reel__plot_log_axis(reel__text *b, double low, double high);

/* ---- png.c ---- */

/* t's elements, row-major, as bytes: u8 as it is, floats of any width from 0..1 to 0..255, cut and
 * rounded, NaN 0. Ask reel__png_fits first. malloc'd; NULL on failure, which names path. */
uint8_t *reel__image_bytes(reel_tensor *t, const char *path);

/* Whether a picture has pixels, and no more than the encoder takes. */
bool reel__png_fits(int64_t width, int64_t height, int channels);

/* pixels[height,width,channels], which fit; 1 channel for grey or 3 for RGB. */
reel_status reel__png_write(const char *path, const uint8_t *pixels, int64_t width, int64_t height,
                            int channels);

/* ---- gnuplot.c ---- */

enum { REEL__GNUPLOT_PATIENCE = 60000 }; /* ms */

/* Puts what gnuplot draws by the script in path's place. *drawn, false beforehand, stays so where
 * there is no gnuplot. One that writes nothing for `patience` ms is killed. */
reel_status reel__gnuplot(const char *script, const char *path, int patience, bool *drawn);

/* ---- font.c ---- */

enum { REEL__GLYPH_WIDTH = 5, REEL__GLYPH_HEIGHT = 9, REEL__GLYPH_BASELINE = 7 };

/* The rows of a character, from the top; bit 4 of a row is its leftmost pixel. */
const uint8_t *reel__font_glyph(char c);

/* ---- safetensors.c, safetensors_write.c, safetensors_dtypes.c ---- */

#define REEL__METADATA "__metadata__"
enum { REEL__MAX_HEADER = 100000000 }; /* bytes, as in the reference implementation */
reel_status reel__safetensors_no_memory(const char *path);

/* An element type of the format. Where neither `integer` nor `real` is there, the bytes are taken
 * as they are. */
typedef struct {
    const char *name;
    int bits;
    int dtype; /* the reel_dtype that it is read as; -1: none holds it */
    int64_t (*integer)(const uint8_t *bytes);
    float (*real)(const uint8_t *bytes);
} reel__file_dtype;
const reel__file_dtype *reel__file_dtype_named(const char *name); /* NULL: none of the format's */
const char *reel__file_dtype_of(reel_dtype dtype);
/* n elements. False if one is beyond i64 (U64 alone can be). */
bool reel__file_dtype_convert(const reel__file_dtype *type, const uint8_t *from, size_t n,
                              void *to);

/* Writes s as a safetensors file; its metadata gets `count` pairs of key and value beside s's own.
 */
reel_status reel__safetensors_stream(reel__replacement *r, const reel_state *s,
                                     const char *const (*pairs)[2], size_t count, const char *path);

/* ---- checkpoint.c ---- */

/* How the checkpoint before is kept where a file system has no hard links. */
reel_status reel__checkpoint_copy(const char *from, const char *to);

#endif
