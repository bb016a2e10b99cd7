#include "core/transfer/blob_info_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/cache/cache_directory.h"
#include "core/cas/layout_dir.h"
#include "core/transfer/blob_records.h"

namespace layoutfs {
namespace {

Result<BlobRecords> load(const CacheDirectory& directory, std::size_t limit) {
  const auto file = directory.open_file(kBlobInfoFile);
  if (!file) return fail(Error(file.error()));
  const auto content = read_all(file->get(), kBlobInfoFile, kMaxBlobRecords);
  if (!content) return fail(Error(content.error()));
  return read_blob_records(*content, limit);
}

// Excludes other processes during a read and write of the file, which take milliseconds.
Result<UniqueFd> lock(int directory) {
  constexpr int kAttempts = 200;
  constexpr std::chrono::milliseconds kPause{10};
  auto file = open_at(directory, kBlobInfoLockFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (!file) return file;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int failure = lock_file(file->get(), LOCK_EX | LOCK_NB);
    if (failure == 0) return file;
    if (failure != EWOULDBLOCK) return fail(Error::system(failure, kBlobInfoLockFile));
    std::this_thread::sleep_for(kPause);
  }
  return fail(Errc::io, std::string(kBlobInfoLockFile) + ": another process holds the lock");
}

class StoredBlobInfo final : public BlobInfoFile {
 public:
  StoredBlobInfo(std::string directory, std::size_t limit) : limit_(limit), known_(memory_cache(limit)) {
    if (directory.empty()) return;
    directory_.emplace(std::move(directory));
    const auto records = load(*directory_, limit_);
    if (!records) return;
    for (const auto& [time, entry] : records->uncompressed.by_age())
      known_->record_digest_uncompressed_pair(entry->first, entry->second.value);
    for (const auto& [time, entry] : records->locations.by_age()) {
      const LocationKey& key = entry->first;
      known_->record_known_location(key.transport, key.scope, key.digest, key.location);
    }
  }

  Digest uncompressed_digest(const Digest& any) override { return known_->uncompressed_digest(any); }
  void record_digest_uncompressed_pair(const Digest& any, const Digest& uncompressed) override {
    if (any.empty() || uncompressed.empty()) return;
    known_->record_digest_uncompressed_pair(any, uncompressed);
    recorded_.lock()->uncompressed.set(any, uncompressed, limit_);
  }
  void record_known_location(std::string_view transport, std::string_view scope, const Digest& digest,
                             std::string_view location) override {
    if (digest.empty()) return;
    known_->record_known_location(transport, scope, digest, location);
    recorded_.lock()->locations.set(
        {digest, std::string(transport), std::string(scope), std::string(location)}, {}, limit_);
  }
  std::vector<Candidate> candidate_locations(std::string_view transport, std::string_view scope,
                                             const Digest& digest, bool can_substitute) override {
    return known_->candidate_locations(transport, scope, digest, can_substitute);
  }

  Status save() override {
    auto recorded = recorded_.lock();
    const bool has_nothing =
        recorded->uncompressed.entries().empty() && recorded->locations.entries().empty();
    if (!directory_ || has_nothing) return {};
    const auto directory = directory_->create_root();
    if (!directory) return fail(Error(directory.error()));
    const auto held = lock((*directory)->get());
    if (!held) return fail(Error(held.error()));
    auto records = load(*directory_, limit_).value_or(BlobRecords());
    merge(records, *recorded, limit_);
    if (auto written = write_file_atomically((*directory)->get(), kBlobInfoFile, write_blob_records(records));
        !written)
      return written;
    *recorded = BlobRecords();
    return {};
  }

 private:
  std::optional<CacheDirectory> directory_;  // nullopt: nothing is stored
  const std::size_t limit_;
  const std::unique_ptr<BlobInfoCache> known_;
  Guarded<BlobRecords> recorded_;  // since the last save
};

}  // namespace

std::unique_ptr<BlobInfoFile> open_blob_info_file(std::string directory, std::size_t limit) {
  return std::make_unique<StoredBlobInfo>(std::move(directory), limit);
}

}  // namespace layoutfs
