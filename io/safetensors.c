/* Safetensors (github.com/huggingface/safetensors). A file is
 *
 * - a u64, little-endian: n, the header's length;
 * - n bytes of JSON, the header: an object with an entry for each tensor,
 *       "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
 *   and one for the text, "__metadata__": {"key": "text"};
 * - the rest: the tensors, row-major, little-endian. Offsets count from here.
 *
 * The tensors cover the rest exactly, without holes or overlaps. */
#include "io/io_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors go to disk as they lie");

static const uint64_t max_header = 100000000; /* as in the reference implementation */
enum { MAX_ENTRIES = 65536 }; /* tensors, and lines of text: bounds what a hostile header costs */
static const char metadata_key[] = "__metadata__";

static const struct {
    const char *name;
    reel_dtype dtype;
} dtypes[] = {{"F32", REEL_F32}, {"F64", REEL_F64}, {"I64", REEL_I64}, {"U8", REEL_U8}};

enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* ---- reading: the header, each word of it checked ---- */

typedef struct {
    const char *name;
    reel_dtype dtype;
    reel_shape shape;
    uint64_t begin, end;
    size_t index; /* in the header */
} entry;

typedef struct {
    const char *path;
    int fd;
    uint64_t data_start, data_size;
    json_t *header;
    entry *entries; /* by offset */
    size_t count;
} reader;

static reel_status check_count(const char *what, size_t count, reel_status code, const char *path) {
    if (count <= MAX_ENTRIES) return REEL_OK;
    return reel_fail(code, NULL, "safetensors: %zu %s, more than %d: %s", count, what, MAX_ENTRIES,
                     path);
}

/* Names come from the file: %.80s keeps a message one short line. */
static reel_status bad_tensor(const reader *r, const char *name, const char *why) {
    return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: tensor '%.80s': %s: %s", name, why,
                     r->path);
}

static reel_status read_exactly(const reader *r, void *to, uint64_t n, uint64_t offset) {
    char *p = to;
    while (n > 0) {
        size_t part = n < (1u << 30) ? (size_t)n : 1u << 30;
        ssize_t got = pread(r->fd, p, part, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return reel__fail_errno("cannot read", r->path);
        if (got == 0)
            return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: file ends early: %s", r->path);
        p += got;
        n -= (uint64_t)got;
        offset += (uint64_t)got;
    }
    return REEL_OK;
}

/* O_NONBLOCK: a FIFO is refused, not waited for. */
static reel_status open_file(reader *r) {
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0) return reel__fail_errno("cannot open", r->path);
    struct stat info;
    if (fstat(r->fd, &info) != 0) return reel__fail_errno("cannot open", r->path);
    if (!S_ISREG(info.st_mode))
        return reel_fail(REEL_ERR_IO, NULL, "cannot read: Not a regular file: %s", r->path);
    r->data_size = (uint64_t)info.st_size; /* the whole file, until the header is known */
    return REEL_OK;
}

static reel_status load_header(reader *r) {
    uint64_t size = r->data_size, n;
    if (size < sizeof n)
        return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: %" PRIu64 " bytes are no file: %s",
                         size, r->path);
    REEL_TRY(read_exactly(r, &n, sizeof n, 0));
    if (n > max_header || n > size - sizeof n)
        return reel_fail(REEL_ERR_FORMAT, NULL,
                         "safetensors: a header of %" PRIu64 " bytes in a file of %" PRIu64 ": %s",
                         n, size, r->path);
    r->data_start = sizeof n + n;
    r->data_size = size - r->data_start;

    char *text = malloc((size_t)n + 1);
    if (text == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", r->path);
    reel_status status = read_exactly(r, text, n, sizeof n);
    json_error_t error;
    if (status == REEL_OK) {
        r->header = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &error);
        if (r->header == NULL && error.text[0] == '\0') /* so jansson says it has no memory */
            status = reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", r->path);
        else if (r->header == NULL)
            status = reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: header: %s, at byte %d: %s",
                               error.text, error.position, r->path);
        else if (!json_is_object(r->header) || text[0] != '{')
            status = reel_fail(REEL_ERR_FORMAT, NULL,
                               "safetensors: the header is no JSON object: %s", r->path);
    }
    free(text);
    return status;
}

