#include "core/http/chunk_reader.h"

#include <algorithm>

namespace layoutfs {
namespace {

constexpr std::size_t kDrainSize = std::size_t{64} << 10;  // bytes per read

}  // namespace

std::string ChunkReader::chunk_name() const {
  const BlobChunk& chunk = chunks_[count_ - 1];
  const std::string length = chunk.length == kToEnd ? "all" : std::to_string(chunk.length) + " bytes";
  return "chunk " + std::to_string(count_) + " of " + std::to_string(chunks_.size()) + " (" + length +
         " from " + std::to_string(chunk.offset) + " on)";
}

Result<ByteSource*> ChunkReader::next() {
  if (failure_) return fail(Error(*failure_));
  const auto advanced = advance();
  if (!advanced) {
    failure_ = advanced.error();
    return fail(Error(*failure_));
  }
  return *advanced ? static_cast<ByteSource*>(this) : nullptr;
}

// Returns whether there is another chunk.
Result<bool> ChunkReader::advance() {
  if (is_inside_) {
    if (auto skipped = skip_chunk(); !skipped) return fail(std::move(skipped).error());
    is_inside_ = false;
  }
  if (count_ == chunks_.size()) {
    // Reset once: after the last chunk, this checks its end.
    ++count_;
    if (auto ended = end_chunks(); !ended) return fail(std::move(ended).error());
  }
  if (count_ > chunks_.size()) return false;
  ++count_;
  const auto length = begin_chunk(chunks_[count_ - 1]);
  if (!length) return fail(Error(length.error()));
  left_ = *length;
  is_inside_ = true;
  return true;
}

Result<std::size_t> ChunkReader::read(std::span<std::byte> out) {
  if (failure_) return fail(Error(*failure_));
  if (out.empty() || !is_inside_) return 0;
  auto got = read_some(out);
  if (!got) failure_ = got.error();
  return got;
}

Result<std::size_t> ChunkReader::read_some(std::span<std::byte> out) {
  if (left_ > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
    auto got = read_chunk(out.first(wanted));
    if (!got) return got;
    if (left_ != kToEnd) left_ -= *got;
    if (*got > 0) return got;
    if (left_ != kToEnd)
      return fail(Errc::unexpected_eof, chunk_name() + ": " + std::to_string(left_) + " bytes are missing");
  }
  if (auto ended = end_chunk(); !ended) return fail(std::move(ended).error());
  is_inside_ = false;
  return 0;
}

Status ChunkReader::skip_chunk() {
  Bytes rest(kDrainSize);
  for (;;) {
    const auto got = read_some(rest);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return {};
  }
}

}  // namespace layoutfs
