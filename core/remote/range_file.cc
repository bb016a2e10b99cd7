// The format of files with ranges, little-endian like the index files.
//
// The invariants, among all processes:
//
//   - A chunk is written before its entry in the map, under the file's lock (flock), and only if it has none.
//     So if the map is full, the content does not change, unless a chunk is dropped. The header counts that.
//   - A file with the size of its blob has been proven. It is never written again, because it may be
//     linked into a layout.
//   - An emptied file, or one without a name, is not written either. Its users open another one.
#include "core/remote/range_file.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "core/base/hash_pipe.h"
#include "core/base/xxh3.h"
#include "core/cas/layout_dir.h"
#include "core/remote/range_chunks.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

constexpr std::array<char, 8> kRangeMagic = {'\x89', 'r', 'a', 'n', 'g', 'e', 's', '\n'};
// Increment it with each change of the format.
constexpr std::uint32_t kRangeVersion = 1;
// Another process holds the lock while it writes one chunk.
constexpr std::chrono::seconds kLockPatience{1};
constexpr const char* kRangeFileName = "cached ranges";

struct RangeHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t chunk_size;
  std::uint64_t blob_size;
  std::uint64_t drops;  // number of times that chunks were dropped
};

// Behind the content, at the next page.
std::uint64_t header_offset(std::uint64_t size) {
  constexpr std::uint64_t kPage = 4096;
  return (size + kPage - 1) / kPage * kPage;
}
std::uint64_t entry_offset(std::uint64_t chunk, std::uint64_t size) {
  return header_offset(size) + sizeof(RangeHeader) + chunk * sizeof(std::uint64_t);
}
std::uint64_t file_size(std::uint64_t size) { return entry_offset(chunk_count(size), size); }

// An entry of the map: the checksum of a chunk, which depends on its position; 0 if the chunk is missing.
std::uint64_t entry_of(std::uint64_t chunk, ByteView bytes) {
  return std::max<std::uint64_t>(1, XXH3_64bits_withSeed(bytes.data(), bytes.size(), chunk));
}

template <class T>
std::span<std::byte> writable_bytes(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

}  // namespace

