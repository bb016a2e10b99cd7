// Input and output of the programs that tests interrupt.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "layoutfs/bytes.h"

namespace layoutfs::testing {

class StandardInput final : public ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> out) override {
    const ssize_t got = retried([&] { return ::read(STDIN_FILENO, out.data(), out.size()); });
    if (got < 0) return fail(Error::system(errno, "standard input"));
    return static_cast<std::size_t>(got);
  }
};

// All of it, or its first MiB.
inline Result<Bytes> read_small_input() {
  Bytes text(std::size_t{1} << 20);
  StandardInput input;
  std::size_t size = 0;
  for (;;) {
    const auto got = input.read(std::span(text).subspan(size));
    if (!got) return fail(Error(got.error()));
    if (*got == 0) break;
    size += *got;
  }
  text.resize(size);
  return text;
}

// Writes a line that is visible before the next step.
inline void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

// Ends a program with the result of an action: 0; 1 with one line on standard error; 2 for an unknown action.
inline int exit_code_of(const char* program, const std::optional<Status>& done) {
  if (!done) return 2;
  if (*done) return 0;
  std::fprintf(stderr, "%s: %s\n", program, done->error().message().c_str());
  return 1;
}

}  // namespace layoutfs::testing
