// The index pass over a zstd blob (RFC 8878), and its access points.
//
// A frame refers to nothing before it: its start is a point without a state. But most blobs are a single
// frame, so there are points inside frames as well, at boundaries between blocks. A decoder carries four
// things over a boundary: the window (as large as the frame's header allows), the last Huffman tree, the last
// table of each kind for sequences, and three repeat offsets (3.1.1.5). All of them fit into a dictionary
// (section 5), so the state of a point is a dictionary: a reader starts a synthetic frame with that
// dictionary at the point, and feeds it the following blocks of the blob.
//
//   Indexer          gives libzstd one header or block at a time, and collects the blocks as chunks.
//   BlockWalker      reads the tables and, on request, the sequences of each block, which libzstd does not
//                    expose.
//   PointFinder      follows the chunks of a frame with a BlockWalker, and chooses the boundaries at which
//                    the least of the window is needed. It runs in Step::search, in the thread that stores
//                    the points, a window or more behind the decoder.
//   BlockPointMaker  makes the dictionary, with those bytes of the window that later blocks copy, and tests
//                    it.
//
// Invariants: a chunk is shared only when it is complete, and then immutable; only chunks of frames with
// points inside are shared. Every chunk starts at a boundary, so spans have to start there.
#include "core/codec/zstd_indexer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/codec/zstd.h"
#include "layoutfs/log.h"

