// Inflates the members of a gzip blob, each a stream of raw deflate.
#include "core/codec/gzip_inflater.h"

#include <algorithm>
#include <string>

namespace layoutfs {
namespace {

// RFC 1952, 2.3.1.
constexpr std::uint8_t kId1 = 0x1f, kId2 = 0x8b, kDeflate = 8;
constexpr std::uint8_t kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0;

// Longer than a code with its extra bits.
constexpr std::uint64_t kNearLimit = 16;  // bytes

static_assert(DeflateDecoder::kMaxUnread <= BufferedInput::kBehind);

std::unexpected<Error> truncated() { return fail(Errc::corrupt, "unexpected end of gzip stream"); }

std::unexpected<Error> broken(std::uint64_t offset, std::string_view why) {
  return fail(Errc::corrupt,
              "invalid gzip stream near byte " + std::to_string(offset) + ": " + std::string(why));
}

}  // namespace

GzipInflater::GzipInflater(ByteSource& source, std::uint64_t offset, Check check, DeflateLibrary library,
                           std::size_t input_size)
    : input_(source, offset, input_size), deflate_(make_deflate_decoder(library)), check_(check) {}

void GzipInflater::start_in_member(unsigned unused_bits, std::uint8_t byte_before, ByteView window,
                                   std::optional<Sums> front) {
  deflate_->start_at({unused_bits, byte_before, {}}, window);
  in_member_ = true;
  is_first_member_ = false;
  if (front)
    sums_ = *front;
  else
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
    const bool is_at_limit = input_.offset() >= limit_;
    const std::size_t room_before = room.size();
    const auto stop = inflate_some(room, stop_at_blocks);
    if (!stop) return std::unexpected(stop.error());
    const std::size_t size = out.size() - room.size();
    if (is_at_limit && *stop == DeflateDecoder::Stop::none && room.size() == room_before)
      return Progress{size, Stop::limit};
    if (*stop == DeflateDecoder::Stop::end) {
      if (auto trailer = read_trailer(); !trailer) return std::unexpected(std::move(trailer.error()));
      in_member_ = false;
      return Progress{size, Stop::none};
    }
    if (*stop == DeflateDecoder::Stop::block) {
      position_ = input_.offset() * 8 - deflate_->unread_bits();
      return Progress{size, Stop::block};
    }
  }
  return Progress{out.size(), Stop::none};
}

// Calls the decoder once. `room` becomes the part that is still free.
Result<DeflateDecoder::Stop> GzipInflater::inflate_some(std::span<std::byte>& room, bool stop_at_blocks) {
  const auto filled = input_.fill();
  if (!filled) return std::unexpected(filled.error());
  ByteView in = input_.available();
  // zlib shows a boundary only if it is told to stop before it comes to it.
  const std::uint64_t before_limit = limit_ - std::min(limit_, input_.offset());
  const bool is_near_limit = before_limit <= kNearLimit;
  const std::uint64_t most = is_near_limit ? before_limit : before_limit - kNearLimit;
  if (in.size() > most) in = in.first(static_cast<std::size_t>(most));
  const auto progress = deflate_->decode(in, room, stop_at_blocks || is_near_limit);
  if (!progress) return broken(input_.offset(), progress.error().message());
  // The last bytes of the blob may have been consumed before.
  if (!*filled && before_limit > 0 && progress->written == 0 && progress->stop == DeflateDecoder::Stop::none)
    return truncated();
  input_.consume(progress->read);
  if (progress->stop == DeflateDecoder::Stop::end) input_.unconsume(deflate_->unread_bits() / 8);
  if (check_ == Check::trailers) {
    sums_.crc = gzip_crc(sums_.crc, ByteView(room).first(progress->written));
    sums_.size += static_cast<std::uint32_t>(progress->written);
  }
  room = room.subspan(progress->written);
  return progress->stop;
}

// Reads the header of the next member. Returns false if the blob ends instead.
Result<bool> GzipInflater::next_member() {
  position_ = input_.offset() * 8;
  const auto filled = input_.fill();
  if (!filled) return std::unexpected(filled.error());
  if (is_first_member_) {
    if (!*filled) return truncated();
  } else {
    if (!*filled) return false;
    if (static_cast<std::uint8_t>(input_.available().front()) != kId1) return skip_padding();
  }
  if (auto header = read_header(); !header) return std::unexpected(std::move(header.error()));
  is_first_member_ = false;
  in_member_ = true;
  sums_ = {};
  deflate_->start();
  return true;
}

// Zeros up to the end of the blob are padding, as in gzip(1).
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
  if (!*filled) return truncated();
  const auto byte = static_cast<std::uint8_t>(input_.available().front());
  input_.consume(1);
  return byte;
}

Result<std::uint8_t> GzipInflater::next_header_byte() {
  const auto byte = next_byte();
  if (byte) header_crc_ = gzip_crc(header_crc_, std::as_bytes(std::span(&*byte, 1)));
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
    return broken(begin, "unknown compression method or flags in a header");
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
    if (*stored != expected) return broken(begin, "header CRC mismatch");
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
  trailer_ = {static_cast<std::uint32_t>(trailer), static_cast<std::uint32_t>(trailer >> 32)};
  return check_ == Check::none ? Status() : check_trailer(trailer_, sums_, input_.offset());
}

Status GzipInflater::check_trailer(const Sums& trailer, const Sums& member, std::uint64_t end) {
  if (trailer.crc != member.crc) return broken(end, "CRC mismatch");
  if (trailer.size != member.size) return broken(end, "length mismatch");
  return {};
}

}  // namespace layoutfs
