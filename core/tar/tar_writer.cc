#include "core/tar/tar_writer.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "core/base/check.h"
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

constexpr std::size_t kNameSize = 100;
constexpr std::uint64_t kMaxOctalSize = std::uint64_t{8} << 30;

// Fields of a ustar header: offsets and sizes in bytes (POSIX pax, "ustar Interchange Format").
struct Field {
  std::size_t offset, size;
};
constexpr Field kName{0, kNameSize}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kFlag{156, 1}, kMagic{257, 8};

class Header {
 public:
  void text(Field field, std::string_view text) {
    check(text.size() <= field.size, "a tar field has room for its text");
    std::ranges::copy(as_bytes(text), block_.begin() + static_cast<std::ptrdiff_t>(field.offset));
  }
  // Octal digits, and the NUL that the block has there.
  void number(Field field, std::uint64_t value) {
    std::string digits(field.size - 1, '0');
    for (auto digit = digits.rbegin(); digit != digits.rend() && value != 0; ++digit, value >>= 3)
      *digit = static_cast<char>('0' + (value & 7));
    text(field, digits);
  }
  Bytes finish() {
    text(kMagic, std::string_view("ustar\00000", 8));
    // As if the checksum's own field were blanks.
    text(kChecksum, std::string(kChecksum.size, ' '));
    std::uint64_t sum = 0;
    for (const std::byte byte : block_) sum += std::to_integer<std::uint64_t>(byte);
    number({kChecksum.offset, kChecksum.size - 1}, sum);
    return block_;
  }

 private:
  Bytes block_ = Bytes(kTarBlock);
};

Bytes header(std::string_view name, char flag, std::uint64_t size, std::int64_t mtime) {
  Header header;
  header.text(kName, name.substr(0, kNameSize));
  header.number(kMode, 0644);
  header.number(kUid, 0);
  header.number(kGid, 0);
  header.number(kSize, size < kMaxOctalSize ? size : 0);
  header.number(kMtime, static_cast<std::uint64_t>(std::max<std::int64_t>(mtime, 0)));
  header.text(kFlag, std::string_view(&flag, 1));
  return header.finish();
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself too.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = rest.size();
  while (length != rest.size() + std::to_string(length).size())
    length = rest.size() + std::to_string(length).size();
  return std::to_string(length) + rest;
}

}  // namespace

std::uint64_t tar_padding(std::uint64_t size) noexcept { return (kTarBlock - size % kTarBlock) % kTarBlock; }

Bytes tar_file_header(std::string_view path, std::uint64_t size, std::int64_t mtime) {
  std::string records;
  if (path.size() > kNameSize) records += pax_record("path", path);
  if (size >= kMaxOctalSize) records += pax_record("size", std::to_string(size));
  Bytes blocks;
  if (!records.empty()) {
    blocks = header("pax", 'x', records.size(), mtime);
    const auto data = as_bytes(records);
    blocks.insert(blocks.end(), data.begin(), data.end());
    blocks.resize(blocks.size() + static_cast<std::size_t>(tar_padding(records.size())));
  }
  const Bytes last = header(path, '0', size, mtime);
  blocks.insert(blocks.end(), last.begin(), last.end());
  return blocks;
}

}  // namespace layoutfs
