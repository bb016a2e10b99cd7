// Returns unused memory of the allocator to the system.
#pragma once

#include <malloc.h>

namespace layoutfs {

// Call it after an operation with a high memory peak: glibc otherwise keeps freed memory for the life of the
// process. Other C libraries return it on their own.
inline void release_free_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace layoutfs
