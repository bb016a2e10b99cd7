// Runs the same work on many items, on all cores.
#pragma once

#include <cstddef>
#include <functional>

namespace layoutfs {

// Calls work(i) once for each i below `count`, on one thread per core including the caller's. Returns after
// all calls. After an exception no further calls are started, and the first exception is rethrown.
void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace layoutfs
