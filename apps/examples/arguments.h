/* The command line of a small program: a table of options, which is its --help too. */
#ifndef EXAMPLES_ARGUMENTS_H
#define EXAMPLES_ARGUMENTS_H

#include "reel.h"

typedef enum {
    FLAG,   /* bool: takes nothing */
    NUMBER, /* int64_t, from `least` up to 2^31 - 1 */
    REAL,   /* double, `least` or more */
    TEXT,   /* const char *, not empty; borrowed from the command line */
    DEVICE  /* reel_device */
} argument_kind;

/* A row of NULLs ends the table. What value points at holds the default, and then what was given.
 */
typedef struct {
    const char *name;
    argument_kind kind;
    void *value;
    const char *help;
    double least;
} argument;

/* -1: go on. Else the exit status, all having been said: 0 after --help, 2 after a mistake. */
int arguments_read(const argument *table, int argc, char **argv);

#endif
