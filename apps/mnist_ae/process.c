/* What a program owes the shell that started it: signals, descriptors, and the truth about stdout.
 */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A descriptor that was closed is opened the wrong way round: using it still fails. */
static bool take_descriptor(int fd, int flags) {
    return fcntl(fd, F_GETFD) >= 0 || open("/dev/null", flags) == fd;
}

void process_start(void) {
    if (!take_descriptor(STDIN_FILENO, O_WRONLY) || /* open takes the lowest that is free */
        !take_descriptor(STDOUT_FILENO, O_RDONLY) || !take_descriptor(STDERR_FILENO, O_RDONLY))
        _exit(EXIT_FAILED);
    signal(SIGXFSZ, SIG_IGN);
}

int process_end(int status) {
    bool lost = ferror(stdout) != 0; /* errno is another's by now */
    const char *reason = "";
    if (fflush(stdout) != 0) {
        reason = strerror(errno);
        lost = true;
    }
    if (!lost) return status;
    fprintf(stderr, "mnist_ae: cannot write to standard output%s%s\n", *reason ? ": " : "", reason);
    return status == EXIT_SUCCESS ? EXIT_FAILED : status;
}

/* ---- signals ---- */

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOPPING = sizeof stopping / sizeof stopping[0] };

static struct sigaction before[STOPPING];

/* A handler has no other way to tell the loops, which may be several threads'. Stays set. */
static atomic_int caught;

/* The second one kills, but for SIGHUP: of a terminal that is closed it comes from the system and
 * from the shell. Another thread may be in here with the first at that time: then this one raises
 * its own again. */
static void note(int number) {
    int none = 0;
    const bool is_first = atomic_compare_exchange_strong(&caught, &none, number);
    for (int i = 0; i < STOPPING; i++)
        signal(stopping[i], stopping[i] == SIGHUP ? SIG_IGN : SIG_DFL);
    if (!is_first && number != SIGHUP) raise(number); /* it comes once this handler is left */
}

void signals_catch(void) {
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < STOPPING; i++) sigaddset(&action.sa_mask, stopping[i]);
    for (int i = 0; i < STOPPING; i++) {
        sigaction(stopping[i], NULL, &before[i]);
        if (stopping[i] == SIGHUP && before[i].sa_handler == SIG_IGN)
            continue; /* as nohup has it */
        sigaction(stopping[i], &action, NULL);
    }
}

void signals_release(void) {
    for (int i = 0; i < STOPPING; i++) sigaction(stopping[i], &before[i], NULL);
}

int signal_caught(void) {
    return caught;
}
