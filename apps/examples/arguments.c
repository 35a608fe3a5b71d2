#include "apps/examples/arguments.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const takes[] = {"", " N", " X", " NAME", " DEVICE"};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int help(const char *program, const argument *a) {
    printf("usage: %s [options]      (defaults in brackets)\n\n", program);
    for (; a->name; a++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s", a->name, takes[a->kind]);
        printf("  %-18s %s", left, a->help);
        if (a->kind == NUMBER) printf(" (%lld)", (long long)*(int64_t *)a->value);
        if (a->kind == REAL) printf(" (%g)", *(double *)a->value);
        if (a->kind == TEXT && *(const char **)a->value) printf(" (%s)", *(const char **)a->value);
        puts(a->kind == DEVICE ? ": cpu, cuda or cuda:N (cpu)" : "");
    }
    return EXIT_SUCCESS;
}

/* The text is one number, all of it, and not below the least. */
static bool read_number(const argument *a, const char *text) {
    char *end = NULL;
    errno = 0;
    if (a->kind == NUMBER) {
        const long long n = strtoll(text, &end, 10);
        *(int64_t *)a->value = n;
        return end != text && !*end && !errno && (double)n >= a->least && n <= INT32_MAX;
    }
    const double x = strtod(text, &end);
    *(double *)a->value = x;
    return end != text && !*end && isfinite(x) && x >= a->least;
}

static bool read_value(const argument *a, const char *text) {
    switch (a->kind) {
    case TEXT:
        *(const char **)a->value = text;
        return *text;
    case DEVICE:
        if (reel_device_parse(text, a->value) == REEL_OK) return true;
        reel_clear_error();
        return false;
    default:
        return read_number(a, text);
    }
}

static const argument *find(const argument *table, const char *word) {
    for (; strncmp(word, "--", 2) == 0 && table->name; table++)
        if (strcmp(word + 2, table->name) == 0) return table;
    return NULL;
}

int arguments_read(const argument *table, int argc, char **argv) {
    const char *program = base_name(argv[0]);
    for (int i = 1; i < argc; i++) {
        const argument *a = find(table, argv[i]);
        if (strcmp(argv[i], "--help") == 0) return help(program, table);
        if (a && a->kind == FLAG) {
            *(bool *)a->value = true;
        } else if (!a || i + 1 == argc) {
            fprintf(stderr, "%s: %s: %.200s (see %s --help)\n", program,
                    a ? "no value after" : "unknown option", argv[i], program);
            return 2;
        } else if (!read_value(a, argv[++i])) {
            fprintf(stderr, "%s: --%s: not understood, or out of range: '%.200s' (see %s --help)\n",
                    program, a->name, argv[i], program);
            return 2;
        }
    }
    return -1;
}
