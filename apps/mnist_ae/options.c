/* The command line. One table of options serves the three commands, their parsing and their --help.
 */
#include "app.h"
#include "values.h"

#include <getopt.h>
#include <stdlib.h>

const char *const model_names[MODEL_COUNT] = {"tied", "classic"};
const char *const optimizer_names[OPTIMIZER_COUNT] = {"adam", "adamw", "sgd"};
const char *const schedule_names[SCHEDULE_COUNT] = {"constant", "cosine", "step", "warmup-cosine"};
const char *const init_names[INIT_COUNT] = {"scaled", "paper"};

typedef enum {
    MODEL = 1, /* 0 and '?' are getopt's */
    LATENT,
    SEED,
    MODELS,
    LATENTS,
    SEEDS,
    EPOCHS,
    BATCH,
    LR,
    OPTIMIZER,
    SCHEDULE,
    INIT,
    DATA,
    LIMIT,
    DEVICE,
    THREADS,
    JOBS,
    WORKERS,
    EAGER,
    CHECKPOINT,
    OUT,
    RESUME,
    SAVE_EVERY,
    KEEP,
    HELP,
} option_id;

typedef struct {
    const char *name, *argument; /* argument NULL: the option takes none */
    int commands;
    const char *help;
} option_row;

enum { RUNS = TRAIN | CAMPAIGN, ALL = TRAIN | CAMPAIGN | SHOW };

static const option_row rows[] = {
    [MODEL] = {"model", "tied|classic", TRAIN, "which autoencoder (needed)"},
    [LATENT] = {"latent", "L", TRAIN, "size of the code, 1..65536 (needed)"},
    [SEED] = {"seed", "S", TRAIN, "of the weights and of the images' order (1)"},
    [MODELS] = {"models", "LIST", CAMPAIGN, "which autoencoders (tied,classic)"},
    [LATENTS] = {"latents", "LIST", CAMPAIGN, "sizes of the code (10,50,100,300)"},
    [SEEDS] = {"seeds", "LIST", CAMPAIGN, "one run each; the table shows their mean (1,2,3)"},
    [EPOCHS] = {"epochs", "N", RUNS, "passes over the training images (40)"},
    [BATCH] = {"batch", "N", RUNS, "images a step (40)"},
    [LR] = {"lr", "X", RUNS, "learning rate (0.002)"},
    [OPTIMIZER] = {"optimizer", "NAME", RUNS, "adam, adamw or sgd (adam)"},
    [SCHEDULE] = {"schedule", "NAME", RUNS, "constant, cosine, step or warmup-cosine (cosine)"},
    [INIT] = {"init", "scaled|paper", RUNS,
              "weights to begin with; paper: as the report drew them (scaled)"},
    [DATA] = {"data", "DIR|synthetic", ALL,
              "MNIST's four files ($REEL_DATA, the cache, a download, synthetic)"},
    [LIMIT] = {"limit", "N", ALL,
               "use the first N training images and the first N test images (all)"},
    [DEVICE] = {"device", "cpu|cuda|cuda:N", ALL, "where to compute (cpu)"},
    [THREADS] = {"threads", "T", ALL,
                 "for kernels on the CPU (one a processor; --resume: as before)"},
    [JOBS] = {"jobs", "N", CAMPAIGN, "runs at once (1; on a GPU 8, but for --eager)"},
    [WORKERS] = {"workers", "W", RUNS, "threads that make batches ahead (0)"},
    [EAGER] = {"eager", NULL, RUNS, "run each step op by op: not captured"},
    [CHECKPOINT] = {"checkpoint", "FILE", SHOW, "a checkpoint that train wrote (needed)"},
    [OUT] = {"out", "DIR", ALL, "for results (needed; train: runs/MODEL-L-sS)"},
    [RESUME] = {"resume", NULL, RUNS, "go on from the checkpoint in DIR, if there is one"},
    [SAVE_EVERY] = {"save-every", "N", RUNS,
                    "save a checkpoint each N iterations, besides each epoch"},
    [KEEP] = {"keep", "K", RUNS, "checkpoints to keep: checkpoint.safetensors, .1, .2, ... (1)"},
    [HELP] = {"help", NULL, ALL, "print this"},
};

static const char *command_name(app_command command) {
    return command == TRAIN ? "train" : command == CAMPAIGN ? "campaign" : "show";
}

void options_usage(FILE *f) {
    fputs("usage: mnist_ae train    --model tied|classic --latent L [options]\n"
          "       mnist_ae campaign --out DIR [options]\n"
          "       mnist_ae show     --checkpoint FILE --out DIR [options]\n"
          "       mnist_ae COMMAND --help | --help | --version\n",
          f);
}

static void print_help(app_command command) {
    printf("usage: mnist_ae %s [options]      (defaults in brackets)\n\n", command_name(command));
    for (int i = MODEL; i <= HELP; i++) {
        if (!(rows[i].commands & (int)command)) continue;
        char left[64];
        snprintf(left, sizeof left, "--%s %s", rows[i].name,
                 rows[i].argument ? rows[i].argument : "");
        printf("  %-26s %s\n", left, rows[i].help);
    }
    if (command == SHOW) return;
    puts("\nWithout --resume a run starts anew and replaces what DIR holds. Ctrl-C, SIGTERM and "
         "SIGHUP save "
         "and say how to go on.\n"
         "Schedules: cosine falls to 0 over the run; step divides the rate by 10 after each third "
         "of it;\n"
         "warmup-cosine rises over the first twentieth of it.");
}

static bool latent_value(const char *option, const char *text, int64_t *v) {
    return value_integer(option, text, 1, MAX_LATENT, v);
}

