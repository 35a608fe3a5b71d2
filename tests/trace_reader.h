/* A trace that reel_profile_write wrote, read back. */
#ifndef REEL_TESTS_TRACE_READER_H
#define REEL_TESTS_TRACE_READER_H

#include "tests/temp_dir.h"

#include "io/io_internal.h"
#include "tensor/profile.h"

typedef struct {
    const char *phase, *name, *cat, *at, *from, *in, *gradient, *inputs, *device; /* "": none */
    double begin, end;                                                            /* microseconds */
    int process, thread;
    int64_t bytes, id;
} trace_event;

typedef struct {
    char *text;
    trace_event *event;
    int count;
    int64_t events, dropped; /* as the file says */
} trace;

static inline double trace_number(reel__json *j) {
    ck_assert_int_eq(reel__json_peek(j), REEL__JSON_NUMBER);
    const double value = strtod(j->at, NULL);
    reel__json_skip(j);
    return value;
}

static inline void read_arguments(reel__json *j, trace_event *e) {
    reel__json_enter(j);
    while (reel__json_more(j, '}')) {
        const char *key = reel__json_key(j), **to = NULL;
        if (strcmp(key, "at") == 0) to = &e->at;
        if (strcmp(key, "called from") == 0) to = &e->from;
        if (strcmp(key, "in") == 0) to = &e->in;
        if (strcmp(key, "gradient of") == 0) to = &e->gradient;
        if (strcmp(key, "inputs") == 0) to = &e->inputs;
        if (strcmp(key, "device") == 0) to = &e->device;
        if (to)
            *to = reel__json_string(j);
        else if (strcmp(key, "bytes") == 0)
            e->bytes = (int64_t)trace_number(j);
        else
            reel__json_skip(j);
    }
}

static inline trace_event read_event(reel__json *j) {
    trace_event e = {"", "", "", "", "", "", "", "", "", -1, -1, -1, -1, 0, -1};
    double duration = 0;
    reel__json_enter(j);
    while (reel__json_more(j, '}')) {
        const char *key = reel__json_key(j);
        ck_assert_ptr_nonnull(key);
        if (strcmp(key, "ph") == 0)
            e.phase = reel__json_string(j);
        else if (strcmp(key, "name") == 0)
            e.name = reel__json_string(j);
        else if (strcmp(key, "cat") == 0)
            e.cat = reel__json_string(j);
        else if (strcmp(key, "ts") == 0)
            e.begin = trace_number(j);
        else if (strcmp(key, "dur") == 0)
            duration = trace_number(j);
        else if (strcmp(key, "pid") == 0)
            e.process = (int)trace_number(j);
        else if (strcmp(key, "tid") == 0)
            e.thread = (int)trace_number(j);
        else if (strcmp(key, "id") == 0)
            e.id = (int64_t)trace_number(j);
        else if (strcmp(key, "args") == 0)
            read_arguments(j, &e);
        else
            reel__json_skip(j);
    }
    e.end = round((e.begin + duration) * 1e3) / 1e3; /* as exact as the numbers in the file */
    return e;
}

static inline void read_other(reel__json *j, trace *t) {
    reel__json_enter(j);
    while (reel__json_more(j, '}')) {
        const char *key = reel__json_key(j);
        if (strcmp(key, "events") == 0)
            t->events = (int64_t)trace_number(j);
        else if (strcmp(key, "dropped") == 0)
            t->dropped = (int64_t)trace_number(j);
        else
            reel__json_skip(j);
    }
}

static inline void read_events(reel__json *j, trace *t) {
    int room = 0;
    reel__json_enter(j);
    while (reel__json_more(j, ']')) {
        if (t->count == room) {
            room = room ? 2 * room : 256;
            t->event = realloc(t->event, (size_t)room * sizeof *t->event);
            ck_assert_ptr_nonnull(t->event);
        }
        t->event[t->count++] = read_event(j);
    }
}

/* The whole of it; anything that is no JSON fails the test. */
static inline trace trace_read(const char *path) {
    trace t = {0};
    size_t size = 0;
    reel__json j;
    t.text = contents(path, &size);
    reel__json_start(&j, t.text, size);
    ck_assert_int_eq(reel__json_peek(&j), REEL__JSON_OBJECT);
    reel__json_enter(&j);
    while (reel__json_more(&j, '}')) {
        const char *key = reel__json_key(&j);
        ck_assert_ptr_nonnull(key);
        if (strcmp(key, "traceEvents") == 0)
            read_events(&j, &t);
        else if (strcmp(key, "otherData") == 0)
            read_other(&j, &t);
        else
            reel__json_skip(&j);
    }
    ck_assert_msg(reel__json_end(&j), "%s at byte %td of %zu", j.wrong, j.at - j.begin, size);
    return t;
}

static inline void trace_free(trace *t) {
    free(t->event);
    free(t->text);
    *t = (trace){0};
}

/* Stops the profile, writes it and reads it. */
static inline trace trace_end(void) {
    const char *path = in_dir("trace.json");
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    ck_assert_int_eq(reel_profile_write(path), REEL_OK);
    return trace_read(path);
}

/* Complete events of a name (NULL: any) and category (NULL: any). */
static inline int trace_count(const trace *t, const char *name, const char *cat) {
    int n = 0;
    for (int i = 0; i < t->count; i++) {
        const trace_event *e = &t->event[i];
        n += strcmp(e->phase, "X") == 0 && (!name || strcmp(e->name, name) == 0) &&
             (!cat || strcmp(e->cat, cat) == 0);
    }
    return n;
}

/* The first of them; there must be one. */
static inline const trace_event *trace_find(const trace *t, const char *name, const char *cat) {
    for (int i = 0; i < t->count; i++) {
        const trace_event *e = &t->event[i];
        if (strcmp(e->phase, "X") == 0 && strcmp(e->name, name) == 0 &&
            (!cat || strcmp(e->cat, cat) == 0))
            return e;
    }
    ck_abort_msg("no event %s of %s", name, cat ? cat : "any category");
    return NULL;
}

#endif
