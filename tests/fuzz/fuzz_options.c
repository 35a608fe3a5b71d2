/* mnist_ae's command line: the first byte picks the command, each line of the rest is an argument.
 */
#include "apps/mnist_ae/app.h"
#include "tests/fuzz/fuzz.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS = 64 };

static void check(const app_options *o) {
    HOLDS(o->latent <= MAX_LATENT && o->seed >= 0);
    HOLDS(o->epochs >= 1 && o->batch >= 1 && o->lr > 0 && isfinite(o->lr));
    HOLDS(o->command != TRAIN || (o->model >= 0 && o->model < MODEL_COUNT && o->latent >= 1));
    HOLDS(o->command == TRAIN || o->out);
    HOLDS(o->command != SHOW || o->checkpoint);
    HOLDS(o->model_count >= 1 && o->model_count <= MODEL_COUNT);
    HOLDS(o->latent_count >= 1 && o->latent_count <= MAX_LATENTS);
    HOLDS(o->seed_count >= 1 && o->seed_count <= MAX_SEEDS);
    HOLDS(o->threads <= REEL_MAX_THREADS && o->workers >= 0 && o->keep >= 1);
}

/* getopt may still be in the middle of the last argument that it was given. */
static void reset_getopt(void) {
    char *none[] = {"mnist_ae", NULL};
    optind = 0;
    getopt(1, none, "");
}

static void parse(app_command command, int argc, char **argv) {
    app_options o;
    FILE *out = stdout, *err = stderr, *quiet = fopen("/dev/null", "w");
    HOLDS(quiet);
    stdout = stderr = quiet;
    const int status = options_parse(&o, command, argc, argv);
    stdout = out;
    stderr = err;
    fclose(quiet);
    HOLDS(status == OPTIONS_OK || status == EXIT_SUCCESS || status == EXIT_USAGE);
    if (status == OPTIONS_OK) check(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const app_command commands[] = {TRAIN, CAMPAIGN, SHOW};
    if (size == 0) return 0;
    char *text = malloc(size), *argv[ARGUMENTS + 3] = {"mnist_ae", "command"};
    HOLDS(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    int argc = 2;
    for (char *rest = text; rest && argc < ARGUMENTS;) argv[argc++] = strsep(&rest, "\n");
    reset_getopt();
    parse(commands[data[0] % 3], argc, argv);
    free(text);
    fuzz_check_clean();
    return 0;
}
