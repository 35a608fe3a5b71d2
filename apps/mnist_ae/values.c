#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line whatever the text: its control characters become question marks. */
bool value_refuse(const char *option, const char *text, const char *wanted) {
    char line[201];
    snprintf(line, sizeof line, "%.200s", text);
    for (char *c = line; *c; c++)
        if (iscntrl((unsigned char)*c)) *c = '?';
    fprintf(stderr, "mnist_ae: --%s: '%s' is not %s\n", option, line, wanted);
    return false;
}

bool value_integer(const char *option, const char *text, int64_t low, int64_t high, int64_t *v) {
    char *end, wanted[80];
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || isspace((unsigned char)*text) || *end || value < low ||
        value > high) {
        snprintf(wanted, sizeof wanted, "a whole number in %lld..%lld", (long long)low,
                 (long long)high);
        return value_refuse(option, text, wanted);
    }
    *v = value;
    return true;
}

bool value_int(const char *option, const char *text, int low, int high, int *v) {
    int64_t value;
    if (!value_integer(option, text, low, high, &value)) return false;
    *v = (int)value;
    return true;
}

bool value_positive(const char *option, const char *text, double *v) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || isspace((unsigned char)*text) || *end || !isfinite(value) || value <= 0)
        return value_refuse(option, text, "a finite number above 0");
    *v = value;
    return true;
}

bool value_path(const char *option, const char *text, const char **v) {
    if (!*text || strlen(text) > 900)
        return value_refuse(option, text, "a path of 1..900 characters");
    for (const char *c = text; *c; c++) /* what is said of a path is one line */
        if (iscntrl((unsigned char)*c))
            return value_refuse(option, text, "a path without control characters");
    *v = text;
    return true;
}

bool value_choice(const char *option, const char *text, const char *const *names, int count,
                  int *v) {
    char wanted[128] = "one of ";
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *v = i;
            return true;
        }
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, "%s%s", i ? ", " : "", names[i]);
    }
    return value_refuse(option, text, wanted);
}

bool value_list(const char *option, const char *text, value_reader read, int64_t *v, int most,
                int *count) {
    char item[32];
    for (*count = 0;; text++) { /* past the comma */
        size_t length = strcspn(text, ",");
        if (length >= sizeof item || *count == most)
            return value_refuse(option, text, "a list that short");
        memcpy(item, text, length);
        item[length] = '\0';
        if (!read(option, item, &v[*count])) return false;
        for (int i = 0; i < *count; i++)
            if (v[i] == v[*count]) return value_refuse(option, item, "there only once");
        ++*count;
        text += length;
        if (!*text) return true;
    }
}