// Excludes other threads and processes that write.
class RangeFile::Lock {
 public:
  Lock(std::unique_lock<std::mutex> threads, int file) : threads_(std::move(threads)), file_(file) {}
  Lock(Lock&& other) noexcept : threads_(std::move(other.threads_)), file_(std::exchange(other.file_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (file_ >= 0) lock_file(file_, LOCK_UN);
  }

 private:
  std::unique_lock<std::mutex> threads_;
  int file_;
};

Result<RangeFile::Lock> RangeFile::lock() const {
  std::unique_lock threads(writing_);
  const auto failure = lock_file(file_->get(), LOCK_EX,
                                 {.stop = {}, .deadline = std::chrono::steady_clock::now() + kLockPatience});
  if (!failure) return fail(Errc::io, std::string(kRangeFileName) + ": locked by another process");
  if (*failure != 0) return fail(Error::system(*failure, kRangeFileName));
  return Lock(std::move(threads), file_->get());
}

Status RangeFile::initialize(int file, std::uint64_t size) {
  if (size > kMaxSize) return fail(Errc::unsupported, "the blob is too large to be cached");
  const RangeHeader header{.magic = kRangeMagic,
                           .version = kRangeVersion,
                           .chunk_size = kRangeChunk,
                           .blob_size = size,
                           .drops = 0};
  if (retried([&] { return ::ftruncate(file, static_cast<off_t>(file_size(size))); }) != 0)
    return fail(Error::system(errno, kRangeFileName));
  return pwrite_all(file, std::as_bytes(std::span(&header, 1)), header_offset(size), kRangeFileName);
}

Result<std::shared_ptr<RangeFile>> RangeFile::open(UniqueFd file, std::uint64_t size) {
  const auto status = stat_of(file.get(), kRangeFileName);
  if (!status) return fail(Error(status.error()));
  RangeHeader header{};
  const auto got = pread_full(file.get(), writable_bytes(header), header_offset(size));
  if (!got) return fail(Error(got.error()), kRangeFileName);
  if (*got != sizeof header || header.magic != kRangeMagic || header.version != kRangeVersion ||
      header.chunk_size != kRangeChunk || header.blob_size != size ||
      static_cast<std::uint64_t>(status->st_size) != file_size(size))
    return fail(Errc::corrupt, std::string(kRangeFileName) + ": invalid file");
  return std::shared_ptr<RangeFile>(new RangeFile(std::move(file), size));
}

// ---- Reading ----

// Fills `entries` with the map from `first` on. Entries beyond the end of the file are 0, or 1 in a complete
// file.
Status RangeFile::load(std::uint64_t first, std::span<std::uint64_t> entries) const {
  std::ranges::fill(entries, std::uint64_t{0});
  const auto bytes = std::as_writable_bytes(entries);
  const auto got = pread_full(file_->get(), bytes, entry_offset(first, size_));
  if (!got) return fail(Error(got.error()), kRangeFileName);
  if (*got == bytes.size()) return {};
  const auto status = stat_of(file_->get(), kRangeFileName);
  if (!status) return fail(Error(status.error()));
  if (static_cast<std::uint64_t>(status->st_size) == size_) is_complete_ = true;
  std::ranges::fill(entries, is_complete_ ? std::uint64_t{1} : std::uint64_t{0});
  return {};
}

std::vector<bool> RangeFile::present(std::uint64_t first, std::uint64_t count) const {
  std::vector<std::uint64_t> entries(count);
  if (!load(first, entries)) return std::vector<bool>(count, false);
  std::vector<bool> result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = entries[i] != 0;
  return result;
}

std::uint64_t RangeFile::first_missing(std::uint64_t first) const {
  constexpr std::uint64_t kBlock = 1024;
  const std::uint64_t end = chunk_count(size_);
  std::array<std::uint64_t, kBlock> block{};
  while (first < end) {
    const std::span entries(block.data(), std::min(kBlock, end - first));
    if (!load(first, entries)) return first;
    const auto missing = std::ranges::find(entries, std::uint64_t{0});
    first += static_cast<std::uint64_t>(missing - entries.begin());
    if (missing != entries.end()) return first;
  }
  return end;
}

// Reads a chunk that other processes may change at the same time.
Result<RangeFile::Found> RangeFile::find(std::uint64_t chunk, std::uint64_t begin,
                                         std::span<std::byte> out) const {
  const std::uint64_t size = chunk_size(chunk, size_);
  std::uint64_t entry = 0;
  if (auto loaded = load(chunk, {&entry, 1}); !loaded) return fail(std::move(loaded).error());
  if (entry == 0) return Found::missing;
  const bool is_whole = begin == 0 && out.size() == size;
  Bytes buffer(is_whole ? 0 : size);
  const std::span<std::byte> bytes = is_whole ? out : std::span(buffer);
  const auto got = pread_full(file_->get(), bytes, chunk * kRangeChunk);
  if (!got) return fail(Error(got.error()), kRangeFileName);
  if (*got != size || (!is_complete_ && entry_of(chunk, bytes) != entry)) return Found::damaged;
  if (!is_whole) copy_bytes(bytes.subspan(begin, out.size()), out);
  return Found::right;
}

Result<bool> RangeFile::read(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out) {
  auto found = find(chunk, begin, out);
  if (!found) return fail(std::move(found).error());
  if (*found != Found::damaged) return *found == Found::right;
  // It was dropped, proven or emptied in the meantime, or it is really damaged.
  const auto locked = lock();
  if (!locked) return fail(Error(locked.error()));
  found = find(chunk, begin, out);
  if (!found) return fail(std::move(found).error());
  if (*found != Found::damaged) return *found == Found::right;
  if (auto dropped = drop_locked(chunk, 1); !dropped)
    return fail(Errc::corrupt, std::string(kRangeFileName) + ": a chunk is damaged");
  log(LogLevel::info,
      std::string(kRangeFileName) + ": chunk " + std::to_string(chunk) + " is damaged; it is fetched again");
  return false;
}

// ---- Writing ----

// Returns whether the file may be written. Precondition: it is locked.
bool RangeFile::is_intact(const struct stat& status) const {
  return status.st_nlink > 0 && static_cast<std::uint64_t>(status.st_size) == file_size(size_);
}

Result<RangeFile::Added> RangeFile::add(std::uint64_t chunk, ByteView bytes) {
  const auto locked = lock();
  if (!locked) return fail(Error(locked.error()));
  const auto status = stat_of(file_->get(), kRangeFileName);
  if (!status) return fail(Error(status.error()));
  std::uint64_t entry = 0;
  if (auto loaded = load(chunk, {&entry, 1}); !loaded) return fail(std::move(loaded).error());
  if (is_complete_) return Added::was_present;
  if (!is_intact(*status)) return Added::gone;
  if (entry != 0) return Added::was_present;
  entry = entry_of(chunk, bytes);
  auto written = pwrite_all(file_->get(), bytes, chunk * kRangeChunk, kRangeFileName);
  if (written)
    written = pwrite_all(file_->get(), std::as_bytes(std::span(&entry, 1)), entry_offset(chunk, size_),
                         kRangeFileName);
  if (!written) return fail(std::move(written).error());
  return Added::yes;
}

Result<std::uint64_t> RangeFile::drop_count() const {
  RangeHeader header{};
  const auto got = pread_full(file_->get(), writable_bytes(header), header_offset(size_));
  if (!got) return fail(Error(got.error()), kRangeFileName);
  return header.drops;
}

Status RangeFile::drop(std::uint64_t first, std::uint64_t count) {
  const auto locked = lock();
  if (!locked) return fail(Error(locked.error()));
  return drop_locked(first, count);
}

Status RangeFile::drop_locked(std::uint64_t first, std::uint64_t count) {
  const auto status = stat_of(file_->get(), kRangeFileName);
  if (!status) return fail(Error(status.error()));
  if (!is_intact(*status)) return {};
  auto drops = drop_count();
  if (!drops) return fail(std::move(drops).error());
  // The count first: a proof must not overlook a drop.
  ++*drops;
  auto written = pwrite_all(file_->get(), std::as_bytes(std::span(&*drops, 1)),
                            header_offset(size_) + offsetof(RangeHeader, drops), kRangeFileName);
  const std::vector<std::uint64_t> none(count);
  if (written)
    written =
        pwrite_all(file_->get(), std::as_bytes(std::span(none)), entry_offset(first, size_), kRangeFileName);
  return written;
}

// ---- Proof ----

Result<Digest> RangeFile::hash(Algorithm algorithm, const Context& context) const {
  HashPipe hashes(algorithm);
  for (std::uint64_t offset = 0; offset < size_;) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto buffer = hashes.buffer();
    const auto piece = buffer.first(std::min<std::uint64_t>(buffer.size(), size_ - offset));
    const auto got = pread_full(file_->get(), piece, offset);
    if (!got) return fail(Error(got.error()), kRangeFileName);
    if (*got < piece.size()) return fail(Errc::corrupt, "emptied by another process");
    hashes.submit(*got);
    offset += *got;
  }
  return hashes.finish();
}

