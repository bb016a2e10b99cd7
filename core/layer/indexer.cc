// One pass over a blob feeds two hashes, the decoder, the tar parser and the index.
//
//   blob -> HashingSource -> decoder -> buffers -> hash of the stream (diff ID)
//               |                         |
//           hash of the blob              +------> spans and access points, tar parser -> LayerIndexBuilder
//
// The decoder runs in the thread of the caller, or hands out there what its own threads have decoded. Each
// buffer that it fills goes to two serial executors, which run in parallel; the last one to finish returns it
// to the ring. The access point after a buffer and the search for earlier ones are passed with it, so points,
// spans and entries each reach the index in the order of the stream.
//
// Invariants: at most kBuffers buffers exist, so the decoder waits for the slower executor; the blob is read
// to its end and its digest is checked before any other error is reported, because wrong content explains
// every other error; the index is returned only if all parts succeeded. A blob that may fetch wrong content
// again is read again.
#include "core/layer/indexer.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "core/base/serial_executor.h"
#include "core/codec/codec.h"
#include "core/codec/parallel_indexing.h"
#include "core/codec/span_digest.h"
#include "core/layer/diff_id.h"
#include "core/layer/hashing_source.h"
#include "core/layer/layer_index.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Buffers that are decoded and still in use; more do not increase the speed.
constexpr std::size_t kBuffers = 12;
constexpr std::size_t kBufferSize = std::size_t{512} << 10;
constexpr std::uint64_t kProgressStep = std::uint64_t{1} << 20;

// Divides the stream into spans, and adds them and the access points to the index. A point at the end of the
// stream is dropped, because no byte follows it.
class SpanCutter {
 public:
  explicit SpanCutter(LayerIndexBuilder& index) : index_(index) {}

  // A span starts at each of the `boundaries`, which are offsets in the stream.
  void add(ByteView bytes, std::span<const std::uint64_t> boundaries) {
    for (const std::uint64_t boundary : boundaries) {
      const auto before = static_cast<std::size_t>(boundary - offset_ - span_size_);
      add(bytes.first(before));
      end_span();
      bytes = bytes.subspan(before);
    }
    add(bytes);
  }

  void add_point(FoundPoint point) {
    end_span();
    // Use the first of several points at one offset.
    if (!point_) point_ = std::move(point);
  }

  void end_span() {
    if (span_size_ == 0) return;
    index_.add_span(offset_, hash_.finish());
    offset_ += std::exchange(span_size_, 0);
  }

  // Valid after end_span.
  std::uint64_t stream_size() const { return offset_; }

 private:
  void add(ByteView bytes) {
    while (!bytes.empty()) {
      if (span_size_ == 0) begin_span(bytes);
      const ByteView part = bytes.first(
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), kMaxSpanSize - span_size_)));
      hash_.update(part);
      span_size_ += part.size();
      if (span_size_ == kMaxSpanSize) end_span();
      bytes = bytes.subspan(part.size());
    }
  }

  void begin_span(ByteView following) {
    if (!point_) return;
    if (const auto state = point_->make_state(following))
      index_.add_point(offset_, point_->position, *state);
    else
      log(LogLevel::info, "dropping an access point that gives wrong bytes");
    point_.reset();
  }

  LayerIndexBuilder& index_;
  SpanHasher hash_;
  std::uint64_t offset_ = 0, span_size_ = 0;  // of the current span
  std::optional<FoundPoint> point_ = FoundPoint{
      0, [](ByteView) { return Bytes(); }};  // not in the index yet; initially the start of the stream
};

// Builds the tables of the index from the stream. Used by one executor.
class Tables {
 public:
  void add(ByteView bytes, IndexingDecoder::Step step) {
    if (has_failed_) return;
    spans_.add(bytes, step.boundaries);
    if (auto fed = parser_.feed(bytes); !fed) return end(std::move(fed));
    if (step.search)
      for (const LatePoint& point : step.search())
        index_.add_point(point.offset, point.position, point.state);
    if (step.point) spans_.add_point(std::move(*step.point));
  }
  // Any thread may call it.
  bool has_failed() const noexcept { return has_failed_; }

