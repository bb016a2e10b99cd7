// A chunk is decoded twice, with two windows that have a different code for each position:
//
//   position p of the window    low[p] = p mod 256,   high[p] = p mod 256 + p / 256 + 1 (mod 256)
//
// p / 256 + 1 is 1 to 128, so the two bytes of a position differ, and give the position. A literal is the
// same in both. So wherever the two streams differ, the byte is one of the window, and they tell which. If
// the last 32 KiB are equal, no later byte can differ: the rest is decoded once. This needs no decoder of its
// own: two passes of ISA-L take as long as one of a good decoder with 16-bit symbols, of which half the bits
// are not needed after the first windows.
#include "core/codec/gzip_chunk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "core/codec/deflate_block_finder.h"
#include "core/codec/gzip_point.h"

namespace layoutfs::gzip {
namespace {

// A begin is sought in this part of a piece. Blocks are shorter, except those of very uniform content and
// runs of stored ones, which are decoded fast.
constexpr std::uint64_t kMostSought = std::uint64_t{256} << 10;  // bytes

constexpr std::size_t kDecodeStep = std::size_t{128} << 10;
static_assert(kDecodeStep >= kDeflateWindow);

ByteView part_from(const Piece& piece, std::uint64_t offset) {
  if (piece.bytes == nullptr || offset >= piece.end()) return {};
  return ByteView(*piece.bytes).subspan(static_cast<std::size_t>(offset - std::min(offset, piece.offset)));
}

// Reads consecutive pieces from byte `offset` of the blob on.
class PiecesSource final : public ByteSource {
 public:
  PiecesSource(const Piece& first, const Piece& second, std::uint64_t offset)
      : parts_{part_from(first, offset), part_from(second, std::max(offset, second.offset))} {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    for (ByteView& part : parts_) {
      if (part.empty()) continue;
      const ByteView now = part.first(std::min(part.size(), out.size()));
      copy_bytes(now, out);
      part = part.subspan(now.size());
      return now.size();
    }
    return 0;
  }

 private:
  std::array<ByteView, 2> parts_;
};

struct CodedWindows {
  std::array<std::byte, kDeflateWindow> low, high;
};
constexpr unsigned code_of_high(std::size_t position) noexcept {
  return static_cast<unsigned>((position & 255) + (position >> 8) + 1) & 255;
}
const CodedWindows& coded_windows() {
  static const auto windows = [] {
    auto made = std::make_unique<CodedWindows>();
    for (std::size_t i = 0; i < kDeflateWindow; ++i) {
      made->low[i] = static_cast<std::byte>(i & 255);
      made->high[i] = static_cast<std::byte>(code_of_high(i));
    }
    return made;
  }();
  return *windows;
}
// Returns the position in the window. Precondition: the bytes differ.
std::size_t position_of(std::byte low, std::byte high) noexcept {
  const auto first = std::to_integer<std::size_t>(low), second = std::to_integer<std::size_t>(high);
  return ((second - first - 1) & 255) << 8 | first;
}

GzipInflater start_at(PiecesSource& source, const Piece& piece, std::uint64_t position,
                      DeflateLibrary library, ByteView window) {
  const std::uint64_t offset = (position + 7) / 8;
  GzipInflater inflater(source, offset, GzipInflater::Check::none, library);
  const auto unused_bits = static_cast<unsigned>(offset * 8 - position);
  const std::byte before =
      unused_bits == 0 ? std::byte{0} : (*piece.bytes)[static_cast<std::size_t>(offset - 1 - piece.offset)];
  inflater.start_in_member(unused_bits, std::to_integer<std::uint8_t>(before), window);
  return inflater;
}

}  // namespace

void Chunk::find_begin() {
  const auto to = std::min<std::uint64_t>(piece_.bytes->size(), kMostSought) * 8;
  if (const auto found = find_dynamic_block(*piece_.bytes, 0, to)) begin_ = piece_.offset * 8 + *found;
}

// One call of Chunk::decode.
class Chunk::Decoding {
 public:
  Decoding(Chunk& chunk, const Limits& limits, DeflateLibrary library)
      : chunk_(chunk),
        target_(limits.target),
        spacing_(std::max<std::uint64_t>(limits.spacing, 1)),
        low_source_(chunk.piece_, chunk.next_, (*chunk.begin_ + 7) / 8),
        high_source_(low_source_),
        low_(start_at(low_source_, chunk.piece_, *chunk.begin_, library, coded_windows().low)),
        high_(start_at(high_source_, chunk.piece_, *chunk.begin_, library, coded_windows().high)) {
    if (!target_) return;
    low_.stop_before((*target_ + 7) / 8);
    high_->stop_before((*target_ + 7) / 8);
  }

