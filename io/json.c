/* JSON (RFC 8259), read value by value where it lies: nothing is allocated, so nothing is lost for
 * want of memory. */
#include "io/io_internal.h"

#include <string.h>

enum { MOST_NESTED = 64 }; /* brackets within a value that is skipped */

static bool fail(reel__json *j, const char *what) {
    if (j->wrong == NULL) j->wrong = what;
    return false;
}

void reel__json_start(reel__json *j, char *text, size_t size) {
    *j = (reel__json){.begin = text, .at = text, .end = text + size};
}

/* The character to come, white space left out; NUL at the end, and after a failure. (A NUL in the
 * text is none of JSON's either.) */
static char next(reel__json *j) {
    while (j->at < j->end && *j->at != '\0' && strchr(" \t\n\r", *j->at) != NULL) j->at++;
    return j->at < j->end && j->wrong == NULL ? *j->at : '\0';
}

static bool take(reel__json *j, char c, const char *otherwise) {
    if (next(j) != c) return fail(j, otherwise);
    j->at++;
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

reel__json_kind reel__json_peek(reel__json *j) {
    char c = next(j);
    if (c == '{') return REEL__JSON_OBJECT;
    if (c == '[') return REEL__JSON_LIST;
    if (c == '"') return REEL__JSON_STRING;
    if (c == '-' || is_digit(c)) return REEL__JSON_NUMBER;
    if (c == 't' || c == 'f' || c == 'n') return REEL__JSON_WORD;
    fail(j, "a value is missing");
    return REEL__JSON_NONE;
}

bool reel__json_end(reel__json *j) {
    next(j);
    return j->wrong == NULL && (j->at == j->end || fail(j, "more than one value"));
}

/* ---- lists and objects ---- */

void reel__json_enter(reel__json *j) {
    next(j);
    j->at++;
    j->first = true;
}

bool reel__json_more(reel__json *j, char close) {
    const bool first = j->first;
    j->first = false;
    if (next(j) == close) {
        j->at++;
        return false;
    }
    if (!first) take(j, ',', close == '}' ? "no , or }" : "no , or ]");
    return j->wrong == NULL;
}

char *reel__json_key(reel__json *j) {
    if (next(j) != '"') {
        fail(j, "no key");
        return NULL;
    }
    char *key = reel__json_string(j);
    return take(j, ':', "no : after a key") ? key : NULL;
}

/* ---- strings ---- */

size_t reel__utf8_length(const char *text, const char *end) {
    static const struct {
        uint8_t mask, lead;
        uint32_t least; /* what fits into fewer bytes must not be written in so many */
    } forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const uint8_t *b = (const uint8_t *)text;
    for (size_t more = 0; more < 4; more++) {
        if ((b[0] & forms[more].mask) != forms[more].lead) continue;
        uint32_t c = b[0] & (uint8_t)~forms[more].mask;
        if ((size_t)(end - text) <= more) return 0;
        for (size_t i = 1; i <= more; i++) {
            if ((b[i] & 0xc0) != 0x80) return 0;
            c = c << 6 | (b[i] & 0x3f);
        }
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        return c < forms[more].least || surrogate || c > 0x10ffff ? 0 : more + 1;
    }
    return 0;
}

static char *put_utf8(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    *to++ = (char)((0xf00 >> (more + 1) & 0xff) | c >> 6 * more);
    while (more-- > 0) *to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
    return to;
}

/* The four hexadecimal digits of \uXXXX; UINT32_MAX if there are none. */
static uint32_t take_hex(reel__json *j) {
    uint32_t c = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = j->at < j->end && *j->at != '\0'
                                ? strchr(digits + (*j->at >= 'A' && *j->at <= 'F' ? 16 : 0), *j->at)
                                : NULL;
        if (digit == NULL) return UINT32_MAX;
        c = c << 4 | (uint32_t)((digit - digits) & 15);
    }
    return c;
}

/* What \u stands for: one code point, of a pair of surrogates too. 0 is refused: names end at it.
 */
static uint32_t take_code_point(reel__json *j) {
    uint32_t c = take_hex(j);
    if (c >= 0xd800 && c <= 0xdbff && j->end - j->at >= 2 && j->at[0] == '\\' && j->at[1] == 'u') {
        j->at += 2;
        uint32_t low = take_hex(j);
        c = low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0;
    }
    return c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : c;
}

/* Past a backslash. */
static char *take_escape(reel__json *j, char *to) {
    static const char names[] = "\"\\/bfnrt", stand_for[] = "\"\\/\b\f\n\r\t";
    if (j->at == j->end || *j->at == '\0') {
        fail(j, "a string without an end");
        return to;
    }
    const char c = *j->at++, *name = strchr(names, c);
    const uint32_t code = name != NULL ? (uint32_t)stand_for[name - names]
                          : c == 'u'   ? take_code_point(j)
                                       : 0;
    if (code == 0) fail(j, "no such escape in a string");
    return put_utf8(to, code);
}

