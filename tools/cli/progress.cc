#include "tools/cli/progress.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <string_view>
#include <tuple>
#include <utility>

#include "layoutfs/log.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr std::array kEndingSignals{SIGINT, SIGTERM, SIGHUP};

// Whether a line is on the terminal; read by the signal handler.
std::atomic<bool> is_line_drawn = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// Clears the line, then ends the program by the signal's default action.
void clear_and_end(int signal) {
  if (is_line_drawn) std::ignore = ::write(STDERR_FILENO, kClearLine.data(), kClearLine.size());
  ::raise(signal);  // delivered when this returns, to the default action (SA_RESETHAND)
}

}  // namespace

using std::chrono::milliseconds;
using std::chrono::seconds;

Progress::Progress(std::string task, bool is_enabled)
    : task_(std::move(task)),
      is_enabled_(is_enabled && !is_quiet()),
      is_drawn_(::isatty(STDERR_FILENO) == 1 && log_format() == LogFormat::text),
      next_line_(start_ + (is_drawn_ ? seconds(1) : seconds(10))) {
  if (!is_enabled_ || !is_drawn_) return;
  struct sigaction action{};
  action.sa_handler = clear_and_end;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kEndingSignals) {
    struct sigaction before{};
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL)
      ::sigaction(signal, &action, nullptr);
  }
}

Progress::~Progress() {
  clear();
  for (const int signal : kEndingSignals) {
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler != clear_and_end) continue;
    now.sa_handler = SIG_DFL;
    ::sigaction(signal, &now, nullptr);
  }
}

std::string progress_line(std::string_view task, std::uint64_t done, std::uint64_t total, double elapsed) {
  const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  std::string line = std::string(task) + ": " + human_size(done) +
                     (total > 0 ? " of " + human_size(total) : "") + ", " +
                     human_size(static_cast<std::uint64_t>(rate)) + "/s";
  // Rounds up: unfinished work takes at least a second.
  if (rate > 0 && total > done)
    line += ", " +
            std::to_string(static_cast<std::uint64_t>(std::ceil(static_cast<double>(total - done) / rate))) +
            " s left";
  return line;
}

void Progress::clear() {
  const std::lock_guard lock(mutex_);
  is_line_drawn = false;
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
  std::string line = progress_line(task_, sum.done, sum.total, elapsed);
  if (!is_drawn_) return log_always(LogLevel::info, line);
  line = "\r\x1b[Klayoutfs: " + line;
  is_line_there_ = true;
  is_line_drawn = true;
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> indexing_progress(Progress& progress) {
  return [&progress](const Descriptor& layer, std::uint64_t bytes_read) {
    progress.update(layer.digest.str(), bytes_read, layer.size);
  };
}

void add_progress_option(Command command, bool& is_hidden) {
  command.add_flag("--no-progress", is_hidden, "Do not show progress").group(kOutputGroup);
}

}  // namespace layoutfs::tools
