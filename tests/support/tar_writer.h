// Writes tars byte by byte, in any format, including tars that no archiver writes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layoutfs/bytes.h"

namespace layoutfs::testing {

using PaxPairs = std::vector<std::pair<std::string, std::string>>;

// `value` in octal with leading zeros and a NUL.
inline std::string octal(std::uint64_t value, std::size_t width) {
  std::string digits(width, '\0');
  for (std::size_t i = width - 1; i-- > 0; value /= 8) digits[i] = static_cast<char>('0' + value % 8);
  return digits;
}

// `value` in GNU tar's base-256, two's complement.
inline std::string base256(std::int64_t value, std::size_t width) {
  std::string out(width, value < 0 ? '\xff' : '\0');
  for (std::size_t i = 0; i < 8 && i < width - 1; ++i) {
    out[width - 1 - i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  if (value >= 0) out[0] = '\x80';
  return out;
}

inline std::string padded(std::string data) {
  data.resize((data.size() + 511) / 512 * 512);
  return data;
}

inline std::string pax_record(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  std::size_t length = body.size() + 1;
  while (body.size() + std::to_string(length).size() != length) ++length;
  return std::to_string(length) + body;
}

inline const std::string kUstar = std::string("ustar\0", 6) + "00";
inline const std::string kGnu = std::string("ustar  \0", 8);
inline const std::string kV7 = std::string(8, '\0');

// The fields of a header as raw bytes; set numbers with octal() or base256().
struct RawHeader {
  std::string name;
  char flag = '0';
  std::string mode = octal(0644, 8), uid = octal(0, 8), gid = octal(0, 8);
  std::string size = octal(0, 12), mtime = octal(1'600'000'000, 12);
  std::string link;
  std::string magic = kUstar;
  std::string device_major = octal(0, 8), device_minor = octal(0, 8);
  std::string prefix;    // from byte 345 on, to the end of the block if need be
  std::string checksum;  // empty: the right one

  std::string block() const {
    std::string out(512, '\0');
    const auto put = [&out](std::size_t offset, std::size_t width, const std::string& value) {
      out.replace(offset, std::min(width, value.size()), value, 0, width);
    };
    put(0, 100, name);
    put(100, 8, mode);
    put(108, 8, uid);
    put(116, 8, gid);
    put(124, 12, size);
    put(136, 12, mtime);
    put(148, 8, "        ");
    out[156] = flag;
    put(157, 100, link);
    put(257, 8, magic);
    put(329, 8, device_major);
    put(337, 8, device_minor);
    put(345, 167, prefix);
    unsigned sum = 0;
    for (const char byte : out) sum += static_cast<unsigned char>(byte);
    put(148, 8, checksum.empty() ? octal(sum, 7) + " " : checksum);
    return out;
  }
};

// The attributes of the following entries; PAX records are written if necessary.
struct EntryAttributes {
  std::uint32_t mode = 0644, uid = 0, gid = 0;
  std::int64_t mtime = 1'600'000'000;  // seconds; a fraction can be given in `pax`
  PaxPairs xattrs;
  PaxPairs pax;  // any other records
};

// A tar under construction: ustar, with PAX records for everything that does not fit.
class TarWriter {
 public:
  TarWriter& dir(const std::string& name, EntryAttributes with = {.mode = 0755}) {
    return add({.name = name.ends_with('/') ? name : name + "/", .flag = '5'}, with);
  }
  TarWriter& file(const std::string& name, const std::string& content = "",
                  const EntryAttributes& with = {}) {
    return add({.name = name}, with, content);
  }
  TarWriter& symlink(const std::string& name, const std::string& target,
                     EntryAttributes with = {.mode = 0777}) {
    return add({.name = name, .flag = '2', .link = target}, with);
  }
  TarWriter& hardlink(const std::string& name, const std::string& target, const EntryAttributes& with = {}) {
    return add({.name = name, .flag = '1', .link = target}, with);
  }
  // `flag`: '3' for a character device, '4' for a block device.
  TarWriter& device(const std::string& name, char flag, std::uint32_t major, std::uint32_t minor,
                    const EntryAttributes& with = {}) {
    return add({.name = name, .flag = flag, .device_major = octal(major, 8), .device_minor = octal(minor, 8)},
               with);
  }
  TarWriter& fifo(const std::string& name, const EntryAttributes& with = {}) {
    return add({.name = name, .flag = '6'}, with);
  }
  TarWriter& whiteout(const std::string& name) { return file(beside(name, ".wh." + base_of(name))); }
  TarWriter& opaque(const std::string& directory) {
    return file(directory.empty() ? ".wh..wh..opq" : directory + "/.wh..wh..opq");
  }

  // Adds a PAX header ('x') or a global one ('g') before the next entry.
  TarWriter& pax(const PaxPairs& records, char flag = 'x') {
    std::string body;
    for (const auto& [key, value] : records) body += pax_record(key, value);
    return pax_body(body, flag);
  }
  TarWriter& pax_body(const std::string& body, char flag = 'x') {
    return raw(RawHeader{.name = "PaxHeaders/0", .flag = flag, .size = octal(body.size(), 12)}, body);
  }
  // Adds GNU's long name ('L') or long link target ('K') of the next entry.
  TarWriter& gnu_long(char flag, const std::string& value) {
    const std::string body = value + '\0';
    return raw(
        RawHeader{.name = "././@LongLink", .flag = flag, .size = octal(body.size(), 12), .magic = kGnu},
        body);
  }
  // Writes a header without changes, and padded data after it.
  TarWriter& raw(const RawHeader& header, const std::string& data = "") {
    return raw(header.block() + padded(data));
  }
  TarWriter& raw(const std::string& bytes) {
    bytes_ += bytes;
    return *this;
  }

  std::size_t size() const { return bytes_.size(); }
  // With the end marker: two zero blocks.
  std::string text(std::size_t zero_blocks = 2) const {
    return bytes_ + std::string(512 * zero_blocks, '\0');
  }
  Bytes bytes(std::size_t zero_blocks = 2) const {
    const std::string all = text(zero_blocks);
    const ByteView view = as_bytes(all);
    return {view.begin(), view.end()};
  }

 private:
  TarWriter& add(RawHeader header, const EntryAttributes& with, const std::string& data = "") {
    PaxPairs records = with.pax;
    if (header.name.size() > 100) records.emplace_back("path", header.name);
    if (header.link.size() > 100) records.emplace_back("linkpath", header.link);
    if (with.uid >= 1u << 21) records.emplace_back("uid", std::to_string(with.uid));
    if (with.gid >= 1u << 21) records.emplace_back("gid", std::to_string(with.gid));
    if (with.mtime < 0) records.emplace_back("mtime", std::to_string(with.mtime));
    for (const auto& [name, value] : with.xattrs) records.emplace_back("SCHILY.xattr." + name, value);
    if (!records.empty()) pax(records);
    header.mode = octal(with.mode, 8);
    header.uid = octal(with.uid, 8);
    header.gid = octal(with.gid, 8);
    header.mtime = octal(static_cast<std::uint64_t>(std::max<std::int64_t>(0, with.mtime)), 12);
    header.size = octal(data.size(), 12);
    return raw(header, data);
  }

  static std::string base_of(const std::string& name) { return name.substr(name.rfind('/') + 1); }
  static std::string beside(const std::string& name, const std::string& base) {
    const std::size_t slash = name.rfind('/');
    return slash == std::string::npos ? base : name.substr(0, slash + 1) + base;
  }

  std::string bytes_;
};

}  // namespace layoutfs::testing
