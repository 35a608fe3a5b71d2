/* mnist_ae: two autoencoders on MNIST, the tables and pictures of a course report, on Reel's public
 * headers.
 *
 *     main.c         the three commands: train, campaign, show
 *     options.c      the command line (values.c: numbers and names from text)
 *     model.c        the two models: start here
 *     train.c        the training loop: then read this
 *     resume.c       a run to and from its checkpoint (settings.c: what must not change between)
 *     evaluate.c     the data, and errors on the test images
 *     pictures.c     samples, best and worst reconstructions
 *     show.c         a checkpoint's figures and pictures
 *     campaign.c     many runs, some of them at once, and their curves (report.c: the tables;
 *                    report_html.c: a page)
 *     progress.c     the bar, messages
 *     process.c      signals, standard output: what a program owes its shell
 *
 * Functions that return an `int` return an exit status: 0, 1 (failed; the reason is kept, see
 * reel_error), 2 (usage), or 128 + the number of the signal that stopped the run. */
#ifndef MNIST_AE_APP_H
#define MNIST_AE_APP_H

#include "reel.h"

#define PIXELS 784 /* 28 x 28 */
#define PIXEL_SCALE (1.0 / 255.0)

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- options.c, settings.c ---- */

typedef enum {
    TRAIN = 1,
    CAMPAIGN = 2,
    SHOW = 4
} app_command; /* bits: an option may belong to several */
enum { MODEL_TIED, MODEL_CLASSIC, MODEL_COUNT };
enum { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_COUNT };
enum { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_WARMUP_COSINE, SCHEDULE_COUNT };
enum { INIT_SCALED, INIT_PAPER, INIT_COUNT };

extern const char *const model_names[MODEL_COUNT]; /* as on the command line: "tied", "classic" */
extern const char *const optimizer_names[OPTIMIZER_COUNT];
extern const char *const schedule_names[SCHEDULE_COUNT];
extern const char *const init_names[INIT_COUNT];

enum { MAX_LATENT = 65536, MAX_LATENTS = 16, MAX_SEEDS = 64, MAX_JOBS = 64 };

typedef struct {
    app_command command;
    int model, optimizer, schedule, init; /* of the enums above */
    int64_t latent, seed, epochs, batch;
    double lr;
    int64_t limit;      /* only so many training and test images; 0: all */
    int64_t save_every; /* iterations; 0: at each epoch's end only */
    int keep, workers;
    int threads; /* 0: as the library has it, or the checkpoint that is gone on from */
    int jobs;    /* runs of a campaign at once; 0: as the device has it */
    bool resume, eager;
    reel_device device;
    const char *data; /* NULL: wherever reel_mnist_load finds it */
    const char *out, *checkpoint;
    int64_t models[MODEL_COUNT], latents[MAX_LATENTS], seeds[MAX_SEEDS]; /* a campaign's */
    int model_count, latent_count, seed_count;
    char **argv; /* main's: for the line that says how to go on */
} app_options;

/* Reads what follows `command`. OPTIONS_OK: do it; else the exit status, all having been said. */
enum { OPTIONS_OK = -1 };
int options_parse(app_options *o, app_command command, int argc, char **argv);
void options_usage(FILE *f);

enum { DEVICE_NAME = 32 };
const char *device_name(char buffer[DEVICE_NAME], reel_device device); /* "cpu", "cuda:0" */

/* v with as few digits as read back to the same bits. Returns buffer. */
enum { NUMBER_SIZE = 32 };
const char *number_text(char buffer[NUMBER_SIZE], double v);

/* What decides a run's result goes into its checkpoint as text; a resumed run must agree with all
 * of it. */
reel_status settings_put(const app_options *o, reel_state *s);
reel_status settings_agree(const app_options *o, const reel_state *s, const char *path);
/* Where no number of threads was given, a resumed run takes its checkpoint's: first call this. */
reel_status settings_threads(const app_options *o, const reel_state *s, const char *path);
/* The model's kind and size, as a checkpoint has them. */
reel_status settings_model(app_options *o, const reel_state *s, const char *path);

/* ---- model.c ---- */

reel_module *model_new(int kind, int64_t latent, int init, uint64_t seed); /* owned, on the CPU */

/* ---- evaluate.c ---- */

typedef struct {
    reel_mnist mnist;
    reel_tensor *test_images, *test_labels; /* u8 [M,784], i64 [M], on the CPU; retained */
    reel_dataset *train, *test;             /* images as rows u8 [784], no labels */
    char fingerprint[17];                   /* of the images and labels in use: 16 digits */
} app_data;

reel_status data_open(app_data *d, const app_options *o); /* zero *d first */
void data_close(app_data *d);
bool data_is_synthetic(const app_data *d);
reel_loader *data_train_loader(const app_data *d,
                               const app_options *o); /* owned; x f32 [B,784] in 0..1 */
reel_loader *data_test_loader(const app_data *d, const app_options *o);

/* Mean over all test images and pixels; NaN after a failure. */
double test_mse(reel_module *model, reel_loader *test);
/* Each test image's own: f32 [M] on the CPU, borrowed. */
reel_tensor *image_errors(reel_module *model, reel_loader *test, int64_t images);

/* ---- train.c, resume.c ---- */

enum { PATH_SIZE = 1280 };