  void run() {
    while (decode_some()) continue;
    chunk_.coded_size_ = high_ ? chunk_.size_ : chunk_.coded_size_;
  }

 private:
  using Stop = GzipInflater::Stop;

  bool is_due() {
    return chunk_.size_ - last_boundary_ >= spacing_ ||
           (!target_ && low_.input().offset() >= chunk_.piece_.end());
  }

  // Returns false at the end.
  bool decode_some() {
    const bool stops = is_due();
    const std::size_t room =
        std::min({kDecodeStep, chunk_.plain_.size() - chunk_.size_, stops ? kDecodeStep : room_until_due()});
    if (room == 0) return false;
    const auto progress = low_.inflate(chunk_.plain_.subspan(chunk_.size_, room), stops);
    if (high_) {
      const auto other = high_->inflate(chunk_.codes_.subspan(chunk_.size_, room), stops);
      if (progress.has_value() != other.has_value()) return false;
      if (progress && (progress->size != other->size || progress->stop != other->stop)) return false;
    }
    if (!progress) return false;
    chunk_.size_ += progress->size;
    if (high_) drop_high_if_equal();
    switch (progress->stop) {
      case Stop::none:
        if (!low_.is_in_member()) end_member();
        return true;
      case Stop::block:
        return add_boundary(false, stops);
      case Stop::member:
        return add_boundary(true, stops);
      case Stop::limit:
      case Stop::end:
        return false;
    }
    return false;
  }

  std::size_t room_until_due() const {
    const std::uint64_t since = chunk_.size_ - last_boundary_;
    return static_cast<std::size_t>(std::min<std::uint64_t>(spacing_ - since, kDecodeStep));
  }

  void drop_high_if_equal() {
    const std::size_t size = chunk_.size_;
    if (size < kDeflateWindow) return;
    const ByteView low = ByteView(chunk_.plain_).subspan(size - kDeflateWindow, kDeflateWindow);
    const ByteView high = ByteView(chunk_.codes_).subspan(size - kDeflateWindow, kDeflateWindow);
    if (std::memcmp(low.data(), high.data(), kDeflateWindow) == 0) drop_high();
  }

  void drop_high() {
    high_.reset();
    chunk_.coded_size_ = chunk_.size_;
  }

  // The next member refers to nothing before it.
  void end_member() {
    if (high_) drop_high();
    chunk_.member_ends_.push_back({chunk_.size_, low_.trailer(), low_.input().offset()});
  }

  // Returns false at the end of the chunk.
  bool add_boundary(bool is_header, bool is_wanted) {
    const std::uint64_t position = low_.position();
    const bool is_end = !is_header && (target_ ? position == *target_ : position >= chunk_.piece_.end() * 8);
    if (is_end) {
      chunk_.end_ = position;
      return false;
    }
    if (is_wanted && chunk_.size_ > last_boundary_) {
      chunk_.boundaries_.push_back({chunk_.size_, position, is_header});
      last_boundary_ = chunk_.size_;
    }
    return true;
  }