static bool parse_dtype(const json_t *value, reel_dtype *dtype) {
    for (size_t i = 0; json_is_string(value) && i < DTYPES; i++)
        if (strcmp(json_string_value(value), dtypes[i].name) == 0) {
            *dtype = dtypes[i].dtype;
            return true;
        }
    return false;
}

static bool parse_count(const json_t *value, uint64_t *n) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *n = (uint64_t)json_integer_value(value);
    return true;
}

/* The shape, and the bytes it takes with elements of `size` bytes. */
static reel_status parse_shape(const reader *r, const char *name, const json_t *value,
                               reel_shape *shape, uint64_t size, uint64_t *bytes) {
    if (!json_is_array(value)) return bad_tensor(r, name, "shape is missing or no list");
    if (json_array_size(value) > REEL_MAX_DIMS)
        return bad_tensor(r, name, "more than " REEL__STR(REEL_MAX_DIMS) " dimensions");
    shape->ndim = (int)json_array_size(value);
    *bytes = size;
    for (int i = 0; i < shape->ndim; i++) {
        uint64_t dim;
        if (!parse_count(json_array_get(value, (size_t)i), &dim))
            return bad_tensor(r, name, "a dimension is no size");
        if (__builtin_mul_overflow(*bytes, dim, bytes) || *bytes > INT64_MAX)
            return bad_tensor(r, name, "shape overflows");
        shape->dim[i] = (int64_t)dim;
    }
    return REEL_OK;
}

static reel_status parse_entry(const reader *r, const char *name, const json_t *value, entry *e) {
    if (!json_is_object(value)) return bad_tensor(r, name, "no JSON object");
    const json_t *dtype = json_object_get(value, "dtype");
    if (!json_is_string(dtype)) return bad_tensor(r, name, "dtype is missing or no string");
    if (!parse_dtype(dtype, &e->dtype))
        return reel_fail(
            REEL_ERR_DTYPE, NULL,
            "safetensors: tensor '%.80s': dtype '%.20s' is none of F32, F64, I64, U8: %s", name,
            json_string_value(dtype), r->path);
    uint64_t bytes = 0;
    REEL_TRY(parse_shape(r, name, json_object_get(value, "shape"), &e->shape,
                         reel_dtype_size(e->dtype), &bytes));

    const json_t *offsets = json_object_get(value, "data_offsets");
    if (json_array_size(offsets) != 2 || !parse_count(json_array_get(offsets, 0), &e->begin) ||
        !parse_count(json_array_get(offsets, 1), &e->end))
        return bad_tensor(r, name, "data_offsets is missing or no pair of sizes");
    if (e->begin > e->end || e->end > r->data_size)
        return bad_tensor(r, name, "data_offsets lie outside the file");
    if (e->end - e->begin != bytes)
        return bad_tensor(r, name, "data_offsets do not fit shape and dtype");
    e->name = name;
    return REEL_OK;
}

static int by_offset(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1; /* an empty one before its neighbour */
    return x->index < y->index ? -1 : 1;
}

/* Sorted by offset, each tensor starts where the one before it ends, and the last ends the file. */
static reel_status check_layout(const reader *r) {
    uint64_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        if (e->begin != at)
            return bad_tensor(r, e->name,
                              e->begin < at ? "overlaps another" : "bytes before it are no one's");
        at = e->end;
    }
    if (at != r->data_size)
        return reel_fail(REEL_ERR_FORMAT, NULL,
                         "safetensors: %" PRIu64 " bytes after the last tensor: %s",
                         r->data_size - at, r->path);
    return REEL_OK;
}