namespace layoutfs::zstd {
namespace {

// Larger than a block with everything that belongs to it.
constexpr std::size_t kInputSize = 2 * kMaxBlockSize;
// Chunks between two points, if blocks are small enough.
constexpr std::size_t kMostChunks = 8;
// Blocks of a chunk, in bytes of the blob. Only a stream of empty blocks has so many in one chunk.
constexpr std::size_t kMaxChunkBlocks = 4 * kMaxBlockSize;

}  // namespace

Indexer::Indexer(ByteSource& source, std::uint64_t spacing)
    : input_(source, 0, kInputSize),
      context_(make_decompression_context()),
      spacing_(std::max<std::uint64_t>(spacing, 1)) {}

Result<IndexingDecoder::Step> Indexer::step(std::span<std::byte> out) {
  check(!out.empty(), "a step has room to decode into");
  Step step;
  if (auto filled = fill(out, step); !filled) return fail(std::move(filled).error());
  if (followed_.empty()) return step;
  step.search = [followed = std::exchange(followed_, {})]() mutable {
    std::vector<LatePoint> points;
    for (auto& [finder, chunk] : followed) finder->add(std::move(chunk), points);
    return points;
  };
  return step;
}

Status Indexer::fill(std::span<std::byte> out, Step& step) {
  while (true) {
    if (is_chunk_complete_) {
      hand_out(out.subspan(step.size), step);
      if (is_chunk_complete_) return {};  // there is no more room
    }
    if (found_) {
      step.point = std::exchange(found_, std::nullopt);
      return {};
    }
    step.end = is_complete_;
    if (step.end) return {};
    if (auto advanced = frame_ ? decode_block() : begin_frame(); !advanced) return advanced;
  }
}

void Indexer::hand_out(std::span<std::byte> out, Step& step) {
  const std::size_t size = std::min(out.size(), chunk_->size - handed_out_);
  if (handed_out_ == 0 && size > 0 && has_points_) step.boundaries.push_back(chunk_->offset);
  copy_bytes(chunk_->bytes().subspan(handed_out_, size), out);
  step.size += size;
  handed_out_ += size;
  if (handed_out_ < chunk_->size) return;
  is_chunk_complete_ = false;
  std::shared_ptr<Chunk> chunk = std::move(chunk_);
  // A frame of one chunk has no point inside; a blob may have a great many of them.
  if (finder_ == nullptr && has_points_ && frame_)
    finder_ = std::make_shared<PointFinder>(*frame_, grid_, maker_);
  if (finder_ != nullptr) followed_.push_back({finder_, std::move(chunk)});
  if (!frame_) finder_ = nullptr;
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

  if (end_ - point_offset_ >= spacing_) {
    point_offset_ = end_;
    found_ = {input_.offset() * 8, [](ByteView) { return frame_point(); }};
  }
  auto ended = feed(bytes->first((*header)->size));
  if (!ended) return fail(std::move(ended).error());
  input_.consume((*header)->size);
  has_seen_frame_ = true;
  frame_ = **header;
  frame_offset_ = end_;
  choose_grid();
  return {};
}

// Frames that end before a point is due need no search.
void Indexer::choose_grid() {
  finder_ = nullptr;
  has_points_ = frame_->window_size <= kMaxPointWindow;
  chunk_size_ = kMaxBlockSize;
  if (!has_points_)
    return log(LogLevel::info, "zstd frame has a window too large for access points inside it");
  grid_ = grid_for(frame_->window_size, spacing_);
  has_points_ = !frame_->content_size || *frame_->content_size >= grid_.spacing;
  if (!has_points_) return;
  chunk_size_ = std::clamp<std::size_t>(grid_.spacing / kMostChunks, 1, kMaxBlockSize);
  if (maker_ == nullptr) maker_ = std::make_shared<BlockPointMaker>();
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

  if (chunk_ == nullptr) begin_chunk();
  const std::size_t before = chunk_->size;
  auto ended = feed(*bytes);
  if (!ended) return fail(std::move(ended).error());
  if (*ended != header->is_last)
    return fail(Errc::corrupt, "invalid zstd stream: frame does not end with its last block");
  if (has_points_) {
    chunk_->blocks.insert(chunk_->blocks.end(), bytes->begin(),
                          bytes->begin() + static_cast<std::ptrdiff_t>(block_size));
    chunk_->sizes.push_back(static_cast<std::uint32_t>(chunk_->size - before));
    if (chunk_->blocks.size() > kMaxChunkBlocks) {
      has_points_ = false;
      finder_ = nullptr;
    }
  }
  input_.consume(size);
  is_chunk_complete_ = header->is_last || chunk_->size >= chunk_size_;
  return header->is_last ? end_frame() : Status();
}

void Indexer::begin_chunk() {
  chunk_ = chunks_.take();
  chunk_->offset = end_;
  chunk_->position = input_.offset();
  handed_out_ = 0;
}

Result<ByteView> Indexer::peek(std::size_t count) {
  if (auto done = input_.look_ahead(count); !done) return fail(std::move(done).error());
  const ByteView available = input_.available();
  return available.first(std::min(count, available.size()));
}

Result<bool> Indexer::feed(ByteView bytes) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{nullptr, 0, 0};
  if (chunk_ != nullptr) to = {chunk_->plain.get(), Chunk::kCapacity, chunk_->size};
  const std::size_t code = ZSTD_decompressStream(context_.get(), &to, &in);
  if (ZSTD_isError(code)) return fail(failure(code));
  if (in.pos < in.size) return fail(Errc::corrupt, "invalid zstd stream: block was not decoded completely");
  if (chunk_ != nullptr) {
    end_ += to.pos - chunk_->size;
    chunk_->size = to.pos;
  }
  return code == 0;
}

Status Indexer::end_frame() {
  // libzstd does not notice this if the last block is empty.
  if (frame_->content_size && *frame_->content_size != end_ - frame_offset_)
    return fail(Errc::corrupt, "invalid zstd stream: frame size differs from its header");
  chunk_->ends_frame = true;
  frame_.reset();
  return {};
}

}  // namespace layoutfs::zstd

namespace layoutfs {

std::unique_ptr<IndexingDecoder> start_indexing_zstd(ByteSource& source, std::uint64_t spacing) {
  return std::make_unique<zstd::Indexer>(source, spacing);
}

}  // namespace layoutfs
