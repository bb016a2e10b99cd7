// Runs other programs and reads their output.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct CaptureLimits {
  std::chrono::milliseconds time{30'000};
  std::size_t bytes = std::size_t{64} << 10;  // of each of the two outputs
};

struct CapturedProgram {
  int status = 0;      // of exit(3); 128 and the number of the signal that ended it, as in a shell
  std::string output;  // on standard output
  std::string errors;  // on standard error
};

// Runs a program, which is found by PATH, with `input` as its standard input, and waits for its end. Output
// of processes that it leaves behind is dropped. The program is killed if it exceeds a limit or if `context`
// ends. Errc::not_found if there is no such program. Errc::cancelled if it takes too long or if `context` has
// ended. Errc::unsupported if it writes too much. Otherwise Errc::io. Errors name the program. Precondition:
// `words` is not empty.
Result<CapturedProgram> run_and_capture(std::vector<std::string> words, std::string_view input,
                                        const CaptureLimits& limits, const Context& context = {});

}  // namespace layoutfs
