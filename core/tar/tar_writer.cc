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
struct WrittenField {
  std::size_t offset, size;
};
constexpr WrittenField kWrittenName{0, kNameSize}, kWrittenMode{100, 8}, kWrittenUid{108, 8},
    kWrittenGid{116, 8}, kWrittenSize{124, 12}, kWrittenMtime{136, 12}, kWrittenChecksum{148, 8},
    kWrittenFlag{156, 1}, kWrittenMagic{257, 8};

class Header {
 public:
  void text(WrittenField field, std::string_view text) {
    check(text.size() <= field.size, "a tar field has room for its text");
    copy_bytes(as_bytes(text), std::span(block_).subspan(field.offset));
  }
  // Octal digits followed by the NUL that the block already has.
  void number(WrittenField field, std::uint64_t value) {
    std::string digits(field.size - 1, '0');
    for (auto digit = digits.rbegin(); digit != digits.rend() && value != 0; ++digit, value >>= 3)
      *digit = static_cast<char>('0' + (value & 7));
    text(field, digits);
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

Bytes header(std::string_view name, char flag, std::uint64_t size, std::int64_t mtime) {
  Header header;
  header.text(kWrittenName, name.substr(0, kNameSize));
  header.number(kWrittenMode, 0644);
  header.number(kWrittenUid, 0);
  header.number(kWrittenGid, 0);
  header.number(kWrittenSize, size < kMaxOctalSize ? size : 0);
  header.number(kWrittenMtime, static_cast<std::uint64_t>(std::max<std::int64_t>(mtime, 0)));
  header.text(kWrittenFlag, std::string_view(&flag, 1));
  return header.finish();
}

// "LENGTH KEY=VALUE\n"; LENGTH includes itself.
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
