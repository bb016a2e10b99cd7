// XXH3 with the vector instructions of this machine.
#pragma once

#ifdef __x86_64__
#include <xxh_x86dispatch.h>  // replaces the functions of xxhash.h, which use only SSE2
#else
#include <xxhash.h>
#endif
