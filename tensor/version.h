/* Which Reel this is: of the headers, REEL_VERSION; of the library that runs, reel_version(). */
#ifndef REEL_TENSOR_VERSION_H
#define REEL_TENSOR_VERSION_H

#include "error.h"

#define REEL_VERSION_MAJOR 0
#define REEL_VERSION_MINOR 1
#define REEL_VERSION_PATCH 0
#define REEL_VERSION                                                                               \
    REEL__STR(REEL_VERSION_MAJOR)                                                                  \
    "." REEL__STR(REEL_VERSION_MINOR) "." REEL__STR(REEL_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

REEL_API const char *reel_version(void); /* "0.1.0" */

#ifdef __cplusplus
}
#endif

#endif
