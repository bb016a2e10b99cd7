// The index pass over a zstd blob (RFC 8878), and its access points.
//
// A frame refers to nothing before it: its start is a point without a state. But most blobs are a single
// frame, so there are points inside frames as well, at boundaries between blocks. A decoder carries four
// things over a boundary: the window (as large as the frame's header allows), the last Huffman tree, the last
// table of each kind for sequences, and three repeat offsets (3.1.1.5). All of them fit into a dictionary
// (section 5), so the state of a point is a dictionary: a reader starts a synthetic frame with that
// dictionary at the point, and feeds it the following blocks of the blob.
//
//   Indexer          gives libzstd one header or block at a time, and keeps the stream's end
//                    (PlainBuffer) as windows.
//   BlockWalker      reads the tables and, on request, the sequences of each block, which libzstd does not
//                    expose.
//   Candidate        a boundary with the following blocks, which are collected until they have regenerated
//                    a window, or the frame ends; nothing after that can refer to the window.
//   BlockPointMaker  makes the dictionary, keeps only those bytes of the window that the collected blocks
//                    copy, and tests it: a point is reported only if it gives the same bytes. This costs as
//                    much as decoding a window or two, so FoundPoint::make_state does it, in the thread
//                    that stores the point.
//
// Invariants: points are at least kWindowsPerPoint windows apart, and farther if their states would take more
// than kMaxPartOfBlob of the blob. If the walker does not understand a block, the frame gets no further
// points: it can still be read, from the last point before.
#include "core/codec/zstd_indexer.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/codec/zstd.h"
#include "layoutfs/log.h"

namespace layoutfs::zstd {
namespace {

// Making a point decodes one window again and walks over it, so points are at least this number of windows
// apart.
constexpr std::uint64_t kWindowsPerPoint = 4;
// If states exceed this fraction of the compressed bytes, points become rarer, down to a fourth.
constexpr double kMaxPartOfBlob = 0.01;
constexpr std::uint64_t kMaxWidening = 4;

// Larger than a block with everything that belongs to it.
constexpr std::size_t kInputSize = 2 * kMaxBlockSize;

}  // namespace

Indexer::Indexer(ByteSource& source, std::uint64_t spacing)
    : input_(source, 0, kInputSize),
      context_(make_decompression_context()),
      spacing_(std::max<std::uint64_t>(spacing, 1)) {}

Result<IndexingDecoder::Step> Indexer::step(std::span<std::byte> out) {
  check(!out.empty(), "a step has room to decode into");
  while (true) {
    const std::uint64_t limit = found_ ? found_offset_ : candidate_ ? candidate_->offset : plain_.end();
    if (plain_.handed_out() < limit) return Step{plain_.hand_out(out, limit), false, std::nullopt};
    if (found_) return Step{0, false, std::exchange(found_, std::nullopt)};
    if (is_complete_) return Step{0, true, std::nullopt};
    if (auto advanced = frame_ ? decode_block() : begin_frame(); !advanced)
      return fail(std::move(advanced).error());
  }
}

Status Indexer::begin_frame() {
  auto bytes = peek(kMaxFrameHeaderSize);
  if (!bytes) return fail(std::move(bytes).error());
  if (bytes->empty() && has_seen_frame_) {
    is_complete_ = true;
    return {};
  }
  if (bytes->size() < kMagicSize) return fail(truncated());
  if (is_skippable_frame(*bytes)) return skip_frame(*bytes);
  if (!is_frame(*bytes))
    return fail(Errc::corrupt, has_seen_frame_ ? "trailing garbage after the zstd stream"
                                               : "blob does not begin with a zstd frame");
  auto header = parse_frame_header(*bytes);
  if (!header) return fail(std::move(header).error());
  if (!*header) return fail(truncated());

  if (plain_.end() - point_offset_ >= spacing_)
    report(plain_.end(), {input_.offset() * 8, [](ByteView) { return frame_point(); }});
  auto ended = feed(bytes->first((*header)->size));
  if (!ended) return fail(std::move(ended).error());
  input_.consume((*header)->size);
  has_seen_frame_ = true;
  frame_ = **header;
  frame_offset_ = plain_.end();
  distance_ = shortest_distance();
  if (frame_->window_size <= kMaxPointWindow)
    walker_.emplace(frame_->window_size);
  else
    log(LogLevel::info, "zstd frame has a window too large for access points inside it");
  return {};
}

Status Indexer::skip_frame(ByteView magic_and_size) {
  if (magic_and_size.size() < kSkippableHeaderSize) return fail(truncated());
  std::uint64_t left = kSkippableHeaderSize + load_le<std::uint32_t>(magic_and_size, kMagicSize);
  while (left > 0) {
    auto bytes = peek(static_cast<std::size_t>(std::min<std::uint64_t>(left, kInputSize)));
    if (!bytes) return fail(std::move(bytes).error());
    if (bytes->empty()) return fail(truncated());
    left -= bytes->size();
    input_.consume(bytes->size());
  }
  has_seen_frame_ = true;
  return {};
}

Status Indexer::decode_block() {
  auto bytes = peek(kBlockHeaderSize);
  if (!bytes) return fail(std::move(bytes).error());
  if (bytes->size() < kBlockHeaderSize) return fail(truncated());
  const auto header = parse_block_header(*bytes);
  if (!header) return fail(Error(header.error()));
  const std::size_t block_size = kBlockHeaderSize + header->content_size;
  const std::size_t size = block_size + (header->is_last && frame_->has_checksum ? kChecksumSize : 0);
  bytes = peek(size);
  if (!bytes) return fail(std::move(bytes).error());
  if (bytes->size() < size) return fail(truncated());

  const std::uint64_t begin = plain_.end();
  auto ended = feed(*bytes);
  if (!ended) return fail(std::move(ended).error());
  if (*ended != header->is_last)
    return fail(Errc::corrupt, "invalid zstd stream: frame does not end with its last block");
  input_.consume(size);
  if (candidate_)
    candidate_->blocks.insert(candidate_->blocks.end(), bytes->begin(),
                              bytes->begin() + static_cast<std::ptrdiff_t>(block_size));
  if (walker_ && !walker_->follow(*header, bytes->subspan(kBlockHeaderSize, header->content_size)))
    give_up_points("unsupported block");
  if (header->is_last) return end_frame();
  consider_boundary(plain_.end() - begin);
  return {};
}

Result<ByteView> Indexer::peek(std::size_t count) {
  if (auto done = input_.look_ahead(count); !done) return fail(std::move(done).error());
  const ByteView available = input_.available();
  return available.first(std::min(count, available.size()));
}

Result<bool> Indexer::feed(ByteView bytes) {
  const auto room = plain_.room(kMaxBlockSize, history_start());
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{room.data(), room.size(), 0};
  const std::size_t code = ZSTD_decompressStream(context_.get(), &to, &in);
  if (ZSTD_isError(code)) return fail(failure(code));
  if (in.pos < in.size) return fail(Errc::corrupt, "invalid zstd stream: block was not decoded completely");
  plain_.grow(to.pos);
  return code == 0;
}

Status Indexer::end_frame() {
  // libzstd does not notice this if the last block is empty.
  if (frame_->content_size && *frame_->content_size != plain_.end() - frame_offset_)
    return fail(Errc::corrupt, "invalid zstd stream: frame size differs from its header");
  if (candidate_) try_candidate();
  trial_.reset();
  walker_.reset();
  frame_.reset();
  return {};
}

void Indexer::consider_boundary(std::uint64_t block_size) {
  const std::uint64_t offset = plain_.end();
  if (candidate_) {
    if (offset - candidate_->offset >= frame_->window_size) try_candidate();
    return;
  }
  if (!walker_ || offset - frame_offset_ < frame_->window_size) return;
  if (trial_ && offset - point_offset_ >= shortest_distance()) await_trial();
  if (!walker_ || offset - point_offset_ < distance_) return;
  if (walker_->last_size() != block_size) return give_up_points("unsupported block");
  if (walker_->state()) candidate_ = Candidate{offset, input_.offset(), *walker_, {}};
}

void Indexer::try_candidate() {
  Candidate candidate = *std::exchange(candidate_, std::nullopt);
  const auto copy = [](ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); };
  Boundary boundary{.walker = std::move(candidate.walker),
                    .window_size = frame_->window_size,
                    .has_checksum = frame_->has_checksum,
                    .window = copy(plain_.view(candidate.offset - frame_->window_size, candidate.offset)),
                    .blocks = std::move(candidate.blocks),
                    .expected = copy(plain_.view(candidate.offset, plain_.end()))};
  if (maker_ == nullptr) maker_ = std::make_shared<BlockPointMaker>();
  std::promise<std::optional<std::size_t>> outcome;
  trial_ =
      Trial{outcome.get_future(), candidate.offset - point_offset_, candidate.position - point_position_};
  report(candidate.offset, {candidate.position * 8, [maker = maker_, boundary = std::move(boundary),
                                                     outcome = std::move(outcome)](ByteView) mutable {
                              auto state = maker->make(std::move(boundary));
                              outcome.set_value(state ? std::optional(state->size()) : std::nullopt);
                              return state;
                            }});
}

