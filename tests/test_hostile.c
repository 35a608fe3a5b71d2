/* Files made to do harm: JSON that is none, safetensors that lie. Each is refused in one line that
 * says why, or read rightly; at once, and in no more memory than the file is long. (Small lies of a
 * header are in test_files.c.) */
#include "io/io_internal.h"
#include "tests/temp_dir.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- JSON ---- */

/* Reads `text` as any one value; what is wrong with it, NULL if nothing is. The text is a block of
 * just its size, so that a sanitizer sees what is read past it. */
static const char *wrong_with(const char *text, size_t size, size_t *at) {
    char *copy = malloc(size + 1);
    ck_assert_ptr_nonnull(copy);
    char *exact = copy + 1;
    memcpy(exact, text, size);
    reel__json j;
    reel__json_start(&j, exact, size);
    reel__json_skip(&j);
    reel__json_end(&j);
    *at = (size_t)(j.at - j.begin);
    free(copy);
    return j.wrong;
}

static const char *const right_json[] = {
    "{}",
    "[]",
    " \t\r\n[ ] ",
    "0",
    "-0",
    "-1.5e+3",
    "1E5",
    "123456789012345678901234567890",
    "true",
    "[false,null]",
    "\"\"",
    "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
    "{\"a\":[1,{\"b\":\"c\"},[]],\"a\":{}}",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
};

