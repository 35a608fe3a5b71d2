/* Downloads, from a server of the test's own, and the sum that they are checked by. */
#include "io/io_internal.h"
#include "tests/temp_dir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- SHA-256 ---- */

static void sha256_of(const char *text, size_t n, size_t part, char hex[65]) {
    reel__sha256 sum;
    reel__sha256_init(&sum);
    for (size_t i = 0; i < n; i += part)
        reel__sha256_update(&sum, text + i, n - i < part ? n - i : part);
    reel__sha256_final(&sum, hex);
}

/* The examples of FIPS 180-4's companion, and a million times "a". */
START_TEST(sha256_vectors) {
    static char million[1000000];
    memset(million, 'a', sizeof million);
    static const struct {
        const char *text, *hex;
        size_t n;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", 56},
        {million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const size_t parts[] = {1, 63, 64, 65, 1000000};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            char hex[65];
            sha256_of(cases[i].text, cases[i].n, parts[k], hex);
            ck_assert_str_eq(hex, cases[i].hex);
        }
    }
}
END_TEST

/* ---- a server of the test's own ---- */

/* What it answers to "GET path"; the one without a path, the last, answers all else. */
typedef struct {
    const char *path;
    const char *head;
    const void *body;
    size_t size;
} answer;

typedef struct {
    int listener;
    int port;
    const answer *answers;
    int count;
    pthread_t thread;
} server;

static atomic_int good_connections, bad_connections; /* seen while answering */

/* curl's end of the connection is above the standard descriptors, and no child's to inherit. */
static void look_at_descriptors(const server *s) {
    for (int fd = 0; fd < 64; fd++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || peer.sin_family != AF_INET)
            continue;
        if (ntohs(peer.sin_port) != s->port) continue;
        const bool good = fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC);
        good_connections += good;
        bad_connections += !good;
    }
}

static void reply(server *s, int client) {
    char request[4096];
    ssize_t n = recv(client, request, sizeof request - 1, 0);
    if (n <= 0) return;
    request[n] = '\0';
    const answer *a = s->answers;
    while (a->path != NULL && strncmp(request + 4, a->path, strlen(a->path)) != 0) a++;
    send(client, a->head, strlen(a->head), MSG_NOSIGNAL);
    send(client, a->body, a->size, MSG_NOSIGNAL);
}

/* Serves `count` requests, one after the other. */
static void *serve(void *user) {
    server *s = user;
    for (int i = 0; i < s->count; i++) {
        int low = accept(s->listener, NULL, NULL), client = fcntl(low, F_DUPFD, 10);
        close(low);
        look_at_descriptors(s);
        reply(s, client);
        close(client);
    }
    return NULL;
}

static void server_start(server *s, const answer *answers, int count) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int low = socket(AF_INET, SOCK_STREAM, 0);
    s->listener = fcntl(low, F_DUPFD, 10);
    close(low);
    ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(s->listener, 8), 0);
    ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    s->answers = answers;
    s->count = count;
    ck_assert_int_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(server *s) {
    pthread_join(s->thread, NULL);
    close(s->listener);
}

/* ---- downloads ---- */