  Chunk& chunk_;
  const std::optional<std::uint64_t> target_;
  const std::uint64_t spacing_;
  PiecesSource low_source_, high_source_;
  GzipInflater low_;
  std::optional<GzipInflater> high_;
  std::size_t last_boundary_ = 0;
};

void Chunk::decode(Limits limits, DeflateLibrary library, std::span<std::byte> plain,
                   std::span<std::byte> codes) {
  check(begin_ && plain.size() == codes.size(), "a chunk has a begin and room");
  plain_ = plain;
  codes_ = codes;
  next_ = limits.next;
  Decoding(*this, limits, library).run();
  if (end_) return;
  // A header is no end, because the next chunk would have to be one that starts in a member.
  while (!boundaries_.empty() && boundaries_.back().is_header) boundaries_.pop_back();
  size_ = boundaries_.empty() ? 0 : boundaries_.back().size;
  if (boundaries_.empty()) return;
  end_ = boundaries_.back().position;
  boundaries_.pop_back();
  // A last block may be empty, so sizes do not tell what comes first.
  while (!member_ends_.empty() && member_ends_.back().trailer_end * 8 > *end_) member_ends_.pop_back();
  coded_size_ = std::min(coded_size_, size_);
}

// Replaces the codes of `plain`, which is the part of the chunk from `offset` on.
bool Chunk::replace_codes(std::span<std::byte> plain, std::size_t offset) const {
  const std::size_t missing = kDeflateWindow - window_.size();
  const std::size_t end = std::min(plain.size(), coded_size_ - std::min(coded_size_, offset));
  const std::byte* const high = codes_.data() + offset;
  const auto replace = [&](std::size_t i) {
    if (plain[i] == high[i]) return true;
    const std::size_t position = position_of(plain[i], high[i]);
    if (position < missing || position >= kDeflateWindow) return false;
    plain[i] = window_[position - missing];
    return true;
  };
  std::size_t i = 0;
  for (std::uint64_t low_word, high_word; i + sizeof low_word <= end; i += sizeof low_word) {
    std::memcpy(&low_word, plain.data() + i, sizeof low_word);
    std::memcpy(&high_word, high + i, sizeof high_word);
    if (low_word == high_word) continue;
    for (std::size_t j = i; j < i + sizeof low_word; ++j)
      if (!replace(j)) return false;
  }
  for (; i < end; ++i)
    if (!replace(i)) return false;
  return true;
}

std::optional<Bytes> Chunk::set_window(Bytes window) {
  window_ = std::move(window);
  const std::size_t member_begin = member_ends_.empty() ? 0 : member_ends_.back().size;
  Bytes after = member_ends_.empty() ? window_ : Bytes();
  extend_window(after, plain().subspan(member_begin));
  const std::size_t own = std::min(size_ - member_begin, kDeflateWindow);
  if (!replace_codes(std::span(after).last(own), size_ - own)) return std::nullopt;
  return after;
}

bool Chunk::resolve() {
  if (!replace_codes(plain_.first(size_), 0)) return false;
  std::size_t begin = 0;
  const auto add_sums = [&](std::size_t end) {
    const ByteView part = plain().subspan(begin, end - begin);
    sums_.push_back({gzip_crc(0, part), static_cast<std::uint32_t>(part.size())});
    begin = end;
  };
  sums_.reserve(member_ends_.size() + 1);
  for (const MemberEnd& member : member_ends_) add_sums(member.size);
  add_sums(size_);
  return true;
}

void Chunk::make_states(GzipStateWriter& writer) {
  states_.reserve(boundaries_.size() + 1);
  states_.push_back(state_at(writer, 0, *begin_));
  for (const Boundary& boundary : boundaries_)
    states_.push_back(boundary.is_header ? at_gzip_header()
                                         : state_at(writer, boundary.size, boundary.position));
}

std::optional<Bytes> Chunk::state_at(GzipStateWriter& writer, std::size_t size,
                                     std::uint64_t position) const {
  Bytes window = window_;
  extend_window(window, plain().first(size));
  PiecesSource source(piece_, next_, position / 8);
  Bytes blob(WindowThinner::kLookAhead);
  std::size_t filled = 0;
  for (std::size_t more = 1; more > 0 && filled < blob.size(); filled += more)
    more = source.read(std::span(blob).subspan(filled)).value_or(0);
  const BlockStart start = block_start(ByteView(blob).first(filled), static_cast<unsigned>(position % 8));
  return writer.at_block(window, start, plain().subspan(size));
}

}  // namespace layoutfs::gzip
