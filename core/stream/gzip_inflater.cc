// Inflates the members of a gzip blob one after the other, by zlib's raw inflate.
#include "core/stream/gzip_inflater.h"

#include <algorithm>
#include <limits>
#include <new>

#include "core/base/check.h"

namespace layoutfs {
namespace {

constexpr std::size_t kInputBuffer = std::size_t{1} << 17;

// RFC 1952, 2.3.1.
constexpr std::uint8_t kId1 = 0x1f, kId2 = 0x8b, kDeflate = 8;
constexpr std::uint8_t kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0;

// inflate in zlib.h, at Z_BLOCK.
constexpr int kUnusedBits = 0x3f, kInLastBlock = 64, kAtBlockEnd = 128;

std::unexpected<Error> breaks_off() { return fail(Errc::corrupt, "gzip stream breaks off"); }

std::unexpected<Error> broken(std::uint64_t offset, const char* why) {
  return fail(Errc::corrupt, "gzip stream is broken near byte " + std::to_string(offset) + ": " + why);
}

uInt clamped(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

GzipInflater::GzipInflater(ByteSource& source, std::uint64_t offset, Check check)
    : input_(source, offset, kInputBuffer), check_(check) {
  if (inflateInit2(&zlib_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

GzipInflater::~GzipInflater() { inflateEnd(&zlib_); }

void GzipInflater::start_in_member(unsigned unused_bits, std::uint8_t byte_before, ByteView window) {
  check(unused_bits < 8 && window.size() <= (std::size_t{1} << MAX_WBITS), "a block starts within a byte");
  if (unused_bits > 0) inflatePrime(&zlib_, static_cast<int>(unused_bits), byte_before >> (8 - unused_bits));
  inflateSetDictionary(&zlib_, reinterpret_cast<const Bytef*>(window.data()), clamped(window.size()));
  in_member_ = true;
  is_first_member_ = false;
  check_ = Check::none;
}

Result<GzipInflater::Progress> GzipInflater::inflate(std::span<std::byte> out, bool stop_at_blocks) {
  if (!in_member_) {
    const auto found = next_member();
    if (!found) return std::unexpected(found.error());
    return Progress{0, *found ? Stop::member : Stop::end};
  }
  auto room = out;
  while (!room.empty()) {
    const auto result = inflate_some(room, stop_at_blocks);
    if (!result) return std::unexpected(result.error());
    const std::size_t size = out.size() - room.size();
    if (*result == Z_STREAM_END) {
      if (auto trailer = read_trailer(); !trailer) return std::unexpected(std::move(trailer.error()));
      in_member_ = false;
      return Progress{size, Stop::none};
    }
    if (stop_at_blocks && (zlib_.data_type & kAtBlockEnd) != 0 && (zlib_.data_type & kInLastBlock) == 0) {
      position_ = input_.offset() * 8 - static_cast<unsigned>(zlib_.data_type & kUnusedBits);
      return Progress{size, Stop::block};
    }
  }
  return Progress{out.size(), Stop::none};
}

// One call of zlib's inflate; `room` loses what was written.
Result<int> GzipInflater::inflate_some(std::span<std::byte>& room, bool stop_at_blocks) {
  const auto filled = input_.fill();
  if (!filled) return std::unexpected(filled.error());
  if (!*filled) return breaks_off();
  zlib_.next_in = reinterpret_cast<const Bytef*>(input_.available().data());
  zlib_.avail_in = clamped(input_.available().size());
  zlib_.next_out = reinterpret_cast<Bytef*>(room.data());
  zlib_.avail_out = clamped(room.size());
  const uInt offered_in = zlib_.avail_in;
  const uInt offered_out = zlib_.avail_out;
  const int result = ::inflate(&zlib_, stop_at_blocks ? Z_BLOCK : Z_NO_FLUSH);
  const uInt read = offered_in - zlib_.avail_in;
  const uInt written = offered_out - zlib_.avail_out;
  input_.consume(read);
  if (check_ == Check::trailers) {
    crc_ = static_cast<std::uint32_t>(::crc32(crc_, reinterpret_cast<const Bytef*>(room.data()), written));
    isize_ += written;
  }
  room = room.subspan(written);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result == Z_OK || result == Z_STREAM_END) return result;
  // zlib calls it Z_BUF_ERROR too when a block ended within bits that it had already taken from the input.
  if (result == Z_BUF_ERROR && (zlib_.data_type & kAtBlockEnd) != 0) return Z_OK;
  return broken(input_.offset(), zlib_.msg != nullptr ? zlib_.msg : "no progress");
}

std::size_t GzipInflater::window(std::span<std::byte> window) {
  check(window.size() >= std::size_t{1} << MAX_WBITS, "a deflate window has room");
  uInt size = 0;
  inflateGetDictionary(&zlib_, reinterpret_cast<Bytef*>(window.data()), &size);
  return size;
}

// Reads the header of the member that begins here; false where the blob ends instead.
Result<bool> GzipInflater::next_member() {
  position_ = input_.offset() * 8;
  const auto filled = input_.fill();
  if (!filled) return std::unexpected(filled.error());
  if (is_first_member_) {
    if (!*filled) return breaks_off();
  } else {
    if (!*filled) return false;
    if (static_cast<std::uint8_t>(input_.available().front()) != kId1) return skip_padding();
  }
  if (auto header = read_header(); !header) return std::unexpected(std::move(header.error()));
  is_first_member_ = false;
  in_member_ = true;
  crc_ = 0;
  isize_ = 0;
  inflateReset(&zlib_);
  return true;
}

// Zeros up to the end of the blob are padding, as gzip(1) has it.
Result<bool> GzipInflater::skip_padding() {
  while (true) {
    const auto filled = input_.fill();
    if (!filled) return std::unexpected(filled.error());
    if (!*filled) return false;
    const auto bytes = input_.available();
    if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; }))
      return fail(Errc::corrupt, "trailing garbage after the gzip stream");
    input_.consume(bytes.size());
  }
}

Result<std::uint8_t> GzipInflater::next_byte() {
  const auto filled = input_.fill();
  if (!filled) return std::unexpected(filled.error());
  if (!*filled) return breaks_off();
  const auto byte = static_cast<std::uint8_t>(input_.available().front());
  input_.consume(1);
  return byte;
}

Result<std::uint8_t> GzipInflater::next_header_byte() {
  const auto byte = next_byte();
  if (byte) header_crc_ = static_cast<std::uint32_t>(::crc32(header_crc_, &*byte, 1));
  return byte;
}

Result<std::uint32_t> GzipInflater::next_header_number(unsigned bytes) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < bytes; ++i) {
    const auto byte = next_header_byte();
    if (!byte) return std::unexpected(byte.error());
    number |= std::uint32_t{*byte} << (8 * i);
  }
  return number;
}

