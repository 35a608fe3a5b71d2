/* Safetensors (github.com/huggingface/safetensors). A file is
 *
 * - a u64, little-endian: n, the header's length;
 * - n bytes of JSON, the header: an object with an entry for each tensor,
 *       "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
 *   and one for the text, "__metadata__": {"key": "text"};
 * - the rest: the tensors, row-major, little-endian. Offsets count from here.
 *
 * The tensors cover the rest exactly, without holes or overlaps. Here they are read, each word of
 * the header checked before it is believed; safetensors_write.c writes them. */
#include "io/io_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/state/state_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors go to disk as they lie");

reel_status reel__safetensors_no_memory(const char *path) {
    return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory: %s", path);
}

/* ---- the header ---- */

typedef struct {
    const char *name, *dtype;
    const reel__file_dtype *type; /* NULL: Reel does not know it */
    reel_shape shape;             /* axes beyond Reel's most are folded into its last */
    uint64_t dims, begin, end;
    size_t index; /* in the header */
} entry;

typedef struct {
    const char *path;
    int fd;
    uint64_t data_start, data_size;
    char *header; /* whose strings entries and metadata point into */
    reel__json json;
    entry *entries; /* by offset, once all are there */
    size_t count, capacity;
} reader;

static reel_status bad_header(const reader *r) {
    return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: header: %s, at byte %zu: %s",
                     r->json.wrong, (size_t)(r->json.at - r->json.begin), r->path);
}

/* Names come from the file: %.80s keeps a message one short line. */
static reel_status bad_tensor(const reader *r, const char *name, const char *why) {
    if (r->json.wrong != NULL) return bad_header(r);
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

static reel_status open_file(reader *r) {
    r->fd =
        reel__open_to_read(r->path, &r->data_size); /* the whole file, until the header is known */
    return r->fd < 0 ? reel_error_status() : REEL_OK;
}

/* Whatever else a file is, its first bytes are some number: a header begins with a bracket. */
static reel_status bad_length(const reader *r, uint64_t n, uint64_t size) {
    char first = '\0';
    if (size > sizeof n) REEL_TRY(read_exactly(r, &first, 1, sizeof n));
    if (first != '{' && size > sizeof n)
        return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: no safetensors file: %s", r->path);
    return reel_fail(REEL_ERR_FORMAT, NULL,
                     "safetensors: a header of %" PRIu64 " bytes in a file of %" PRIu64 ": %s", n,
                     size, r->path);
}

static reel_status load_header(reader *r) {
    uint64_t size = r->data_size, n;
    if (size < sizeof n)
        return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: %" PRIu64 " bytes are no file: %s",
                         size, r->path);
    REEL_TRY(read_exactly(r, &n, sizeof n, 0));
    if (n > REEL__MAX_HEADER || n > size - sizeof n) return bad_length(r, n, size);
    r->data_start = sizeof n + n;
    r->data_size = size - r->data_start;

    r->header = malloc((size_t)n + 1);
    if (r->header == NULL) return reel__safetensors_no_memory(r->path);
    REEL_TRY(read_exactly(r, r->header, n, sizeof n));
    reel__json_start(&r->json, r->header, (size_t)n);
    if (n == 0 || r->header[0] != '{')
        return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: the header is no JSON object: %s",
                         r->path);
    return REEL_OK;
}

static reel_status parse_shape(reader *r, entry *e) {
    int64_t *last = &e->shape.dim[REEL_MAX_DIMS - 1];
    reel__json *j = &r->json;
    if (reel__json_peek(j) != REEL__JSON_LIST) return bad_tensor(r, e->name, "shape is no list");
    reel__json_enter(j);
    for (; reel__json_more(j, ']'); e->dims++) {
        uint64_t dim;
        if (!reel__json_size(j, &dim)) return bad_tensor(r, e->name, "a dimension is no size");
        if (e->dims < REEL_MAX_DIMS)
            e->shape.dim[e->shape.ndim++] = (int64_t)dim;
        else if (__builtin_mul_overflow(*last, dim, last))
            return bad_tensor(r, e->name, "shape overflows");
    }
    return REEL_OK;
}

static reel_status parse_offsets(reader *r, entry *e) {
    static const char no_pair[] = "data_offsets is no pair of sizes";
    reel__json *j = &r->json;
    uint64_t *offsets[] = {&e->begin, &e->end};
    int count = 0;
    if (reel__json_peek(j) != REEL__JSON_LIST) return bad_tensor(r, e->name, no_pair);
    reel__json_enter(j);
    for (; reel__json_more(j, ']'); count++)
        if (count == 2 || !reel__json_size(j, offsets[count]))
            return bad_tensor(r, e->name, no_pair);
    return count == 2 ? REEL_OK : bad_tensor(r, e->name, no_pair);
}

enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 }; /* of an entry, as bits */

static reel_status parse_field(reader *r, entry *e, unsigned field) {
    if (field == SHAPE) return parse_shape(r, e);
    if (field == OFFSETS) return parse_offsets(r, e);
    if (field == 0) {
        reel__json_skip(&r->json);
        return REEL_OK;
    }
    if (reel__json_peek(&r->json) != REEL__JSON_STRING)
        return bad_tensor(r, e->name, "dtype is no string");
    e->dtype = reel__json_string(&r->json);
    if (e->dtype == NULL) return bad_header(r);
    e->type = reel__file_dtype_named(e->dtype);
    return REEL_OK;
}

/* Whether the bytes are those that shape and dtype ask for, where the dtype is known. */
static reel_status check_size(const reader *r, const entry *e) {
    const int64_t elements = reel__shape_numel(e->shape);
    uint64_t bits = 0;
    if (elements < 0 || (e->type != NULL && __builtin_mul_overflow((uint64_t)elements,
                                                                   (unsigned)e->type->bits, &bits)))
        return bad_tensor(r, e->name, "shape overflows");
    if (e->begin > e->end || e->end > r->data_size)
        return bad_tensor(r, e->name, "data_offsets lie outside the file");
    if (e->type != NULL && (bits % 8 != 0 || e->end - e->begin != bits / 8))
        return bad_tensor(r, e->name, "data_offsets do not fit shape and dtype");
    return REEL_OK;
}

static reel_status parse_entry(reader *r, entry *e) {
    unsigned seen = 0;
    reel__json *j = &r->json;
    if (reel__json_peek(j) != REEL__JSON_OBJECT) return bad_tensor(r, e->name, "no JSON object");
    reel__json_enter(j);
    while (reel__json_more(j, '}')) {
        const char *key = reel__json_key(j);
        if (key == NULL) return bad_header(r);
        const unsigned field = strcmp(key, "dtype") == 0          ? DTYPE
                               : strcmp(key, "shape") == 0        ? SHAPE
                               : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                                  : 0;
        if (seen & field) return bad_tensor(r, e->name, "duplicate key");
        seen |= field;
        REEL_TRY(parse_field(r, e, field));
    }
    if (j->wrong != NULL) return bad_header(r);
    if (!(seen & DTYPE)) return bad_tensor(r, e->name, "dtype is missing");
    if (!(seen & SHAPE)) return bad_tensor(r, e->name, "shape is missing");
    if (!(seen & OFFSETS)) return bad_tensor(r, e->name, "data_offsets is missing");
    return check_size(r, e);
}

static reel_status add_entry(reader *r, const char *name) {
    if (*name == '\0') return bad_tensor(r, name, "no name");
    if (r->count == r->capacity) {
        const size_t capacity = r->capacity == 0 ? 16 : 2 * r->capacity;
        entry *larger = realloc(r->entries, capacity * sizeof *larger);
        if (larger == NULL) return reel__safetensors_no_memory(r->path);
        r->entries = larger;
        r->capacity = capacity;
    }
    r->entries[r->count] = (entry){.name = name, .index = r->count};
    REEL_TRY(parse_entry(r, &r->entries[r->count]));
    r->count++;
    return REEL_OK;
}

