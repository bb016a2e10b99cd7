#include "core/commit/layer_packer.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/serial_executor.h"
#include "core/base/worker_pool.h"
#include "core/codec/span_digest.h"
#include "core/commit/layer_compressor.h"
#include "core/layer/diff_id.h"
#include "core/layer/layer_index.h"
#include "core/tar/tar_parser.h"

namespace layoutfs {
namespace {

// The part of the index that comes from the tar. Used by one executor.
class TarFacts {
 public:
  void add(ByteView piece) {
    hasher_.update(piece);
    if (!outcome_) return;
    for (ByteView rest = piece; !rest.empty();) {
      const ByteView span = rest.first(std::min<std::size_t>(rest.size(), kMaxSpanSize));
      index_.add_span(size_, span_digest(span));
      size_ += span.size();
      rest = rest.subspan(span.size());
    }
    outcome_ = parser_.feed(piece);
  }

  // For the thread that has waited for the executor. Call it once.
  Status end() { return outcome_ ? parser_.finish() : std::move(outcome_); }
  LayerIndexBuilder& index() { return index_; }
  std::vector<Digest> diff_ids() { return diff_ids_of(std::move(hasher_)); }

 private:
  Hasher hasher_;
  LayerIndexBuilder index_;
  TarParser parser_{[this](TarEntry&& entry) { return index_.add_entry(entry); }};
  std::uint64_t size_ = 0;
  Status outcome_;
};

struct Point {
  std::uint64_t offset, position;  // as in PointRecord
};

}  // namespace

struct LayerPacker::State {
  using Task = std::packaged_task<Bytes()>;

  State(ByteSource& source, Compression compression, std::size_t cores)
      : tar(source),
        compressor(compression),
        ahead(cores + 1),
        buffers(ahead + kTabulated + 1, kLayerPiece),
        pool(cores, ahead) {}
  ~State() { pool.drop(this); }

  Status start_piece();
  Result<bool> take_piece();

  // Pieces that wait for the executor.
  static constexpr std::size_t kTabulated = 4;

  ByteSource& tar;
  LayerCompressor compressor;
  const std::size_t ahead;  // pieces that are compressed or wait for that
  BufferRing buffers;
  TarFacts facts;
  SerialExecutor tabulating{kTabulated};
  WorkerPool pool;
  struct Pending {
    std::size_t plain_size;
    std::future<Bytes> packed;
  };
  std::deque<Pending> pending;
  bool is_at_end = false, is_complete = false;

  Bytes piece;  // the current one, and the part of it that was read
  std::size_t piece_read = 0;
  std::uint64_t stream_size = 0, blob_size = 0;
  std::vector<Point> points;
};

// Reads a piece of the tar and gives it to the threads.
Status LayerPacker::State::start_piece() {
  const BufferRing::Buffer buffer = buffers.take();
  std::size_t size = 0;
  while (size < kLayerPiece) {
    const auto got = tar.read({buffer.get() + size, kLayerPiece - size});
    if (!got) return fail(Error(got.error()));
    if (*got == 0) break;
    size += *got;
  }
  is_at_end = size < kLayerPiece;
  if (size == 0) return {};
  const ByteView bytes(buffer.get(), size);
  tabulating.run([this, buffer, bytes] { facts.add(bytes); });
  const auto task = std::make_shared<Task>([this, buffer, bytes] { return compressor.compress(bytes); });
  pending.push_back({size, task->get_future()});
  if (!pool.post(this, [task] { (*task)(); })) (*task)();
  return {};
}

// Takes the next compressed piece. Returns false at the end.
Result<bool> LayerPacker::State::take_piece() {
  while (!is_at_end && pending.size() < ahead)
    if (auto started = start_piece(); !started) return fail(std::move(started).error());
  if (pending.empty()) {
    if (std::exchange(is_complete, true)) return false;
    tabulating.finish();
    if (auto ended = facts.end(); !ended) return fail(std::move(ended).error());
    return false;
  }
  Pending next = std::move(pending.front());
  pending.pop_front();
  piece = next.packed.get();
  piece_read = 0;
  points.push_back({stream_size, blob_size * 8});
  stream_size += next.plain_size;
  blob_size += piece.size();
  return true;
}

LayerPacker::LayerPacker(ByteSource& tar, Compression compression, std::size_t cores)
    : state_(std::make_unique<State>(tar, compression, cores == 0 ? physical_cores() : cores)) {}
LayerPacker::~LayerPacker() = default;

Result<std::size_t> LayerPacker::read(std::span<std::byte> out) {
  State& from = *state_;
  if (out.empty()) return 0;
  if (from.piece_read == from.piece.size()) {
    const auto more = from.take_piece();
    if (!more) return fail(Error(more.error()));
    if (!*more) return 0;
  }
  const ByteView rest = ByteView(from.piece).subspan(from.piece_read);
  const ByteView part = rest.first(std::min(rest.size(), out.size()));
  copy_bytes(part, out);
  from.piece_read += part.size();
  return part.size();
}

Result<LayerPacker::Packed> LayerPacker::finish(const Digest& blob) {
  State& from = *state_;
  check(from.is_complete, "a layer is finished after it was read");
  LayerIndexBuilder& index = from.facts.index();
  for (const Point& point : from.points)
    index.add_point(point.offset, point.position,
                    point.offset == 0 ? Bytes() : from.compressor.point_state());
  std::vector<Digest> diff_ids = from.facts.diff_ids();
  Packed packed{.diff_id = diff_ids.front(), .index = {}};
  auto file = index.finish({.blob = blob,
                            .diff_ids = std::move(diff_ids),
                            .blob_size = from.blob_size,
                            .stream_size = from.stream_size,
                            .compression = from.compressor.compression()});
  if (!file) return fail(std::move(file).error());
  packed.index = std::move(*file);
  return packed;
}

}  // namespace layoutfs
