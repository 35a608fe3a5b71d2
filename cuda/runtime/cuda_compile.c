/* Texts to kernels by NVRTC, which is loaded, and not linked. */
#include "cuda/runtime/cuda_compile_internal.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <nvrtc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NVRTC(X)                                                                                   \
    X(Version)                                                                                     \
    X(CreateProgram)                                                                               \
    X(DestroyProgram)                                                                              \
    X(CompileProgram)                                                                              \
    X(GetProgramLogSize)                                                                           \
    X(GetProgramLog)                                                                               \
    X(GetCUBINSize)                                                                                \
    X(GetCUBIN)                                                                                    \
    X(GetErrorString)

static struct {
#define FIELD(name) __typeof__(&nvrtc##name) name;
    NVRTC(FIELD)
#undef FIELD
} nvrtc;
static bool found;
static int version[2];
static reel__cuda_key of_headers;

static void *find(void *library, const char *name) {
    void *function = dlsym(library, name);
    if (!function) found = false;
    return function;
}

/* Of the CUDA that this was compiled with: where the system finds it, or beside the runtime. */
static void *open_library(void) {
    char name[32], path[1024];
    Dl_info of;
    snprintf(name, sizeof name, "libnvrtc.so.%d", CUDART_VERSION / 1000);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library || !dladdr((void *)&cudaGetDeviceCount, &of) || !of.dli_fname) return library;
    const char *slash = strrchr(of.dli_fname, '/');
    const int folder = slash ? (int)(slash - of.dli_fname) + 1 : 0;
    const int n = snprintf(path, sizeof path, "%.*s%s", folder, of.dli_fname, name);
    return n > 0 && n < (int)sizeof path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

static void load(void) {
    void *library = open_library();
    if (!library) return;
    found = true;
#define FIND(name) *(void **)&nvrtc.name = find(library, "nvrtc" #name);
    NVRTC(FIND)
#undef FIND
    if (!found || nvrtc.Version(&version[0], &version[1]) != NVRTC_SUCCESS) found = false;
    for (int i = 0; i < reel__cuda_header_count; i++)
        reel__cuda_key_add(&of_headers, reel__cuda_headers[i].text,
                           strlen(reel__cuda_headers[i].text));
}

bool reel__cuda_compiles(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return found;
}

/* ---- compiling ---- */

/* The rest is as nvcc's defaults are, so that a formula has the bits of the kernels that were
 * compiled beforehand. */
#define OPTIONS 7
typedef struct {
    char arch[32], hopper[32];
    const char *list[OPTIONS];
} options;

static void list_options(options *o, int arch) {
    snprintf(o->arch, sizeof o->arch, "--gpu-architecture=sm_%d", arch);
    snprintf(o->hopper, sizeof o->hopper, "-DREEL_CUDA_SM90=%d", arch >= 90);
    const char *const list[OPTIONS] = {
        o->arch,      o->hopper,         "-DREEL_FUSED=::fma",
        "-std=c++17", "--device-int128", "--device-as-default-execution-space",
        "--minimal"};
    memcpy(o->list, list, sizeof list);
}

static reel__cuda_key key_of(const char *text, int arch) {
    options o = {0};
    reel__cuda_key k = of_headers;
    list_options(&o, arch);
    for (int i = 0; i < OPTIONS; i++) reel__cuda_key_add(&k, o.list[i], strlen(o.list[i]) + 1);
    reel__cuda_key_add(&k, version, sizeof version);
    reel__cuda_key_add(&k, text, strlen(text));
    return k;
}

/* The line of the log that says what is wrong first. */
static void first_complaint(const char *log, char *why, size_t size) {
    const char *at = strstr(log, "error");
    while (at && at > log && at[-1] != '\n') at--;
    if (!at) at = log;
    snprintf(why, size, "NVRTC: %.*s", (int)strcspn(at, "\n"), at);
}

static void *take_cubin(nvrtcProgram p, size_t *bytes) {
    if (nvrtc.GetCUBINSize(p, bytes) != NVRTC_SUCCESS || *bytes == 0) return NULL;
    void *cubin = malloc(*bytes);
    if (cubin && nvrtc.GetCUBIN(p, cubin) == NVRTC_SUCCESS) return cubin;
    free(cubin);
    return NULL;
}

static char *take_log(nvrtcProgram p) {
    size_t bytes = 0;
    if (nvrtc.GetProgramLogSize(p, &bytes) != NVRTC_SUCCESS || bytes <= 1) return NULL;
    char *log = calloc(bytes + 1, 1);
    if (log) nvrtc.GetProgramLog(p, log);
    return log;
}

