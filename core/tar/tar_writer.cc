#include "core/tar/tar_writer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/tar/acl_text.h"
#include "core/tar/posix_acl.h"
#include "core/tar/sparse.h"
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

// Fields of a ustar header: offsets and sizes in bytes (POSIX pax, "ustar Interchange Format").
struct WrittenField {
  std::size_t offset, size;
};
constexpr WrittenField kWrittenName{0, 100}, kWrittenMode{100, 8}, kWrittenUid{108, 8}, kWrittenGid{116, 8},
    kWrittenSize{124, 12}, kWrittenMtime{136, 12}, kWrittenChecksum{148, 8}, kWrittenFlag{156, 1},
    kWrittenLink{157, 100}, kWrittenMagic{257, 8}, kWrittenDeviceMajor{329, 8}, kWrittenDeviceMinor{337, 8},
    kWrittenPrefix{345, 155};

// Returns whether octal digits and a NUL fit into the field.
constexpr bool fits(WrittenField field, std::uint64_t value) { return value >> (3 * (field.size - 1)) == 0; }

class Header {
 public:
  // Writes the start of a text that is too long.
  void text(WrittenField field, std::string_view text) {
    copy_bytes(as_bytes(text.substr(0, field.size)), std::span(block_).subspan(field.offset));
  }
  // Octal digits followed by the NUL that the block already has.
  void number(WrittenField field, std::uint64_t value) {
    check(fits(field, value), "a tar field has room for its number");
    std::string digits(field.size - 1, '0');
    for (auto digit = digits.rbegin(); digit != digits.rend() && value != 0; ++digit, value >>= 3)
      *digit = static_cast<char>('0' + (value & 7));
    text(field, digits);
  }
  // GNU tar's base-256, for numbers that no pax record can hold.
  void large_number(WrittenField field, std::uint64_t value) {
    if (fits(field, value)) return number(field, value);
    for (std::size_t i = field.offset + field.size; i-- > field.offset; value >>= 8)
      block_[i] = static_cast<std::byte>(value & 0xff);
    block_[field.offset] |= std::byte{0x80};
  }
  Bytes finish() {
    text(kWrittenMagic, std::string_view("ustar\00000", 8));
    // The checksum counts its own field as blanks.
    text(kWrittenChecksum, std::string(kWrittenChecksum.size, ' '));
    std::uint64_t sum = 0;
    for (const std::byte byte : block_) sum += std::to_integer<std::uint64_t>(byte);
    number({kWrittenChecksum.offset, kWrittenChecksum.size - 1}, sum);
    return block_;
  }

 private:
  Bytes block_ = Bytes(kTarBlock);
};

// Returns the prefix and the name that "PREFIX/NAME" is split into; nullopt if it does not fit.
std::optional<std::pair<std::string_view, std::string_view>> split_path(std::string_view path) {
  if (path.size() <= kWrittenName.size) return std::pair(std::string_view(), path);
  const std::size_t slash = path.find('/', path.size() - 1 - kWrittenName.size);
  if (slash == std::string_view::npos || slash == 0 || slash > kWrittenPrefix.size ||
      slash + 1 == path.size())
    return std::nullopt;
  return std::pair(path.substr(0, slash), path.substr(slash + 1));
}

// "LENGTH KEY=VALUE\n"; LENGTH includes itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = rest.size();
  while (length != rest.size() + std::to_string(length).size())
    length = rest.size() + std::to_string(length).size();
  return std::to_string(length) + rest;
}

// Seconds with an optional fraction; "-1.5" is 1.5 seconds before 1970.
std::string pax_time(const Timestamp& time) {
  const bool is_negative = time.seconds < 0;
  auto seconds = static_cast<std::uint64_t>(time.seconds);
  std::uint32_t nanoseconds = time.nanoseconds;
  if (is_negative) {
    seconds = ~seconds + 1;
    if (nanoseconds != 0) {
      --seconds;
      nanoseconds = 1'000'000'000 - nanoseconds;
    }
  }
  std::string out = (is_negative ? "-" : "") + std::to_string(seconds);
  if (nanoseconds == 0) return out;
  std::string fraction = std::to_string(nanoseconds);
  fraction.insert(0, 9 - fraction.size(), '0');
  fraction.resize(fraction.find_last_not_of('0') + 1);
  return out + "." + fraction;
}

char flag_of(EntryType type) {
  switch (type) {
    case EntryType::file:
      return '0';
    case EntryType::hardlink:
      return '1';
    case EntryType::symlink:
      return '2';
    case EntryType::character:
      return '3';
    case EntryType::block:
      return '4';
    case EntryType::directory:
      return '5';
    case EntryType::fifo:
      return '6';
  }
  return '0';
}

// Format 1.0 (GNU tar manual, "PAX Format, Version 1.0"). Like GNU tar's, the map ends with an empty extent
// at the end of the file if that is a hole.
std::string sparse_map(const TarEntry& entry) {
  const bool ends_in_hole =
      entry.size > (entry.extents.empty() ? 0 : entry.extents.back().offset + entry.extents.back().size);
  const bool has_end = ends_in_hole && entry.extents.size() < kMaxExtents;
  std::string map = std::to_string(entry.extents.size() + (has_end ? 1 : 0)) + "\n";
  for (const Extent& extent : entry.extents)
    map += std::to_string(extent.offset) + "\n" + std::to_string(extent.size) + "\n";
  if (has_end) map += std::to_string(entry.size) + "\n0\n";
  map.resize(map.size() + static_cast<std::size_t>(tar_padding(map.size())));
  return map;
}

