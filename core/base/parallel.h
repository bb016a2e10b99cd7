// The same work for many things, on all cores.
#pragma once

#include <cstddef>
#include <functional>

namespace layoutfs {

// Calls work(i) once for each i below `count`, on as many threads as there are cores, the caller's among
// them. Returns when all are done. After an exception no more are begun; the first one is thrown on.
void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace layoutfs
