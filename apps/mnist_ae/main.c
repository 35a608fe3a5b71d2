/* mnist_ae COMMAND [options] */
#include "app.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    app_command command;
    int (*run)(const app_options *o);
} command_row;

static const command_row commands[] = {
    {"train", TRAIN, command_train},
    {"campaign", CAMPAIGN, command_campaign},
    {"show", SHOW, command_show},
};

static int run_command(const command_row *row, int argc, char **argv) {
    app_options o;
    int status = options_parse(&o, row->command, argc, argv);
    if (status != OPTIONS_OK) return status;
    if (o.threads) reel_set_threads(o.threads);
    status = reel_device_check(o.device) == REEL_OK && !reel_failed() ? row->run(&o) : EXIT_FAILED;
    if (status == EXIT_FAILED) say_failure();
    if (status > 128) say_stopped(&o);
    return status;
}

static int run_command_line(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        options_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0) {
        options_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(name, "--version") == 0) {
        puts("mnist_ae " MNIST_AE_VERSION);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(name, commands[i].name) == 0) return run_command(&commands[i], argc, argv);
    fprintf(stderr, "mnist_ae: unknown command '%.200s' (see mnist_ae --help)\n", name);
    return EXIT_USAGE;
}

int main(int argc, char **argv) {
    process_start();
    return process_end(run_command_line(argc, argv));
}
