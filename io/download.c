/* MNIST's files from public mirrors. What comes is checked before it touches the disk. */
#include "io/io_internal.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

/* Without a network each mirror costs at most the time to connect. A server that stalls is given
 * up. */
static const long connect_seconds = 4, stall_seconds = 10, stall_bytes_per_second = 1000;
static const size_t most_bytes = 64 << 20;

/* ---- libcurl, loaded where it is needed: programs that read their own data do without ---- */

static struct {
    __typeof__(curl_easy_init) *init;
    __typeof__(curl_easy_cleanup) *cleanup;
    __typeof__(curl_easy_perform) *perform;
    __typeof__(curl_easy_strerror) *text;
    CURLcode (*set)(CURL *curl, CURLoption option, ...);
    const char *missing; /* why it can't be had; NULL: it can */
} lib;

static void load(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    lib.missing = "no libcurl.so.4 on this machine";
    if (!library) return;
    *(void **)&lib.init = dlsym(library, "curl_easy_init");
    *(void **)&lib.cleanup = dlsym(library, "curl_easy_cleanup");
    *(void **)&lib.perform = dlsym(library, "curl_easy_perform");
    *(void **)&lib.text = dlsym(library, "curl_easy_strerror");
    *(void **)&lib.set = dlsym(library, "curl_easy_setopt");
    if (lib.init && lib.cleanup && lib.perform && lib.text && lib.set) lib.missing = NULL;
}

/* ---- fetching a URL into memory ---- */

typedef struct {
    uint8_t *bytes;
    size_t size, capacity;
} buffer;

/* libcurl's write callback: taking less than it offers ends the transfer. */
static size_t append(char *from, size_t one, size_t n, void *user) {
    buffer *b = user;
    (void)one; /* always 1 */
    if (n > most_bytes - b->size) return 0;
    if (b->size + n > b->capacity) {
        size_t capacity = 2 * (b->size + n);
        uint8_t *larger = realloc(b->bytes, capacity);
        if (larger == NULL) return 0;
        b->bytes = larger;
        b->capacity = capacity;
    }
    memcpy(b->bytes + b->size, from, n);
    b->size += n;
    return n;
}

/* A socket is no descriptor that others print to, and no program's that is started meanwhile. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)user, (void)purpose;
    const int fd = reel__above_standard(
        socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void set_options(CURL *curl, const char *url, buffer *to, char *reason) {
    lib.set(curl, CURLOPT_URL, url);
    lib.set(curl, CURLOPT_FOLLOWLOCATION, 1L);
    lib.set(curl, CURLOPT_MAXREDIRS, 5L);
    lib.set(curl, CURLOPT_FAILONERROR, 1L);
    lib.set(curl, CURLOPT_NOSIGNAL, 1L); /* signals are the program's, not a library's */
    lib.set(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    lib.set(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    lib.set(curl, CURLOPT_LOW_SPEED_TIME, stall_seconds);
    lib.set(curl, CURLOPT_LOW_SPEED_LIMIT, stall_bytes_per_second);
    lib.set(curl, CURLOPT_WRITEFUNCTION, append);
    lib.set(curl, CURLOPT_WRITEDATA, to);
    lib.set(curl, CURLOPT_ERRORBUFFER, reason);
}

/* False, with the reason, if the URL's bytes did not come whole. */
static bool fetch(const char *url, buffer *to, char reason[CURL_ERROR_SIZE]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (lib.missing) {
        snprintf(reason, CURL_ERROR_SIZE, "%s", lib.missing);
        return false;
    }
    CURL *curl = lib.init();
    CURLcode code = CURLE_FAILED_INIT;
    if (curl != NULL) {
        reel__held_signal held; /* of a server that hangs up; curl leaves it to us, see NOSIGNAL */
        set_options(curl, url, to, reason);
        reel__hold_signal(&held, SIGPIPE);
        code = lib.perform(curl);
        lib.cleanup(curl);
        reel__let_signal(&held);
    }
    if (code != CURLE_OK && reason[0] == '\0')
        snprintf(reason, CURL_ERROR_SIZE, "%s", lib.text(code));
    return code == CURLE_OK;
}

/* ---- checking ---- */

/* The SHA-256 of what a gzip of one member holds; false if it is not a whole gzip, if anything
 * comes after it (which readers would take for more of it), or if it holds more than any file of
 * ours. */
static bool hash_gzip(const buffer *gzip, char hex[65]) {
    z_stream z = {.next_in = gzip->bytes, .avail_in = (unsigned)gzip->size};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return false; /* 16: gzip alone */
    reel__sha256 sum;
    reel__sha256_init(&sum);
    uint8_t part[16384];
    int code;
    do {
        z.next_out = part;
        z.avail_out = sizeof part;
        code = inflate(&z, Z_NO_FLUSH);
        reel__sha256_update(&sum, part, sizeof part - z.avail_out);
    } while (code == Z_OK && sum.length <= most_bytes);
    inflateEnd(&z);
    reel__sha256_final(&sum, hex);
    return code == Z_STREAM_END && z.avail_in == 0;
}

static bool is_expected(const buffer *gzip, const char *sha256, char reason[CURL_ERROR_SIZE]) {
    char hex[65];
    if (!hash_gzip(gzip, hex))
        snprintf(reason, CURL_ERROR_SIZE, "what came is not a whole gzip alone");
    else if (strcmp(hex, sha256) != 0)
        snprintf(reason, CURL_ERROR_SIZE, "what came has SHA-256 %.8s..., not %.8s...", hex,
                 sha256);
    else
        return true;
    return false;
}

/* ---- mirrors ---- */

static bool fetch_from(const char *mirror, reel__remote_file file, buffer *to,
                       char reason[CURL_ERROR_SIZE]) {
    char *url;
    if (asprintf(&url, "%s%s", mirror, file.name) < 0) return false;
    reason[0] = '\0';
    to->size = 0;
    bool good = fetch(url, to, reason) && is_expected(to, file.sha256, reason);
    free(url);
    return good;
}

static reel_status save(const buffer *content, const char *directory, const char *name) {
    char *path;
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return reel_fail(REEL_ERR_MEMORY, NULL, "download: out of memory: %s", name);
    reel_status status = reel_make_dirs(directory);
    if (status == REEL_OK) status = reel_file_write(path, content->bytes, content->size);
    free(path);
    return status;
}

reel_status reel__download(const char *const *mirrors, reel__remote_file file,
                           const char *directory) {
    char reason[CURL_ERROR_SIZE] = "out of memory";
    buffer content = {NULL, 0, 0};
    const char *asked = "";
    bool good = false;
    for (; *mirrors != NULL && !good; mirrors++) {
        asked = *mirrors;
        good = fetch_from(asked, file, &content, reason);
    }
    reel_status status =
        good ? save(&content, directory, file.name)
             : reel_fail(REEL_ERR_IO, NULL, "no mirror has it: %s: %s%s", reason, asked, file.name);
    free(content.bytes);
    return status;
}

/* The smallest file comes first: a directory that cannot be written to is found out early. */
reel_status reel__mnist_download(const char *directory) {
    static const char *const mirrors[] = {
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://yann.lecun.com/exdb/mnist/",
        NULL,
    };
    static const reel__remote_file files[] = {
        {"t10k-labels-idx1-ubyte.gz",
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
        {"train-labels-idx1-ubyte.gz",
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
        {"t10k-images-idx3-ubyte.gz",
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
        {"train-images-idx3-ubyte.gz",
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        REEL_TRY(reel__download(mirrors, files[i], directory));
    return REEL_OK;
}