static reel_status parse_entries(reader *r) {
    size_t tensors =
        json_object_size(r->header) - (json_object_get(r->header, metadata_key) != NULL);
    REEL_TRY(check_count("tensors", tensors, REEL_ERR_FORMAT, r->path));
    r->entries = calloc(tensors + 1, sizeof *r->entries); /* not 0 bytes, which may give NULL */
    if (r->entries == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", r->path);
    const char *name;
    json_t *value;
    json_object_foreach(r->header, name, value) {
        if (strcmp(name, metadata_key) == 0) continue;
        r->entries[r->count].index = r->count;
        REEL_TRY(parse_entry(r, name, value, &r->entries[r->count]));
        r->count++;
    }
    qsort(r->entries, r->count, sizeof *r->entries, by_offset);
    return check_layout(r);
}

/* ---- reading: the contents ---- */

static reel_status load_metadata(const reader *r, reel_state *s) {
    json_t *metadata = json_object_get(r->header, metadata_key), *value;
    if (metadata != NULL && !json_is_object(metadata))
        return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: %s is no JSON object: %s",
                         metadata_key, r->path);
    REEL_TRY(check_count("lines of text", json_object_size(metadata), REEL_ERR_FORMAT, r->path));
    const char *key;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: %s '%.80s' is no string: %s",
                             metadata_key, key, r->path);
        REEL_TRY(reel_state_put_text(s, key, json_string_value(value)));
    }
    return REEL_OK;
}

static reel_status load_tensor(const reader *r, const entry *e, reel_state *s) {
    REEL_SCOPE {
        reel_tensor *t = reel_empty(e->shape, e->dtype, reel_cpu());
        if (t == NULL) return reel_error_status();
        REEL_TRY(reel_set_name(t, e->name));
        REEL_TRY(read_exactly(r, reel_data(t), e->end - e->begin, r->data_start + e->begin));
        REEL_TRY(reel_state_put(s, e->name, t));
    }
    return REEL_OK;
}

static reel_status load(reader *r, reel_state *s) {
    REEL_TRY(open_file(r));
    REEL_TRY(load_header(r));
    REEL_TRY(parse_entries(r));
    REEL_TRY(load_metadata(r, s));
    for (size_t i = 0; i < r->count; i++) REEL_TRY(load_tensor(r, &r->entries[i], s));
    return REEL_OK;
}

reel_state *reel_safetensors_read(const char *path) {
    if (path == NULL) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: no path");
        return NULL;
    }
    reader r = {.path = path, .fd = -1};
    reel_state *s = reel_state_new();
    if (s != NULL && load(&r, s) != REEL_OK) {
        reel_state_free(s);
        s = NULL;
    }
    free(r.entries);
    json_decref(r.header);
    if (r.fd >= 0) close(r.fd);
    return s;
}

/* ---- writing ---- */

static uint64_t bytes_of(const reel_tensor *t) {
    return (uint64_t)reel_numel(t) * reel_dtype_size(reel_dtype_of(t));
}

/* jansson takes UTF-8 alone. */
static reel_status check_utf8(const char *text, const char *path) {
    json_error_t error = {.text = ""}; /* jansson leaves it alone when out of memory */
    json_t *value = json_pack_ex(&error, 0, "s", text);
    json_decref(value);
    if (value != NULL) return REEL_OK;
    if (json_error_code(&error) != json_error_invalid_utf8)
        return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", path);
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: '%.80s' is not UTF-8: %s", text, path);
}

/* Takes `value`, which is NULL where there was no memory for it. */
static reel_status set(json_t *object, const char *key, json_t *value, const char *path) {
    if (json_object_set_new(object, key, value) == 0) return REEL_OK;
    return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", path);
}

static reel_status set_text(json_t *object, const char *key, const char *text, const char *path) {
    REEL_TRY(check_utf8(key, path));
    REEL_TRY(check_utf8(text, path));
    return set(object, key, json_string(text), path);
}

/* An entry of the header; NULL if out of memory. */
static json_t *describe(const reel_tensor *t, uint64_t begin) {
    const char *dtype = NULL;
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].dtype == reel_dtype_of(t)) dtype = dtypes[i].name;
    reel_shape shape = reel_shape_of(t);
    json_t *dims = json_array();
    for (int i = 0; i < shape.ndim; i++)
        if (json_array_append_new(dims, json_integer(shape.dim[i])) != 0) {
            json_decref(dims);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", dims, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + bytes_of(t)));
}

