/* gnuplot run on a script, its output put in a picture's place. The program may have any parent:
 * one that has closed descriptors 0 to 2, blocks or ignores signals, or has children reaped by
 * others. */
#include "io/io_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* What a PNG ends with: a chunk without data. */
static const uint8_t png_end[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

typedef struct {
    reel__replacement *picture;
    const char *path;
    size_t size; /* of the picture so far */
    uint8_t tail[sizeof png_end];
    char words[256]; /* the first that it says, which say what went wrong */
    size_t said;
    int64_t patience, heard; /* ms: how long it may be silent; when it was not, last */
    bool hung;               /* and was killed for it */
} output;

/* ---- starting ---- */

/* Signals as a program expects them: none is blocked, and none that we, or it, may need is ignored.
 * (Those of a terminal stay as they are: a program in the background ignores them.) */
static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    sigaddset(&standard, SIGCHLD);
    sigaddset(&standard, SIGXFSZ);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &standard);
    if (error == 0)
        error =
            posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
}

/* Descriptors 0 to 2 alone: what the program has open and did not mark is none of gnuplot's. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int out, int errors) {
    int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, out, 1);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, errors, 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
    return error;
}

static int spawn(pid_t *pid, char *script, int out, int errors) {
    char *argv[] = {"gnuplot", "--default-settings", script, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = set_descriptors(&actions, out, errors);
        if (error == 0) error = set_signals(&attributes);
        if (error == 0) error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Both ends above the standard descriptors. 0 or an errno. */
static int open_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    int error = 0;
    for (int i = 0; i < 2; i++)
        if ((ends[i] = reel__above_standard(ends[i])) < 0) error = errno;
    for (int i = 0; i < 2 && error != 0; i++)
        if (ends[i] >= 0) close(ends[i]);
    return error;
}

/* Starts gnuplot; from[0] is its output, from[1] what it complains of. 0 or an errno. */
static int start(pid_t *pid, const char *script, int from[2]) {
    int out[2], errors[2];
    char *anchored;
    if (asprintf(&anchored, "%s%s", script[0] == '/' ? "" : "./", script) < 0) return ENOMEM;
    int error = open_pipe(out);
    if (error == 0 && (error = open_pipe(errors)) != 0) close(out[0]), close(out[1]);
    if (error == 0) {
        error = spawn(pid, anchored, out[1], errors[1]);
        close(out[1]);
        close(errors[1]);
        from[0] = out[0];
        from[1] = errors[0];
        if (error != 0) close(from[0]), close(from[1]);
    }
    free(anchored);
    return error;
}

/* ---- listening ---- */

static int64_t now(void) { /* ms */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int patience_left(const output *o) {
    const int64_t left = o->heard + o->patience - now();
    return left > 0 ? (int)left : 0;
}

/* The last bytes of what has come so far. */
static void keep_tail(output *o, const uint8_t *bytes, size_t n) {
    const size_t whole = sizeof o->tail, fresh = n < whole ? n : whole;
    memmove(o->tail, o->tail + fresh, whole - fresh);
    memcpy(o->tail + whole - fresh, bytes + n - fresh, fresh);
    o->size += n;
}

/* Empty lines at the start say nothing. */
static void keep_words(output *o, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n && o->said < sizeof o->words - 1; i++)
        if (o->said > 0 || bytes[i] != '\n') o->words[o->said++] = (char)bytes[i];
}

/* One read. *ended: there is no more. */
static reel_status take(output *o, int fd, bool is_picture, bool *ended) {
    uint8_t buffer[1 << 14];
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0)
        return errno == EINTR ? REEL_OK : reel__fail_errno("cannot read from gnuplot", o->path);
    *ended = n == 0;
    o->heard = now();
    if (!is_picture) {
        keep_words(o, buffer, (size_t)n);
        return REEL_OK;
    }
    keep_tail(o, buffer, (size_t)n);
    return reel__replace_write(o->picture, buffer, (size_t)n);
}

