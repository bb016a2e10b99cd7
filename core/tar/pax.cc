// Parses records: "<length> <key>=<value>\n".
#include "core/tar/pax.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace layoutfs {
namespace {

// Accepts only digits.
template <class T>
std::optional<T> parse_decimal(std::string_view text) {
  T value{};
  if (text.empty() || text[0] == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Parses the first nine digits of a fraction, padded with zeros.
std::optional<std::uint32_t> parse_nanoseconds(std::string_view fraction) {
  std::uint32_t value = 0;
  std::size_t digits = 0;
  for (const char digit : fraction) {
    if (digit < '0' || digit > '9') return std::nullopt;
    if (digits < 9) {
      value = value * 10 + static_cast<std::uint32_t>(digit - '0');
      ++digits;
    }
  }
  for (; digits < 9; ++digits) value *= 10;
  return value;
}

// Parses seconds with an optional fraction; "-1.5" is 1.5 seconds before 1970.
std::optional<Timestamp> parse_time(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const auto seconds = parse_decimal<std::uint64_t>(text.substr(0, point));
  const auto nanoseconds = parse_nanoseconds(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (!seconds || !nanoseconds) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  // The smallest number has no positive counterpart.
  if (*seconds > kMax + (is_negative && *nanoseconds == 0 ? 1 : 0)) return std::nullopt;
  if (!is_negative) return Timestamp{static_cast<std::int64_t>(*seconds), *nanoseconds};
  if (*nanoseconds == 0) return Timestamp{static_cast<std::int64_t>(~*seconds + 1), 0};
  return Timestamp{static_cast<std::int64_t>(~*seconds), 1'000'000'000 - *nanoseconds};
}

// Removes the next record from `body` and returns its key and value.
Result<std::pair<std::string_view, std::string_view>> next_record(std::string_view& body) {
  const std::size_t blank = body.find(' ');
  const auto length =
      blank == std::string_view::npos ? std::nullopt : parse_decimal<std::size_t>(body.substr(0, blank));
  if (!length || *length > body.size() || *length < blank + 2)
    return fail(Errc::corrupt, "invalid length of a PAX record");
  const std::string_view record = body.substr(blank + 1, *length - blank - 1);
  if (record.back() != '\n') return fail(Errc::corrupt, "PAX record does not end with a newline");
  const std::size_t equals = record.find('=');
  if (equals == std::string_view::npos || equals == 0) return fail(Errc::corrupt, "PAX record has no key");
  body.remove_prefix(*length);
  return std::pair(record.substr(0, equals), record.substr(equals + 1, record.size() - equals - 2));
}

Status set_text(std::optional<std::string>& to, std::string_view key, std::string_view value) {
  if (value.find('\0') != std::string_view::npos)
    return fail(Errc::corrupt, "PAX " + std::string(key) + " contains a NUL");
  to.reset();
  if (!value.empty()) to.emplace(value);
  return {};
}

Status set_record(std::optional<std::uint64_t>& to, std::string_view key, std::string_view value) {
  to = parse_decimal<std::uint64_t>(value);
  if (!to && !value.empty()) return fail(Errc::corrupt, "invalid PAX " + std::string(key));
  return {};
}

Status set_time(std::optional<Timestamp>& to, std::string_view value) {
  to = parse_time(value);
  if (!to && !value.empty()) return fail(Errc::corrupt, "invalid PAX mtime");
  return {};
}

// Format 0.1: all numbers in one record.
Status set_map(std::vector<std::uint64_t>& to, std::string_view value) {
  to.clear();
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const auto number = parse_decimal<std::uint64_t>(value.substr(0, comma));
    if (!number || comma + 1 == value.size()) return fail(Errc::corrupt, "invalid GNU.sparse.map");
    to.push_back(*number);
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return {};
}

// Format 0.0: each number in its own record, alternately offset and size.
Status add_to_map(std::vector<std::uint64_t>& to, bool is_size, std::string_view value) {
  const auto number = parse_decimal<std::uint64_t>(value);
  if (!number || (to.size() % 2 != 0) != is_size)
    return fail(Errc::corrupt, "GNU.sparse.offset and GNU.sparse.numbytes are out of order");
  to.push_back(*number);
  return {};
}

Status set_sparse(PaxSparse& to, std::string_view key, std::string_view value) {
  const std::string_view what = key.substr(std::string_view("GNU.sparse.").size());
  if (what == "major") return set_record(to.major, key, value);
  if (what == "minor") return set_record(to.minor, key, value);
  if (what == "size" || what == "realsize") return set_record(to.real_size, key, value);
  if (what == "numblocks") return set_record(to.block_count, key, value);
  if (what == "name") return set_text(to.name, key, value);
  if (what == "map") return set_map(to.numbers, value);
  if (what == "offset") return add_to_map(to.numbers, false, value);
  if (what == "numbytes") return add_to_map(to.numbers, true, value);
  return {};
}

Status set_record(PaxRecords& to, std::string_view key, std::string_view value) {
  constexpr std::string_view kXattr = "SCHILY.xattr.";
  if (key == "path") return set_text(to.path, key, value);
  if (key == "linkpath") return set_text(to.link, key, value);
  if (key == "size") return set_record(to.size, key, value);
  if (key == "uid") return set_record(to.uid, key, value);
  if (key == "gid") return set_record(to.gid, key, value);
  if (key == "mtime") return set_time(to.mtime, value);
  if (key.starts_with("GNU.sparse.")) return set_sparse(to.sparse, key, value);
  if (!key.starts_with(kXattr) || key.size() == kXattr.size()) return {};
  const std::string_view name = key.substr(kXattr.size());
  if (name.find('\0') != std::string_view::npos) return fail(Errc::corrupt, "xattr name contains a NUL");
  to.xattrs.insert_or_assign(std::string(name), std::string(value));
  return {};
}

}  // namespace

Status parse_pax(ByteView body, PaxRecords& records) {
  std::string_view rest = as_text(body);
  while (!rest.empty()) {
    const auto record = next_record(rest);
    if (!record) return fail(Error(record.error()));
    if (auto set = set_record(records, record->first, record->second); !set) return set;
  }
  return {};
}

}  // namespace layoutfs
