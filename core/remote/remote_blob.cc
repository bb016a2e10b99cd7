// A blob of a registry.
#include "core/remote/remote_blob.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "core/remote/range_chunks.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Attempts to read a chunk that others drop as soon as it arrives.
constexpr int kChunkAttempts = 16;
// A proof may find that the disk has lost chunks, which are fetched again.
constexpr int kPrefetchAttempts = 3;
constexpr std::uint64_t kPrefetchedAhead = SequentialReads::kLongestWindow / kRangeChunk;

}  // namespace

RemoteBlob::RemoteBlob(std::shared_ptr<RangeDirectory> directory, Digest digest, std::uint64_t size,
                       std::shared_ptr<RemoteBlobStats> stats, RequestOptions options,
                       std::shared_ptr<RequestSlots> slots)
    : stats_(std::move(stats)),
      ranges_(std::move(directory), std::move(digest), size),
      requests_(ranges_, *stats_, options, std::move(slots)) {}

// Returns the chunks that are wanted for a read of [offset, offset + size).
WantedChunks RemoteBlob::note_read(std::uint64_t offset, std::uint64_t size) const {
  const auto expected = reads_.lock()->note(offset, size);
  const std::uint64_t end = offset + size;
  const std::uint64_t ahead = std::min(expected.bytes, ranges_.size() - end);
  return {.end = chunk_count(end), .ahead_end = chunk_count(end + ahead), .is_endless = expected.is_endless};
}

Result<std::size_t> RemoteBlob::read_complete(int file, std::span<std::byte> out,
                                              std::uint64_t offset) const {
  auto got = pread_full(file, out, offset);
  if (!got) return fail(std::move(got).error(), ranges_.digest().str());
  if (*got < out.size())
    return fail(Errc::corrupt, ranges_.digest().str() + ": the cached blob was truncated");
  stats_->cached += *got;
  return got;
}

Result<std::size_t> RemoteBlob::read_at(std::span<std::byte> out, std::uint64_t offset,
                                        const Context& context) const {
  if (offset >= ranges_.size() || out.empty()) return 0;
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), ranges_.size() - offset)));
  if (const auto file = ranges_.complete()) return read_complete(file->get(), out, offset);
  const WantedChunks wanted = note_read(offset, out.size());
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t chunk = chunk_at(offset + done);
    const std::uint64_t begin = offset + done - chunk * kRangeChunk;
    const auto piece =
        out.subspan(done, std::min(out.size() - done, chunk_size(chunk, ranges_.size()) - begin));
    if (auto read = read_chunk(chunk, begin, piece, wanted, context); !read)
      return fail(std::move(read).error());
    done += piece.size();
  }
  if (wanted.ahead_end > wanted.end) requests_.read_ahead(wanted);
  return out.size();
}

Status RemoteBlob::read_chunk(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out,
                              const WantedChunks& wanted, const Context& context) const {
  for (int attempt = 0; attempt < kChunkAttempts; ++attempt) {
    if (ranges_.read(chunk, begin, out)) {
      if (attempt == 0) stats_->cached += out.size();
      return {};
    }
    const auto bytes = requests_.await(chunk, wanted, context);
    if (!bytes) return fail(Error(bytes.error()));
    if (!*bytes) continue;
    copy_bytes(ByteView(**bytes).subspan(begin, out.size()), out);
    return {};
  }
  return fail(Errc::io, ranges_.digest().str() + ": the cache loses what is written to it");
}

void RemoteBlob::will_read(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset >= ranges_.size() || size == 0) return;
  size = std::min(size, ranges_.size() - offset);
  reads_.lock()->announce(offset, size);
  try {
    if (!is_complete()) requests_.hint(chunk_at(offset), chunk_count(offset + size));
  } catch (const std::exception&) {
    // Without memory, the read fetches the bytes.
  }
}

bool RemoteBlob::is_at_hand(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset >= ranges_.size() || size == 0) return true;
  const std::uint64_t first = chunk_at(offset);
  const std::uint64_t end = chunk_count(offset + std::min(size, ranges_.size() - offset));
  try {
    const auto present = ranges_.present(first, end - first);
    return std::ranges::find(present, false) == present.end();
  } catch (const std::exception&) {  // no memory available
    return false;
  }
}

std::optional<BlobExtent> RemoteBlob::extent() const noexcept {
  const auto file = ranges_.complete();
  if (!file) return std::nullopt;
  return BlobExtent{file->get(), 0};
}

Status RemoteBlob::prefetch(const Context& context) const {
  const std::uint64_t wrong_before = requests_.wrong_count();
  for (int attempt = 0; attempt < kPrefetchAttempts && ranges_.size() > 0 && !is_complete(); ++attempt) {
    auto fetched = fetch_missing(context);
    if (fetched) fetched = requests_.prove(context);
    if (requests_.wrong_count() != wrong_before) {
      // The proof dropped all ranges, but some may have been fetched again since, with the wrong bytes.
      forget(0, ranges_.size());
      return fail(Errc::corrupt, ranges_.digest().str() + ": fetched content has another digest");
    }
    if (!fetched) return fetched;
  }
  if (is_complete() || ranges_.size() == 0) return {};
  return fail(Errc::failed_precondition, ranges_.digest().str() + ": the cache did not keep the blob");
}

Status RemoteBlob::fetch_missing(const Context& context) const {
  const std::uint64_t all = chunk_count(ranges_.size());
  for (std::uint64_t chunk = 0; chunk < all && !is_complete(); ++chunk) {
    if (ranges_.has(chunk)) continue;
    if (!ranges_.is_stored())
      return fail(Errc::failed_precondition, ranges_.digest().str() + ": the cache cannot store the blob");
    const WantedChunks wanted{
        .end = chunk + 1, .ahead_end = std::min(all, chunk + kPrefetchedAhead), .is_endless = true};
    if (const auto arrived = requests_.await(chunk, wanted, context); !arrived)
      return fail(Error(arrived.error()));
    requests_.read_ahead(wanted);
  }
  return {};
}

void RemoteBlob::forget(std::uint64_t offset, std::uint64_t size) const {
  if (offset >= ranges_.size() || size == 0) return;
  const std::uint64_t first = chunk_at(offset);
  ranges_.drop(first, chunk_count(offset + std::min(size, ranges_.size() - offset)) - first);
}

bool RemoteBlob::distrust(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset >= ranges_.size() || size == 0) return false;
  size = std::min(size, ranges_.size() - offset);
  const std::uint64_t first = chunk_at(offset), count = chunk_count(offset + size) - first;
  try {
    const auto present = ranges_.present(first, count);
    // Another reader has reported them.
    if (std::ranges::find(present, true) == present.end()) return true;
    if (!wrong_.report(first, count)) return false;
    log(is_warned_.exchange(true) ? LogLevel::debug : LogLevel::warning,
        ranges_.digest().str() + ": bytes " + std::to_string(offset) + " to " +
            std::to_string(offset + size) + " do not match their digest; fetching them again");
    forget(offset, size);
    return true;
  } catch (const std::exception&) {  // no memory available
    return false;
  }
}

}  // namespace layoutfs