// Returns the path for readers that do not know the format, as GNU tar makes it.
std::string path_of_map(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  return std::string(path.substr(0, base)) + "GNUSparseFile.0/" + std::string(path.substr(base));
}

// An entry as it is written.
struct Written {
  const TarEntry& entry;
  std::string path;
  std::uint64_t size = 0;  // of the map and the data

  bool is_mtime_in_header() const {
    return entry.mtime.nanoseconds == 0 && entry.mtime.seconds >= 0 &&
           fits(kWrittenMtime, static_cast<std::uint64_t>(entry.mtime.seconds));
  }
};

Result<std::string> records_of(const Written& written) {
  const TarEntry& entry = written.entry;
  std::string records;
  const auto add = [&records](std::string_view key, std::string_view value) {
    records += pax_record(key, value);
  };
  if (!split_path(written.path)) add("path", written.path);
  if (entry.target.size() > kWrittenLink.size) add("linkpath", entry.target);
  if (!fits(kWrittenSize, written.size)) add("size", std::to_string(written.size));
  if (!fits(kWrittenUid, entry.uid)) add("uid", std::to_string(entry.uid));
  if (!fits(kWrittenGid, entry.gid)) add("gid", std::to_string(entry.gid));
  if (!written.is_mtime_in_header()) add("mtime", pax_time(entry.mtime));
  if (entry.is_sparse) {
    add("GNU.sparse.major", "1");
    add("GNU.sparse.minor", "0");
    add("GNU.sparse.name", entry.path);
    add("GNU.sparse.realsize", std::to_string(entry.size));
  }
  for (const auto& [name, value] : entry.xattrs) {
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos)
      return fail(Errc::unsupported,
                  "a tar cannot store the xattr " + name + ": its name is empty, or contains '=' or a NUL");
    add("SCHILY.xattr." + name, value);
    // GNU tar with --acls takes ACLs from these records alone, and otherwise from xattrs.
    if (name != kAccessAclXattr && name != kDefaultAclXattr) continue;
    const std::string_view key = name == kAccessAclXattr ? "SCHILY.acl.access" : "SCHILY.acl.default";
    if (const auto text = acl_text(value)) add(key, *text);
  }
  if (records.size() > kMaxExtendedHeaders)
    return fail(Errc::unsupported, "a tar cannot store the entry: its path, target and xattrs exceed 1 MiB");
  return records;
}

Bytes header_of(const Written& written, char flag) {
  const TarEntry& entry = written.entry;
  const auto if_fits = [](WrittenField field, std::uint64_t value) { return fits(field, value) ? value : 0; };
  Header header;
  const std::string_view path = written.path;
  const auto [prefix, name] = split_path(path).value_or(std::pair(std::string_view(), path));
  header.text(kWrittenName, name);
  header.text(kWrittenPrefix, prefix);
  header.number(kWrittenMode, entry.mode & 07777);
  header.number(kWrittenUid, if_fits(kWrittenUid, entry.uid));
  header.number(kWrittenGid, if_fits(kWrittenGid, entry.gid));
  header.number(kWrittenSize, if_fits(kWrittenSize, written.size));
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(entry.mtime.seconds, 0));
  header.number(kWrittenMtime, if_fits(kWrittenMtime, seconds));
  header.text(kWrittenFlag, std::string_view(&flag, 1));
  header.text(kWrittenLink, entry.target);
  if (entry.type == EntryType::character || entry.type == EntryType::block) {
    header.large_number(kWrittenDeviceMajor, entry.device_major);
    header.large_number(kWrittenDeviceMinor, entry.device_minor);
  }
  return header.finish();
}

void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

// The extended header of `records`, with the attributes of root.
Bytes extended_header(const std::string& records, const Timestamp& mtime) {
  const TarEntry entry{
      .type = EntryType::file, .mode = 0644, .mtime = {.seconds = mtime.seconds, .nanoseconds = 0}};
  Bytes blocks = header_of({.entry = entry, .path = "pax", .size = records.size()}, 'x');
  append(blocks, as_bytes(records));
  blocks.resize(blocks.size() + static_cast<std::size_t>(tar_padding(records.size())));
  return blocks;
}

}  // namespace

std::uint64_t tar_padding(std::uint64_t size) noexcept { return (kTarBlock - size % kTarBlock) % kTarBlock; }

Result<Bytes> tar_entry_header(const TarEntry& entry) {
  check(!entry.path.empty(), "a tar entry has a path");
  Written written{.entry = entry, .path = entry.path};
  std::string map;
  if (entry.type == EntryType::directory) written.path += "/";
  if (entry.type == EntryType::file) written.size = entry.size;
  if (entry.is_sparse) {
    map = sparse_map(entry);
    written.path = path_of_map(entry.path);
    written.size = map.size();
    for (const Extent& extent : entry.extents) written.size += extent.size;
  }
  const auto records = records_of(written);
  if (!records) return fail(Error(records.error()));
  Bytes blocks;
  if (!records->empty()) blocks = extended_header(*records, entry.mtime);
  append(blocks, header_of(written, flag_of(entry.type)));
  append(blocks, as_bytes(map));
  return blocks;
}

Bytes tar_file_header(std::string_view path, std::uint64_t size, std::int64_t mtime) {
  TarEntry entry{.type = EntryType::file, .path = std::string(path), .mode = 0644};
  entry.size = size;
  entry.mtime.seconds = mtime;
  return tar_entry_header(entry).value();
}

}  // namespace layoutfs
