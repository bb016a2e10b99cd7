// For tests: rebuilds a layer's tar from its record, as engines do (github.com/vbatts/tar-split,
// tar/asm/assemble.go).
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/engines/crc64.h"
#include "layoutfs/bytes.h"

namespace layoutfs::testing {

inline std::string from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = (bits << 6 | static_cast<unsigned>(kAlphabet.find(c))) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

// All members.
inline std::string gunzipped(std::string_view packed) {
  z_stream zlib{};
  EXPECT_EQ(inflateInit2(&zlib, MAX_WBITS + 16), Z_OK);
  std::string out, buffer(1 << 16, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  zlib.avail_in = static_cast<uInt>(packed.size());
  while (zlib.avail_in > 0) {
    zlib.next_out = reinterpret_cast<Bytef*>(buffer.data());
    zlib.avail_out = static_cast<uInt>(buffer.size());
    const int result = inflate(&zlib, Z_NO_FLUSH);
    out.append(buffer, 0, buffer.size() - zlib.avail_out);
    if (result == Z_STREAM_END) {
      inflateReset(&zlib);
    } else if (result != Z_OK) {
      ADD_FAILURE() << "no gzip: " << result;
      break;
    }
  }
  inflateEnd(&zlib);
  return out;
}

struct Rebuilt {
  std::string tar;
  std::vector<std::string> files;  // whose content the record does not have
  std::size_t lines = 0;
};

// `open` returns the content of the file that is opened by a name in the tree.
inline Rebuilt rebuilt(std::string_view record, const std::function<std::string(const std::string&)>& open) {
  Rebuilt rebuilt;
  std::set<std::string> names;
  for (; !record.empty(); record.remove_prefix(record.find('\n') + 1)) {
    ++rebuilt.lines;
    const auto line = JsonDocument::parse(as_bytes(record.substr(0, record.find('\n')))).value();
    const std::string payload = from_base64(line.root().find("payload").value().as_string().value());
    if (line.root().find("type").value().as_integer() == 2) {
      rebuilt.tar += payload;
      continue;
    }
    const auto plain = line.root().find("name");
    const std::string name = plain ? std::string(plain->as_string().value())
                                   : from_base64(line.root().find("name_raw").value().as_string().value());
    EXPECT_TRUE(names.insert(name).second) << name << " occurs twice, which engines refuse";
    const std::string content = open(name);
    EXPECT_EQ(line.root().find("size").value().as_integer(), static_cast<std::int64_t>(content.size()))
        << name;
    Crc64 crc;
    crc.update(as_bytes(content));
    std::string checksum;
    for (int shift = 56; shift >= 0; shift -= 8) checksum += static_cast<char>(crc.value() >> shift & 0xff);
    EXPECT_EQ(payload, checksum) << name;
    rebuilt.tar += content;
    rebuilt.files.push_back(name);
  }
  return rebuilt;
}

}  // namespace layoutfs::testing
