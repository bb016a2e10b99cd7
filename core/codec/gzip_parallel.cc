// One gzip blob on several cores, in two stages (as in pugz and rapidgzip).
//
//   caller    reads the blob in pieces, and hands out the stream. It decodes by itself if there
//             is no chunk, so it needs none to come to the end.
//   threads   1. find the first dynamic block of each piece (find_dynamic_block)
//             2. decode from there to the first block of the next piece, with codes for the bytes of the
//                window, which is not known yet (Chunk::decode)
//             3. when the window is known, replace the codes, compute the CRC-32 and the states of the points
//
//   piece        0          1          2          3
//   blob      |-----|----|----|--|-------|---|------|---|   blocks
//   chunks            [1        ][2       ][3             ]
//   caller    [     ]                                       before the first chunk
//
// Windows are set in the order of the chunks, by the caller, which costs only the last 32 KiB of each. A
// chunk is used only if the preceding stream ends exactly at its first bit. If it was no block, e.g. one of a
// gzip file that is stored in this one, the caller decodes on until it comes to the begin of a later chunk.
//
// Invariants: only bytes decoded from a proven position are handed out. All errors come from the caller's own
// decoder, which meets them at the place and in the order of start_indexing_gzip; a chunk with an error ends
// before it. The CRC-32 of a member is combined from those of its parts.
//
// Pieces become smaller if the blob compresses well, so that chunks have room for their bytes. Above
// kMostRatio there are no chunks, because one decoder is then faster than SHA-256.
//
// A model of the time: with n cores, it is the longest of
//   all work / n,   the threads' work / their number,   SHA-256 of the stream,
// because the stream is hashed in one thread. Measured for a tar of /usr (500 MB, 2.3 times as large as the
// blob), CPU time on an AMD EPYC, in ms per MB of the stream: decoding on one thread 2.3; the threads'
// work 5.0 (three fifths of the stream are decoded twice, and the two passes evict each other's tables), the
// caller 0.5; SHA-256 of the stream 0.66 and of the blob 0.29; tar and spans about 0.15. So
//   cores        one thread         4          8         16
//   ms per MB           2.3       1.65        0.8       0.66
//   MB/s                430        600       1200       1500
// and two or three cores gain nothing. This is a prediction: only two cores were there to measure. With 1, 2
// and 4 threads on them, the CPU time was the same within 15 %, as the model assumes.
#include "core/codec/gzip_parallel.h"

#include <zlib.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

#include "core/codec/gzip_chunk_queue.h"
#include "core/codec/gzip_point.h"

namespace layoutfs::gzip {
namespace {

constexpr std::size_t kFirstPiece = std::size_t{512} << 10;
constexpr std::size_t kSmallestPiece = std::size_t{128} << 10;
constexpr std::uint64_t kMostRatio = 16;
// The ratio is that of the last bytes of the stream, about.
constexpr std::uint64_t kRatioBytes = std::uint64_t{16} << 20;

// The blob, in pieces that the decoders share. For the caller's thread.
class Pieces {
 public:
  explicit Pieces(ByteSource& source) : source_(source) {}

  // Reads the next piece. Returns false at the end of the blob.
  Result<bool> read(std::size_t size) {
    auto bytes = std::make_shared<Bytes>(is_at_end_ ? 0 : size);
    std::size_t filled = 0;
    while (filled < size && !is_at_end_) {
      const auto more = source_.read(std::span(*bytes).subspan(filled));
      if (!more) return fail(Error(more.error()));
      is_at_end_ = *more == 0;
      filled += *more;
    }
    if (filled == 0) return false;
    bytes->resize(filled);
    pieces_.push_back({end(), std::move(bytes)});
    return true;
  }
  bool is_at_end() const noexcept { return is_at_end_; }
  const Piece& last() const { return pieces_.back(); }
  std::uint64_t end() const noexcept { return pieces_.empty() ? begin_ : pieces_.back().end(); }

  // Forgets the pieces before byte `offset`.
  void release_before(std::uint64_t offset) {
    while (!pieces_.empty() && pieces_.front().end() <= offset) {
      begin_ = pieces_.front().end();
      pieces_.pop_front();
    }
  }
  // Returns the bytes from `offset` on, up to the end of a piece; none behind the last piece.
  ByteView from(std::uint64_t offset) const {
    for (const Piece& piece : pieces_)
      if (offset < piece.end())
        return ByteView(*piece.bytes).subspan(static_cast<std::size_t>(offset - piece.offset));
    return {};
  }

