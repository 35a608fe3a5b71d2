/* A profile as a table: its events added up by what they are called. */
#include "tensor/core/profile_internal.h"
#include "tensor/text/locale_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Events of one name and kind. */
typedef struct {
    const char *name;
    reel__profile_kind kind;
    int64_t calls, own, total, bytes; /* own: without what ran inside; ns */
    int64_t device;                   /* ns there, of what they launched */
    bool on_host;                     /* so that what the host took is what they took */
} row;

typedef struct {
    row *row;
    int count, room;
    int64_t own, device; /* of all ops */
    bool timed;
} table;

static bool is_op(reel__profile_kind kind) {
    return kind >= REEL__PROFILE_FORWARD && kind <= REEL__PROFILE_COPY;
}

/* ---- adding up ---- */

static row *find(const table *t, const char *name, reel__profile_kind kind) {
    for (int i = 0; i < t->count; i++) {
        row *r = &t->row[i];
        if (r->kind == kind && (r->name == name || strcmp(r->name, name) == 0)) return r;
    }
    return NULL;
}

static row *find_or_make(table *t, const char *name, reel__profile_kind kind) {
    row *r = find(t, name, kind);
    if (r) return r;
    if (t->count == t->room) {
        const int room = t->room ? 2 * t->room : 64;
        row *grown = realloc(t->row, (size_t)room * sizeof *grown);
        if (!grown) return NULL;
        t->row = grown;
        t->room = room;
    }
    t->row[t->count] = (row){.name = name, .kind = kind, .on_host = true};
    return &t->row[t->count++];
}

static bool add_call(table *t, const reel__profile_event *e, const reel__profile_view *v) {
    row *r = find_or_make(t, reel__profile_name(e), e->kind);
    if (!r) return false;
    const int64_t total = reel__profile_end_of(e, v) - e->begin;
    r->calls++;
    r->total += total;
    r->own += total - e->inner;
    r->bytes += e->bytes;
    if (e->where.type != REEL_CPU) r->on_host = false;
    if (is_op(e->kind)) t->own += total - e->inner;
    return true;
}

/* To what made it, or, where that is not kept, under its own name. */
static bool add_launch(table *t, const reel__profile_event *e) {
    const reel__profile_event *call = e->call >= 0 ? reel__profile_at(e->call) : NULL;
    row *r = call ? find(t, reel__profile_name(call), call->kind)
                  : find_or_make(t, reel__profile_name(e), REEL__PROFILE_FORWARD);
    if (!r) return false;
    r->device += e->end - e->begin;
    t->device += e->end - e->begin;
    t->timed = true;
    return true;
}

static bool add_up(table *t, const reel__profile_view *v) {
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < v->count; i++) {
            const reel__profile_event *e = reel__profile_at(i);
            if (!e || (e->kind == REEL__PROFILE_DEVICE) != (pass == 1)) continue;
            if (!(pass ? add_launch(t, e) : add_call(t, e, v))) return false;
        }
    return true;
}

static int most_first(const void *a, const void *b) {
    const row *p = a, *q = b;
    if (p->device != q->device) return p->device < q->device ? 1 : -1;
    return (p->own < q->own) - (p->own > q->own);
}

static int longest_first(const void *a, const void *b) {
    const row *p = a, *q = b;
    return (p->total < q->total) - (p->total > q->total);
}

/* ---- printing ---- */

static double share(int64_t part, int64_t whole) {
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double mean_us(int64_t ns, int64_t calls) {
    return calls > 0 ? (double)ns / 1e3 / (double)calls : 0;
}

static void print_op(FILE *f, const table *t, const row *r) {
    char name[64];
    const char *after = r->kind == REEL__PROFILE_BACKWARD ? " backward" : "";
    const int64_t took = t->timed && r->device ? r->device : r->on_host ? r->own : 0;
    snprintf(name, sizeof name, "%.40s%s", r->name, after);
    fprintf(f, "%-32s %8lld", name, (long long)r->calls);
    if (t->timed)
        fprintf(f, " %10.3f %9.2f %6.1f%%", (double)r->device / 1e6, mean_us(r->device, r->calls),
                share(r->device, t->device));
    fprintf(f, " %10.3f %9.2f %6.1f%% %10.2f", (double)r->own / 1e6, mean_us(r->own, r->calls),
            share(r->own, t->own), (double)r->bytes / 1e6);
    if (took > 0)
        fprintf(f, " %8.1f\n", (double)r->bytes / (double)took);
    else
        fprintf(f, " %8s\n", "-");
}

static void print_ops(FILE *f, table *t) {
    qsort(t->row, (size_t)t->count, sizeof *t->row, most_first);
    fprintf(f, "%-32s %8s", "op", "calls");
    if (t->timed) fprintf(f, " %10s %9s %7s", "device ms", "mean us", "share");
    fprintf(f, " %10s %9s %7s %10s %8s\n", t->timed ? "host ms" : "ms", "mean us", "share", "MB",
            "GB/s");
    for (int i = 0; i < t->count; i++)
        if (is_op(t->row[i].kind)) print_op(f, t, &t->row[i]);
}

static void print_ranges(FILE *f, table *t) {
    bool any = false;
    qsort(t->row, (size_t)t->count, sizeof *t->row, longest_first);
    for (int i = 0; i < t->count; i++) {
        const row *r = &t->row[i];
        if (is_op(r->kind)) continue;
        if (!any) fprintf(f, "\n%-32s %8s %10s %9s\n", "range", "times", "ms", "mean us");
        any = true;
        fprintf(f, "%-32s %8lld %10.3f %9.2f\n", r->name, (long long)r->calls,
                (double)r->total / 1e6, mean_us(r->total, r->calls));
    }
}

static void print(FILE *f, table *t, const reel__profile_view *v) {
    if (t->count) print_ops(f, t);
    if (t->count) print_ranges(f, t);
    fprintf(f, "\n%.3f ms, %d thread%s, %lld events, and %lld more dropped\n", (double)v->end / 1e6,
            v->threads, v->threads == 1 ? "" : "s", (long long)v->count, (long long)v->dropped);
}

reel_status reel_profile_report(FILE *f) {
    reel__profile_view v;
    reel__locale l;
    table t = {0};
    if (!f) return reel_fail(REEL_ERR_ARGUMENT, NULL, "profile_report: no file");
    REEL_TRY(reel__profile_look("profile_report", &v));
    const bool whole = add_up(&t, &v) && reel__locale_enter(&l);
    if (whole) {
        print(f, &t, &v);
        reel__locale_leave(&l);
    }
    reel__profile_let_go();
    free(t.row);
    if (!whole) return reel_fail(REEL_ERR_MEMORY, NULL, "profile_report: out of memory");
    if (fflush(f) == 0 && !ferror(f)) return REEL_OK;
    return reel_fail(REEL_ERR_IO, NULL, "profile_report: %s", strerror(errno));
}
