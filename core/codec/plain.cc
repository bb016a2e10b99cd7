// An uncompressed stream: reads are copies of the blob's bytes.
#include "core/codec/plain.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

class PlainIndexing final : public IndexingDecoder {
 public:
  PlainIndexing(ByteSource& source, std::uint64_t spacing)
      : source_(source), spacing_(std::max<std::uint64_t>(spacing, 1)) {}

  Result<Step> step(std::span<std::byte> out) override {
    Step step;
    while (step.size < out.size()) {
      auto room = out.subspan(step.size);
      if (const auto due = spacing_ - since_point_; room.size() > due) room = room.first(due);
      const auto size = source_.read(room);
      if (!size) return std::unexpected(size.error());
      step.size += *size;
      offset_ += *size;
      since_point_ += *size;
      step.end = *size == 0;
      if (step.end) break;
      if (since_point_ == spacing_) {
        step.point = FoundPoint{.position = offset_ * 8, .make_state = [](ByteView) { return Bytes(); }};
        since_point_ = 0;
        break;
      }
    }
    return step;
  }

 private:
  ByteSource& source_;
  const std::uint64_t spacing_;
  std::uint64_t offset_ = 0;
  std::uint64_t since_point_ = 0;
};

class PlainDecoder final : public Decoder {
 public:
  PlainDecoder(BlobPtr blob, std::uint64_t offset) : blob_(std::move(blob)), offset_(offset) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    auto size = blob_->read_at(out, offset_);
    if (size) offset_ += *size;
    return size;
  }

 private:
  const BlobPtr blob_;
  std::uint64_t offset_;
};

}  // namespace

std::unique_ptr<IndexingDecoder> start_indexing_plain(ByteSource& source, std::uint64_t spacing) {
  return std::make_unique<PlainIndexing>(source, spacing);
}

Result<std::unique_ptr<Decoder>> resume_plain(BlobPtr blob, std::uint64_t position, ByteView state,
                                              std::unique_ptr<Decoder>) {
  if (!state.empty() || position % 8 != 0 || position / 8 > blob->size())
    return fail(Errc::corrupt, "access point does not belong to an uncompressed stream");
  return std::make_unique<PlainDecoder>(std::move(blob), position / 8);
}

}  // namespace layoutfs
