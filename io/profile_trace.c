/* A profile as a Chrome trace: JSON that chrome://tracing and Perfetto show.
 *
 * Source: "Trace Event Format", complete events ("X"), flows ("s", "f") and metadata ("M"). Times
 * are microseconds; process 1 is the host, process 100 + i the device cuda:i. */
#include "io/io_internal.h"

#include "tensor/core/profile_internal.h"
#include "tensor/version.h"

#include <stdlib.h>
#include <string.h>

enum { HOST = 1, DEVICES = 100, CHUNK = 1 << 16 };

typedef struct {
    reel__replacement *file;
    reel__text text;
    reel_status status;
    bool first;       /* no event before it */
    uint64_t devices; /* bits of those named already */
} trace;

/* ---- what goes into JSON ---- */

/* Names are the program's, and may be cut in the middle of a character: what is no UTF-8 is a
 * question mark. */
static void put_text(trace *t, const char *text) {
    char clean[512];
    const char *end = text + strlen(text);
    size_t n = 0;
    while (text < end && n + 4 < sizeof clean) {
        const size_t length = reel__utf8_length(text, end);
        if (length == 0) clean[n++] = '?';
        for (size_t i = 0; i < length; i++) clean[n++] = text[i];
        text += length ? length : 1;
    }
    clean[n] = '\0';
    reel__json_put_string(&t->text, clean);
}

/* Nanoseconds as microseconds, whatever the locale. */
static void put_time(trace *t, const char *key, int64_t ns) {
    reel__text_add(&t->text, ",\"%s\":%lld.%03d", key, (long long)(ns / 1000), (int)(ns % 1000));
}

/* What is printed goes to the file when it is enough. */
static void send(trace *t, size_t least) {
    if (t->text.used < least || t->status != REEL_OK) return;
    t->status = t->text.failed ? reel_fail(REEL_ERR_MEMORY, NULL, "profile_write: out of memory")
                               : reel__replace_write(t->file, t->text.text, t->text.used);
    t->text.used = 0;
}

static void begin_event(trace *t, const char *phase, int process, int thread) {
    send(t, CHUNK);
    reel__text_add(&t->text, "%s{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d", t->first ? "" : ",\n", phase,
                   process, thread);
    t->first = false;
}

/* ---- names of threads and devices ---- */

static void name_it(trace *t, const char *what, int process, int thread, const char *name) {
    begin_event(t, "M", process, thread);
    reel__text_add(&t->text, ",\"name\":\"%s\",\"args\":{\"name\":", what);
    put_text(t, name);
    reel__text_add(&t->text, "}}");
}

static void name_threads(trace *t, int threads) {
    name_it(t, "process_name", HOST, 0, "host");
    for (int i = 0; i < threads; i++) {
        char name[32];
        snprintf(name, sizeof name, "thread %d", i);
        name_it(t, "thread_name", HOST, i, name);
    }
}

static void name_device(trace *t, int device) {
    char name[32];
    if (t->devices >> device & 1) return;
    t->devices |= (uint64_t)1 << device;
    snprintf(name, sizeof name, "cuda:%d", device);
    name_it(t, "process_name", DEVICES + device, 0, name);
    name_it(t, "thread_name", DEVICES + device, 0, "kernels");
}

/* ---- events ---- */

static void put_argument(trace *t, bool *first, const char *key) {
    reel__text_add(&t->text, "%s\"%s\":", *first ? "" : ",", key);
    *first = false;
}

/* "[40, 784] f32, [784] f32" */
static void put_inputs(trace *t, const reel__profile_event *e) {
    const int64_t *dim = e->dim;
    reel__text_add(&t->text, "\"");
    for (int i = 0; i < e->inputs; i++) {
        reel__text_add(&t->text, i ? ", [" : "[");
        for (int k = 0; k < e->ndim[i]; k++)
            reel__text_add(&t->text, k ? ", %lld" : "%lld", (long long)*dim++);
        reel__text_add(&t->text, "] %s", reel_dtype_name((reel_dtype)e->dtype[i]));
    }
    reel__text_add(&t->text, "\"");
}

