// Runs the same work on many items, on all cores.
#pragma once

#include <cstddef>
#include <functional>

namespace layoutfs {

// Returns the number of cores that this process may use, at least 1. Two hardware threads of one core count
// once if /sys tells so (Documentation/admin-guide/cputopology.rst of Linux).
std::size_t physical_cores();

// Calls work(i) once for each i below `count`, on one thread per core including the caller's. Returns after
// all calls. After an exception no further calls are started, and the first exception is rethrown.
void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace layoutfs
