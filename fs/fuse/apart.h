// Asks questions that may never return.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace layoutfs {

struct AnswerApart {
  std::string text;         // "" if there is none
  bool is_waiting = false;  // the child cannot end: the server has read the request and does not answer it
};

// Calls `question` in a child process, because a mount with a hanging server would never return, and returns
// its answer: the bytes of the buffer that it reports. Returns no text if there is no answer within a second.
// A child that waits keeps its mount busy until the server answers or ends (fuse(4) has no other way out).
// Forks: if there are other threads, `question` must not allocate memory.
AnswerApart ask_apart(const std::function<std::size_t(std::span<char> answer)>& question);

}  // namespace layoutfs