/* Where it stands, and, of a call inside the library, where the program's does. */
static void put_sites(trace *t, bool *first, const reel__profile_event *e) {
    char at[300] = "", from[300] = "";
    if (e->at) reel__site_text(at, sizeof at, e->at);
    if (e->from) reel__site_text(from, sizeof from, e->from);
    if (*at) {
        put_argument(t, first, "at");
        put_text(t, at);
    }
    if (*from && strcmp(at, from) != 0) {
        put_argument(t, first, "called from");
        put_text(t, from);
    }
}

static void put_arguments(trace *t, const reel__profile_event *e) {
    bool first = true;
    reel__text_add(&t->text, ",\"args\":{");
    put_sites(t, &first, e);
    if (e->in) {
        put_argument(t, &first, "in");
        put_text(t, e->in);
    }
    if (e->name && *e->text) {
        put_argument(t, &first, "gradient of");
        put_text(t, e->text);
    }
    if (e->inputs) {
        put_argument(t, &first, "inputs");
        put_inputs(t, e);
    }
    if (e->bytes) {
        put_argument(t, &first, "bytes");
        reel__text_add(&t->text, "%lld", (long long)e->bytes);
    }
    if (e->where.type == REEL_CUDA && e->kind != REEL__PROFILE_DEVICE) {
        put_argument(t, &first, "device");
        reel__text_add(&t->text, "\"cuda:%d\"", e->where.index);
    }
    reel__text_add(&t->text, "}}");
}

/* An arrow from the call to what the device did of it. */
static void put_flow(trace *t, const reel__profile_event *e, int64_t id) {
    const reel__profile_event *call = e->call >= 0 ? reel__profile_at(e->call) : NULL;
    if (!call) return;
    for (int to = 0; to < 2; to++) {
        begin_event(t, to ? "f" : "s", to ? DEVICES + e->thread : HOST, to ? 0 : call->thread);
        reel__text_add(&t->text, ",\"name\":\"launch\",\"cat\":\"launch\",\"id\":%lld%s",
                       (long long)id, to ? ",\"bp\":\"e\"" : "");
        put_time(t, "ts", to ? e->begin : call->begin);
        reel__text_add(&t->text, "}");
    }
}

static void put_event(trace *t, const reel__profile_event *e, const reel__profile_view *v,
                      int64_t id) {
    const bool device = e->kind == REEL__PROFILE_DEVICE;
    if (device) name_device(t, e->thread);
    begin_event(t, "X", device ? DEVICES + e->thread : HOST, device ? 0 : e->thread);
    reel__text_add(&t->text, ",\"cat\":\"%s\",\"name\":", reel__profile_kind_name(e->kind));
    put_text(t, reel__profile_name(e));
    put_time(t, "ts", e->begin);
    put_time(t, "dur", reel__profile_end_of(e, v) - e->begin);
    put_arguments(t, e);
    if (device) put_flow(t, e, id);
}

static void put_all(trace *t, const reel__profile_view *v) {
    reel__text_add(&t->text,
                   "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{\"version\":\"reel %s\","
                   "\"events\":%lld,\"dropped\":%lld},\n\"traceEvents\":[\n",
                   REEL_VERSION, (long long)v->count, (long long)v->dropped);
    name_threads(t, v->threads);
    for (int64_t i = 0; i < v->count && t->status == REEL_OK; i++) {
        const reel__profile_event *e = reel__profile_at(i);
        if (e) put_event(t, e, v, i);
    }
    reel__text_add(&t->text, "\n]}\n");
    send(t, 0);
}

reel_status reel_profile_write(const char *path) {
    reel__profile_view v;
    if (reel_failed()) return reel_error_status();
    if (path == NULL) return reel_fail(REEL_ERR_ARGUMENT, NULL, "profile_write: no path");
    REEL_TRY(reel__profile_look("profile_write", &v));
    trace t = {.file = reel__replace_open(path), .first = true};
    if (t.file != NULL) put_all(&t, &v);
    reel__profile_let_go();
    free(t.text.text);
    if (t.file == NULL) return reel_error_status();
    if (t.status == REEL_OK) return reel__replace_commit(t.file);
    reel__replace_abort(t.file);
    reel__name_path(false, path);
    return t.status;
}
