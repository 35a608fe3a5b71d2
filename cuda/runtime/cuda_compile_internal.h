/* Kernels compiled as the program runs: a text of CUDA C++ becomes a kernel that the queue takes as
 * it takes any other.
 *
 * NVRTC compiles it. It is loaded when it is first asked for, and where it is not there, nothing
 * can be compiled, and callers do without. The text may include Reel's own headers that are device
 * code alone: they are in the library (cuda_headers.c, made by embed.c). What was compiled is kept
 * on disk, in $XDG_CACHE_HOME/reel/kernels or ~/.cache/reel/kernels, by content: text, headers,
 * options, NVRTC's version and the GPU's architecture make a file's name. A file that is damaged,
 * or another's, is made anew. There are 512 files at most, and 256 MB: those used longest ago go.
 * Where nothing can be kept, each process compiles for itself.
 *
 * With $REEL_KERNELS set to a folder, each text goes there too, and what NVRTC said of it. */
#ifndef REEL_CUDA_RUNTIME_CUDA_COMPILE_INTERNAL_H
#define REEL_CUDA_RUNTIME_CUDA_COMPILE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Headers as texts. */
typedef struct {
    const char *name, *text;
} reel__cuda_header;
extern const reel__cuda_header reel__cuda_headers[];
extern const int reel__cuda_header_count;

/* Whether there is a compiler. */
bool reel__cuda_compiles(void);

/* The kernel `name`, declared extern "C" in `text`, for GPUs of so much compute capability (90):
 * what a launch takes as its function. It stays for ever. NULL: `why` says so, in one line; of a
 * text that is wrong, the compiler's first complaint. */
const void *reel__cuda_compiled(const char *text, const char *name, int arch, char *why,
                                size_t size);

/* The same as bytes for a GPU that need not be there, which the caller frees; not from the disk. */
void *reel__cuda_cubin(const char *text, int arch, size_t *bytes, char *why, size_t size);

/* ---- on disk (cuda_kernel_files.c) ---- */

typedef struct {
    uint64_t half[2];
} reel__cuda_key;
/* More bytes of what a key is made of; of nothing it is {{0}}. */
void reel__cuda_key_add(reel__cuda_key *k, const void *data, size_t bytes);
/* NULL: there is none, or none that is whole. */
void *reel__cuda_file_read(const reel__cuda_key *k, size_t *bytes);
/* If it can be. */
void reel__cuda_file_write(const reel__cuda_key *k, const void *data, size_t bytes);
/* A text for people, into $REEL_KERNELS if that is set. */
void reel__cuda_file_show(const reel__cuda_key *k, const char *text, const char *said);

#endif