static int by_offset(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1; /* an empty one before its neighbour */
    return x->index < y->index ? -1 : 1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static reel_status check_names(const reader *r) {
    if (r->count > 0) qsort(r->entries, r->count, sizeof *r->entries, by_name);
    for (size_t i = 1; i < r->count; i++)
        if (strcmp(r->entries[i - 1].name, r->entries[i].name) == 0)
            return bad_tensor(r, r->entries[i].name, "duplicate");
    return REEL_OK;
}

/* Sorted by offset, each tensor starts where the one before it ends, and the last ends the file. */
static reel_status check_layout(const reader *r) {
    uint64_t at = 0;
    if (r->count > 0) qsort(r->entries, r->count, sizeof *r->entries, by_offset);
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

static reel_status bad_text(const reader *r, const char *key, const char *why) {
    if (r->json.wrong != NULL) return bad_header(r);
    return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: %s '%.80s' %s: %s", REEL__METADATA, key,
                     why, r->path);
}

static reel_status parse_metadata(reader *r, reel_state *s) {
    reel__json *j = &r->json;
    if (reel__json_peek(j) != REEL__JSON_OBJECT)
        return reel_fail(REEL_ERR_FORMAT, NULL, "safetensors: %s is no JSON object: %s",
                         REEL__METADATA, r->path);
    reel__json_enter(j);
    while (reel__json_more(j, '}')) {
        const char *key = reel__json_key(j);
        if (key == NULL) return bad_header(r);
        if (reel__json_peek(j) != REEL__JSON_STRING) return bad_text(r, key, "is no string");
        const char *text = reel__json_string(j);
        if (text == NULL || *key == '\0') return bad_text(r, key, "is no key");
        if (reel_state_text(s, key) != NULL) return bad_text(r, key, "is duplicate");
        REEL_TRY(reel_state_put_text(s, key, text));
    }
    return j->wrong == NULL ? REEL_OK : bad_header(r);
}

static reel_status parse_header(reader *r, reel_state *s) {
    bool metadata = false;
    reel__json *j = &r->json;
    reel__json_enter(j);
    while (reel__json_more(j, '}')) {
        const char *name = reel__json_key(j);
        if (name == NULL) return bad_header(r);
        const bool text = strcmp(name, REEL__METADATA) == 0;
        if (text && metadata) return bad_tensor(r, name, "duplicate");
        metadata |= text;
        REEL_TRY(text ? parse_metadata(r, s) : add_entry(r, name));
    }
    if (!reel__json_end(j)) return bad_header(r);
    REEL_TRY(check_names(r));
    return check_layout(r);
}

/* ---- the contents ---- */

/* *fits: whether the dtype that it becomes holds every element. */
static reel_status load_converted(const reader *r, const entry *e, uint8_t *to, bool *fits) {
    uint8_t raw[1 << 14];
    const size_t size = (size_t)e->type->bits / 8, most = sizeof raw / size;
    const size_t width = reel_dtype_size((reel_dtype)e->type->dtype);
    uint64_t at = r->data_start + e->begin;
    for (uint64_t left = (e->end - e->begin) / size, n; left > 0; left -= n) {
        n = left < most ? left : most;
        REEL_TRY(read_exactly(r, raw, n * size, at));
        *fits &= reel__file_dtype_convert(e->type, raw, (size_t)n, to);
        at += n * size;
        to += n * width;
    }
    return REEL_OK;
}

static reel_status leave_out(reel_state *s, const entry *e) {
    char why[96];
    if (e->dims > REEL_MAX_DIMS)
        snprintf(why, sizeof why, "it has %" PRIu64 " dimensions, a tensor of Reel at most %d",
                 e->dims, REEL_MAX_DIMS);
    else
        snprintf(why, sizeof why, "its dtype is %.40s, which Reel has not", e->dtype);
    return reel__state_leave_out(s, e->name, why);
}

static reel_status load_tensor(const reader *r, const entry *e, reel_state *s) {
    REEL_SCOPE;
    bool fits = true;
    if (e->type == NULL || e->type->dtype < 0 || e->dims > REEL_MAX_DIMS) return leave_out(s, e);
    reel_tensor *t = reel_empty(e->shape, (reel_dtype)e->type->dtype, reel_cpu());
    if (t == NULL) return reel_error_status();
    REEL_TRY(reel_set_name(t, e->name));
    if (e->type->integer != NULL || e->type->real != NULL)
        REEL_TRY(load_converted(r, e, reel_data(t), &fits));
    else
        REEL_TRY(read_exactly(r, reel_data(t), e->end - e->begin, r->data_start + e->begin));
    if (!fits)
        return reel__state_leave_out(s, e->name, "its dtype is U64, and i64 does not hold it all");
    return reel_state_put(s, e->name, t);
}

static reel_status load(reader *r, reel_state *s) {
    REEL_TRY(open_file(r));
    REEL_TRY(load_header(r));
    REEL_TRY(parse_header(r, s));
    for (size_t i = 0; i < r->count; i++) REEL_TRY(load_tensor(r, &r->entries[i], s));
    return REEL_OK;
}

reel_state *reel_safetensors_read(const char *path) {
    if (path == NULL) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: no path");
        return NULL;
    }
    if (reel__refuse_recorded(NULL, "safetensors") != REEL_OK) return NULL;
    const bool failed = reel_failed();
    reader r = {.path = path, .fd = -1};
    reel_state *s = reel_state_new();
    if (s != NULL && load(&r, s) != REEL_OK) {
        reel_state_free(s);
        s = NULL;
    }
    reel__name_path(failed, path);
    free(r.entries);
    free(r.header);
    if (r.fd >= 0) close(r.fd);
    return s;
}