 private:
  ByteSource& source_;
  std::deque<Piece> pieces_;
  std::uint64_t begin_ = 0;  // of the next piece, if there is none
  bool is_at_end_ = false;
};

// Returns the sums of two consecutive parts of a member.
GzipInflater::Sums joined(const GzipInflater::Sums& first, const GzipInflater::Sums& second) {
  // The parts of chunks are shorter than 2^32 bytes.
  const auto crc = crc32_combine(first.crc, second.crc, static_cast<z_off_t>(second.size));
  return {static_cast<std::uint32_t>(crc), first.size + second.size};
}

// One chunk is handed out, and one is needed for the end of the last one that is decoded.
std::size_t most_chunks(const GzipParallelOptions& options) {
  const std::size_t by_memory = kGzipChunkMemory / (options.piece_size + 2 * options.chunk_size);
  return std::clamp<std::size_t>(by_memory, 3, options.threads + 2);
}

class ParallelIndexing final : public IndexingDecoder {
 public:
  ParallelIndexing(ByteSource& source, std::uint64_t spacing, const GzipParallelOptions& options)
      : options_(options),
        spacing_(std::max<std::uint64_t>(spacing, 1)),
        pieces_(source),
        states_(std::make_shared<GzipStateWriter>(options.library)),
        queue_({.threads = options.threads,
                .chunk_size = options.chunk_size,
                .most = most_chunks(options),
                .spacing = std::min<std::uint64_t>(spacing_, options.chunk_size / 3),
                .has_states = spacing_ <= kMostPointSpacing,
                .library = options.library}) {
    inflater_.emplace(reader_, 0, GzipInflater::Check::trailers, options_.library);
  }

  Result<Step> step(std::span<std::byte> out) override {
    Step step;
    while (step.size < out.size() && !step.end && !step.point) {
      if (auto read = read_ahead(); !read) return fail(std::move(read).error());
      const auto room = out.subspan(step.size);
      if (auto done = chunk_ != nullptr ? hand_out(room, step) : inflate(room, step); !done)
        return fail(std::move(done).error());
    }
    return step;
  }

 private:
  // Delivers the blob to inflater_.
  class Reader final : public ByteSource {
   public:
    explicit Reader(ParallelIndexing& owner) : owner_(owner) {}
    void seek(std::uint64_t offset) noexcept { offset_ = offset; }
    Result<std::size_t> read(std::span<std::byte> out) override {
      ByteView bytes = owner_.pieces_.from(offset_);
      if (bytes.empty()) {
        if (auto read = owner_.read_on(); !read) return fail(std::move(read).error());
        bytes = owner_.pieces_.from(offset_);
      }
      bytes = bytes.first(std::min(bytes.size(), out.size()));
      copy_bytes(bytes, out);
      offset_ += bytes.size();
      return bytes.size();
    }

   private:
    ParallelIndexing& owner_;
    std::uint64_t offset_ = 0;
  };

  // Larger distances are for passes that need no points.
  static constexpr std::uint64_t kMostPointSpacing = std::uint64_t{1} << 30;

  Status read_ahead();
  Status read_on();
  std::size_t piece_size() const;
  void count(std::size_t size, std::uint64_t position);

  void start_inflater(std::uint64_t position);
  Status inflate(std::span<std::byte> out, Step& step);
  void aim();

  Result<bool> begin_chunk();
  Status hand_out(std::span<std::byte> out, Step& step);
  void add_point_of_chunk(std::size_t number, std::uint64_t position, Step& step);
  Status end_member();
  Status end_chunk();

  const GzipParallelOptions options_;
  const std::uint64_t spacing_;
  Pieces pieces_;
  std::shared_ptr<GzipStateWriter> states_;  // shared with the points
  std::uint64_t since_point_ = 0;
  std::uint64_t recent_size_ = 0, recent_blob_ = 0, counted_blob_ = 0;  // bytes
  Bytes window_;  // the end of the member, as of the start of chunk_ or what inflater_ has decoded

