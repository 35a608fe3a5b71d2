#include "apps/examples/characters.h"

#include <stdlib.h>

static const char builtin[] =
    "The reel turns, and what was wound upon it comes off again, turn by turn, in the order that "
    "it went on. A tape remembers what was done, and walks back over it from its end. ";

void characters_read(characters *c, const char *file, int64_t context, reel_device device) {
    void *bytes = NULL;
    size_t size = sizeof builtin - 1;
    int64_t number[256] = {0};
    if (file && reel_file_read(file, &bytes, &size) != REEL_OK) return;
    const unsigned char *s = bytes ? bytes : (const void *)builtin;
    const int64_t n = (int64_t)size * (bytes ? 1 : 100), train = n - n / 10;
    if (n - train <= context)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %lld characters are too few for --context %lld",
                  file ? file : "the text that is built in", (long long)n, (long long)context);
    for (size_t i = 0; i < size; i++) number[s[i]] = 1;
    for (int k = 0; k < 256; k++)
        if (number[k]) c->of[number[k] = c->count++] = (unsigned char)k;
    int64_t *all = calloc((size_t)n + 1, sizeof *all);
    for (int64_t i = 0; all && i < n; i++) all[i] = number[s[(size_t)i % size]];
    REEL_SCOPE;
    reel_tensor *x = all ? reel_to(reel_from(all, reel_shape(n), REEL_I64), device) : NULL;
    c->train = reel_retain(reel_slice(x, 0, 0, train, 1));
    c->valid = reel_retain(reel_slice(x, 0, train, n, 1));
    free(all);
    free(bytes);
}

void characters_free(characters *c) {
    reel_release(c->train);
    reel_release(c->valid);
}
