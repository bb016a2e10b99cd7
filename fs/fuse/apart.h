// Asking what may never answer.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace layoutfs {

// Calls `question` in a process of its own, as a mount whose server hangs would never return, and returns
// what it wrote: as many bytes of its buffer as it says. Empty if there is no answer within a second. Forks:
// if there are other threads, `question` must not allocate memory.
std::string ask_apart(const std::function<std::size_t(std::span<char> answer)>& question);

}  // namespace layoutfs
