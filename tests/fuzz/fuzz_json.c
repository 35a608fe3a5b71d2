/* JSON: the input is the text. What is right is right again; strings survive there and back. */
#include "io/io_internal.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static char *copy_of(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    HOLDS(text);
    memcpy(text, data, size);
    return text;
}

static void string_there_and_back(char *text, size_t size) {
    reel__json j;
    reel__text b = {0};
    reel__json_start(&j, text, size);
    const char *string = reel__json_string(&j);
    HOLDS((string != NULL) == (j.wrong == NULL));
    if (string == NULL) return;
    HOLDS(reel__json_put_string(&b, string) && !b.failed);
    reel__json_start(&j, b.text, b.used);
    const char *again = reel__json_string(&j);
    HOLDS(again && strcmp(string, again) == 0 && reel__json_end(&j));
    free(b.text);
}

static void number(char *text, size_t size) {
    reel__json j;
    uint64_t n = 0;
    reel__json_start(&j, text, size);
    if (reel__json_size(&j, &n)) HOLDS(n <= INT64_MAX && j.wrong == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    reel__json j;
    char *text = copy_of(data, size);
    reel__json_start(&j, text, size);
    reel__json_skip(&j);
    const bool right = reel__json_end(&j);
    HOLDS(right == (j.wrong == NULL) && j.at >= j.begin && j.at <= j.end);
    free(text);
    text = copy_of(data, size);
    string_there_and_back(text, size);
    free(text);
    text = copy_of(data, size);
    number(text, size);
    free(text);
    return 0;
}
