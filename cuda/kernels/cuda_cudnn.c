/* cuDNN, loaded when the first convolution asks for it. */
#include "cuda/kernels/cuda_conv_internal.h"
#include "cuda/kernels/cuda_cudnn_internal.h"

#include <dlfcn.h>

#define NAME_(version) "libcudnn.so." #version
#define NAME(version) NAME_(version)

static reel__cudnn functions;
static bool found;

static void *find(void *library, const char *name) {
    void *function = dlsym(library, name);
    if (!function) found = false;
    return function;
}

/* Of the version whose header this was compiled with. It stays: threads may be in it at exit. */
static void load(void) {
    void *library = dlopen(NAME(CUDNN_MAJOR), RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    found = true;
#define FIND(name) *(void **)&functions.name = find(library, "cudnn" #name);
    REEL__CUDNN(FIND)
#undef FIND
}

const reel__cudnn *reel__cudnn_functions(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return found ? &functions : NULL;
}

/* ---- handles ---- */

static reel__cudnn_place places[REEL__CUDA_DEVICES];

static void open_places(void) {
    for (int i = 0; i < REEL__CUDA_DEVICES; i++) pthread_mutex_init(&places[i].lock, NULL);
}

reel__cudnn_place *reel__cudnn_enter(int device) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const reel__cudnn *dnn = reel__cudnn_functions();
    pthread_once(&once, open_places);
    reel__cudnn_place *p = &places[device];
    pthread_mutex_lock(&p->lock);
    if (dnn && !p->asked && dnn->Create(&p->handle) != CUDNN_STATUS_SUCCESS) p->handle = NULL;
    p->asked = true;
    return p;
}

void reel__cudnn_leave(reel__cudnn_place *p) {
    pthread_mutex_unlock(&p->lock);
}

bool reel__cuda_has_cudnn(int device) {
    if (reel__cuda_check(device) != REEL_OK) return false;
    if (reel__cuda_use(reel__cuda_device_at(device)) != REEL_OK) return false;
    reel__cudnn_place *p = reel__cudnn_enter(device);
    const bool has = p->handle != NULL;
    reel__cudnn_leave(p);
    return has;
}
