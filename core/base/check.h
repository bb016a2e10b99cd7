// Assertions that stay enabled in release builds.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace layoutfs {

// Aborts the program if `holds` is false: a programming error, never invalid input.
inline void check(bool holds, const char* what,
                  std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "layoutfs: %s:%u: %s\n", where.file_name(), where.line(), what);
  std::abort();
}

}  // namespace layoutfs
