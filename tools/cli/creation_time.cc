#include "tools/cli/creation_time.h"

#include <re2/re2.h>

#include <charconv>
#include <cstdint>
#include <ctime>
#include <optional>

#include "core/base/environment.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

// Returns nullopt if it is not a number, or the year has more than four digits.
std::optional<std::int64_t> parse_seconds(const std::string& text) {
  std::int64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (seconds < 0 || seconds > kLastSecond) return std::nullopt;
  return seconds;
}

std::string rfc_3339(std::int64_t seconds) {
  std::string text = utc_time(seconds);
  text[10] = 'T';
  return text + "Z";
}

bool is_rfc_3339(const std::string& text) {
  return RE2::FullMatch(text,
                        R"(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60))"
                        R"((\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))");
}

}  // namespace

Result<std::string> creation_time(const std::string& option) {
  if (!option.empty()) {
    if (const auto seconds = parse_seconds(option)) return rfc_3339(*seconds);
    if (is_rfc_3339(option)) return option;
    return fail(
        Errc::invalid_argument,
        "--created " + option + ": expected a time as in 2026-11-30T09:30:00Z, or seconds since 1970");
  }
  const std::string epoch = environment_variable("SOURCE_DATE_EPOCH");
  if (epoch.empty()) return rfc_3339(std::time(nullptr));
  if (const auto seconds = parse_seconds(epoch)) return rfc_3339(*seconds);
  return fail(Errc::invalid_argument, "SOURCE_DATE_EPOCH=" + epoch + ": expected seconds since 1970");
}

}  // namespace layoutfs::tools
