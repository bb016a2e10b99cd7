#include "tools/progress.h"

#include <unistd.h>

#include <tuple>

#include "tools/command.h"

namespace layoutfs::tools {

using std::chrono::milliseconds;
using std::chrono::seconds;

Progress::Progress(std::string task, bool is_enabled)
    : task_(std::move(task)),
      is_enabled_(is_enabled),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      next_line_(start_ + (is_terminal_ ? seconds(1) : seconds(10))) {}

Progress::~Progress() {
  constexpr std::string_view kClearLine = "\r\x1b[K";
  if (is_line_drawn_) std::ignore = ::write(STDERR_FILENO, kClearLine.data(), kClearLine.size());
}

void Progress::update(const std::string& item, std::uint64_t done, std::uint64_t total) {
  if (!is_enabled_) return;
  const std::lock_guard lock(mutex_);
  items_[item] = {done, total};
  const auto now = Clock::now();
  if (now < next_line_) return;
  next_line_ = now + (is_terminal_ ? milliseconds(250) : milliseconds(10'000));

  Item sum{0, 0};
  for (const auto& [name, each] : items_) {
    sum.done += each.done;
    sum.total += each.total;
  }
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(sum.done) / elapsed;
  std::string line = task_ + ": " + human_size(sum.done) + " of " + human_size(sum.total) + ", " +
                     human_size(static_cast<std::uint64_t>(rate)) + "/s";
  if (rate > 0 && sum.total >= sum.done)
    line += ", " +
            std::to_string(static_cast<std::uint64_t>(static_cast<double>(sum.total - sum.done) / rate)) +
            " s left";
  line = is_terminal_ ? "\r\x1b[Klayoutfs: " + line : "layoutfs: " + line + "\n";
  is_line_drawn_ = is_terminal_;
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace layoutfs::tools
