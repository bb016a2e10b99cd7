// Finds, makes and reads the decoded copy of a layer. Its phases:
//
//   unknown   no reader has needed it. The first one looks in the cache directory.
//   absent    a reader that needs it looks again, and then starts a thread, unless another copy is being made
//             in this process.
//   making    the thread decodes the long stretches in order and adds their spans to a new file. Readers wait
//             until it has passed their span. If it fails, they decode the blob themselves.
//   there     the file is complete and published. Readers mark it as used from time to time, because the
//   least
//             recently used copies are removed if the budget is exceeded.
//   refused   after an error while making it, or after a second damage: it is not made again.
//
// Invariants: the lock is never held while a span is read or decoded; a span is checked before the thread
// adds it, and after a reader has read it; a damaged copy is removed.
#include "core/stream/layer_copy.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/lock_order.h"
#include "core/base/wait.h"
#include "core/codec/codec.h"
#include "core/stream/decoded_copy.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

// The interval at which a reader marks a copy as used.
constexpr std::chrono::minutes kUsePeriod{1};
// A writer makes room in the directory again after this number of bytes.
constexpr std::uint64_t kRoomStep = std::uint64_t{64} << 20;

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

struct LayerCopy::State {
  enum class Phase { unknown, absent, making, there, refused };
  struct Progress {
    Phase phase = Phase::unknown;
    std::shared_ptr<const DecodedCopy> copy;  // while it is made, and after that
    std::uint64_t next = 0;                   // while it is made: spans below it are complete
    Clock::time_point use_at;                 // time of the next mark as used
    bool was_dropped = false;
    std::jthread maker;
  };

  CopyPlace place;
  BlobOpener open_blob;
  const StreamIndex& index;
  std::shared_ptr<SpanCache> cache;
  Guarded<Progress> progress;
  std::condition_variable_any advanced;
  // Of the thread:
  int rereads = Blob::kMostRereads;
  bool is_fetched_again = false;  // the blob was wrong, and fetches the bytes again

  CopyDirectory& directory() const { return *place.directory; }
  std::string name() const { return "decoded copy of " + place.blob.str(); }
  std::uint64_t stretch_size(std::uint64_t point) const;
  bool is_copied(std::uint64_t point) const {
    return stretch_size(point) > directory().options().long_stretch;
  }

  void look(Progress& now);
  SpanBytes read(const std::shared_ptr<const DecodedCopy>& copy, std::uint64_t span);
  void drop(const std::shared_ptr<const DecodedCopy>& copy, const Error& why);
  void begin(Progress& now, std::uint64_t span);
  void end_making(Progress& now, Phase phase) noexcept;
  void run(const std::stop_token& stop) noexcept;
  Status write(const std::stop_token& stop);
  Status write_spans(const std::stop_token& stop, DecodedCopy& copy);
  Result<Bytes> decode(BlobPtr& blob, std::unique_ptr<Decoder>& decoder, std::uint64_t span);
  Result<Bytes> decode_unreported(BlobPtr& blob, std::unique_ptr<Decoder>& decoder, std::uint64_t span);
  Status keep_budget(std::uint64_t size, std::uint64_t& next_room) const;
};

// Returns the bytes of stream from one point to the next.
std::uint64_t LayerCopy::State::stretch_size(std::uint64_t point) const {
  const std::uint64_t end = point + 1 < index.points.size() ? index.points[point + 1].offset : index.size;
  return end - index.points[point].offset;
}

// Looks for a copy of an earlier mount or of another process.
void LayerCopy::State::look(Progress& now) {
  now.phase = Phase::absent;
  auto file = directory().open(place.blob);
  if (!file) {
    if (file.error().code() != Errc::not_found)
      log(LogLevel::debug, name() + ": ignored: " + file.error().message());
    return;
  }
  auto copy = DecodedCopy::open(std::move(*file), index);
  if (!copy) {
    log(LogLevel::info, name() + ": " + copy.error().message() + "; removing it");
    directory().remove(place.blob);
    directory().count_dropped();
    return;
  }
  now.phase = Phase::there;
  now.copy = std::make_shared<const DecodedCopy>(std::move(*copy));
  now.use_at = Clock::now() + kUsePeriod;
}

SpanBytes LayerCopy::State::read(const std::shared_ptr<const DecodedCopy>& copy, std::uint64_t span) {
  auto bytes = copy->read(span);
  if (!bytes) {
    drop(copy, bytes.error());
    return nullptr;
  }
  if (!*bytes) return nullptr;
  directory().count_read();
  return std::move(**bytes);
}