  // For the thread that has waited for the executor.
  Status finish() {
    if (has_failed_) return outcome_;
    spans_.end_span();
    return parser_.finish();
  }
  std::uint64_t stream_size() const { return spans_.stream_size(); }
  LayerIndexBuilder& index() { return index_; }

 private:
  void end(Status outcome) {
    outcome_ = std::move(outcome);
    has_failed_ = true;
  }

  LayerIndexBuilder index_;
  SpanCutter spans_{index_};
  TarParser parser_{[this](TarEntry&& entry) { return index_.add_entry(entry); }};
  Status outcome_;
  std::atomic<bool> has_failed_ = false;
};

// Reads the stream. `hasher` is null if the stream is the blob.
Status read_stream(IndexingDecoder& decoder, Tables& tables, Hasher* hasher) {
  BufferRing buffers(kBuffers, kBufferSize);
  SerialExecutor hashing(kBuffers), tabulating(kBuffers);
  Status decoded;
  for (bool is_at_end = false; !is_at_end && !tables.has_failed();) {
    const auto buffer = buffers.take();
    auto step = decoder.step({buffer.get(), kBufferSize});
    if (!step) {
      decoded = fail(std::move(step).error());
      break;
    }
    is_at_end = step->end;
    const ByteView bytes(buffer.get(), step->size);
    if (hasher != nullptr && !bytes.empty()) hashing.run([hasher, buffer, bytes] { hasher->update(bytes); });
    tabulating.run(
        [&tables, buffer, bytes, step = *std::move(step)]() mutable { tables.add(bytes, std::move(step)); });
  }
  hashing.finish();
  tabulating.finish();
  // Report the first error in the stream.
  if (tables.has_failed()) return tables.finish();
  return decoded ? tables.finish() : decoded;
}

// One pass. Returns nullopt, and the digest in `found`, if the content has another digest.
Result<std::optional<Bytes>> index_once(const BlobPtr& blob, const Digest& digest,
                                        const IndexingOptions& options, Digest& found) {
  if (auto go_on = options.context.check(); !go_on) return fail(std::move(go_on).error());
  const auto compression = compression_of(*blob);
  if (!compression) return fail(Error(compression.error()));
  const std::uint64_t blob_size = blob->size();
  std::uint64_t bytes_read = 0, next_progress = kProgressStep;
  HashingSource source(blob, digest.algorithm(), [&](std::uint64_t size) -> Status {
    bytes_read += size;
    if (options.progress && bytes_read >= next_progress) {
      options.progress(bytes_read);
      next_progress = bytes_read + kProgressStep;
    }
    return options.context.check();
  });
  const auto decoder = start_indexing_on(options.cores, *compression, source,
                                         options.spacing == 0 ? kPointSpacing : options.spacing, blob_size);
  Tables tables;
  // Diff ids are SHA-256 (image-spec config.md permits others, but no program writes them).
  const bool stream_is_blob = *compression == Compression::none && digest.algorithm() == Algorithm::sha256;
  Hasher hasher;
  auto read = read_stream(*decoder, tables, stream_is_blob ? nullptr : &hasher);

  // A blob that does not match its digest explains every other error.
  auto blob_hasher = source.finish();
  if (!blob_hasher) return fail(std::move(blob_hasher).error());
  found = Hasher(*blob_hasher).finish();
  if (found != digest) return std::nullopt;
  if (!read) return fail(std::move(read).error());
  return tables.index().finish({.blob = digest,
                                .diff_ids = diff_ids_of(std::move(stream_is_blob ? *blob_hasher : hasher)),
                                .blob_size = bytes_read,
                                .stream_size = tables.stream_size(),
                                .compression = *compression});
}

}  // namespace

Result<Bytes> index_layer(BlobPtr blob, const Digest& digest, const IndexingOptions& options) {
  for (int rereads = Blob::kMostRereads;; --rereads) {
    Digest found;
    auto index = index_once(blob, digest, options, found);
    if (!index) return fail(std::move(index).error());
    if (*index) return **std::move(index);
    if (rereads == 0 || !blob->distrust(0, blob->size()))
      return fail(Errc::corrupt, "blob " + digest.str() + ": content has digest " + found.str());
  }
}

}  // namespace layoutfs