Status GzipInflater::skip_header_text() {
  while (true) {
    const auto byte = next_header_byte();
    if (!byte) return std::unexpected(byte.error());
    if (*byte == 0) return {};
  }
}

// RFC 1952, 2.3.
Status GzipInflater::read_header() {
  const std::uint64_t begin = input_.offset();
  header_crc_ = 0;
  const auto magic = next_header_number(2);
  if (!magic) return std::unexpected(magic.error());
  if (*magic != (kId1 | kId2 << 8))
    return fail(Errc::corrupt,
                is_first_member_ ? "not a gzip stream" : "trailing garbage after the gzip stream");
  const auto method = next_header_byte();
  if (!method) return std::unexpected(method.error());
  const auto flags = next_header_byte();
  if (!flags) return std::unexpected(flags.error());
  if (*method != kDeflate || (*flags & kReserved) != 0)
    return broken(begin, "a header with an unknown method or unknown flags");
  for (int i = 0; i < 6; ++i)  // MTIME, XFL, OS
    if (const auto byte = next_header_byte(); !byte) return std::unexpected(byte.error());
  if ((*flags & kExtra) != 0) {
    const auto size = next_header_number(2);
    if (!size) return std::unexpected(size.error());
    for (std::uint32_t i = 0; i < *size; ++i)
      if (const auto byte = next_header_byte(); !byte) return std::unexpected(byte.error());
  }
  for (const std::uint8_t flag : {kName, kComment}) {
    if ((*flags & flag) == 0) continue;
    if (auto text = skip_header_text(); !text) return text;
  }
  if ((*flags & kHeaderCrc) != 0) {
    const std::uint32_t expected = header_crc_ & 0xffff;
    const auto stored = next_header_number(2);
    if (!stored) return std::unexpected(stored.error());
    if (*stored != expected) return broken(begin, "a header that differs from its CRC");
  }
  return {};
}

Status GzipInflater::read_trailer() {
  std::uint64_t trailer = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const auto byte = next_byte();
    if (!byte) return std::unexpected(byte.error());
    trailer |= std::uint64_t{*byte} << (8 * i);
  }
  if (check_ == Check::none) return {};
  if (static_cast<std::uint32_t>(trailer) != crc_)
    return broken(input_.offset(), "a member differs from its CRC");
  if (static_cast<std::uint32_t>(trailer >> 32) != isize_)
    return broken(input_.offset(), "a member differs from its length");
  return {};
}

}  // namespace layoutfs
