/* Writing safetensors; the format is described in safetensors.c. */
#include "io/io_internal.h"
#include "tensor/core/tensor_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bytes_of(const reel_tensor *t) {
    return (uint64_t)reel_numel(t) * reel_dtype_size(reel_dtype_of(t));
}

/* Names and text are UTF-8, as JSON is. */
static reel_status put_string(reel__text *b, const char *text, const char *path) {
    if (reel__json_put_string(b, text)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: '%.80s' is not UTF-8: %s", text, path);
}

static reel_status put_text(reel__text *b, const char *key, const char *text, const char *path) {
    REEL_TRY(put_string(b, key, path));
    reel__text_add(b, ":");
    return put_string(b, text, path);
}

/* What stands in for s's own text of that key; NULL: nothing. */
static const char *pair_of(const char *const (*pairs)[2], size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i][0], key) == 0) return pairs[i][1];
    return NULL;
}

/* The comma that leaves an object's first entry out. */
static void put_comma(reel__text *b, bool *first) {
    if (!*first) reel__text_add(b, ",");
    *first = false;
}

static reel_status put_metadata(reel__text *b, const reel_state *s, const char *const (*pairs)[2],
                                size_t count, const char *path) {
    bool first = true;
    reel__text_add(b, "\"%s\":{", REEL__METADATA);
    for (int i = 0; i < reel_state_text_count(s); i++) {
        const char *key = reel_state_text_key(s, i), *other = pair_of(pairs, count, key);
        put_comma(b, &first);
        REEL_TRY(put_text(b, key, other != NULL ? other : reel_state_text_value(s, i), path));
    }
    for (size_t i = 0; i < count; i++) {
        if (reel_state_text(s, pairs[i][0]) != NULL) continue;
        put_comma(b, &first);
        REEL_TRY(put_text(b, pairs[i][0], pairs[i][1], path));
    }
    reel__text_add(b, "}");
    return REEL_OK;
}

static void put_layout(reel__text *b, const reel_tensor *t, uint64_t begin) {
    reel__text_add(b, ":{\"dtype\":\"%s\",\"shape\":[", reel__file_dtype_of(reel_dtype_of(t)));
    for (int i = 0; i < reel_ndim(t); i++)
        reel__text_add(b, "%s%" PRId64, i > 0 ? "," : "", reel_dim(t, i));
    reel__text_add(b, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin, begin + bytes_of(t));
}

static reel_status put_header(reel__text *b, const reel_state *s, const char *const (*pairs)[2],
                              size_t count, const char *path) {
    uint64_t at = 0;
    bool first = reel_state_text_count(s) == 0 && count == 0;
    reel__text_add(b, "{");
    if (!first) REEL_TRY(put_metadata(b, s, pairs, count, path));
    for (int i = 0; i < reel_state_count(s); i++) {
        const char *name = reel_state_name(s, i);
        if (strcmp(name, REEL__METADATA) == 0)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: no tensor may be called %s: %s",
                             REEL__METADATA, path);
        put_comma(b, &first);
        REEL_TRY(put_string(b, name, path));
        put_layout(b, reel_state_at(s, i), at);
        at += bytes_of(reel_state_at(s, i));
    }
    reel__text_add(b, "}");
    return REEL_OK;
}

/* Spaces after the JSON put the data at a multiple of 8, so that a mapped file's tensors are
 * aligned. */
static reel_status write_header(reel__replacement *r, reel__text *b, const char *path) {
    reel__text_add(b, "%*s", (int)(-b->used & 7), "");
    if (b->failed) return reel__safetensors_no_memory(path);
    const uint64_t n = b->used; /* which text that grows with a run may reach: the format's limit */
    if (n > REEL__MAX_HEADER)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "safetensors: a header of %" PRIu64 " bytes is too long: %s", n, path);
    REEL_TRY(reel__replace_write(r, &n, sizeof n));
    return reel__replace_write(r, b->text, b->used);
}

enum { PIECE = 1 << 22 }; /* bytes */

/* What does not lie here as it goes to the file, by pieces: a view may have many more elements than
 * its memory, and a device more than the host. */
static reel_status write_pieces(reel__replacement *r, reel_tensor *t, void *piece) {
    const int64_t size = (int64_t)bytes_of(t);
    if (size <= PIECE) {
        REEL_TRY(reel_read(t, piece, (size_t)size));
        return reel__replace_write(r, piece, (size_t)size);
    }
    int axis = 0;
    while (reel_dim(t, axis) == 1) axis++;
    const int64_t n = reel_dim(t, axis), each = size / n, most = each < PIECE ? PIECE / each : 1;
    reel_status status = REEL_OK;
    for (int64_t i = 0; i < n && status == REEL_OK; i += most) {
        reel__layout part = t->layout;
        part.shape.dim[axis] = i + most < n ? most : n - i;
        part.offset += i * part.stride[axis];
        reel_tensor *view = reel__tensor_view(NULL, "safetensors", t, &part);
        status = view != NULL ? write_pieces(r, view, piece) : reel_error_status();
        reel_release(view);
    }
    return status;
}

static reel_status write_tensor(reel__replacement *r, reel_tensor *t, const char *path) {
    const size_t size = (size_t)bytes_of(t), most = size < PIECE ? size : PIECE;
    if (size == 0) return REEL_OK;
    if (reel_device_of(t).type == REEL_CPU && reel_is_contiguous(t))
        return reel__replace_write(r, reel_data(t), size);
    void *piece = malloc(most);
    if (piece == NULL)
        return reel_fail(REEL_ERR_MEMORY, NULL, "safetensors: out of memory for %zu bytes: %s",
                         most, path);
    const reel_status status = write_pieces(r, t, piece);
    free(piece);
    reel__name_path(false, path); /* nothing had failed before, else nothing is written */
    return status;
}

reel_status reel__safetensors_stream(reel__replacement *r, const reel_state *s,
                                     const char *const (*pairs)[2], size_t count,
                                     const char *path) {
    REEL_TRY(reel__refuse_recorded(NULL, "safetensors"));
    reel__text header = {0};
    reel_status status = put_header(&header, s, pairs, count, path);
    if (status == REEL_OK) status = write_header(r, &header, path);
    free(header.text);
    for (int i = 0; i < reel_state_count(s) && status == REEL_OK; i++)
        status = write_tensor(r, reel_state_at(s, i), path);
    return status;
}

reel_status reel_safetensors_write(const reel_state *s, const char *path) {
    if (reel_failed()) return reel_error_status();
    if (s == NULL)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "safetensors: no state%s%s", path ? ": " : "",
                         path ? path : "");
    reel__replacement *r = reel__replace_open(path);
    if (r == NULL) return reel_error_status();
    reel_status status = reel__safetensors_stream(r, s, NULL, 0, path);
    if (status == REEL_OK) return reel__replace_commit(r);
    reel__replace_abort(r);
    return status;
}
