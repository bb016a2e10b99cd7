// Drives everything that one pass over a blob feeds: two hashes, the decoder, the tar parser and the index.
#include "core/layer/indexer.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/log.h"
#include "core/layer/diff_id.h"
#include "core/layer/layer_index.h"
#include "core/stream/codec.h"
#include "core/tar/tar_parser.h"

namespace layoutfs {
namespace {

constexpr std::size_t kBufferSize = std::size_t{512} << 10;
constexpr std::uint64_t kProgressStep = std::uint64_t{1} << 20;

// Hashes and counts the bytes of the blob on their way to the decoder.
class HashingSource final : public ByteSource {
 public:
  HashingSource(BlobPtr blob, Algorithm algorithm, const std::function<void(std::uint64_t)>& progress)
      : source_(std::move(blob)), hasher_(algorithm), progress_(progress) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    auto size = source_.read(out);
    if (!size) return size;
    hasher_.update(out.first(*size));
    bytes_read_ += *size;
    if (progress_ && bytes_read_ >= next_progress_) {
      progress_(bytes_read_);
      next_progress_ = bytes_read_ + kProgressStep;
    }
    return size;
  }

  // Reads what the decoder has left; what has seen the whole blob.
  Result<Hasher> finish() {
    Bytes buffer(kBufferSize);
    for (;;) {
      const auto size = read(buffer);
      if (!size) return fail(Error(size.error()));
      if (*size == 0) return std::move(hasher_);
    }
  }

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  BlobSource source_;
  Hasher hasher_;
  const std::function<void(std::uint64_t)>& progress_;
  std::uint64_t bytes_read_ = 0, next_progress_ = kProgressStep;
};

// Cuts the stream into spans, and gives them and the access points to the index. An access point counts once
// a byte follows it: at the end of the stream nobody starts.
class SpanCutter {
 public:
  explicit SpanCutter(LayerIndexBuilder& index) : index_(index), hash_(XXH3_createState()) {}

  void add(ByteView bytes) {
    while (!bytes.empty()) {
      if (span_size_ == 0) begin_span(bytes);
      const ByteView part = bytes.first(
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), kMaxSpanSize - span_size_)));
      XXH3_128bits_update(hash_.get(), part.data(), part.size());
      span_size_ += part.size();
      if (span_size_ == kMaxSpanSize) end_span();
      bytes = bytes.subspan(part.size());
    }
  }

  void add_point(FoundPoint point) {
    end_span();
    // Of several points at one offset the first will do.
    if (!point_) point_ = std::move(point);
  }

  void end_span() {
    if (span_size_ == 0) return;
    const XXH128_hash_t hash = XXH3_128bits_digest(hash_.get());
    index_.add_span(offset_, {hash.low64, hash.high64});
    offset_ += std::exchange(span_size_, 0);
  }

  // Valid after end_span.
  std::uint64_t stream_size() const { return offset_; }

 private:
  void begin_span(ByteView following) {
    XXH3_128bits_reset(hash_.get());
    if (!point_) return;
    if (const auto state = point_->make_state(following))
      index_.add_point(offset_, point_->position, *state);
    else
      log(LogLevel::info, "an access point gives other bytes and is left out");
    point_.reset();
  }

  struct FreeState {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  LayerIndexBuilder& index_;
  std::unique_ptr<XXH3_state_t, FreeState> hash_;
  std::uint64_t offset_ = 0, span_size_ = 0;  // of the current span
  std::optional<FoundPoint> point_ = FoundPoint{
      0, [](ByteView) { return Bytes(); }};  // not yet in the index: the start of the stream is one
};

// The pass itself. `hasher` is left out where the stream is the blob.
Status read_stream(IndexingDecoder& decoder, LayerIndexBuilder& index, SpanCutter& spans, Hasher* hasher) {
  TarParser parser([&index](TarEntry&& entry) { return index.add_entry(entry); });
  Bytes buffer(kBufferSize);
  for (;;) {
    auto step = decoder.step(buffer);
    if (!step) return fail(std::move(step).error());
    const ByteView bytes = ByteView(buffer).first(step->size);
    if (hasher != nullptr) hasher->update(bytes);
    spans.add(bytes);
    if (auto fed = parser.feed(bytes); !fed) return fed;
    if (step->point) spans.add_point(std::move(*step->point));
    if (step->end) break;
  }
  spans.end_span();
  return parser.finish();
}

Result<Compression> compression_of(const Blob& blob) {
  std::array<std::byte, 16> front;
  const auto size = blob.read_at(front, 0);
  if (!size) return fail(Error(size.error()));
  return detect_compression(ByteView(front).first(*size));
}

}  // namespace

Result<Bytes> index_layer(BlobPtr blob, const Digest& digest, const IndexingOptions& options) {
  const auto compression = compression_of(*blob);
  if (!compression) return fail(Error(compression.error()));
  HashingSource source(std::move(blob), digest.algorithm(), options.progress);
  const auto decoder =
      start_indexing(*compression, source, options.spacing == 0 ? kPointSpacing : options.spacing);
  LayerIndexBuilder index;
  SpanCutter spans(index);
  // Diff ids are SHA-256 (image-spec config.md lets them be any digest; nobody writes another).
  const bool stream_is_blob = *compression == Compression::none && digest.algorithm() == Algorithm::sha256;
  Hasher hasher;
  auto read = read_stream(*decoder, index, spans, stream_is_blob ? nullptr : &hasher);

  // A blob that is not what its name says explains every other error.
  auto blob_hasher = source.finish();
  if (!blob_hasher) return fail(std::move(blob_hasher).error());
  if (const Digest found = Hasher(*blob_hasher).finish(); found != digest)
    return fail(Errc::corrupt, "blob " + digest.str() + ": content has digest " + found.str());
  if (!read) return fail(std::move(read).error());
  return index.finish({.blob = digest,
                       .diff_ids = diff_ids_of(std::move(stream_is_blob ? *blob_hasher : hasher)),
                       .blob_size = source.bytes_read(),
                       .stream_size = spans.stream_size(),
                       .compression = *compression});
}

}  // namespace layoutfs
