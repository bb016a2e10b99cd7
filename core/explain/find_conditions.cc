#include "core/explain/find_conditions.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <utility>

namespace layoutfs {
namespace {

std::unexpected<Error> wrong_value(const std::string& message) {
  return fail(Errc::invalid_argument, message);
}

struct Comparison {
  char sign = 0;  // '+': more than, '-': less than
  std::uint64_t number = 0;
  bool operator()(std::uint64_t value) const {
    return sign == '+' ? value > number : sign == '-' ? value < number : value == number;
  }
};

// Returns nullopt if `text` is not a number that begins with a sign or a digit.
std::optional<Comparison> parse_comparison(std::string_view text) {
  Comparison comparison;
  if (text.starts_with('+') || text.starts_with('-')) {
    comparison.sign = text.front();
    text.remove_prefix(1);
  }
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), comparison.number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return comparison;
}

Result<FileTest> number_test(const std::string& name, const std::string& value,
                             std::uint64_t (*number_of)(const InodeView&)) {
  const auto comparison = parse_comparison(value);
  if (!comparison) return wrong_value(name + " " + value + ": expected N, +N or -N");
  return FileTest([comparison = *comparison, number_of](const Candidate& candidate) {
    return comparison(number_of(candidate.file.inode));
  });
}

Result<FileTest> user_test(const std::string& name, const std::string& value,
                           std::uint64_t (*number_of)(const InodeView&)) {
  auto test = number_test(name, value, number_of);
  if (test) return test;
  return fail(Error(Errc::invalid_argument, name + " " + value + ": expected a number")
                  .with_hint("names of users and groups are in /etc/passwd and /etc/group of the image"));
}

Result<FileTest> size_test(const std::string& name, const std::string& value) {
  std::string_view number = value;
  std::uint64_t unit = 512;
  if (!number.empty()) {
    constexpr std::array<std::pair<char, std::uint64_t>, 6> kUnits{
        {{'b', 512}, {'c', 1}, {'w', 2}, {'k', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}}};
    const auto found = std::ranges::find(kUnits, number.back(), &std::pair<char, std::uint64_t>::first);
    if (found != kUnits.end()) {
      unit = found->second;
      number.remove_suffix(1);
    }
  }
  const auto comparison = parse_comparison(number);
  if (!comparison) return wrong_value(name + " " + value + ": expected [+-]N[cwbkMG]");
  return FileTest([comparison = *comparison, unit](const Candidate& candidate) {
    const std::uint64_t size = candidate.file.inode.size;
    return comparison(size / unit + (size % unit != 0 ? 1 : 0));  // rounds up
  });
}

Result<FileTest> mode_test(const std::string& name, const std::string& value) {
  std::string_view digits = value;
  const char sign = digits.starts_with('-') || digits.starts_with('/') ? digits.front() : '\0';
  if (sign != '\0') digits.remove_prefix(1);
  std::uint32_t mode = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
  constexpr std::uint32_t kPermissions = 07777;
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || mode > kPermissions)
    return wrong_value(name + " " + value + ": expected a mode in octal, as in 644, -4000 or /222");
  return FileTest([sign, mode](const Candidate& candidate) {
    const std::uint32_t own = candidate.file.inode.mode & kPermissions;
    if (sign == '-') return (own & mode) == mode;
    if (sign == '/') return mode == 0 || (own & mode) != 0;
    return own == mode;
  });
}

Result<FileTest> type_test(const std::string& name, const std::string& value) {
  constexpr std::string_view kLetters = "f-lcbdp";  // in the order of EntryType
  std::array<bool, kLetters.size()> wanted{};
  bool is_comma = true;
  for (const char letter : value) {
    const auto at = kLetters.find(letter);
    const bool is_right =
        is_comma ? letter == 's' || (letter != '-' && at != std::string_view::npos) : letter == ',';
    if (!is_right)
      return wrong_value(name + " " + value + ": expected letters of f, d, l, p, c, b, separated by commas");
    // No image has sockets.
    if (is_comma && letter != 's') wanted[at] = true;
    is_comma = !is_comma;
  }
  if (is_comma) return wrong_value(name + " '" + value + "': expected a letter of f, d, l, p, c, b");
  return FileTest([wanted](const Candidate& candidate) {
    return wanted[static_cast<std::size_t>(candidate.file.inode.type)];
  });
}

