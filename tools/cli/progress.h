// The progress of a long task, on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "layoutfs/descriptor.h"
#include "tools/cli/command_line.h"

namespace layoutfs::tools {

// Returns for example "indexing: 1.00 MB of 4.00 MB, 500 kB/s, 6 s left". `done` and `total` in bytes,
// `elapsed` in seconds. A `total` of 0 is unknown.
std::string progress_line(std::string_view task, std::uint64_t done, std::uint64_t total, double elapsed);

// Prints nothing in the first second. After that it draws one line on a terminal, at most four times a
// second. If stderr is not a terminal, or the log is in JSON, it logs a line every ten seconds. Thread-safe.
// While an object exists, SIGINT, SIGTERM and SIGHUP clear the line before they end the program, unless the
// program handles them itself. Only one object at a time draws a line.
class Progress {
 public:
  // `task` is for example "indexing".
  Progress(std::string task, bool is_enabled);
  // Clears the line.
  ~Progress();
  // Clears the line before other output. A later update draws it again.
  void clear();
  // Sets the progress of `item`, in bytes. A `total` of 0 is unknown.
  void update(const std::string& item, std::uint64_t done, std::uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  struct Count {
    std::uint64_t done, total;
  };
  const std::string task_;
  const bool is_enabled_;
  const bool is_drawn_;
  const Clock::time_point start_ = Clock::now();
  std::mutex mutex_;  // guards the members below, and keeps lines whole
  std::map<std::string, Count> items_;
  Clock::time_point next_line_;
  bool is_line_there_ = false;
};

// Returns a function for LibraryOptions::progress that shows the indexing of each layer. `progress` must
// outlive it.
std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> indexing_progress(Progress& progress);

// Adds the option --no-progress.
void add_progress_option(Command command, bool& is_hidden);

}  // namespace layoutfs::tools
