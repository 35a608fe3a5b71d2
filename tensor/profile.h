/* A profile: what a program's calls took, as a trace to look at and as a table.
 *
 *     reel_profile_start((reel_profile_options){0});
 *     for (int epoch = 0; epoch < 3; epoch++) {
 *         REEL_PROFILE_RANGE("epoch");                // a guard, as REEL_SCOPE
 *         train_epoch(...);
 *     }
 *     reel_profile_stop();
 *     reel_profile_report(stdout);                    // by op: calls, time, share, bytes
 *     reel_profile_write("trace.json");               // io.h: for chrome://tracing or Perfetto
 *
 * Recorded, of all threads: each kernel that an op runs, with op, function and module that it is
 * part of or whose gradient it computes, call site, shapes and dtypes of its inputs, and bytes;
 * copies to and from the host; passes of backward, optimizers' steps, loaders' batches, modules'
 * forwards and ranges of the program's own. Views have no kernel and are left out. On the CPU a
 * kernel's time is what it took; on a GPU it is what the host took to ask for it, and
 * `device_times` says what the device took.
 *
 * Cost: when off, a comparison a call. When on, about half a microsecond an event, and 248 bytes of
 * memory, taken as they are needed and kept until reel_profile_clear or the next start. */
#ifndef REEL_TENSOR_PROFILE_H
#define REEL_TENSOR_PROFILE_H

#include "error.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    /* That are kept, up to 2^32, the first ones; others are counted. 0: 262144. */
    int64_t most_events;
    /* The time of each launch on a GPU, by a pair of CUDA events around it. Meanwhile launches are
     * not sent as graphs but one by one, a batch at a time, for which the device waits until it is
     * whole: a step of small kernels takes several times as long as without, and a kernel's time
     * is a microsecond or two too long. */
    bool device_times;
    /* NVTX ranges, in a build with CUDA, for Nsight Systems: around each call recorded, and around
     * launches that are sent one by one. On without this, and without a start, where such a tool
     * has started the program ($NVTX_INJECTION64_PATH is set). */
    bool nvtx;
} reel_profile_options;

/* Begins to record, of all threads; what was recorded before is let go. REEL_ERR_STATE if one is
 * under way. A child of fork records nothing until it starts one of its own. */
REEL_API reel_status reel_profile_start(reel_profile_options options);
/* Ends it; what is open ends here. With device_times it waits for the GPUs. REEL_ERR_STATE if none
 * is under way. */
REEL_API reel_status reel_profile_stop(void);
/* Of the profile that was stopped, or is under way: how many events are kept; in *dropped, unless
 * that is NULL, how many had no room. */
REEL_API int64_t reel_profile_events(int64_t *dropped);
/* Lets go of what is kept. Does nothing while one is under way. */
REEL_API void reel_profile_clear(void);

/* Writes a table to f, most time first: of each op, forward and backward apart, how often it ran,
 * its time without that of what ran inside it, in all and a call, its share, the bytes that its
 * inputs and results have (of a table that rows are picked from, as many as are picked) and that
 * a second; with device_times, the times of the device. Then, of ranges, passes and modules, what
 * they took in all. REEL_ERR_STATE if there is no profile, or it is under way; REEL_ERR_IO if f
 * refuses it. */
REEL_API reel_status reel_profile_report(FILE *f);

/* REEL_PROFILE_RANGE("name"); at the head of a block: a range that ends where the block does,
 * however it is left. Of the name, which is copied, 47 bytes are kept. Without a profile under way
 * it does nothing. Compilers that know no cleanup attribute call the two in pairs. */
typedef struct {
    int depth; /* 0: not recorded */
} reel_profile_range;
REEL_API reel_profile_range reel_profile_range_open(const char *at, const char *name);
REEL_API void reel_profile_range_close(reel_profile_range *range);
#define REEL_PROFILE_RANGE(name)                                                                   \
    reel_profile_range REEL__JOIN(reel__range_, __LINE__)                                          \
        __attribute__((cleanup(reel_profile_range_close), unused)) =                               \
            reel_profile_range_open(REEL_HERE, name)

/* ---- call sites: see error.h ---- */

#define reel_profile_start(...) REEL__CALL(reel_profile_start(__VA_ARGS__))
#define reel_profile_stop(...) REEL__CALL(reel_profile_stop(__VA_ARGS__))
#define reel_profile_report(...) REEL__CALL(reel_profile_report(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