// Returns seconds since 1970, in UTC; nullopt if it is not "@N", a date, or a date and a time.
std::optional<std::int64_t> parse_time(const std::string& text) {
  if (text.starts_with('@')) {
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(text.data() + 1, text.data() + text.size(), seconds);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? std::optional(seconds)
                                                                               : std::nullopt;
  }
  std::tm time{};
  for (const char* const format : {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"}) {
    time = {};
    const char* const end = ::strptime(text.c_str(), format, &time);
    if (end == nullptr || *end != '\0') continue;
    const std::chrono::year_month_day date{std::chrono::year(time.tm_year + 1900),
                                           std::chrono::month(static_cast<unsigned>(time.tm_mon + 1)),
                                           std::chrono::day(static_cast<unsigned>(time.tm_mday))};
    if (!date.ok()) return std::nullopt;
    return std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * 86'400 +
           std::int64_t{time.tm_hour} * 3600 + std::int64_t{time.tm_min} * 60 + time.tm_sec;
  }
  return std::nullopt;
}

Result<FileTest> newer_test(const std::string& name, const std::string& value) {
  const auto seconds = parse_time(value);
  if (!seconds)
    return wrong_value(name + " " + value + ": expected YYYY-MM-DD, 'YYYY-MM-DD HH:MM:SS' (UTC) or @SECONDS");
  return FileTest([seconds = *seconds](const Candidate& candidate) {
    const Timestamp& mtime = candidate.file.inode.mtime;
    return mtime.seconds > seconds || (mtime.seconds == seconds && mtime.nanoseconds > 0);
  });
}

enum class Subject : std::uint8_t { name, path, target };

// find(1) warns if a pattern of -name contains '/', which no name but that of the root does.
Result<FileTest> glob_test(const std::string& glob, Subject subject, int flags) {
  return FileTest([glob, subject, flags](const Candidate& candidate) {
    const WalkedFile& file = candidate.file;
    if (subject == Subject::target && file.inode.type != EntryType::symlink) return false;
    const std::string text(subject == Subject::name   ? file.name
                           : subject == Subject::path ? file.path
                                                      : file.inode.target);
    return ::fnmatch(glob.c_str(), text.c_str(), flags) == 0;
  });
}

bool is_empty(const Candidate& candidate) {
  const WalkedFile& file = candidate.file;
  if (file.inode.type == EntryType::directory) return candidate.tree.child_count(file.number) == 0;
  return file.inode.type == EntryType::file && file.inode.size == 0;
}

Result<FileTest> layer_test(const std::string& name, const std::string& value) {
  const auto comparison = parse_comparison(value);
  if (!comparison || comparison->sign != 0)
    return wrong_value(name + " " + value + ": expected the number of a layer");
  return FileTest([layer = comparison->number](const Candidate& candidate) {
    return candidate.file.inode.type == EntryType::file && candidate.file.inode.layer == layer;
  });
}

template <bool result>
Result<FileTest> constant_test(const std::string&, const std::string&) {
  return FileTest([](const Candidate&) { return result; });
}

std::uint64_t uid_of(const InodeView& inode) { return inode.uid; }
std::uint64_t gid_of(const InodeView& inode) { return inode.gid; }
std::uint64_t links_of(const InodeView& inode) { return inode.nlink; }

using Text = const std::string&;
constexpr FindCondition kConditions[] = {
    {"-name", "GLOB", [](Text, Text value) { return glob_test(value, Subject::name, 0); }},
    {"-iname", "GLOB", [](Text, Text value) { return glob_test(value, Subject::name, FNM_CASEFOLD); }},
    {"-path", "GLOB", [](Text, Text value) { return glob_test(value, Subject::path, 0); }},
    {"-wholename", "GLOB", [](Text, Text value) { return glob_test(value, Subject::path, 0); }},
    {"-ipath", "GLOB", [](Text, Text value) { return glob_test(value, Subject::path, FNM_CASEFOLD); }},
    {"-iwholename", "GLOB", [](Text, Text value) { return glob_test(value, Subject::path, FNM_CASEFOLD); }},
    {"-lname", "GLOB", [](Text, Text value) { return glob_test(value, Subject::target, 0); }},
    {"-ilname", "GLOB", [](Text, Text value) { return glob_test(value, Subject::target, FNM_CASEFOLD); }},
    {"-type", "LETTERS", type_test},
    {"-size", "[+-]N[cwbkMG]", size_test},
    {"-perm", "MODE", mode_test},
    {"-uid", "[+-]N", [](Text name, Text value) { return number_test(name, value, uid_of); }},
    {"-user", "[+-]N", [](Text name, Text value) { return user_test(name, value, uid_of); }},
    {"-gid", "[+-]N", [](Text name, Text value) { return number_test(name, value, gid_of); }},
    {"-group", "[+-]N", [](Text name, Text value) { return user_test(name, value, gid_of); }},
    {"-links", "[+-]N", [](Text name, Text value) { return number_test(name, value, links_of); }},
    {"-newermt", "TIME", newer_test},
    {"-layer", "N", layer_test},
    {"-empty", "", [](Text, Text) { return Result<FileTest>(FileTest(is_empty)); }},
    {"-true", "", constant_test<true>},
    {"-false", "", constant_test<false>},
};

}  // namespace

std::span<const FindCondition> find_conditions() { return kConditions; }

}  // namespace layoutfs
