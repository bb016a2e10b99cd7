// Other programs that layoutfs runs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs {

// In the program, descriptor `to` is a copy of `from`.
struct Redirection {
  int from, to;
};

// The signals that this thread blocks, and that this process ignores, in a program that it starts.
enum class ProgramSignals : std::uint8_t {
  inherited,  // for helpers that a signal for this program must not end
  reset,      // neither blocked nor ignored
};

// Starts a program, which is found by PATH. Returns its process, which the caller must reap. Fails if it
// cannot be started; the error names it.
Result<pid_t> start_program(std::vector<std::string> words, std::span<const Redirection> redirections,
                            ProgramSignals signals);

// Runs a program, which inherits the signals, and waits for its end. Returns whether it has exited with 0.
// Errors are those of start_program().
Result<bool> run_program(std::vector<std::string> words, std::span<const Redirection> redirections);

}  // namespace layoutfs
