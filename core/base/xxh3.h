// XXH3 by the vector instructions that this machine has.
#pragma once

#ifdef __x86_64__
#include <xxh_x86dispatch.h>  // in place of the functions of xxhash.h, which know SSE2 only
#else
#include <xxhash.h>
#endif
