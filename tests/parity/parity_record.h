/* What the parity programs hand to Python: cases, each a line of JSON in PATH.jsonl that says what
 * was done, and its tensors in PATH.<part>.safetensors, named "<number of the case>.<field>".
 *
 *     record r;
 *     if (!record_open(&r, argc, argv)) return 2;
 *     if (record_subject(&r, "optimizer", "adam"))
 *         for (int64_t seed = r.first; seed < r.first + r.count; seed++) {
 *             record_case(&r, "optimizer", "adam", seed);
 *             record_number(&r, "lr", 1e-3);
 *             record_tensor(&r, "p", p);
 *             record_end(&r);
 *         }
 *     return record_close(&r);
 *
 * The device is test_device(). A failure that is kept when a case ends goes into its line. */
#ifndef REEL_TESTS_PARITY_RECORD_H
#define REEL_TESTS_PARITY_RECORD_H

#include "tests/test_device.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *path;
    int64_t first, count; /* seeds of each name */
    const char *only;     /* the one name wanted; NULL: all */
    bool captured;        /* each case is captured too, and must give its own bits */
    FILE *lines;
    struct reel_state *tensors;
    int number, part; /* of the case, of the file of tensors */
} record;

/* --out PATH [--cases N] [--seed FIRST] [--only NAME] [--captured yes]; false, and a message, if it
 * can't. */
bool record_open(record *r, int argc, char **argv);
/* Says that `name` will be compared, and whether its cases are asked for. */
bool record_subject(record *r, const char *family, const char *name);

void record_case(record *r, const char *family, const char *name, int64_t seed);
void record_text(record *r, const char *field, const char *value);
void record_number(record *r, const char *field, double value);
void record_integer(record *r, const char *field, int64_t value);
void record_integers(record *r, const char *field, const int64_t *values, int count);
/* The elements that t has now; nothing for NULL. */
void record_tensor(record *r, const char *field, reel_tensor *t);
/* The same with a number behind the field's name. */
void record_tensor_at(record *r, const char *field, int i, reel_tensor *t);
void record_end(record *r);

int record_close(record *r); /* what main returns */

#endif