  // Outside of chunks.
  Reader reader_{*this};
  std::optional<GzipInflater> inflater_;
  std::uint64_t inflater_begin_ = 0;     // bytes from the start of the blob
  std::optional<std::uint64_t> target_;  // the begin of a chunk
  std::uint64_t least_target_ = 0;

  // The front chunk, if the stream is in it.
  Chunk* chunk_ = nullptr;
  std::size_t handed_out_ = 0, next_point_ = 0, next_member_ = 0;
  GzipInflater::Sums sums_;  // of the member, up to the last end of a chunk or member

  ChunkQueue queue_;  // destroyed first
};

Status ParallelIndexing::read_ahead() {
  while (!queue_.is_full()) {
    const bool is_wanted =
        recent_size_ <= kMostRatio * recent_blob_ && (!options_.has_cores || options_.has_cores());
    if (pieces_.is_at_end() || !is_wanted) {
      queue_.end_run();
      return {};
    }
    const auto more = pieces_.read(piece_size());
    if (!more) return fail(Error(more.error()));
    if (*more) queue_.push(pieces_.last());
  }
  return {};
}

// Reads a piece without a chunk.
Status ParallelIndexing::read_on() {
  queue_.end_run();
  const std::uint64_t offset = inflater_->input().offset();
  pieces_.release_before(offset - std::min<std::uint64_t>(offset, DeflateDecoder::kMaxUnread));
  const auto more = pieces_.read(kSmallestPiece);
  return more ? Status() : fail(Error(more.error()));
}

// Chunks are expected to fill two thirds of their room, because the ratio varies.
std::size_t ParallelIndexing::piece_size() const {
  const std::uint64_t room = options_.chunk_size * std::uint64_t{2} / 3;
  const std::uint64_t wanted = recent_size_ == 0 ? kFirstPiece : room * recent_blob_ / recent_size_;
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(wanted, std::min(kSmallestPiece, options_.piece_size), options_.piece_size));
}

// Counts bytes of the stream that end at byte `position` of the blob.
void ParallelIndexing::count(std::size_t size, std::uint64_t position) {
  recent_size_ += size;
  recent_blob_ += position - std::min(position, counted_blob_);
  counted_blob_ = std::max(position, counted_blob_);
  if (recent_size_ < kRatioBytes) return;
  recent_size_ /= 2;
  recent_blob_ /= 2;
}

void ParallelIndexing::start_inflater(std::uint64_t position) {
  const std::uint64_t offset = (position + 7) / 8;
  const auto unused_bits = static_cast<unsigned>(offset * 8 - position);
  const std::byte before = unused_bits == 0 ? std::byte{0} : pieces_.from(offset - 1).front();
  reader_.seek(offset);
  inflater_begin_ = offset;
  inflater_.emplace(reader_, offset, GzipInflater::Check::trailers, options_.library);
  inflater_->start_in_member(unused_bits, std::to_integer<std::uint8_t>(before), window_, sums_);
  target_.reset();
  least_target_ = position;
}

// Aims at the begin of the next chunk.
void ParallelIndexing::aim() {
  const std::uint64_t offset = inflater_->input().offset();
  while (!queue_.is_empty() && queue_.front_end() <= offset) queue_.pop();
  if (target_) return;
  target_ = queue_.first_begin(std::max(least_target_, offset * 8));
  constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();
  inflater_->stop_before(target_ ? (*target_ + 7) / 8 : kNowhere);
}

// Decodes without stops until a point is due, then stops at the next block.
Status ParallelIndexing::inflate(std::span<std::byte> out, Step& step) {
  using Stop = GzipInflater::Stop;
  aim();
  const bool is_due = since_point_ >= spacing_;
  if (!is_due && out.size() > spacing_ - since_point_) out = out.first(spacing_ - since_point_);
  const auto progress = inflater_->inflate(out, is_due);
  if (!progress) return fail(Error(progress.error()));
  extend_window(window_, out.first(progress->size));
  step.size += progress->size;
  since_point_ += progress->size;
  count(progress->size, inflater_->input().offset());
  step.end = progress->stop == Stop::end;
  if (progress->stop == Stop::none && !inflater_->is_in_member()) window_.clear();
  const bool is_block = progress->stop == Stop::block;
  if (is_block && inflater_->position() == target_) {
    const auto begun = begin_chunk();
    if (!begun) return fail(Error(begun.error()));
    if (*begun) return {};
  }
  // Without a block there, the chunk is useless.
  if ((progress->stop == Stop::limit && target_) ||
      (is_block && target_ && inflater_->position() >= *target_)) {
    least_target_ = *target_ + 1;
    target_.reset();
  }
  // ISA-L may stop again at the block where it started, in a byte that the input does not have.
  const bool is_new = inflater_->position() >= inflater_begin_ * 8;
  if (!is_due || !is_new || (!is_block && progress->stop != Stop::member)) return {};
  auto found = gzip_point(*inflater_, progress->stop, window_, states_);
  if (!found) return fail(std::move(found).error());
  step.point = *std::move(found);
  since_point_ = 0;
  return {};
}

// Continues with the chunk that begins at the target. Returns false if it is unusable.
Result<bool> ParallelIndexing::begin_chunk() {
  while (queue_.front_begin() != target_) queue_.pop();
  // The end of a chunk is in the next one.
  if (auto read = read_ahead(); !read) return fail(std::move(read).error());
  chunk_ = queue_.front_after(window_);
  if (chunk_ == nullptr) return false;
  sums_ = inflater_->sums();
  inflater_.reset();
  handed_out_ = next_point_ = next_member_ = 0;
  return true;
}

// Hands out a part that contains no boundary and no end of a member.
Status ParallelIndexing::hand_out(std::span<std::byte> out, Step& step) {
  const auto& boundaries = chunk_->boundaries();
  const auto& members = chunk_->member_ends();
  if (next_member_ < members.size() && members[next_member_].size == handed_out_) return end_member();
  // The first point is the begin.
  const std::size_t number = next_point_;
  if (number == 0 || (number <= boundaries.size() && boundaries[number - 1].size == handed_out_)) {
    ++next_point_;
    if (since_point_ >= spacing_ - spacing_ / 4)
      add_point_of_chunk(number, number == 0 ? *chunk_->begin() : boundaries[number - 1].position, step);
    return {};
  }
  if (handed_out_ == chunk_->size()) return end_chunk();
  std::size_t end = chunk_->size();
  if (number <= boundaries.size()) end = std::min(end, boundaries[number - 1].size);
  if (next_member_ < members.size()) end = std::min(end, members[next_member_].size);
  const std::size_t size = std::min(out.size(), end - handed_out_);
  copy_bytes(chunk_->plain().subspan(handed_out_, size), out);
  handed_out_ += size;
  step.size += size;
  since_point_ += size;
  return {};
}

void ParallelIndexing::add_point_of_chunk(std::size_t number, std::uint64_t position, Step& step) {
  auto& states = chunk_->states();
  if (states.empty()) return;
  since_point_ = 0;
  step.point = FoundPoint{position,
                          [state = std::move(states[number])](ByteView) mutable { return std::move(state); }};
}

Status ParallelIndexing::end_member() {
  const MemberEnd& member = chunk_->member_ends()[next_member_];
  const auto sums = joined(sums_, chunk_->sums()[next_member_]);
  ++next_member_;
  sums_ = {};
  return GzipInflater::check_trailer(member.trailer, sums, member.trailer_end);
}

Status ParallelIndexing::end_chunk() {
  const std::uint64_t position = *chunk_->end();
  sums_ = joined(sums_, chunk_->sums().back());
  count(chunk_->size(), position / 8);
  window_ = queue_.window_after_front();
  chunk_ = nullptr;
  queue_.pop();
  pieces_.release_before(position / 8);
  if (auto read = read_ahead(); !read) return read;
  if (!queue_.is_empty() && queue_.front_begin() == position) chunk_ = queue_.front_after(window_);
  if (chunk_ == nullptr) start_inflater(position);
  handed_out_ = next_point_ = next_member_ = 0;
  return {};
}

}  // namespace
}  // namespace layoutfs::gzip

namespace layoutfs {

std::unique_ptr<IndexingDecoder> start_indexing_gzip_in_parallel(ByteSource& source, std::uint64_t spacing,
                                                                 const GzipParallelOptions& options) {
  return std::make_unique<gzip::ParallelIndexing>(source, spacing, options);
}

}  // namespace layoutfs
