/* What the small programs share: a run's parts, to and from its checkpoint. */
#ifndef EXAMPLES_TRAINER_H
#define EXAMPLES_TRAINER_H

#include "reel.h"

/* Made by the program, freed by trainer_free; those it does not have are NULL. */
typedef struct {
    const char *out; /* the run's directory: checkpoint.safetensors, history.csv */
    reel_module *model;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_loader *loader;
    reel_generator *draws;
    reel_history *history; /* of columns as the first row has them */
    int64_t step;          /* done so far */
} trainer;

/* out/name; valid until the next call. */
const char *trainer_path(const trainer *t, const char *name);
/* Makes the directory and the history; with `resume` goes on from the checkpoint there, if there is
 * one. */
void trainer_start(trainer *t, bool resume, const char *const *columns, int count);
/* A row of the history, printed as "step 3  loss 0.1 ..."; and a checkpoint. */
void trainer_record(trainer *t, const char *const *columns, const double *row, int count);
void trainer_free(trainer *t);

#endif