enum { HISTORY_COLUMNS = 6, EXACT_COLUMNS = HISTORY_COLUMNS - 1 }; /* the last: seconds */
extern const char *const history_columns[HISTORY_COLUMNS];

/* A row an epoch, ready to be stored at each epoch's end however many there are: all but the
 * seconds, and these as text, "0.512 1.031 ". */
typedef struct {
    double *cells;
    char *seconds;
    size_t used, capacity; /* characters of seconds; rows that there is room for */
} app_rows;

/* A run in progress: what a checkpoint holds, and what it is made from. */
typedef struct {
    const app_options *options;
    const app_data *data;
    const char *out;   /* the run's directory */
    const char *label; /* names the run in what is said of its progress */
    char checkpoint[PATH_SIZE];
    int lock; /* of the directory */

    reel_module *model;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_loader *train, *test;
    reel_plan *plan; /* of a step */
    reel_meter loss; /* of the epoch so far */
    reel_history *history;
    app_rows rows;            /* the same as a checkpoint has it */
    int64_t written;          /* rows in history.csv */
    int64_t epoch, iteration; /* done so far */
    double seconds, started;  /* before this process; when it began */
} app_run;

/* The figures of a run's last epoch. */
typedef struct {
    double train_mse, test_mse, seconds;
} app_result;

/* Trains one model; its checkpoint, history and pictures go to `out`. */
int run_train(const app_options *o, const app_data *d, const char *out, const char *label,
              app_result *result);

/* A failure if `mse` or a parameter is no longer finite. run_save asks first, and writes nothing
 * then. */
reel_status run_check(app_run *r, double mse);
reel_status run_save(app_run *r);
/* An epoch's row, of whole milliseconds. */
reel_status run_record(app_run *r, const double row[HISTORY_COLUMNS]);
reel_status run_resume(app_run *r); /* does nothing where there is no checkpoint yet */

/* ---- pictures.c ---- */

/* samples.png, best.png and worst.png in `out`; `name` goes into their titles. */
reel_status pictures_write(reel_module *model, const app_data *d, reel_loader *test,
                           reel_device device, const char *name, const char *out);

/* ---- report.c, report_html.c ---- */

typedef struct {
    int number; /* in the order of the table, from 0 */
    int model;
    int64_t latent, seed;
    app_result result;
} app_cell;

typedef struct {
    const app_options *options;
    const app_data *data;
    app_cell *cells; /* those done, in the order of the table */
    int count;
} app_campaign;

/* Mean over the seeds done. */
double campaign_test_mse(const app_campaign *c, int model, int64_t latent);
double report_figure(int model, int64_t latent);   /* test MSE; NaN where the report has none */
void report_recipe(FILE *f, const app_options *o); /* a sentence */
void report_csv(FILE *f, const app_campaign *c);
void report_markdown(FILE *f, const app_campaign *c);
void report_html(FILE *f, const app_campaign *c);

#define SYNTHETIC_WARNING                                                                          \
    "SYNTHETIC DIGITS, NOT MNIST: no figure here can be compared with the report's."

/* ---- the commands ---- */

int command_train(const app_options *o);
int command_campaign(const app_options *o);
int command_show(const app_options *o);

/* ---- paths.c ---- */

/* Where a cell's files are, below the campaign's directory: "tied-100-s1". Returns buffer. */
enum { CELL_NAME = 64 };
const char *cell_name(char buffer[CELL_NAME], int model, int64_t latent, int64_t seed);

/* "dir/name"; returns path. */
char *path_in(char path[PATH_SIZE], const char *dir, const char *name);
/* Makes a directory, and makes sure that files can be made in it. */
reel_status out_prepare(const char *dir);
/* The same, and until out_unlock no other process gets it. */
reel_status out_lock(const char *dir, int *lock);
void out_unlock(int lock);

/* ---- progress.c ---- */

/* On a terminal a bar, drawn at most ten times a second; elsewhere, and of several runs at once, a
 * line an epoch. On stderr. */
typedef struct {
    bool tty;
    int64_t steps, first_step; /* of the whole run; where this process began */
    double started, drawn, test;
} app_progress;

void progress_start(app_progress *p, const app_run *r);
bool progress_due(app_progress *p); /* time to draw? */
void progress_draw(const app_progress *p, const app_run *r, double loss);
void progress_epoch(app_progress *p, const app_run *r, double train, double test);
void progress_end(const app_progress *p);

double now(void);                     /* seconds, of a clock that only goes forward */
double run_seconds(const app_run *r); /* of training so far */

/* One line on stderr: the failure that is kept; how to go on after a signal. */
void say_failure(void);
void say_stopped(const app_options *o);
/* On a terminal, what takes a while; the next line on stderr takes its place. */
void say_busy(const char *what);

/* ---- process.c ---- */

/* Before anything is opened: descriptors 0, 1 and 2 are taken, so that no file becomes one of them;
 * a file that grows past its limit is a failed write, and kills nobody. */
void process_start(void);
/* At the end: status, or EXIT_FAILED where what was printed on stdout got lost. */
int process_end(int status);

/* From here on the first SIGINT (Ctrl-C), SIGTERM or SIGHUP asks a run to stop, and another SIGINT
 * or SIGTERM kills it. */
void signals_catch(void);
void signals_release(void); /* as it was before */
int signal_caught(void);    /* its number; 0: none */

#endif
