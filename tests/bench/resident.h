/* The memory that a process has of the system, as Linux counts it. */
#ifndef REEL_TESTS_BENCH_RESIDENT_H
#define REEL_TESTS_BENCH_RESIDENT_H

#include <stdio.h>

/* "VmRSS", "VmHWM": bytes; 0 where there is no such thing. */
static inline long long resident_field(const char *name) {
    char line[256], format[40];
    long long kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    snprintf(format, sizeof format, "%s: %%lld", name);
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, format, &kilobytes) == 1) break;
    if (f) fclose(f);
    return kilobytes * 1024;
}

/* Lets the peak begin at what there is now, and returns that. */
static inline long long resident_restart(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) fputs("5", f);
    if (f) fclose(f);
    return resident_field("VmRSS");
}

static inline long long resident_peak(void) {
    return resident_field("VmHWM");
}

#endif