void LayerCopy::State::drop(const std::shared_ptr<const DecodedCopy>& copy, const Error& why) {
  auto now = progress.lock();
  if (now->phase != Phase::there || now->copy != copy) return;
  log(LogLevel::warning, name() + ": " + why.message() + "; removing it");
  directory().remove(place.blob);
  directory().count_dropped();
  now->copy.reset();
  // If the disk damages it again, a third copy is not worth it.
  now->phase = std::exchange(now->was_dropped, true) ? Phase::refused : Phase::absent;
}

// Starts making it for a reader that waits for `span`.
void LayerCopy::State::begin(Progress& now, std::uint64_t span) {
  if (directory().is_given_up()) return;
  const std::uint64_t point = index.spans[span].point;
  const std::string message = name() + ": writing it to " + directory().path() + ", because the " +
                              std::string(name_of(index.compression)) + " stream has " +
                              mebibytes(stretch_size(point)) +
                              " without an access point, and a read would decode " +
                              mebibytes(index.spans[span].offset - index.points[point].offset) + " of it";
  if (!directory().begin_making()) return;
  now.phase = Phase::making;
  now.next = 0;
  try {
    now.maker = std::jthread([this](const std::stop_token& stop) { run(stop); });
  } catch (const std::exception&) {  // no thread or no memory available
    return end_making(now, Phase::absent);
  }
  log(LogLevel::info, message);
}

void LayerCopy::State::end_making(Progress& now, Phase phase) noexcept {
  directory().end_making();
  now.phase = phase;
  now.use_at = Clock::now() + kUsePeriod;
  if (phase != Phase::there) now.copy.reset();
}

// The function of the thread.
void LayerCopy::State::run(const std::stop_token& stop) noexcept {
  const HoldingLevel holding(LockLevel::background);
  // nullopt if memory or threads ran out, or if the blob fetches wrong bytes again: it is made when it is
  // needed again.
  std::optional<Status> written;
  try {
    written = write(stop);
  } catch (const std::exception&) {
  }
  if (std::exchange(is_fetched_again, false)) written.reset();
  end_making(*progress.lock(), !written ? Phase::absent : *written ? Phase::there : Phase::refused);
  advanced.notify_all();
  if (!written || *written || written->error().code() == Errc::cancelled) return;
  try {
    log(LogLevel::info, name() + ": not written: " + written->error().message());
  } catch (const std::bad_alloc&) {
  }
}

// Errors of the disk affect all layers, errors of the stream only this one.
Status LayerCopy::State::write(const std::stop_token& stop) {
  const auto start = Clock::now();
  auto file = directory().create(place.blob);
  auto handle = file ? file->file() : fail(Error(file.error()));
  if (!handle) {
    directory().give_up(handle.error());
    return fail(std::move(handle).error());
  }
  directory().make_room();
  const auto copy = std::make_shared<DecodedCopy>(DecodedCopy::create(std::move(*handle), index));
  progress.lock()->copy = copy;
  if (auto written = write_spans(stop, *copy); !written) return written;
  auto finished = copy->finish();
  if (finished) finished = directory().publish(*file, place.blob);
  if (!finished) {
    directory().give_up(finished.error());
    return finished;
  }
  directory().make_room();
  directory().count_made();
  const std::chrono::duration<double> took = Clock::now() - start;
  log(LogLevel::info,
      name() + ": complete, " + mebibytes(copy->size()) + " in " + std::to_string(took.count()) + " s");
  return {};
}

Status LayerCopy::State::write_spans(const std::stop_token& stop, DecodedCopy& copy) {
  BlobPtr blob;  // of the decoder
  std::unique_ptr<Decoder> decoder;
  std::uint64_t next_room = kRoomStep;
  std::future<Status> adding;  // writes the preceding span while the next one is decoded
  const auto end_adding = [&](std::uint64_t next) -> Status {
    if (!adding.valid()) return {};
    if (auto added = adding.get(); !added) {
      directory().give_up(added.error());
      return added;
    }
    progress.lock()->next = next;
    advanced.notify_all();
    return keep_budget(copy.size(), next_room);
  };
  for (std::uint64_t span = 0; span < index.spans.size(); ++span) {
    if (!is_copied(index.spans[span].point)) continue;
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    auto bytes = decode(blob, decoder, span);
    if (auto ended = end_adding(span); !ended) return ended;
    if (!bytes) return fail(std::move(bytes).error());
    adding = std::async([&copy, span, bytes = std::move(*bytes)] { return copy.add(span, bytes); });
  }
  return end_adding(index.spans.size());
}