/* Decoded in place: what an escape stands for is shorter than the escape. */
char *reel__json_string(reel__json *j) {
    if (!take(j, '"', "no string")) return NULL;
    char *string = j->at, *to = string;
    while (j->wrong == NULL && j->at < j->end && *j->at != '"') {
        const size_t n = reel__utf8_length(j->at, j->end);
        if (n == 0) {
            fail(j, "a string that is not UTF-8");
        } else if ((unsigned char)*j->at < ' ') {
            fail(j, "a control character in a string");
        } else if (*j->at == '\\') {
            j->at++;
            to = take_escape(j, to);
        } else {
            memmove(to, j->at, n);
            to += n;
            j->at += n;
        }
    }
    if (j->wrong == NULL && j->at == j->end) fail(j, "a string without an end");
    if (j->wrong != NULL) return NULL;
    j->at++;
    *to = '\0';
    return string;
}

/* ---- numbers, words, and whatever there is ---- */

static bool take_digits(reel__json *j) {
    const char *from = j->at;
    while (j->at < j->end && is_digit(*j->at)) j->at++;
    return j->at > from || fail(j, "no number");
}

static bool comes(const reel__json *j, const char *characters) {
    return j->at < j->end && *j->at != '\0' && strchr(characters, *j->at) != NULL;
}

/* True if it is a whole one, without sign, point or exponent. */
static bool take_number(reel__json *j) {
    const char *from = j->at;
    if (comes(j, "-")) j->at++;
    const bool zero = comes(j, "0");
    const char *digits = j->at;
    if (!take_digits(j)) return false;
    if (zero && j->at - digits > 1) return fail(j, "a number with a zero before it");
    bool whole = *from != '-';
    if (comes(j, ".")) {
        whole = false;
        j->at++;
        take_digits(j);
    }
    if (comes(j, "eE")) {
        whole = false;
        j->at++;
        if (comes(j, "+-")) j->at++;
        take_digits(j);
    }
    return whole && j->wrong == NULL;
}

bool reel__json_size(reel__json *j, uint64_t *n) {
    if (reel__json_peek(j) != REEL__JSON_NUMBER) return false;
    const char *from = j->at;
    if (!take_number(j)) return false;
    uint64_t value = 0;
    for (; from < j->at; from++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*from - '0'), &value) || value > INT64_MAX)
            return fail(j, "a number that is too large");
    *n = value;
    return true;
}

static void take_word(reel__json *j) {
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        const size_t n = strlen(words[i]);
        if ((size_t)(j->end - j->at) < n || memcmp(j->at, words[i], n) != 0) continue;
        j->at += n;
        return;
    }
    fail(j, "an unknown word");
}

static void skip_at(reel__json *j, int depth) {
    const reel__json_kind kind = reel__json_peek(j);
    if (kind == REEL__JSON_STRING) {
        reel__json_string(j);
    } else if (kind == REEL__JSON_NUMBER) {
        take_number(j);
    } else if (kind == REEL__JSON_WORD) {
        take_word(j);
    } else if (kind != REEL__JSON_NONE && depth == MOST_NESTED) {
        fail(j, "nested too deeply");
    } else if (kind != REEL__JSON_NONE) {
        reel__json_enter(j);
        while (reel__json_more(j, kind == REEL__JSON_OBJECT ? '}' : ']')) {
            if (kind == REEL__JSON_OBJECT) reel__json_key(j);
            if (j->wrong == NULL) skip_at(j, depth + 1);
        }
    }
}

void reel__json_skip(reel__json *j) {
    skip_at(j, 0);
}

/* ---- writing ---- */

/* One byte that may not stand in a string as it is. */
static void put_escaped(reel__text *b, char c) {
    static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *name = strchr(named, c);
    if (name != NULL)
        reel__text_add(b, "\\%c", names[name - named]);
    else
        reel__text_add(b, "\\u%04X", (unsigned char)c);
}

bool reel__json_put_string(reel__text *b, const char *text) {
    const char *end = text + strlen(text);
    reel__text_add(b, "\"");
    while (text < end) {
        const char *plain = text;
        while (text < end && (unsigned char)*text >= ' ' && *text != '"' && *text != '\\') {
            const size_t n = reel__utf8_length(text, end);
            if (n == 0) return false;
            text += n;
        }
        reel__text_add(b, "%.*s", (int)(text - plain), plain);
        if (text < end) put_escaped(b, *text++);
    }
    reel__text_add(b, "\"");
    return true;
}
