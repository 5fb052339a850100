// What the C library does with freed memory.
#pragma once

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace neurfield {

// A step of a fit frees a hundred arrays of some megabytes and asks for the same again in the next one. glibc hands such blocks
// back to the system at once and gets them again as pages that must be cleared, one fault each. With this they stay: up to
// 256 MB that are free at the top of the heap, and everything freed inside it. Blocks over 64 MB still go back. False where the C
// library has no such knobs.
inline bool keep_freed_memory() {
#if defined(__GLIBC__)
    return mallopt(M_MMAP_THRESHOLD, 64 << 20) && mallopt(M_TRIM_THRESHOLD, 256 << 20) && mallopt(M_TOP_PAD, 16 << 20);
#else
    return false;
#endif
}

}  // namespace neurfield