static nvrtcResult create(nvrtcProgram *p, const char *text) {
    const char *names[64], *texts[64];
    const int n = reel__cuda_header_count < 64 ? reel__cuda_header_count : 64;
    for (int i = 0; i < n; i++) {
        names[i] = reel__cuda_headers[i].name;
        texts[i] = reel__cuda_headers[i].text;
    }
    return nvrtc.CreateProgram(p, text, "fused.cu", n, texts, names);
}

void *reel__cuda_cubin(const char *text, int arch, size_t *bytes, char *why, size_t size) {
    nvrtcProgram p;
    options o = {0};
    *bytes = 0;
    snprintf(why, size, "NVRTC can't be loaded");
    if (!reel__cuda_compiles()) return NULL;
    list_options(&o, arch);
    nvrtcResult status = create(&p, text);
    snprintf(why, size, "NVRTC: %s", nvrtc.GetErrorString(status));
    if (status != NVRTC_SUCCESS) return NULL;
    status = nvrtc.CompileProgram(p, OPTIONS, o.list);
    void *cubin = status == NVRTC_SUCCESS ? take_cubin(p, bytes) : NULL;
    char *log = take_log(p);
    const reel__cuda_key k = key_of(text, arch);
    reel__cuda_file_show(&k, text, log);
    if (!cubin && log)
        first_complaint(log, why, size);
    else if (status != NVRTC_SUCCESS)
        snprintf(why, size, "NVRTC: %s", nvrtc.GetErrorString(status));
    else if (!cubin)
        snprintf(why, size, "NVRTC: out of memory");
    free(log);
    nvrtc.DestroyProgram(&p);
    return cubin;
}

/* ---- kernels of this process ---- */

typedef struct made {
    struct made *next;
    reel__cuda_key key;
    cudaKernel_t kernel;
} made;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static made *all_made;

static cudaKernel_t find_made(const reel__cuda_key *k) {
    cudaKernel_t kernel = NULL;
    pthread_mutex_lock(&lock);
    for (const made *m = all_made; m && !kernel; m = m->next)
        if (memcmp(&m->key, k, sizeof *k) == 0) kernel = m->kernel;
    pthread_mutex_unlock(&lock);
    return kernel;
}

/* One that another thread has made meanwhile serves as well. */
static void keep_made(const reel__cuda_key *k, cudaKernel_t kernel) {
    made *m = malloc(sizeof *m);
    if (!m) return;
    pthread_mutex_lock(&lock);
    *m = (made){all_made, *k, kernel};
    all_made = m;
    pthread_mutex_unlock(&lock);
}

static cudaKernel_t load_kernel(const void *cubin, const char *name, char *why, size_t size) {
    cudaLibrary_t library;
    cudaKernel_t kernel = NULL;
    cudaError_t e = cudaLibraryLoadData(&library, cubin, NULL, NULL, 0, NULL, NULL, 0);
    if (e == cudaSuccess) {
        e = cudaLibraryGetKernel(&kernel, library, name);
        if (e != cudaSuccess) cudaLibraryUnload(library);
    }
    if (e == cudaSuccess) return kernel;
    cudaGetLastError();
    snprintf(why, size, "CUDA: %s", cudaGetErrorString(e));
    return NULL;
}

/* From the disk, unless what lies there does not load; else compiled, and put there. */
static cudaKernel_t make_kernel(const char *text, const char *name, int arch,
                                const reel__cuda_key *k, char *why, size_t size) {
    size_t bytes = 0;
    void *cubin = reel__cuda_file_read(k, &bytes);
    cudaKernel_t kernel = cubin ? load_kernel(cubin, name, why, size) : NULL;
    free(cubin);
    if (kernel) return kernel;
    cubin = reel__cuda_cubin(text, arch, &bytes, why, size);
    if (!cubin) return NULL;
    kernel = load_kernel(cubin, name, why, size);
    if (kernel) reel__cuda_file_write(k, cubin, bytes);
    free(cubin);
    return kernel;
}

const void *reel__cuda_compiled(const char *text, const char *name, int arch, char *why,
                                size_t size) {
    snprintf(why, size, "NVRTC can't be loaded");
    if (!reel__cuda_compiles()) return NULL;
    reel__cuda_key k = key_of(text, arch);
    reel__cuda_key_add(&k, name, strlen(name));
    cudaKernel_t kernel = find_made(&k);
    if (kernel) return (const void *)kernel;
    kernel = make_kernel(text, name, arch, &k, why, size);
    if (kernel) keep_made(&k, kernel);
    return (const void *)kernel;
}
