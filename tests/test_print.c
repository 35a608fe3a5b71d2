/* Printing: numpy's own output, to the letter. The texts are what str(array) of numpy 2.4 gives. */
#include "tests/expect.h"

#include <locale.h>
#include <stdlib.h>

static char *printed(reel_tensor *t) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(f);
    reel_print(f, t);
    fclose(f);
    return text;
}

static void expect_print(reel_tensor *t, const char *text) {
    char *got = printed(t);
    expect_fine();
    ck_assert_ptr_nonnull(t);
    size_t n = strlen(got);
    ck_assert(n > 0 && got[n - 1] == '\n');
    got[n - 1] = '\0';
    ck_assert_str_eq(got, text);
    free(got);
}

