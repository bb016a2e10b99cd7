// Other programs that layoutfs runs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs {

// In the program, descriptor `to` is a copy of `from`.
struct Redirection {
  int from, to;
};

// Runs a program, which is found by PATH, and waits for its end. Returns whether it has exited with 0. Fails
// if it cannot be started; the error names it.
Result<bool> run_program(std::vector<std::string> words, std::span<const Redirection> redirections);

}  // namespace layoutfs