std::uint64_t Indexer::shortest_distance() const {
  return std::max(spacing_, kWindowsPerPoint * frame_->window_size);
}

void Indexer::await_trial() {
  Trial trial = *std::exchange(trial_, std::nullopt);
  std::optional<std::size_t> state_size;
  try {
    state_size = trial.outcome.get();
  } catch (const std::future_error&) {
    // The point was dropped.
  }
  if (!state_size) return give_up_points("an access point failed its test");
  const std::uint64_t shortest = shortest_distance();
  const std::uint64_t longest = shortest > std::numeric_limits<std::uint64_t>::max() / kMaxWidening
                                    ? shortest
                                    : shortest * kMaxWidening;
  const double budget = kMaxPartOfBlob * static_cast<double>(trial.blob_distance);
  const double wanted =
      static_cast<double>(trial.stream_distance) * static_cast<double>(*state_size) / budget;
  distance_ = wanted >= static_cast<double>(longest) ? longest
                                                     : std::max(shortest, static_cast<std::uint64_t>(wanted));
}

void Indexer::report(std::uint64_t offset, FoundPoint point) {
  point_offset_ = offset;
  point_position_ = point.position / 8;
  found_offset_ = offset;
  found_ = std::move(point);
}

void Indexer::give_up_points(std::string_view why) {
  if (walker_) log(LogLevel::info, "no more access points in this zstd frame: " + std::string(why));
  walker_.reset();
}

std::uint64_t Indexer::history_start() const {
  if (!frame_ || (!walker_ && !candidate_)) return plain_.end();
  const std::uint64_t offset = candidate_ ? candidate_->offset : plain_.end();
  return offset - std::min(offset - frame_offset_, frame_->window_size);
}

}  // namespace layoutfs::zstd

namespace layoutfs {

std::unique_ptr<IndexingDecoder> start_indexing_zstd(ByteSource& source, std::uint64_t spacing) {
  return std::make_unique<zstd::Indexer>(source, spacing);
}

}  // namespace layoutfs
