/* Values of options, from text. Each reader returns false, having said why on stderr, if the text
 * is not one. */
#ifndef MNIST_AE_VALUES_H
#define MNIST_AE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* Says "mnist_ae: --option: 'text' is not wanted" and returns false. */
bool value_refuse(const char *option, const char *text, const char *wanted);

bool value_integer(const char *option, const char *text, int64_t low, int64_t high, int64_t *v);
bool value_int(const char *option, const char *text, int low, int high, int *v);
bool value_positive(const char *option, const char *text, double *v);
bool value_path(const char *option, const char *text, const char **v);
bool value_choice(const char *option, const char *text, const char *const *names, int count,
                  int *v);

/* "a,b,c", no item twice: each item becomes an integer through `read`. */
typedef bool (*value_reader)(const char *option, const char *text, int64_t *v);
bool value_list(const char *option, const char *text, value_reader read, int64_t *v, int most,
                int *count);

#endif
