/* The progress bar, and what is said on stderr. */
#include "app.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double run_seconds(const app_run *r) {
    return r->seconds + (now() - r->started);
}

/* ---- progress ---- */

void progress_start(app_progress *p, const app_run *r) {
    *p = (app_progress){.tty = r->options->jobs <= 1 && isatty(STDERR_FILENO) == 1,
                        .steps = r->options->epochs * reel_loader_batches(r->train),
                        .first_step = r->iteration,
                        .started = now(),
                        .test = reel_history_get(r->history, r->epoch - 1, "test_mse")};
}

bool progress_due(app_progress *p) {
    if (!p->tty) return false;
    double t = now();
    if (t - p->drawn < 0.1) return false;
    p->drawn = t;
    return true;
}

/* tied-100-s1 ####...... 8/20 loss 0.00412 test 0.00398 41000/s ETA 1:32 */
void progress_draw(const app_progress *p, const app_run *r, double loss) {
    enum { WIDTH = 10 };
    char bar[WIDTH + 1], test[32] = "";
    const app_options *o = r->options;
    double all = (double)p->steps, done = (double)r->iteration;
    double rate = (done - (double)p->first_step) / (now() - p->started); /* steps a second */
    int left = rate > 0 ? (int)fmin((all - done) / rate, 359999) : 0;
    for (int i = 0; i < WIDTH; i++) bar[i] = i * all < done * (double)WIDTH ? '#' : '.';
    bar[WIDTH] = '\0';
    if (r->epoch > 0) snprintf(test, sizeof test, " test %.5f", p->test);
    fprintf(stderr, "\r%s %s %" PRId64 "/%" PRId64 " loss %.5f%s %.0f/s ETA %d:%02d\033[K",
            r->label, bar, r->epoch < o->epochs ? r->epoch + 1 : r->epoch, o->epochs, loss, test,
            rate * (double)o->batch, left / 60, left % 60);
}

void progress_epoch(app_progress *p, const app_run *r, double train, double test) {
    p->test = test;
    if (p->tty) {
        progress_draw(p, r, train);
    } else {
        fprintf(stderr,
                "%s: epoch %" PRId64 "/%" PRId64 ": train MSE %.5f, test MSE %.5f, %.1f s\n",
                r->label, r->epoch, r->options->epochs, train, test, run_seconds(r));
    }
}

void progress_end(const app_progress *p) {
    if (p->tty) fputc('\n', stderr);
}

/* ---- messages ---- */

/* `argument` as a shell reads it back. */
static void print_quoted(FILE *f, const char *argument) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
    if (*argument && strspn(argument, plain) == strlen(argument)) {
        fputs(argument, f);
        return;
    }
    fputc('\'', f);
    for (; *argument; argument++) {
        if (*argument == '\'') fputs("'\\'", f);
        fputc(*argument, f);
    }
    fputc('\'', f);
}

void say_failure(void) {
    fprintf(stderr, "mnist_ae: %s\n", reel_error());
}

void say_stopped(const app_options *o) {
    const int number = signal_caught();
    fprintf(stderr, "mnist_ae: stopped by %s; to go on:",
            number == SIGINT   ? "SIGINT"
            : number == SIGHUP ? "SIGHUP"
                               : "SIGTERM");
    for (char **argument = o->argv; *argument; argument++) {
        fputc(' ', stderr);
        print_quoted(stderr, *argument);
    }
    fputs(o->resume ? "\n" : " --resume\n", stderr);
}

void say_busy(const char *what) {
    if (isatty(STDERR_FILENO) == 1) fprintf(stderr, "\r%s\033[K\r", what);
}