Result<RangeFile::Proof> RangeFile::prove(const Digest& digest, const Context& context) {
  // A drop is counted before its chunks are dropped, so with the count before, nothing is overlooked.
  const auto drops = drop_count();
  if (!drops) return fail(Error(drops.error()));
  if (first_missing(0) < chunk_count(size_)) return Proof::impossible;
  if (is_complete_) return Proof::right;
  const auto found = hash(digest.algorithm(), context);
  if (!found && found.error().code() == Errc::corrupt) return is_complete_ ? Proof::right : Proof::impossible;
  if (!found) return fail(Error(found.error()));
  // Content that the disk has lost says nothing about the content that was fetched.
  if (*found != digest && drop_damaged()) return Proof::impossible;
  if (auto synced = *found == digest ? sync_file(file_->get(), kRangeFileName) : Status(); !synced)
    return fail(std::move(synced).error());
  return conclude(*found == digest, *drops);
}

// Drops all chunks that are damaged. Returns whether chunks are missing then.
bool RangeFile::drop_damaged() {
  bool is_missing = false;
  Bytes buffer(kRangeChunk);
  for (std::uint64_t chunk = 0; chunk < chunk_count(size_); ++chunk) {
    const auto whole = std::span(buffer).first(chunk_size(chunk, size_));
    const auto is_there = read(chunk, 0, whole);
    is_missing |= !is_there || !*is_there;
  }
  return is_missing;
}

// Ends a proof that began after `drops` drops.
Result<RangeFile::Proof> RangeFile::conclude(bool is_right, std::uint64_t drops) {
  const auto locked = lock();
  if (!locked) return fail(Error(locked.error()));
  const auto status = stat_of(file_->get(), kRangeFileName);
  if (!status) return fail(Error(status.error()));
  if (static_cast<std::uint64_t>(status->st_size) == size_) {
    is_complete_ = true;
    return Proof::right;
  }
  const auto now = drop_count();
  if (!now) return fail(Error(now.error()));
  if (!is_intact(*status) || *now != drops) return Proof::impossible;
  if (retried([&] { return ::ftruncate(file_->get(), is_right ? static_cast<off_t>(size_) : 0); }) != 0)
    return fail(Error::system(errno, kRangeFileName));
  if (is_right) is_complete_ = true;
  return is_right ? Proof::right : Proof::wrong;
}

}  // namespace layoutfs
