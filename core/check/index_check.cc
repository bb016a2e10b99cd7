#include "core/check/index_check.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/cas/verifying_source.h"
#include "core/layer/diff_id.h"
#include "core/stream/layer_stream.h"

namespace layoutfs {
namespace {

std::unexpected<Error> differs(const std::string& what) { return fail(Errc::corrupt, "index file: " + what); }

auto fields_of(const Extent& extent) { return std::tie(extent.offset, extent.size, extent.stream_offset); }

bool are_same(std::span<const Extent> kept, const std::vector<Extent>& found) {
  return std::ranges::equal(kept, found, {}, fields_of, fields_of);
}

bool are_same_xattrs(const LayerEntries& entries, const EntryView& kept, const TarEntry& found) {
  if (kept.xattr_count != found.xattrs.size()) return false;
  for (std::uint32_t i = 0; i < kept.xattr_count; ++i) {
    const auto [name, value] = entries.xattr(kept.first_xattr + i);
    if (name != found.xattrs[i].first || value != found.xattrs[i].second) return false;
  }
  return true;
}

// Compares the common attributes of all entries, and the location of a file's content.
bool are_same(const LayerEntries& entries, const EntryView& kept, const TarEntry& found) {
  if (kept.type != found.type || kept.path != found.path || kept.target != found.target) return false;
  if (kept.mode != found.mode || kept.uid != found.uid || kept.gid != found.gid) return false;
  if (kept.mtime.seconds != found.mtime.seconds || kept.mtime.nanoseconds != found.mtime.nanoseconds)
    return false;
  if (!are_same_xattrs(entries, kept, found)) return false;
  if (found.type == EntryType::character || found.type == EntryType::block)
    return kept.device_major == found.device_major && kept.device_minor == found.device_minor;
  if (found.type != EntryType::file) return true;
  if (kept.size != found.size || kept.is_sparse != found.is_sparse) return false;
  return found.is_sparse ? are_same(kept.extents, found.extents) : kept.stream_offset == found.stream_offset;
}

// In the order of the tar.
class EntryCheck {
 public:
  explicit EntryCheck(const LayerIndex& index) : entries_(index.entries()) {}

  Status add(const TarEntry& found) {
    if (next_ == entries_->size()) return differs("missing entry: " + found.path);
    if (!are_same(*entries_, entries_->entry(next_), found))
      return differs("entry " + std::to_string(next_) + " differs from the layer's: " + found.path);
    ++next_;
    return {};
  }
  Status finish() const {
    if (next_ == entries_->size()) return {};
    return differs(std::to_string(entries_->size()) + " entries, but the layer has " + std::to_string(next_));
  }

 private:
  std::shared_ptr<const LayerEntries> entries_;
  std::size_t next_ = 0;
};

// Adds the bytes that two threads have read.
class ProgressSum {
 public:
  explicit ProgressSum(const CheckProgress& progress) : progress_(progress) {}
  // `done` is what the thread has read so far; `mine` is its part of the sum.
  void report(std::uint64_t& mine, std::uint64_t done) {
    if (!progress_) return;
    auto sum = sum_.lock();
    *sum += done - mine;
    mine = done;
    progress_(*sum);
  }

 private:
  const CheckProgress& progress_;
  Guarded<std::uint64_t> sum_;
};

Status check_blob(const LayerIndex& index, const BlobPtr& blob, ProgressSum& progress,
                  const Context& context) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  BlobSource bytes(blob);
  VerifyingSource verified(bytes, index.blob(), index.blob_size());
  Bytes buffer(kPiece);
  for (std::uint64_t done = 0, reported = 0;;) {
    if (auto go_on = context.check(); !go_on) return go_on;
    const auto got = verified.read(buffer);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return {};
    progress.report(reported, done += *got);
  }
}

// Compares the spans, and what the stream contains.
Status check_stream(const LayerIndex& index, const BlobPtr& blob, const std::shared_ptr<SpanCache>& spans,
                    ProgressSum& progress, const Context& context) {
  EntryCheck entries(index);
  TarParser parser([&entries](TarEntry&& entry) { return entries.add(entry); });
  Hasher hasher;
  const LayerStream stream([&blob] { return Result<BlobPtr>(blob); }, index.stream(), spans, true, {},
                           LayerStream::Failures::returned);
  Status taken;
  std::uint64_t done = 0, reported = 0;
  auto decoded = stream.read_all(
      [&](ByteView bytes) {
        hasher.update(bytes);
        done += bytes.size();
        // As much of the blob as of the stream, about.
        progress.report(reported, static_cast<std::uint64_t>(
                                      static_cast<double>(index.blob_size()) *
                                      (static_cast<double>(done) / static_cast<double>(stream.size()))));
        return taken = parser.feed(bytes);
      },
      context);
  if (!taken) return taken;
  if (!decoded && decoded.error().code() == Errc::corrupt) return differs(decoded.error().message());
  if (!decoded) return decoded;
  // Checks that there are no more bytes.
  const auto diff_ids = diff_ids_of(std::move(hasher));
  if (!index.has_diff_ids(diff_ids))
    return differs("the decoded layer has the diffID " + diff_ids.front().str() + ", not " +
                   index.diff_id().str());
  if (auto parsed = parser.finish(); !parsed) return parsed;
  return entries.finish();
}

}  // namespace

Status check_index(const LayerIndex& index, const BlobPtr& blob, const std::shared_ptr<SpanCache>& spans,
                   const CheckProgress& progress, const Context& context) {
  ProgressSum sum(progress);
  auto hashing = std::async(std::launch::async, [&] { return check_blob(index, blob, sum, context); });
  auto checked = check_stream(index, blob, spans, sum, context);
  // A blob that does not match its digest explains every other error.
  if (auto hashed = hashing.get(); !hashed) return hashed;
  return checked;
}

}  // namespace layoutfs