static const char ok[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
static const char not_found[] = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n";
static const char too_short[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
static const char moved[] =
    "HTTP/1.1 302 Found\r\nLocation: /good/f.gz\r\nConnection: close\r\n\r\n";
static const char to_file[] = "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n";

/* The sum is that of "hello". */
static const reel__remote_file hello = {
    "f.gz", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"};

static void gzip_of(const char *text, void **gzip, size_t *n) {
    put_gz(in_dir("text.gz"), text, strlen(text));
    ck_assert_int_eq(reel_file_read(in_dir("text.gz"), gzip, n), REEL_OK);
    unlink(in_dir("text.gz"));
}

/* Asks the mirrors under the named paths, of which `requests` will be reached. *gzip is what a good
 * one answers; free it. */
static reel_status download(const char *const paths[4], int requests, void **gzip, size_t *n) {
    void *wrong;
    size_t wrong_size;
    char twice[256];
    gzip_of("hello", gzip, n);
    gzip_of("hullo", &wrong, &wrong_size);
    memcpy(twice, *gzip, *n);
    memcpy(twice + *n, wrong, wrong_size);
    const answer answers[] = {
        {"/good/f.gz", ok, *gzip, *n},
        {"/wrong/f.gz", ok, wrong, wrong_size},
        {"/page/f.gz", ok, "<html>", 6},
        {"/cut/f.gz", ok, *gzip, *n - 3},
        {"/twice/f.gz", ok, twice, *n + wrong_size},
        {"/tail/f.gz", ok, twice, *n + 1},
        {"/short/f.gz", too_short, *gzip, *n},
        {"/moved/f.gz", moved, "", 0},
        {"/file/f.gz", to_file, "", 0},
        {"/empty/f.gz", ok, "", 0},
        {NULL, not_found, "", 0},
    };
    setenv("no_proxy", "*", 1);
    server s;
    server_start(&s, answers, requests);
    char urls[4][64];
    const char *mirrors[5] = {NULL};
    for (int i = 0; i < 4 && paths[i] != NULL; i++) {
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d/%s/", s.port, paths[i]);
        mirrors[i] = urls[i];
    }
    reel_status status = reel__download(mirrors, hello, in_dir("new/cache"));
    server_stop(&s);
    free(wrong);
    return status;
}

static void expect_download(const char *const paths[4], int requests) {
    void *gzip;
    size_t n;
    ck_assert_int_eq(download(paths, requests, &gzip, &n), REEL_OK);
    expect_fine();
    expect_content(in_dir("new/cache/f.gz"), gzip, n);
    ck_assert_int_eq(entries(in_dir("new/cache")), 1);
    free(gzip);
}

START_TEST(download_good) {
    expect_download((const char *const[4]){"good", "wrong"}, 1);
    expect_download((const char *const[4]){"moved"}, 2);
}
END_TEST

START_TEST(download_from_the_next_mirror) {
    expect_download((const char *const[4]){"missing", "wrong", "cut", "good"}, 4);
    expect_download((const char *const[4]){"page", "short", "empty", "good"}, 4);
}
END_TEST

START_TEST(download_fails) {
    static const struct {
        const char *path, *word;
    } cases[] = {{"missing", "404"},
                 {"wrong", "SHA-256"},
                 {"page", "not a whole gzip"},
                 {"cut", "not a whole gzip"},
                 {"short", "transfer closed"},
                 {"empty", "not a whole gzip"},
                 {"twice", "not a whole gzip alone"},
                 {"tail", "not a whole gzip alone"},
                 {"file", "/file/"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *gzip;
        size_t n;
        ck_assert_int_eq(download((const char *const[4]){cases[i].path}, 1, &gzip, &n),
                         REEL_ERR_IO);
        free(gzip);
        expect_failure_at(REEL_ERR_IO, cases[i].word, "127.0.0.1");
        ck_assert(!reel_file_exists(in_dir("new")));
    }
}
END_TEST

/* Where the parent has closed 0 to 2, what others print there does not go to the server; and the
 * thread's signals are as they were. */
START_TEST(download_without_standard_descriptors) {
    static const char *const good[4] = {"good"};
    void *gzip;
    size_t n;
    int saved[3];
    sigset_t after;
    good_connections = bad_connections = 0;
    fflush(NULL);
    for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10), close(i);
    const reel_status status = download(good, 1, &gzip, &n);
    for (int i = 0; i < 3; i++) dup2(saved[i], i), close(saved[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(status, REEL_OK);
    ck_assert_int_eq(good_connections, 1);
    ck_assert_int_eq(bad_connections, 0);
    ck_assert(!sigismember(&after, SIGPIPE));
    free(gzip);
}
END_TEST

/* ---- the suite ---- */

int main(void) {
    Suite *s = suite_create("download");
    TCase *sha256 = add_dir_case(s, "sha256");
    tcase_add_test(sha256, sha256_vectors);
    TCase *mirrors = add_dir_case(s, "mirrors");
    tcase_add_test(mirrors, download_good);
    tcase_add_test(mirrors, download_from_the_next_mirror);
    tcase_add_test(mirrors, download_fails);
    tcase_add_test(mirrors, download_without_standard_descriptors);
    return run_suite(s);
}
