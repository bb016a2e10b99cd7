// Asks questions that may never return.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace layoutfs {

// Calls `question` in a child process, because a mount with a hanging server would never return, and returns
// its answer: the bytes of the buffer that it reports. Returns "" if there is no answer within a second.
// Forks: if there are other threads, `question` must not allocate memory.
std::string ask_apart(const std::function<std::size_t(std::span<char> answer)>& question);

}  // namespace layoutfs