/* Reads both pipes as they fill, so that neither blocks gnuplot, until both have ended, or nothing
 * comes any more. */
static reel_status listen_to(output *o, const int from[2]) {
    bool ended[2] = {false, false};
    while (!ended[0] || !ended[1]) {
        struct pollfd p[2];
        for (int i = 0; i < 2; i++) p[i] = (struct pollfd){ended[i] ? -1 : from[i], POLLIN, 0};
        const int ready = poll(p, 2, patience_left(o));
        if (ready < 0 && errno != EINTR)
            return reel__fail_errno("cannot read from gnuplot", o->path);
        if (ready == 0) return REEL_OK;
        for (int i = 0; i < 2 && ready > 0; i++)
            if (p[i].fd >= 0 && p[i].revents != 0) REEL_TRY(take(o, from[i], i == 0, &ended[i]));
    }
    return REEL_OK;
}

/* ---- the end ---- */

/* As waitpid, for as long as there is patience. What was not waited for yet has its number still
 * (but where another thread waits for every child): nobody else is killed. */
static pid_t wait_for(pid_t pid, output *o, int *status) {
    static const struct timespec pause = {0, 1000000};
    for (;;) {
        const pid_t got = waitpid(pid, status, o->hung ? 0 : WNOHANG);
        if (got > 0 || (got < 0 && errno != EINTR)) return got;
        if (got == 0 && patience_left(o) == 0) {
            o->hung = true;
            kill(pid, SIGKILL);
        } else if (got == 0) {
            nanosleep(&pause, NULL);
        }
    }
}

/* Whether gnuplot ended well. Where the parent ignores SIGCHLD, or its handler is faster, nobody
 * knows its exit status: then a picture that is whole says so. */
static bool ended_well(pid_t pid, output *o, bool *missing) {
    int status;
    const pid_t got = wait_for(pid, o, &status);
    if (o->hung) return false;
    if (got != pid) return memcmp(o->tail, png_end, sizeof png_end) == 0;
    *missing = WIFEXITED(status) && WEXITSTATUS(status) == 127; /* as POSIX lets posix_spawnp say */
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && o->size > 0;
}

static reel_status fail_gnuplot(output *o) {
    if (o->hung)
        return reel_fail(REEL_ERR_IO, NULL, "plot: gnuplot: killed after %g s of silence: %s",
                         (double)o->patience / 1000, o->path);
    o->words[strcspn(o->words, "\n")] = '\0';
    return reel_fail(REEL_ERR_IO, NULL, "plot: gnuplot: %s: %s",
                     o->words[0] ? o->words : "drew nothing", o->path);
}

static reel_status draw_to(output *o, const char *script, bool *drawn) {
    pid_t pid;
    int from[2];
    const int error = start(&pid, script, from);
    if (error == ENOENT || error == EACCES) return REEL_OK;
    if (error != 0) {
        errno = error;
        return reel__fail_errno("cannot start gnuplot", o->path);
    }
    o->heard = now();
    const reel_status status = listen_to(o, from);
    close(from[0]); /* before the wait: a gnuplot that still writes ends then, by SIGPIPE */
    close(from[1]);
    bool missing = false;
    const bool well = ended_well(pid, o, &missing);
    if (status != REEL_OK) return status;
    if (missing) return REEL_OK;
    *drawn = well;
    return well ? REEL_OK : fail_gnuplot(o);
}

reel_status reel__gnuplot(const char *script, const char *path, int patience, bool *drawn) {
    output o = {.picture = reel__replace_open(path), .path = path, .patience = patience};
    reel_status status = o.picture != NULL ? draw_to(&o, script, drawn) : reel_error_status();
    if (status == REEL_OK && *drawn)
        status = reel__replace_commit(o.picture);
    else
        reel__replace_abort(o.picture);
    *drawn = *drawn && status == REEL_OK;
    return status;
}
