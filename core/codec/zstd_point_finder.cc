// Chooses boundaries between chunks at which little of the window is needed.
//
// The state of a point contains the bytes before it that the blocks after it copy. Their number differs by a
// factor of ten between neighbouring boundaries: it is small where one file ends and another kind of file
// begins. So the finder looks at all boundaries within a region around each multiple of the spacing, and
// takes the cheapest.
//
//   toucher_   for each cell of 32 bytes, the last chunk that wrote it or copied from it. When chunk n copies
//              from a cell last touched by chunk o, the cell is needed at each boundary after o up to n: one
//              more at the start of o + 1, one less at the start of n + 1. A running sum of these differences
//              (more_cells) is the cost of each boundary.
//   records_   the chunks from the start of the region on, with the matches that copy from before the chunk.
//              When a window has passed since the end of the region, the costs are final. The matches of the
//              window after the chosen boundary then say which bytes it needs. Their values are those at the
//              destination of each match, so nothing before the region has to be kept.
//   maker_     makes and tests the state.
//
// Invariants: sequences are read only from shortly before a region on, so frames shorter than that cost next
// to nothing; states take at most kMaxPartOfBlob of the frame, otherwise up to kMaxSkipped regions in a row
// get no point. If the walker does not understand a block, the frame gets no further points.
#include "core/codec/zstd_point_finder.h"

#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <utility>

#include "layoutfs/log.h"