static const struct {
    const char *text, *says;
} wrong_json[] = {
    {"", "a value is missing"},
    {" ", "a value is missing"},
    {"{", "no key"},
    {"[", "a value is missing"},
    {"[1", "no , or ]"},
    {"[1,", "a value is missing"},
    {"[1,]", "a value is missing"},
    {"[,1]", "a value is missing"},
    {"[1 2]", "no , or ]"},
    {"[1}", "no , or ]"},
    {"{\"a\"}", "no : after a key"},
    {"{\"a\":}", "a value is missing"},
    {"{\"a\":1,}", "no key"},
    {"{\"a\":1 \"b\":2}", "no , or }"},
    {"{a:1}", "no key"},
    {"{1:1}", "no key"},
    {"[]]", "more than one value"},
    {"1 2", "more than one value"},
    {"tru", "an unknown word"},
    {"truE", "an unknown word"},
    {"nul", "an unknown word"},
    {"NaN", "a value is missing"},
    {"-", "no number"},
    {"-a", "no number"},
    {"+1", "a value is missing"},
    {".5", "a value is missing"},
    {"1.", "no number"},
    {"1.e5", "no number"},
    {"1e", "no number"},
    {"1e+", "no number"},
    {"01", "a number with a zero before it"},
    {"-00", "a number with a zero before it"},
    {"0x10", "more than one value"},
    {"\"", "a string without an end"},
    {"\"abc", "a string without an end"},
    {"\"\\", "a string without an end"},
    {"\"\\\"", "a string without an end"},
    {"\"\\x\"", "no such escape"},
    {"\"\\u12\"", "no such escape"},
    {"\"\\u12g4\"", "no such escape"},
    {"\"\\u", "no such escape"},
    {"\"\\u0000\"", "no such escape"},
    {"\"\\uD83D\"", "no such escape"},
    {"\"\\uD83D\\n\"", "no such escape"},
    {"\"\\uD83Dx\"", "no such escape"},
    {"\"\\uD83D\\uD83D\"", "no such escape"},
    {"\"\\uDE00\"", "no such escape"},
    {"\"a\nb\"", "a control character"},
    {"\"\x1f\"", "a control character"},
    {"\"\x80\"", "not UTF-8"},
    {"\"\xff\"", "not UTF-8"},
    {"\"\xc3\"", "not UTF-8"},
    {"\"\xc3", "not UTF-8"},
    {"\"\xc0\x80\"", "not UTF-8"},
    {"\"\xe0\x80\x80\"", "not UTF-8"},
    {"\"\xed\xa0\x80\"", "not UTF-8"},
    {"\"\xf0\x80\x80\x80\"", "not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "not UTF-8"},
    {"\"\xf8\x88\x80\x80\x80\"", "not UTF-8"},
};

START_TEST(json_right_and_wrong) {
    size_t at;
    for (size_t i = 0; i < sizeof right_json / sizeof *right_json; i++) {
        const char *wrong = wrong_with(right_json[i], strlen(right_json[i]), &at);
        ck_assert_msg(wrong == NULL, "%s: %s at byte %zu", right_json[i], wrong, at);
    }
    for (size_t i = 0; i < sizeof wrong_json / sizeof *wrong_json; i++) {
        const char *text = wrong_json[i].text, *wrong = wrong_with(text, strlen(text), &at);
        ck_assert_msg(wrong != NULL, "%s: nothing wrong", text);
        ck_assert_msg(strstr(wrong, wrong_json[i].says), "%s: %s", text, wrong);
        ck_assert_uint_le(at, strlen(text));
    }
    ck_assert_ptr_nonnull(wrong_with("\0", 1, &at));
    ck_assert_ptr_nonnull(wrong_with("{}\0", 3, &at));
    ck_assert_ptr_nonnull(wrong_with("\"a\0\"", 4, &at));
    ck_assert_ptr_nonnull(wrong_with("[1\0]", 4, &at));
}
END_TEST

START_TEST(json_strings_there_and_back) {
    static const char *const strings[] = {"", "plain", "\"\\/", "\b\f\n\r\t\x01\x1f\x7f",
                                          "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        reel__text b = {0};
        reel__json j;
        ck_assert(reel__json_put_string(&b, strings[i]));
        reel__json_start(&j, b.text, b.used);
        ck_assert_str_eq(reel__json_string(&j), strings[i]);
        ck_assert(reel__json_end(&j));
        free(b.text);
    }
    char escaped[] = "\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\u001f\"";
    reel__json j;
    reel__json_start(&j, escaped, sizeof escaped - 1);
    ck_assert_str_eq(reel__json_string(&j), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x1f");
    reel__text b = {0};
    ck_assert(!reel__json_put_string(&b, "a\xff"));
    free(b.text);
}
END_TEST

START_TEST(json_sizes) {
    static const struct {
        const char *text;
        uint64_t n;
        bool size, wrong;
    } numbers[] = {
        {"0", 0, true, false},
        {"9223372036854775807", INT64_MAX, true, false},
        {"9223372036854775808", 0, false, true},
        {"18446744073709551617", 0, false, true},
        {"99999999999999999999999", 0, false, true},
        {"-1", 0, false, false},
        {"1.0", 0, false, false},
        {"1e2", 0, false, false},
        {"\"1\"", 0, false, false},
        {"01", 0, false, true},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[32];
        uint64_t n = 0;
        reel__json j;
        strcpy(text, numbers[i].text);
        reel__json_start(&j, text, strlen(text));
        ck_assert_msg(reel__json_size(&j, &n) == numbers[i].size, "%s", text);
        ck_assert_msg((j.wrong != NULL) == numbers[i].wrong, "%s: %s", text, j.wrong);
        ck_assert_uint_eq(n, numbers[i].n);
    }
}
END_TEST

/* ---- safetensors ---- */

typedef struct {
    double seconds;
    long kilobytes; /* the most that this process has had so far */
} cost;

static cost cost_now(void) {
    struct timespec t;
    struct rusage used;
    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &used);
    return (cost){(double)t.tv_sec + 1e-9 * (double)t.tv_nsec, used.ru_maxrss};
}

static long most_times = 3; /* a file's size may become so many times as much in memory */

/* Reads the file at `path`: NULL is expected with a line of that code that says so and names the
 * file, a state if says is NULL. */
static reel_state *read_cheaply(const char *path, reel_status code, const char *says) {
    struct stat info;
    const cost before = cost_now();
    reel_state *s = reel_safetensors_read(path);
    const cost after = cost_now();
    const long size = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (long)info.st_size : 0;
    const double most =
        getenv("CK_FORK") ? 100 : 5; /* seconds: valgrind takes twenty times as long */
    ck_assert_msg(after.seconds - before.seconds < most, "%g s", after.seconds - before.seconds);
    ck_assert_msg(after.kilobytes - before.kilobytes < 40000 + most_times * size / 1024,
                  "%ld kB more", after.kilobytes - before.kilobytes);
    if (says == NULL) {
        expect_fine();
        ck_assert_ptr_nonnull(s);
    } else {
        ck_assert_ptr_null(s);
        ck_assert_uint_lt(strlen(reel_error()), 400);
        expect_failure_at(code, says, path);
    }
    return s;
}

/* A file of the length `n`, `size` bytes of header, and `data` zeros. */
static const char *make_file(uint64_t n, const char *header, size_t size, size_t data) {
    const char *path = in_dir("hostile");
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    fwrite(&n, 1, sizeof n, f);
    fwrite(header, 1, size, f);
    for (size_t i = 0; i < data; i++) fputc(0, f);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

static const char *header_file(const char *header, size_t data) {
    return make_file(strlen(header), header, strlen(header), data);
}

static void refused(const char *header, size_t data, reel_status code, const char *says) {
    read_cheaply(header_file(header, data), code, says);
}

START_TEST(lengths) {
    const reel_status bad = REEL_ERR_FORMAT;
    read_cheaply(make_file(0, "", 0, 0), bad, "no JSON object");
    read_cheaply(make_file(0, "{}", 2, 0), bad, "no JSON object");
    read_cheaply(make_file(3, "{}", 2, 0), bad, "a header of 3 bytes");
    read_cheaply(make_file(UINT64_C(1) << 63, "{}", 2, 0), bad, "a header of 9223372036854775808");
    read_cheaply(make_file(UINT64_MAX, "{}", 2, 0), bad, "a header of 18446744073709551615");
    read_cheaply(make_file(UINT64_MAX - 7, "{}", 2, 0), bad, "a header of 18446744073709551608");
    read_cheaply(make_file(1, "{}", 2, 0), bad, "at byte 1");
    reel_state_free(read_cheaply(make_file(2, "{}", 2, 0), REEL_OK, NULL));
}
END_TEST

/* A header may have any length; ours have multiples of 8. */
START_TEST(headers_not_aligned) {
    const char header[] =
        "{\"w\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}        ";
    for (size_t n = strlen(header) - 8; n <= strlen(header); n++) {
        reel_state *s = read_cheaply(make_file(n, header, n, 8), REEL_OK, NULL);
        ck_assert_double_eq(*(double *)reel_data(reel_state_get(s, "w")), 0);
        reel_state_free(s);
    }
}
END_TEST

#define T(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

START_TEST(shapes) {
    const reel_status bad = REEL_ERR_FORMAT;
    refused("{\"a\":" T("[0,-1]", "[0,0]") "}", 0, bad, "a dimension is no size");
    refused("{\"a\":" T("[0.5]", "[0,0]") "}", 0, bad, "a dimension is no size");
    refused("{\"a\":" T("[1e0]", "[0,4]") "}", 4, bad, "a dimension is no size");
    refused("{\"a\":" T("[\"1\"]", "[0,4]") "}", 4, bad, "a dimension is no size");
    refused("{\"a\":" T("[null]", "[0,4]") "}", 4, bad, "a dimension is no size");
    refused("{\"a\":" T("[[1]]", "[0,4]") "}", 4, bad, "a dimension is no size");
    refused("{\"a\":" T("[18446744073709551617]", "[0,4]") "}", 4, bad, "too large");
    refused("{\"a\":" T("[0,4611686018427387904,4]", "[0,0]") "}", 0, bad, "shape overflows");
    refused("{\"a\":" T("[1,2", "[0,4]") "}", 4, bad, "a dimension is no size");
    reel_state *s = read_cheaply(
        header_file("{\"a\":" T("[0,4611686018427387904]", "[0,0]") "}", 0), REEL_OK, NULL);
    ck_assert_int_eq(reel_numel(reel_state_get(s, "a")), 0);
    reel_state_free(s);
}
END_TEST

START_TEST(offsets) {
    const reel_status bad = REEL_ERR_FORMAT;
    refused("{\"a\":" T("[1]", "[4,0]") "}", 4, bad, "outside the file");
    refused("{\"a\":" T("[0]", "[0,-0]") "}", 0, bad, "no pair of sizes");
    refused("{\"a\":" T("[1]", "[]") "}", 4, bad, "no pair of sizes");
    refused("{\"a\":" T("[1]", "[0]") "}", 4, bad, "no pair of sizes");
    refused("{\"a\":" T("[1]", "[0,[4]]") "}", 4, bad, "no pair of sizes");
    refused("{\"a\":" T("[1]", "{\"0\":4}") "}", 4, bad, "no pair of sizes");
    refused("{\"a\":" T("[1]", "null") "}", 4, bad, "no pair of sizes");
    refused("{\"a\":" T("[1]", "[0,4") "}", 4, bad, "no , or ]");
    refused("{\"a\":" T("[1]", "[0,9223372036854775807]") "}", 4, bad, "outside the file");
    refused("{\"a\":" T("[2]", "[0,8]") ",\"b\":" T("[2]", "[4,12]") "}", 12, bad, "overlaps");
    refused("{\"a\":" T("[2]", "[0,8]") ",\"b\":" T("[0]", "[4,4]") "}", 8, bad, "overlaps");
    refused("{\"a\":" T("[0]", "[1,1]") "}", 0, bad, "outside the file");
    refused("{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, bad,
            "do not fit shape and dtype");
}
END_TEST

START_TEST(keys) {
    const reel_status bad = REEL_ERR_FORMAT;
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
            bad, "duplicate");
    refused("{\"a\":" T("[0]", "[0,0]") ",\"\\u0061\":" T("[0]", "[0,0]") "}", 0, bad, "duplicate");
    refused("{\"__metadata__\":{},\"__metadata__\":{}}", 0, bad, "duplicate");
    refused("{\"\":" T("[0]", "[0,0]") "}", 0, bad, "no name");
    refused("{\"__metadata__\":{\"\":\"v\"}}", 0, bad, "__metadata__ ''");
    refused("{\"__metadata__\":{\"k\":[]}}", 0, bad, "'k' is no string");
    refused("{\"__metadata__\":{\"k\":null}}", 0, bad, "'k' is no string");
    refused("{\"__metadata__\":{\"k\":\"\\ud800\"}}", 0, bad, "no such escape");
    refused("{\"__metadata__\":[]}", 0, bad, "__metadata__ is no JSON object");
    refused("{\"__metadata__\":{\"k\":\"v\"}", 0, bad, "no , or }");
    refused("{\"a\":{\"dtype\":null,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, bad, "dtype");
    refused("{\"a\xc3\x28\":" T("[0]", "[0,0]") "}", 0, bad, "not UTF-8");
    refused("{\"a\tb\":" T("[0]", "[0,0]") "}", 0, bad, "a control character");
    /* Keys that say nothing here are passed over, whatever they hold. */
    reel_state_free(read_cheaply(
        header_file("{\"a\":{\"x\":[1.5e3,{\"y\":[true,null]}],\"dtype\":\"F32\",\"shape\":[1],"
                    "\"data_offsets\":[0,4],\"z\":\"\"}}",
                    4),
        REEL_OK, NULL));
}
END_TEST

/* They come back as they are, and a message about them is still one line. */
START_TEST(names_with_control_characters) {
    reel_state *s =
        read_cheaply(header_file("{\"a\\n\\u001b[31m\":" T("[0]", "[0,0]") "}", 0), REEL_OK, NULL);
    ck_assert_str_eq(reel_state_name(s, 0), "a\n\x1b[31m");
    ck_assert_int_eq(reel_safetensors_write(s, in_dir("again")), REEL_OK);
    reel_state_free(s);
    s = read_cheaply(in_dir("again"), REEL_OK, NULL);
    ck_assert_str_eq(reel_state_name(s, 0), "a\n\x1b[31m");
    reel_state_free(s);
    refused("{\"a\\n\\u001b[31m\":" T("[1]", "[0,0]") "}", 0, REEL_ERR_FORMAT, "'a??[31m'");
}
END_TEST

/* text[size] = front, then `part` `times` times. */
static char *repeat(const char *front, const char *part, int times, size_t *size) {
    const size_t m = strlen(front), n = strlen(part);
    char *text = malloc(m + n * (size_t)times + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, front, m);
    for (int i = 0; i < times; i++) memcpy(text + m + n * (size_t)i, part, n);
    *size = m + n * (size_t)times;
    return text;
}

START_TEST(deep) {
    static const struct {
        const char *front, *part, *says;
    } towers[] = {
        {"", "[", "no JSON object"},
        {"", "{\"a\":", "nested too deeply"},
        {"{\"a\":", "[", "tensor 'a': no JSON object"},
        {"{\"a\":{\"x\":", "[", "nested too deeply"},
        {"{\"a\":{\"x\":", "{\"b\":", "nested too deeply"},
        {"{\"a\":{\"shape\":", "[", "a dimension is no size"},
        {"{\"a\":{\"data_offsets\":", "[", "no pair of sizes"},
        {"{\"__metadata__\":{\"k\":", "[", "is no string"},
    };
    for (size_t i = 0; i < sizeof towers / sizeof *towers; i++) {
        size_t size;
        char *header = repeat(towers[i].front, towers[i].part, 100000, &size);
        read_cheaply(make_file(size, header, size, 0), REEL_ERR_FORMAT, towers[i].says);
        free(header);
    }
}
END_TEST

/* ---- what the system says while a file is read ---- */

static size_t whole_reads = SIZE_MAX; /* after so many, each says `then` */
static int then;                      /* 0: the end; EINTR, once; or another errno */

/* In the place of libc's. */
__attribute__((visibility("default"))) ssize_t pread(int fd, void *to, size_t n, off_t offset) {
    if (whole_reads > 0) {
        whole_reads--;
        return (ssize_t)syscall(SYS_pread64, fd, to, n, offset);
    }
    if (then == 0) return 0;
    if (then == EINTR) whole_reads = SIZE_MAX;
    errno = then;
    return -1;
}

/* The file is cut short while it is read; the disk fails; a signal comes. */
START_TEST(reads_that_fail) {
    const char *path = header_file("{\"a\":" T("[1]", "[0,4]") "}", 4);
    for (size_t reads = 0; reads < 3; reads++) {
        whole_reads = reads;
        then = 0;
        read_cheaply(path, REEL_ERR_FORMAT, "file ends early");
        then = EIO;
        whole_reads = reads;
        read_cheaply(path, REEL_ERR_IO, "cannot read: Input/output error");
        then = EINTR;
        whole_reads = reads;
        reel_state_free(read_cheaply(path, REEL_OK, NULL));
    }
}
END_TEST

/* As many as a header has room for, each no more than a few hundred bytes. */
START_TEST(very_many_tensors) {
    const char *path = in_dir("many");
    most_times = 40; /* a sanitizer doubles it */
    for (int text = 0; text <= 1; text++) {
        FILE *f = fopen(path, "w+b");
        uint64_t n = 0;
        fwrite(&n, sizeof n, 1, f);
        fprintf(f, text ? "{\"__metadata__\":{\"k\":\"\"" : "{\"__metadata__\":{}");
        for (int i = 0; i < 300000; i++)
            fprintf(f, text ? ",\"%d\":\"\"" : ",\"%d\":" T("[0]", "[0,0]"), i);
        fprintf(f, text ? "}}" : "}");
        n = (uint64_t)ftell(f) - sizeof n;
        rewind(f);
        fwrite(&n, sizeof n, 1, f);
        ck_assert_int_eq(fclose(f), 0);
        reel_state_free(read_cheaply(path, REEL_OK, NULL));
    }
}
END_TEST

/* Blocks that FNV-1a, of 32 bits, takes from where the ones before it led to the same place. */
static const char *const pairs[][2] = {
    {"PKqhsj", "oSMKGh"}, {"wSeKRy", "GyOtWi"}, {"RGNgFN", "NiIEuB"}, {"Gyzxyg", "cnmHIY"},
    {"mXgnef", "hkBnSw"}, {"VydcCN", "FhqWWD"}, {"LiMQNl", "BGTrCS"}, {"zISmhk", "HKfrJq"},
    {"DcPGdu", "ZmqlgH"}, {"PyKdEk", "EPlpCN"}, {"DNETXJ", "MAguYn"}, {"LxafYF", "gdDPZs"},
    {"kvUrST", "hqcTwN"}, {"OmlffV", "dpSxjq"}, {"mIkern", "jNvgFq"}, {"CyIYfM", "UyvFXO"}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* 2^16 keys that a well-known hash takes for one: a table that anyone can foresee compares each
 * with each. */
START_TEST(keys_that_meet) {
    char *header = NULL;
    size_t size;
    FILE *f = open_memstream(&header, &size);
    fputs("{\"__metadata__\":{", f);
    for (unsigned n = 0; n < 1u << PAIRS; n++) {
        fputs(n == 0 ? "\"" : ",\"", f);
        for (int i = 0; i < PAIRS; i++) fputs(pairs[i][n >> i & 1], f);
        fputs("\":\"\"", f);
    }
    fputs("}}", f);
    fclose(f);
    most_times = 40; /* a sanitizer doubles it */
    reel_state *s = read_cheaply(make_file(size, header, size, 0), REEL_OK, NULL);
    ck_assert_int_eq(reel_state_text_count(s), 1 << PAIRS);
    reel_state_free(s);
    free(header);
}
END_TEST

START_TEST(no_files) {
    const reel_status io = REEL_ERR_IO;
    ck_assert_int_eq(mkfifo(in_dir("fifo"), 0666), 0);
    read_cheaply(dir, io, "Is a directory");
    read_cheaply(in_dir("fifo"), io, "Not a regular file");
    read_cheaply("/dev/zero", io, "Not a regular file");
    read_cheaply("/dev/null", io, "Not a regular file");
    read_cheaply(in_dir("missing"), io, "No such file");
    ck_assert_int_eq(symlink("loop", in_dir("loop")), 0);
    read_cheaply(in_dir("loop"), io, "symbolic links");
    put(in_dir("empty"), "", 0);
    read_cheaply(in_dir("empty"), REEL_ERR_FORMAT, "0 bytes are no file");
    ck_assert_ptr_null(reel_checkpoint_read("/dev/zero"));
    expect_failure_at(io, "Not a regular file", "/dev/zero");
}
END_TEST

/* ---- what is no file, in any format's place ---- */

static void read_idx(const char *path) {
    ck_assert_ptr_null(reel_idx_read(path));
}

static void read_safetensors(const char *path) {
    ck_assert_ptr_null(reel_safetensors_read(path));
}

static void read_checkpoint(const char *path) {
    ck_assert_ptr_null(reel_checkpoint_read(path));
}

static void read_history(const char *path) {
    ck_assert_ptr_null(reel_history_read(path));
}

static void read_bytes(const char *path) {
    void *bytes = NULL;
    size_t size = 0;
    ck_assert_int_eq(reel_file_read(path, &bytes, &size), REEL_ERR_IO);
    ck_assert_ptr_null(bytes);
}

static void plot_of(const char *path) {
    const reel_plot_line line = {path, "x", "y", NULL, 0, 0};
    ck_assert_int_ne(reel_plot_write(in_dir("p.png"), &line, 1, (reel_plot_options){0}, NULL),
                     REEL_OK);
}

static void copy_of(const char *path) {
    ck_assert_int_ne(reel__checkpoint_copy(path, in_dir("copy")), REEL_OK);
}

/* None waits for a FIFO's writer or for the end of /dev/zero. */
START_TEST(readers_of_what_is_no_file) {
    static void (*const readers[])(const char *) = {
        read_idx, read_safetensors, read_checkpoint, read_history, read_bytes, plot_of, copy_of};
    ck_assert_int_eq(mkfifo(in_dir("fifo"), 0666), 0);
    ck_assert_int_eq(symlink("fifo", in_dir("link")), 0);
    char fifo[512], link[512];
    strcpy(fifo, in_dir("fifo")), strcpy(link, in_dir("link"));
    const char *const paths[] = {fifo, link, "/dev/zero", "/dev/null", "/dev/tty"};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
            const char *says = k < 4 ? "Not a regular file" : "";
            readers[i](paths[k]);
            expect_failure_at(REEL_ERR_IO, says, paths[k]);
        }
        readers[i](dir);
        expect_failure_at(REEL_ERR_IO, "Is a directory", dir);
    }
    ck_assert_int_eq(entries(dir), 2);
}
END_TEST

/* A FIFO among MNIST's files. */
START_TEST(mnist_with_a_fifo) {
    ck_assert_int_eq(mkfifo(in_dir("train-images-idx3-ubyte.gz"), 0666), 0);
    put(in_dir("train-labels-idx1-ubyte"), "", 0);
    reel_mnist m = {0};
    reel_mnist_load(&m, dir);
    expect_failure_at(REEL_ERR_IO, "Not a regular file", in_dir("train-images-idx3-ubyte.gz"));
}
END_TEST

/* Sizes that overflow beside one that is 0, which makes their product small. */
START_TEST(idx_sizes_that_overflow) {
    static const char file[] =
        "\0\0\x08\x04\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    put(in_dir("idx"), file, sizeof file - 1);
    ck_assert_ptr_null(reel_idx_read(in_dir("idx")));
    expect_failure_at(REEL_ERR_FORMAT, "sizes overflow", in_dir("idx"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("hostile");
    TCase *c = add_case(s, "JSON");
    tcase_add_test(c, json_right_and_wrong);
    tcase_add_test(c, json_strings_there_and_back);
    tcase_add_test(c, json_sizes);
    c = add_dir_case(s, "safetensors");
    tcase_add_test(c, lengths);
    tcase_add_test(c, headers_not_aligned);
    tcase_add_test(c, shapes);
    tcase_add_test(c, offsets);
    tcase_add_test(c, keys);
    tcase_add_test(c, names_with_control_characters);
    tcase_add_test(c, deep);
    tcase_add_test(c, very_many_tensors);
    tcase_add_test(c, keys_that_meet);
    tcase_add_test(c, reads_that_fail);
    tcase_add_test(c, no_files);
    c = add_dir_case(s, "others");
    tcase_add_test(c, readers_of_what_is_no_file);
    tcase_add_test(c, mnist_with_a_fifo);
    tcase_add_test(c, idx_sizes_that_overflow);
    return run_suite(s);
}