static bool seed_value(const char *option, const char *text, int64_t *v) {
    return value_integer(option, text, 0, INT64_MAX, v);
}

static bool model_value(const char *option, const char *text, int64_t *v) {
    int model;
    if (!value_choice(option, text, model_names, MODEL_COUNT, &model)) return false;
    *v = model;
    return true;
}

static bool device_value(const char *option, const char *text, reel_device *device) {
    if (reel_device_parse(text, device) == REEL_OK) return true;
    reel_clear_error();
    return value_refuse(option, text, "cpu, cuda or cuda:N");
}

static bool set_option(app_options *o, option_id id, const char *text) {
    const char *name = rows[id].name;
    switch (id) {
    case MODEL:
        return value_choice(name, text, model_names, MODEL_COUNT, &o->model);
    case LATENT:
        return latent_value(name, text, &o->latent);
    case SEED:
        return seed_value(name, text, &o->seed);
    case MODELS:
        return value_list(name, text, model_value, o->models, MODEL_COUNT, &o->model_count);
    case LATENTS:
        return value_list(name, text, latent_value, o->latents, MAX_LATENTS, &o->latent_count);
    case SEEDS:
        return value_list(name, text, seed_value, o->seeds, MAX_SEEDS, &o->seed_count);
    case EPOCHS:
        return value_integer(name, text, 1, 100000, &o->epochs);
    case BATCH:
        return value_integer(name, text, 1, 1000000, &o->batch);
    case LR:
        return value_positive(name, text, &o->lr);
    case OPTIMIZER:
        return value_choice(name, text, optimizer_names, OPTIMIZER_COUNT, &o->optimizer);
    case SCHEDULE:
        return value_choice(name, text, schedule_names, SCHEDULE_COUNT, &o->schedule);
    case INIT:
        return value_choice(name, text, init_names, INIT_COUNT, &o->init);
    case DATA:
        return value_path(name, text, &o->data);
    case LIMIT:
        return value_integer(name, text, 1, INT64_MAX, &o->limit);
    case DEVICE:
        return device_value(name, text, &o->device);
    case THREADS:
        return value_int(name, text, 1, REEL_MAX_THREADS, &o->threads);
    case JOBS:
        return value_int(name, text, 1, MAX_JOBS, &o->jobs);
    case WORKERS:
        return value_int(name, text, 0, 256, &o->workers);
    case CHECKPOINT:
        return value_path(name, text, &o->checkpoint);
    case OUT:
        return value_path(name, text, &o->out);
    case EAGER:
        o->eager = true;
        return true;
    case RESUME:
        o->resume = true;
        return true;
    case SAVE_EVERY:
        return value_integer(name, text, 1, INT64_MAX, &o->save_every);
    case KEEP:
        return value_int(name, text, 1, 1000, &o->keep);
    case HELP:
        break; /* options_parse's own */
    }
    return false;
}

static const app_options defaults = {
    .model = -1,
    .optimizer = OPTIMIZER_ADAM,
    .schedule = SCHEDULE_COSINE,
    .init = INIT_SCALED,
    .seed = 1,
    .epochs = 40,
    .batch = 40,
    .lr = 2e-3,
    .keep = 1,
    .models = {MODEL_TIED, MODEL_CLASSIC},
    .model_count = 2,
    .latents = {10, 50, 100, 300},
    .latent_count = 4,
    .seeds = {1, 2, 3},
    .seed_count = 3,
};

static int usage_error(app_command command, const char *what, const char *which) {
    const char *name = command_name(command);
    fprintf(stderr, "mnist_ae: %s: %s%.200s (see mnist_ae %s --help)\n", name, what, which, name);
    return EXIT_USAGE;
}

static int check_needed(const app_options *o) {
    if (o->command == TRAIN && o->model < 0)
        return usage_error(TRAIN, "missing option ", "--model");
    if (o->command == TRAIN && !o->latent) return usage_error(TRAIN, "missing option ", "--latent");
    if (o->command == SHOW && !o->checkpoint)
        return usage_error(SHOW, "missing option ", "--checkpoint");
    if (o->command != TRAIN && !o->out) return usage_error(o->command, "missing option ", "--out");
    return OPTIONS_OK;
}

/* getopt's optopt is the option's id where it knew it, and it complained of a value where none is
 * taken. */
static int unknown_option(app_command command, const char *argument) {
    bool known = optopt >= MODEL && optopt <= HELP;
    return usage_error(command, known ? "this option takes no value: " : "unknown option ",
                       argument);
}

int options_parse(app_options *o, app_command command, int argc, char **argv) {
    struct option accepted[HELP + 1] = {{NULL, 0, NULL, 0}};
    for (int i = MODEL, n = 0; i <= HELP; i++)
        if (rows[i].commands & (int)command)
            accepted[n++] = (struct option){rows[i].name, rows[i].argument != NULL, NULL, i};

    *o = defaults;
    o->command = command;
    o->argv = argv;
    opterr = 0;
    optind = 2; /* past the program's name and the command's */
    for (;;) {
        const char *argument = argv[optind];
        int id = getopt_long(argc, argv, "+:", accepted, NULL);
        if (id == -1) break;
        if (id == '?') return unknown_option(command, argument);
        if (id == ':') return usage_error(command, "no value after ", argument);
        if (id == HELP) {
            print_help(command);
            return EXIT_SUCCESS;
        }
        if (!set_option(o, (option_id)id, optarg)) return EXIT_USAGE;
    }
    if (optind < argc) return usage_error(command, "not an option: ", argv[optind]);
    return check_needed(o);
}
