#include "tools/cli/command.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <tuple>

#include "core/base/utf8.h"
#include "fs/fuse/dead_mount.h"
#include "layoutfs/log.h"

namespace layoutfs::tools {

namespace {

// Returns whether only a write can fail with this errno.
bool is_write_failure(int sys) noexcept {
  return sys == EROFS || sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
}

void print_line(std::string_view message) {
  if (log_format() == LogFormat::json) return log_always(LogLevel::info, message);
  const std::string line = std::string(message) + '\n';
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

ExitCode exit_code_of(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::failed_precondition:
      return kUsage;
    case Errc::not_found:
    case Errc::upload_unknown:
      return kNotFound;
    case Errc::invalid_image:
      return kNotALayout;
    case Errc::ambiguous:
      return kAmbiguous;
    case Errc::unsupported:
    case Errc::partial_fallback:
      return kUnsupported;
    case Errc::corrupt:
    case Errc::digest_invalid:
    case Errc::size_invalid:
    case Errc::bad_partial_request:
    case Errc::unexpected_eof:
      return kCorrupt;
    case Errc::mount_failed:
      return kMountFailed;
    case Errc::clobber:
    case Errc::already_exists:
    case Errc::upload_busy:
    case Errc::denied:
      return kCannotWrite;
    case Errc::closed:
    case Errc::cancelled:
      return kFailed;
    case Errc::io:
      return is_write_failure(error.sys()) ? kCannotWrite : kFailed;
  }
  return kFailed;
}

void print_error(std::string_view message) { log(LogLevel::error, message); }

bool& is_quiet() noexcept {
  static bool quiet = false;
  return quiet;
}

void print_notice(std::string_view message) {
  if (!is_quiet()) print_line(message);
}

std::string message_of(const Error& error) {
  const bool is_about_option = error.message().starts_with("--");
  const std::string message = is_about_option && !running_command().empty()
                                  ? running_command() + ": " + error.message()
                                  : error.message();
  const std::string hint = error.sys() == ENOTCONN ? explain_dead_mounts() : "";
  return hint.empty() ? message : message + ": " + hint;
}

void print_error(const Error& error) {
  print_error(message_of(error));
  print_hint(error);
}

void print_hint(const Error& error) {
  if (!error.hint().empty()) print_line("hint: " + printable(error.hint()));
}

int report(const Error& error) {
  print_error(error);
  return exit_code_of(error);
}

void add_follow_links(Command command, bool& follow_links) {
  command.add_flag("--follow-links", follow_links, "Follow symlinks that lead out of the layout")
      .group(kImageGroup);
}

Error missing_operand(const std::string& command, const std::string& operand) {
  return Error(Errc::invalid_argument, command + ": missing operand " + operand)
      .with_hint("print the usage with: layoutfs help " + command);
}

Error unexpected_operand(const std::string& command, const std::string& operand) {
  return {Errc::invalid_argument, command + ": unexpected operand: " + operand};
}

Result<Digest> parse_digest_operand(std::string_view text) { return of_operand(Digest::parse(text)); }

void write_problems(JsonWriter& json, const std::vector<std::string>& problems) {
  json.key("problems").begin_array();
  for (const std::string& problem : problems) json.string(problem);
  json.end_array();
}

void print_if_large(JsonWriter& json, Output& output) {
  constexpr std::size_t kLarge = std::size_t{64} << 10;
  if (json.size() >= kLarge) output << json.take();
}

Output& Output::operator<<(std::string_view text) {
  constexpr std::size_t kBufferSize = std::size_t{64} << 10;
  buffer_ += text;
  if (buffer_.size() >= kBufferSize) flush();
  return *this;
}

namespace {

bool is_terminal() {
  static const bool is = ::isatty(STDOUT_FILENO) == 1;
  return is;
}

}  // namespace

Output& Output::name(std::string_view name) {
  return is_terminal() ? *this << printable(name) : *this << name;
}

Output& Output::digest(const Digest& digest) {
  return *this << (is_terminal() ? short_digest(digest) : digest.str());
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && failed_with_ == 0) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written >= 0)
      rest.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      failed_with_ = errno;
  }
  buffer_.clear();
}

int Output::finish() {
  flush();
  if (failed_with_ == 0) return kDone;
  print_error("standard output: " + std::generic_category().message(failed_with_));
  return kCannotWrite;
}

std::string short_digest(const Digest& digest) { return std::string(digest.hex().substr(0, 12)); }

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr std::array kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.*f %s",
                                   value < 9.95   ? 2
                                   : value < 99.5 ? 1
                                                  : 0,
                                   value, kUnits[unit]);
  return {text.data(), static_cast<std::size_t>(length)};
}

namespace {

// strftime(3) takes longer than all other work for a file of a long list. From 1970 to 9999.
std::string usual_time(std::chrono::seconds since_1970) {
  using std::chrono::days;
  const auto day = std::chrono::floor<days>(since_1970);
  const std::chrono::year_month_day date(std::chrono::sys_days{day});
  const auto second = static_cast<unsigned>((since_1970 - day).count());
  std::string text = "0000-00-00 00:00:00";
  const auto set = [&text](std::size_t last, unsigned value) {
    for (; value > 0; value /= 10) text[last--] = static_cast<char>('0' + value % 10);
  };
  set(3, static_cast<unsigned>(static_cast<int>(date.year())));
  set(6, static_cast<unsigned>(date.month()));
  set(9, static_cast<unsigned>(date.day()));
  set(12, second / 3600);
  set(15, second / 60 % 60);
  set(18, second % 60);
  return text;
}

}  // namespace

std::string utc_time(std::int64_t seconds) {
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  if (seconds >= 0 && seconds < kYear10000) return usual_time(std::chrono::seconds(seconds));
  const std::time_t time = seconds;
  std::tm fields{};
  std::array<char, 64> text{};
  if (::gmtime_r(&time, &fields) == nullptr || std::strftime(text.data(), text.size(), "%F %T", &fields) == 0)
    return "@" + std::to_string(seconds);
  return text.data();
}

std::string pad(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace layoutfs::tools
