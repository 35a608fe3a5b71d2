/* Errors: the first failure of a thread is kept until it is cleared.
 *
 * Nothing in Reel aborts, exits or prints. What fails returns NULL or a status other than REEL_OK,
 * and the thread's first failure is kept with its op, shapes, dtypes, devices and call site. Ops
 * take NULL and return NULL, so that a chain of calls needs one check at its end:
 *
 *     reel_tensor *y = reel_relu(reel_matmul(x, W));
 *     if (reel_failed()) return reel_report(stderr);
 *
 *     matmul: inner dimensions differ: x[40, 784] @ W[100, 784] (model.c:31)
 *
 * While a failure is kept, reel_backward, reel_optim_step and every save do nothing and loaders
 * end: a good checkpoint is never overwritten by a bad run. The state is the thread's own; a loader
 * hands its workers' failures to the thread that reads from it. */
#ifndef REEL_TENSOR_ERROR_H
#define REEL_TENSOR_ERROR_H

#include <stdbool.h>
#include <stdio.h>

#if defined(__GNUC__)
#define REEL_API __attribute__((visibility("default")))
#define REEL__PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define REEL_API
#define REEL__PRINTF(f, a)
#endif

#define REEL__STR_(x) #x
#define REEL__STR(x) REEL__STR_(x)
#define REEL__JOIN_(a, b) a##b
#define REEL__JOIN(a, b) REEL__JOIN_(a, b)

/* A call site: "file:line", or "file:line<TAB>arguments as written". Every op takes one as its
 * first argument; the macro of the op's name fills it in. */
#define REEL_HERE __FILE__ ":" REEL__STR(__LINE__)
#define REEL_AT(...) REEL_HERE "\t" #__VA_ARGS__
#define REEL_SITE(arguments) REEL_HERE "\t" arguments
/* The same of a macro that is another function with some arguments filled in. */
#define REEL__AS(name, arguments) REEL_HERE "\t" arguments "\n" name

/* A value of a type, an array of values, and how many they are: C++ has no compound literals;
 * until C++20 its options are all the fields, in order. */
#ifdef __cplusplus
extern "C++" {
#include <initializer_list>
template <typename T, typename... Rest> char (&reel__each(T, Rest...))[1 + sizeof...(Rest)];
}
#define REEL__MAKE(type, ...) (type{__VA_ARGS__})
#define REEL__ARRAY(type, ...) const_cast<type *>(std::initializer_list<type>{__VA_ARGS__}.begin())
#define REEL__LENGTH(type, ...) (int)sizeof(reel__each(__VA_ARGS__))
#else
#define REEL__MAKE(type, ...) ((type){__VA_ARGS__})
#define REEL__ARRAY(type, ...) ((type[]){__VA_ARGS__})
#define REEL__LENGTH(type, ...) (int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    REEL_OK = 0,
    REEL_ERR_ARGUMENT, /* a value outside what the function takes */
    REEL_ERR_SHAPE,
    REEL_ERR_DTYPE,
    REEL_ERR_DEVICE,
    REEL_ERR_MEMORY,
    REEL_ERR_IO,     /* the system refused: errno's text is in the message */
    REEL_ERR_FORMAT, /* a file is not what it should be */
    REEL_ERR_STATE,  /* called at the wrong time, or after an earlier failure */
} reel_status;

/* True while this thread keeps a failure. */
REEL_API bool reel_failed(void);

/* The kept failure's code (REEL_OK if none) and its one-line message ("" if none; valid until
 * cleared). */
REEL_API reel_status reel_error_status(void);
REEL_API const char *reel_error(void);

/* Forgets the kept failure. */
REEL_API void reel_clear_error(void);

/* Writes "reel: <message>\n" to f if a failure is kept. Returns an exit status: 1 if there was one,
 * else 0. f NULL: nothing is written. */
REEL_API int reel_report(FILE *f);

/* Keeps a failure, unless one is kept already, and returns `code`. For those who write datasets,
 * modules and ops: `at` is REEL_HERE or the call site handed in (NULL: that of the call under way,
 * if it is known); the message says what is wrong of what. */
REEL_API reel_status reel_fail(reel_status code, const char *at, const char *format, ...)
    REEL__PRINTF(3, 4);

/* Functions that take no call site have a macro of their own name, at the end of their header, that
 * says to the thread where the call stands as long as it lasts:
 *
 *     #define reel_linear_new(...) REEL__CALL(reel_linear_new(__VA_ARGS__))
 *
 * A failure without a site of its own names that line, and one inside it ends with "called from".
 * The functions are there all the same: their address can be taken, and who calls them through it
 * goes without a line. Inside the library, and where compilers know no statement expressions, the
 * macros do nothing. */
typedef struct {
    const char *site;   /* of the innermost call under way; NULL: none */
    const char *caller; /* of the outermost */
} reel_site;
REEL_API reel_site *reel_site_of_thread(void);

typedef struct {
    reel_site *now, before;
} reel_site_guard;
static inline reel_site_guard reel_site_enter(const char *at) {
    reel_site *now = reel_site_of_thread();
    const reel_site_guard guard = {now, *now};
    if (at) now->site = at;
    if (!now->caller) now->caller = at;
    return guard;
}
static inline void reel_site_leave(const reel_site_guard *guard) {
    *guard->now = guard->before;
}

#if defined(__GNUC__) && !defined(REEL__LIBRARY)
#define REEL__SITE(at)                                                                             \
    const reel_site_guard REEL__JOIN(reel__site_, __COUNTER__)                                     \
        __attribute__((unused, cleanup(reel_site_leave))) = reel_site_enter(at)
#define REEL__CALL(...)                                                                            \
    __extension__({                                                                                \
        REEL__SITE(REEL_HERE);                                                                     \
        __VA_ARGS__;                                                                               \
    })
#else
#define REEL__SITE(at) (void)(at)
#define REEL__CALL(...) __VA_ARGS__
#endif

/* Forwards a status other than REEL_OK to the caller. */
#define REEL_TRY(expression)                                                                       \
    do {                                                                                           \
        reel_status reel__status = (expression);                                                   \
        if (reel__status != REEL_OK) return reel__status;                                          \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