// `decoder` is at the start of the span, unless that is an access point.
Result<Bytes> LayerCopy::State::decode_unreported(BlobPtr& blob, std::unique_ptr<Decoder>& decoder,
                                                  std::uint64_t span) {
  const SpanRecord& record = index.spans[span];
  const PointRecord& point = index.points[record.point];
  if (record.offset == point.offset) {
    auto opened = open_blob();
    if (!opened) return fail(std::move(opened).error());
    blob = *std::move(opened);
    auto resumed = resume_at(point, index, blob);
    if (!resumed) return fail(std::move(resumed).error());
    decoder = std::move(*resumed);
  }
  Bytes bytes(index.span_end(span) - record.offset);
  const auto size = decoder->read(bytes);
  if (!size) return fail(Error(size.error()));
  cache->count_decoded(*size, DecodePermits::For::reader);
  if (*size != bytes.size() || !is_right_span(index, span, bytes))
    return fail(Errc::corrupt, "decoded bytes differ from the index");
  return bytes;
}

Result<Bytes> LayerCopy::State::decode(BlobPtr& blob, std::unique_ptr<Decoder>& decoder, std::uint64_t span) {
  auto bytes = decode_unreported(blob, decoder, span);
  if (bytes || blob == nullptr || !can_be_damage(bytes.error()) || rereads == 0) return bytes;
  is_fetched_again = distrust_span(*blob, index, span);
  if (is_fetched_again) --rereads;
  return bytes;
}

// `size` is the size of the copy so far.
Status LayerCopy::State::keep_budget(std::uint64_t size, std::uint64_t& next_room) const {
  if (size > directory().options().budget)
    return fail(Errc::unsupported,
                "exceeds the budget of " + mebibytes(directory().options().budget) + " for all copies");
  if (size < next_room) return {};
  directory().make_room();
  next_room = size + kRoomStep;
  return {};
}

LayerCopy::LayerCopy(CopyPlace place, BlobOpener open_blob, const StreamIndex& index,
                     std::shared_ptr<SpanCache> cache)
    : state_(new State{.place = std::move(place),
                       .open_blob = std::move(open_blob),
                       .index = index,
                       .cache = std::move(cache),
                       .progress = {},
                       .advanced = {}}) {}

LayerCopy::~LayerCopy() {
  HeldLevels::check_may_take(LockLevel::background);
  // The thread takes the lock, so join it without holding the lock.
  const std::jthread maker = std::move(state_->progress.lock()->maker);
}

bool LayerCopy::covers(std::uint64_t span) const {
  return state_->is_copied(state_->index.spans[span].point);
}

SpanBytes LayerCopy::find(std::uint64_t span) {
  if (!covers(span)) return nullptr;
  std::shared_ptr<const DecodedCopy> copy;
  {
    auto now = state_->progress.lock();
    if (now->phase == State::Phase::unknown) state_->look(*now);
    if (now->phase == State::Phase::there && Clock::now() >= now->use_at) {
      now->use_at = Clock::now() + kUsePeriod;
      if (!CacheDirectory::use(now->copy->fd())) {  // it was removed to free space
        now->phase = State::Phase::absent;
        now->copy.reset();
      }
    }
    if (now->phase == State::Phase::there || (now->phase == State::Phase::making && span < now->next))
      copy = now->copy;
  }
  return copy ? state_->read(copy, span) : nullptr;
}

std::uint64_t LayerCopy::first_near(std::uint64_t span) const {
  const auto& spans = state_->index.spans;
  const std::uint64_t offset = spans[span].offset;
  const std::uint64_t nearest = offset - std::min(offset, state_->directory().options().long_stretch);
  return static_cast<std::uint64_t>(std::ranges::lower_bound(spans, nearest, {}, &SpanRecord::offset) -
                                    spans.begin());
}

Result<SpanBytes> LayerCopy::make(std::uint64_t span, const Context& context) {
  if (!covers(span)) return nullptr;
  HeldLevels::check_may_take(LockLevel::background);
  std::shared_ptr<const DecodedCopy> copy;
  {
    auto now = state_->progress.lock();
    // another process may have made it in the meantime
    if (now->phase == State::Phase::absent) state_->look(*now);
    if (now->phase == State::Phase::absent) state_->begin(*now, span);
    auto waited = wait_until_met(state_->advanced, now.lock(), context,
                                 [&] { return now->phase != State::Phase::making || span < now->next; });
    if (!waited) return fail(std::move(waited).error());
    copy = now->copy;
  }
  return copy ? state_->read(copy, span) : nullptr;
}

}  // namespace layoutfs
