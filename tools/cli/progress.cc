#include "tools/cli/progress.h"

#include <unistd.h>

#include <tuple>
#include <utility>

#include "layoutfs/log.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

using std::chrono::milliseconds;
using std::chrono::seconds;

Progress::Progress(std::string task, bool is_enabled)
    : task_(std::move(task)),
      is_enabled_(is_enabled && !is_quiet()),
      is_drawn_(::isatty(STDERR_FILENO) == 1 && log_format() == LogFormat::text),
      next_line_(start_ + (is_drawn_ ? seconds(1) : seconds(10))) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  const std::lock_guard lock(mutex_);
  constexpr std::string_view kClearLine = "\r\x1b[K";
  if (std::exchange(is_line_there_, false))
    std::ignore = ::write(STDERR_FILENO, kClearLine.data(), kClearLine.size());
}

void Progress::update(const std::string& item, std::uint64_t done, std::uint64_t total) {
  if (!is_enabled_) return;
  const std::lock_guard lock(mutex_);
  items_[item] = {done, total};
  const auto now = Clock::now();
  if (now < next_line_) return;
  next_line_ = now + (is_drawn_ ? milliseconds(250) : milliseconds(10'000));

  Count sum{0, 0};
  for (const auto& [name, each] : items_) {
    sum.done += each.done;
    sum.total += each.total;
  }
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(sum.done) / elapsed;
  std::string line = task_ + ": " + human_size(sum.done) +
                     (sum.total > 0 ? " of " + human_size(sum.total) : "") + ", " +
                     human_size(static_cast<std::uint64_t>(rate)) + "/s";
  if (rate > 0 && sum.total > 0 && sum.total >= sum.done)
    line += ", " +
            std::to_string(static_cast<std::uint64_t>(static_cast<double>(sum.total - sum.done) / rate)) +
            " s left";
  if (!is_drawn_) return log_always(LogLevel::info, line);
  line = "\r\x1b[Klayoutfs: " + line;
  is_line_there_ = true;
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> indexing_progress(Progress& progress) {
  return [&progress](const Descriptor& layer, std::uint64_t bytes_read) {
    progress.update(layer.digest.str(), bytes_read, layer.size);
  };
}

void add_progress_option(Command command, bool& is_hidden) {
  command.add_flag("--no-progress", is_hidden, "Do not show how far it is");
}

}  // namespace layoutfs::tools
