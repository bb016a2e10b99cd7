// The format of decoded copies, little-endian like the index files.
#include "core/stream/decoded_copy.h"

#include <zstd.h>

#include <array>
#include <memory>
#include <new>
#include <utility>

#include "core/base/xxh3.h"
#include "core/codec/zstd_context.h"

namespace layoutfs {
namespace {

constexpr std::array<char, 8> kMagic = {'\x89', 'd', 'e', 'c', 'o', 'd', 'e', '\n'};
// Increment it with each change of the format.
constexpr std::uint32_t kVersion = 1;
// The fastest level that still halves most layers: readers wait while a copy is written.
constexpr int kLevel = 1;

struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t reserved;
  std::uint64_t span_count;
  std::uint64_t spans_hash;  // XXH3 64 of the index' span table
};
// The position of a span's frame, in bytes from the start of the file; a size of 0 if there is none.
struct CopiedSpan {
  std::uint64_t offset;
  std::uint64_t size;
};

FileHeader header_of(const StreamIndex& index) {
  const auto spans = std::as_bytes(index.spans);
  return {.magic = kMagic,
          .version = kVersion,
          .reserved = 0,
          .span_count = index.spans.size(),
          .spans_hash = XXH3_64bits(spans.data(), spans.size())};
}

std::uint64_t place_offset(std::uint64_t span) { return sizeof(FileHeader) + span * sizeof(CopiedSpan); }

std::unexpected<Error> damaged(const char* what) {
  return fail(Errc::corrupt, std::string("decoded copy: ") + what);
}

}  // namespace

Result<DecodedCopy> DecodedCopy::open(UniqueFd file, const StreamIndex& index) {
  const auto status = stat_of(file.get(), "decoded copy");
  if (!status) return fail(Error(status.error()));
  FileHeader found{};
  const auto size = pread_full(file.get(), std::as_writable_bytes(std::span(&found, 1)), 0);
  if (!size) return fail(Error(size.error()), "decoded copy");
  const FileHeader expected = header_of(index);
  if (*size != sizeof found || found.magic != expected.magic) return damaged("not a complete copy");
  if (found.version != expected.version) return damaged("unsupported version");
  if (found.span_count != expected.span_count || found.spans_hash != expected.spans_hash)
    return damaged("belongs to another index");
  return DecodedCopy(std::move(file), index, static_cast<std::uint64_t>(status->st_size));
}

DecodedCopy DecodedCopy::create(UniqueFd file, const StreamIndex& index) {
  return DecodedCopy(std::move(file), index, place_offset(index.spans.size()));
}

Status DecodedCopy::add(std::uint64_t span, ByteView bytes) {
  Bytes frame(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // with enough room, lack of memory is the only error
  const CopiedSpan place{size_, size};
  size_ += size;
  if (auto written = pwrite_all(file_.get(), ByteView(frame).first(size), place.offset, "decoded copy");
      !written)
    return written;
  return pwrite_all(file_.get(), std::as_bytes(std::span(&place, 1)), place_offset(span), "decoded copy");
}

Status DecodedCopy::finish() {
  const FileHeader header = header_of(*index_);
  return pwrite_all(file_.get(), std::as_bytes(std::span(&header, 1)), 0, "decoded copy");
}

Result<std::optional<SpanBytes>> DecodedCopy::read(std::uint64_t span) const {
  CopiedSpan place{};
  auto got = pread_full(file_.get(), std::as_writable_bytes(std::span(&place, 1)), place_offset(span));
  if (!got) return fail(std::move(got).error());
  if (*got != sizeof place) return damaged("truncated table");
  if (place.size == 0) return std::nullopt;
  const SpanRecord& record = index_->spans[span];
  auto bytes = std::make_shared<SpanBuffer>(index_->span_end(span) - record.offset);
  if (place.size > ZSTD_compressBound(bytes->size())) return damaged("invalid table");

  Bytes frame(place.size);
  got = pread_full(file_.get(), frame, place.offset);
  if (!got) return fail(std::move(got).error());
  if (*got != frame.size()) return damaged("truncated");
  if (zstd::decompress(frame, *bytes) != bytes->size() ||
      !is_right_span(*index_, span, *bytes, DecodedFrom::copy))
    return damaged("a span differs from the index");
  return bytes;
}

}  // namespace layoutfs