namespace layoutfs::zstd {
namespace {

// The median distance of a byte from its point is half of the spacing. The wider the region, the cheaper the
// points, and the larger the largest distances.
constexpr std::uint64_t kMaxSpacing = std::uint64_t{14} << 19;
constexpr std::uint64_t kWindowsPerPoint = 4;

constexpr double kMaxPartOfBlob = 0.02;
constexpr std::uint64_t kMaxSkipped = 3;

// Cells of 16 bytes take more time, and the points do not get smaller.
constexpr unsigned kCellLog = 5;
// Bytes before a region from which on sequences are read, so that it starts with known repeat offsets.
constexpr std::uint64_t kLeadIn = 4 * kMaxBlockSize;

}  // namespace

PointGrid grid_for(std::uint64_t window_size, std::uint64_t spacing) noexcept {
  const std::uint64_t own = std::min(kWindowsPerPoint * window_size, kMaxSpacing);
  const std::uint64_t wanted = std::max(own, spacing);
  return {wanted, wanted / 3};
}

PointFinder::PointFinder(const FrameHeader& frame, const PointGrid& grid,
                         std::shared_ptr<BlockPointMaker> maker)
    : frame_(frame), grid_(grid), maker_(std::move(maker)), walker_(frame.window_size) {}

void PointFinder::add(std::shared_ptr<const Chunk> chunk, std::vector<LatePoint>& found) {
  if (has_given_up_) return;
  if (!frame_offset_) {
    frame_offset_ = chunk->offset;
    frame_position_ = chunk->position;
  }
  const std::uint64_t offset = offset_of(*chunk), end = offset + chunk->size;
  const bool ends_frame = chunk->ends_frame;
  ++chunks_;
  if (offset < region_start()) {
    known_from_ = chunks_ + 1;
    if (!follow(*chunk, nullptr)) return give_up("unsupported block");
    if (end + kLeadIn >= region_start() && walker_.last_size() != chunk->sizes.back())
      return give_up("unsupported block");
    return;
  }
  if (records_.empty()) {
    first_ = chunks_;
    cells_before_ = cells_touched_ = 0;
  }
  // No span starts at an empty chunk.
  Record record{std::move(chunk), {}, {}, -std::exchange(cells_touched_, 0)};
  if (record.chunk->size > 0) record.state = walker_.state();
  if (!follow(*record.chunk, &record.matches)) return give_up("unsupported block");
  records_.push_back(std::move(record));
  count_cells(records_.back());
  while (!records_.empty() && (ends_frame || end >= region_end() + frame_.window_size)) decide(found);
}

// Appends the matches that copy from before the chunk, unless `matches` is nullptr. Returns false if the
// walker does not understand a block, or knows another size than libzstd.
bool PointFinder::follow(const Chunk& chunk, std::vector<Match>* matches) {
  ByteView rest = chunk.blocks;
  std::uint32_t before = 0;  // decoded bytes of the chunk
  for (const std::uint32_t size : chunk.sizes) {
    const auto header = parse_block_header(rest);
    if (!header || !walker_.follow(*header, rest.subspan(kBlockHeaderSize, header->content_size)))
      return false;
    rest = rest.subspan(kBlockHeaderSize + header->content_size);
    if (matches == nullptr) continue;
    const std::size_t first = matches->size();
    const bool is_known = walker_.knows_repeat_offsets();
    if (!is_known) known_from_ = chunks_ + 1;
    if ((is_known ? walker_.last_matches(*matches, before) : walker_.last_size()) != size) return false;
    for (Match& match : std::span(*matches).subspan(first)) match.at += before;
    before += size;
  }
  return true;
}

void PointFinder::count_cells(const Record& record) {
  if (toucher_.empty()) toucher_.resize(std::bit_ceil(frame_.window_size + 2 * Chunk::kCapacity) >> kCellLog);
  const std::uint64_t mask = toucher_.size() - 1;
  const std::uint64_t offset = offset_of(*record.chunk);
  for (const Match& match : record.matches) {
    if (match.offset > offset + match.at) continue;  // invalid; the maker refuses it
    const std::uint64_t from = offset + match.at - match.offset;
    const std::uint64_t to = std::min(from + match.length, offset);
    for (std::uint64_t cell = from >> kCellLog; cell <= (to - 1) >> kCellLog; ++cell) {
      std::uint32_t& toucher = toucher_[cell & mask];
      if (toucher == chunks_) continue;
      const std::uint32_t needed_from = std::max(toucher + 1, first_);
      toucher = chunks_;
      ++records_[needed_from - first_].more_cells;
      ++cells_touched_;
    }
  }
  // The cell at the start may belong to both chunks.
  const std::uint64_t own_cells = (offset + record.chunk->size) >> kCellLog;
  for (std::uint64_t cell = offset >> kCellLog; cell < own_cells; ++cell) toucher_[cell & mask] = chunks_;
}

// Ends the region: adds its point, if it gets one, and goes on to the next region.
void PointFinder::decide(std::vector<LatePoint>& found) {
  const auto best = cheapest();
  const auto blob_bytes = best ? records_[*best].chunk->position - *frame_position_ : 0;
  const double budget = kMaxPartOfBlob * static_cast<double>(blob_bytes);
  if (best && (static_cast<double>(state_bytes_) <= budget || skipped_ == kMaxSkipped)) {
    if (auto state = make_state(*best)) {
      skipped_ = 0;
      state_bytes_ += state->size();
      const Chunk& chunk = *records_[*best].chunk;
      found.push_back({chunk.offset, chunk.position * 8, *std::move(state)});
    } else {
      log(LogLevel::info, "dropping a zstd access point that failed its test");
    }
  } else {
    ++skipped_;
  }
  ++next_;
  drop_before(region_start());
}

// Returns the index of the record.
std::optional<std::size_t> PointFinder::cheapest() const {
  std::optional<std::size_t> best;
  std::int64_t cells = cells_before_, fewest = 0;
  for (std::size_t i = 0; i < records_.size() && offset_of(*records_[i].chunk) <= region_end(); ++i) {
    cells += records_[i].more_cells;
    if (!records_[i].state || first_ + i < known_from_ || (best && cells >= fewest)) continue;
    best = i;
    fewest = cells;
  }
  return best;
}

std::optional<Bytes> PointFinder::make_state(std::size_t record) {
  following_.clear();
  for (std::size_t i = record; i < records_.size(); ++i)
    following_.push_back({records_[i].chunk.get(), records_[i].matches});
  const std::uint64_t before = std::min(frame_.window_size, offset_of(*records_[record].chunk));
  return maker_->make(frame_, *records_[record].state, before, following_);
}

void PointFinder::drop_before(std::uint64_t offset) {
  for (; !records_.empty() && offset_of(*records_.front().chunk) < offset; ++first_) {
    cells_before_ += records_.front().more_cells;
    records_.pop_front();
  }
}

void PointFinder::give_up(std::string_view why) {
  log(LogLevel::info, "no more access points in this zstd frame: " + std::string(why));
  has_given_up_ = true;
  records_.clear();
}

}  // namespace layoutfs::zstd
