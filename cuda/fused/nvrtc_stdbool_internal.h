/* <stdbool.h> for NVRTC: C++ has it. */