static reel_status build_metadata(json_t *metadata, const reel_state *s,
                                  const char *const (*pairs)[2], size_t count, const char *path) {
    for (int i = 0; i < reel_state_text_count(s); i++)
        REEL_TRY(set_text(metadata, reel_state_text_key(s, i), reel_state_text_value(s, i), path));
    for (size_t i = 0; i < count; i++) REEL_TRY(set_text(metadata, pairs[i][0], pairs[i][1], path));
    return check_count("lines of text", json_object_size(metadata), REEL_ERR_ARGUMENT, path);
}

static reel_status build_entries(json_t *header, const reel_state *s, const char *path) {
    REEL_TRY(check_count("tensors", (size_t)reel_state_count(s), REEL_ERR_ARGUMENT, path));
    uint64_t at = 0;
    for (int i = 0; i < reel_state_count(s); i++) {
        const char *name = reel_state_name(s, i);
        if (strcmp(name, metadata_key) == 0)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: no tensor may be called %s: %s",
                             metadata_key, path);
        REEL_TRY(check_utf8(name, path));
        REEL_TRY(set(header, name, describe(reel_state_at(s, i), at), path));
        at += bytes_of(reel_state_at(s, i));
    }
    return REEL_OK;
}

/* Spaces after the JSON put the data at a multiple of 8, so that a mapped file's tensors are
 * aligned. (json_dumps would be shorter; short of memory, jansson 2.14's leaves keys out and says
 * nothing.) */
static reel_status write_header(reel__replacement *r, const json_t *header, const char *path) {
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
    uint64_t padded = (length + 7) / 8 * 8;
    if (padded > max_header)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "safetensors: a header of %" PRIu64 " bytes is too long: %s", padded,
                         path);
    char *text = malloc((size_t)padded + 1);
    reel_status status = REEL_OK;
    if (length == 0 || text == NULL || json_dumpb(header, text, length, JSON_COMPACT) != length)
        status = reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", path);
    if (status == REEL_OK) {
        memset(text + length, ' ', (size_t)padded - length);
        status = reel__replace_write(r, &padded, sizeof padded);
    }
    if (status == REEL_OK) status = reel__replace_write(r, text, (size_t)padded);
    free(text);
    return status;
}

static reel_status write_tensor(reel__replacement *r, reel_tensor *t, const char *path) {
    size_t size = (size_t)bytes_of(t);
    if (size == 0) return REEL_OK;
    if (reel_device_of(t).type == REEL_CPU && reel_is_contiguous(t))
        return reel__replace_write(r, reel_data(t), size);
    void *copy = malloc(size);
    if (copy == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory for %zu bytes: %s",
                         size, path);
    reel_status status = reel_read(t, copy, size);
    if (status == REEL_OK) status = reel__replace_write(r, copy, size);
    free(copy);
    return status;
}

reel_status reel__safetensors_stream(reel__replacement *r, const reel_state *s,
                                     const char *const (*pairs)[2], size_t count,
                                     const char *path) {
    json_t *header = json_object(), *metadata = json_object();
    reel_status status = build_metadata(metadata, s, pairs, count, path);
    if (status == REEL_OK && json_object_size(metadata) > 0)
        status = set(header, metadata_key, json_incref(metadata), path);
    if (status == REEL_OK) status = build_entries(header, s, path);
    if (status == REEL_OK) status = write_header(r, header, path);
    json_decref(metadata);
    json_decref(header);
    for (int i = 0; i < reel_state_count(s) && status == REEL_OK; i++)
        status = write_tensor(r, reel_state_at(s, i), path);
    return status;
}

reel_status reel_safetensors_write(const reel_state *s, const char *path) {
    if (reel_failed()) return reel_error_status();
    if (s == NULL) return reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: no state");
    reel__replacement *r = reel__replace_open(path);
    if (r == NULL) return reel_error_status();
    reel_status status = reel__safetensors_stream(r, s, NULL, 0, path);
    if (status == REEL_OK) return reel__replace_commit(r);
    reel__replace_abort(r);
    return status;
}
