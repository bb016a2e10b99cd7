// How far a long task is, on stderr.
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

// "indexing: 1.00 MB of 4.00 MB, 500 kB/s, 6 s left". `elapsed` in seconds; a total of 0 is unknown.
std::string progress_line(std::string_view task, std::uint64_t done, std::uint64_t total, double elapsed);

// Silent for the first second. Then on a terminal one line, drawn anew at most four times a second;
// elsewhere, and where the log is in JSON, a line of the log every ten seconds. Thread-safe.
// While one lives, SIGINT, SIGTERM and SIGHUP clear the line before they end the program, unless the program
// handles them itself. Only one at a time draws a line.
class Progress {
 public:
  // `task` as in "indexing".
  Progress(std::string task, bool is_enabled);
  // Clears the line.
  ~Progress();
  // Clears the line, for other output to follow; a later update draws it anew.
  void clear();
  // `item` is at `done` of `total` bytes; a total of 0 is one that nobody knows.
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
  std::mutex mutex_;  // guards what follows, and keeps lines whole
  std::map<std::string, Count> items_;
  Clock::time_point next_line_;
  bool is_line_there_ = false;
};

// For LibraryOptions::progress: how far the indexing of each layer is. `progress` must outlive it.
std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> indexing_progress(Progress& progress);

// The option --no-progress, of every command that shows it.
void add_progress_option(Command command, bool& is_hidden);

}  // namespace layoutfs::tools
