#include "tests/parity/parity_record.h"

#include "io/io.h"
#include "tensor/ops.h"
#include "tensor/state.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 60000 }; /* of a file */

static bool read_options(record *r, int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--out") == 0)
            r->path = argv[i + 1];
        else if (strcmp(argv[i], "--cases") == 0)
            r->count = atoll(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            r->first = atoll(argv[i + 1]);
        else if (strcmp(argv[i], "--only") == 0)
            r->only = argv[i + 1];
        else if (strcmp(argv[i], "--captured") == 0)
            r->captured = strcmp(argv[i + 1], "yes") == 0;
        else
            return false;
    }
    return argc % 2 == 1 && r->path;
}

bool record_open(record *r, int argc, char **argv) {
    char path[1000];
    *r = (record){.count = 1};
    if (!read_options(r, argc, argv)) {
        fprintf(stderr,
                "usage: %s --out PATH [--cases N] [--seed FIRST] [--only NAME] [--captured yes]\n",
                argv[0]);
        return false;
    }
    snprintf(path, sizeof path, "%s.jsonl", r->path);
    r->lines = fopen(path, "w");
    r->tensors = reel_state_new();
    if (!r->lines) perror(path);
    return r->lines && r->tensors && reel_device_check(test_device()) == REEL_OK;
}

static void put_text(record *r, const char *text) {
    putc('"', r->lines);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putc('\\', r->lines);
        putc((unsigned char)*text < ' ' ? ' ' : *text, r->lines);
    }
    putc('"', r->lines);
}

static void put_field(record *r, const char *field) {
    fputs(", ", r->lines);
    put_text(r, field);
    fputs(": ", r->lines);
}

static void begin_line(record *r, const char *family, const char *name) {
    fputs("{\"family\": ", r->lines);
    put_text(r, family);
    record_text(r, "name", name);
}

bool record_subject(record *r, const char *family, const char *name) {
    begin_line(r, family, name);
    fputs("}\n", r->lines);
    return !r->only || strcmp(r->only, name) == 0;
}

void record_case(record *r, const char *family, const char *name, int64_t seed) {
    begin_line(r, family, name);
    record_integer(r, "seed", seed);
    record_integer(r, "number", r->number);
    record_integer(r, "part", r->part);
}

void record_text(record *r, const char *field, const char *value) {
    put_field(r, field);
    put_text(r, value);
}

/* As Python's json reads them: Infinity and NaN, which JSON does not know. */
static void put_number(record *r, double v) {
    if (isnan(v))
        fputs("NaN", r->lines);
    else if (isinf(v))
        fputs(v < 0 ? "-Infinity" : "Infinity", r->lines);
    else
        fprintf(r->lines, "%.17g", v);
}

void record_number(record *r, const char *field, double value) {
    put_field(r, field);
    put_number(r, value);
}

void record_integer(record *r, const char *field, int64_t value) {
    put_field(r, field);
    fprintf(r->lines, "%" PRId64, value);
}

void record_integers(record *r, const char *field, const int64_t *values, int count) {
    put_field(r, field);
    for (int i = 0; i < count; i++) fprintf(r->lines, "%s%" PRId64, i ? ", " : "[", values[i]);
    fputs(count ? "]" : "[]", r->lines);
}

/* Dense, on the CPU, and of no tape. */
static reel_tensor *snapshot(reel_tensor *t) {
    const size_t bytes = (size_t)reel_numel(t) * reel_dtype_size(reel_dtype_of(t));
    void *data = malloc(bytes + 1);
    reel_tensor *copy = NULL;
    if (data && reel_read(t, data, bytes) == REEL_OK)
        copy = reel_from(data, reel_shape_of(t), reel_dtype_of(t));
    free(data);
    return copy;
}

void record_tensor(record *r, const char *field, reel_tensor *t) {
    char name[80];
    if (!t || reel_failed()) return;
    snprintf(name, sizeof name, "%d.%s", r->number, field);
    REEL_SCOPE;
    reel_state_put(r->tensors, name, snapshot(t));
}

void record_tensor_at(record *r, const char *field, int i, reel_tensor *t) {
    char name[40];
    snprintf(name, sizeof name, "%s%d", field, i);
    record_tensor(r, name, t);
}

static bool write_part(record *r) {
    char path[1000];
    snprintf(path, sizeof path, "%s.%d.safetensors", r->path, r->part++);
    const bool fine = reel_safetensors_write(r->tensors, path) == REEL_OK;
    reel_state_free(r->tensors);
    r->tensors = reel_state_new();
    return fine && r->tensors;
}

void record_end(record *r) {
    if (reel_failed()) record_text(r, "failure", reel_error());
    reel_clear_error();
    fputs("}\n", r->lines);
    r->number++;
    if (reel_state_count(r->tensors) > MOST_TENSORS) write_part(r);
}

int record_close(record *r) {
    bool fine = write_part(r) && !ferror(r->lines);
    fine = fclose(r->lines) == 0 && fine;
    reel_state_free(r->tensors);
    return reel_report(stderr) || !fine;
}
