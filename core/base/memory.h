// The allocator's spare memory.
#pragma once

#include <malloc.h>

namespace layoutfs {

// Gives what was freed back to the system, after work that needed much memory for a short time: otherwise
// glibc keeps it for as long as the process lives. Other C libraries give it back on their own.
inline void release_free_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace layoutfs
