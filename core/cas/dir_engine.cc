// An image layout in a directory, over POSIX calls relative to its handle.
#include "core/cas/dir_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <limits>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/base/json.h"

namespace layoutfs {
namespace {

constexpr const char* kMarker = "oci-layout";
constexpr const char* kIndex = "index.json";
constexpr const char* kBlobs = "blobs";
constexpr std::size_t kMarkerLimit = std::size_t{64} << 10;
// Layouts of ten thousands of images have entries of some hundred bytes each.
constexpr JsonLimits kIndexLimits{
    .bytes = std::size_t{64} << 20, .depth = 128, .values = std::size_t{4} << 20};
// No symlink is followed: a layout from elsewhere must not make files outside of it readable.
constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

std::int64_t to_ns(const timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  return std::clamp<std::int64_t>(time.tv_sec, -kMaxSeconds, kMaxSeconds) * kSecond + time.tv_nsec;
}

// What tells two states of a file apart.
using FileState = std::array<std::int64_t, 5>;
FileState state_of(const struct stat& found) {
  return {static_cast<std::int64_t>(found.st_dev), static_cast<std::int64_t>(found.st_ino), found.st_size,
          to_ns(found.st_mtim), to_ns(found.st_ctim)};
}

// Whether a file may change once more without any of its times showing it: the kernel's clock for them ticks
// each 1 to 10 ms. A time in the future, of another machine's clock, shows the next change.
bool is_fresh(const struct stat& found) {
  constexpr std::int64_t kTicks = 50'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t changed = to_ns(found.st_ctim);
  return changed > to_ns(now) - kTicks && changed < to_ns(now) + kTicks;
}

// The type of a file of the layout must be right, whatever errno the kernel gives for a wrong one.
Error wrong_type(std::string_view name) {
  return Error(Errc::invalid_image, std::string(name) + ": not a regular file");
}
bool is_wrong_type(const Error& error) {
  return error.sys() == ELOOP || error.sys() == ENOTDIR || error.sys() == ENXIO || error.sys() == EISDIR;
}

// A file that a layout cannot be without.
Result<UniqueFd> open_required(int directory, const char* name, int flags) {
  auto fd = open_at(directory, name, flags);
  if (fd) return fd;
  if (fd.error().code() == Errc::not_found)
    return fail(Errc::invalid_image, std::string(name) + " is missing");
  if (is_wrong_type(fd.error()))
    return fail(
        Errc::invalid_image,
        std::string(name) + ((flags & O_DIRECTORY) != 0 ? ": not a directory" : ": not a regular file"));
  return fd;
}

Result<Bytes> read_required(int directory, const char* name, std::size_t limit) {
  auto fd = open_required(directory, name, kReadFlags);
  if (!fd) return fail(std::move(fd).error());
  return read_all(fd->get(), name, limit);
}

class DirBlob final : public Blob {
 public:
  DirBlob(UniqueFd fd, std::uint64_t size, Digest digest)
      : fd_(std::move(fd)), size_(size), digest_(std::move(digest)) {}

  std::uint64_t size() const noexcept override { return size_; }

  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) const override {
    if (offset >= size_) return 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
    auto got = pread_full(fd_.get(), out.first(wanted), offset);
    if (!got) return fail(std::move(got).error(), digest_.str());
    if (*got < wanted)
      return fail(Errc::corrupt, digest_.str() + ": blob was cut off after it was opened, at byte " +
                                     std::to_string(offset + *got) + " of " + std::to_string(size_));
    return got;
  }

 private:
  UniqueFd fd_;
  std::uint64_t size_;
  Digest digest_;
};

Status check_marker(ByteView text) {
  const auto document = JsonDocument::parse(text);
  if (!document) return fail(Error(document.error()), kMarker);
  const auto field = document->root().find("imageLayoutVersion");
  const auto version = field ? field->as_string() : std::nullopt;
  if (!version) return fail(Errc::invalid_image, std::string(kMarker) + ": imageLayoutVersion is missing");
  if (!version->starts_with("1."))
    return fail(Errc::invalid_image, "image layout version '" + std::string(*version) + "', not 1.x");
  return {};
}

Result<std::shared_ptr<const References>> parse_references(Bytes text, std::int64_t mtime_ns) {
  const auto document = JsonDocument::parse(text, kIndexLimits);
  if (!document) return fail(Error(document.error()), kIndex);
  if (!document->root().is_object())
    return fail(Errc::invalid_image, std::string(kIndex) + ": not an object");
  auto list = DescriptorList::from_member(document->root(), "manifests");
  if (!list) return fail(std::move(list).error(), kIndex);
  return std::make_shared<const References>(
      References{std::move(list->entries), std::move(list->problems), std::move(text), mtime_ns});
}

// The regular files of a directory.
template <class Visit>
Status for_each_file(UniqueFd folder, const std::string& what, Visit visit) {
  const int fd = folder.get();
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  if (stream == nullptr) return std::unexpected(Error::system(errno, what));
  folder.release();  // it is the stream's now
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return std::unexpected(Error::system(errno, what));
    if (entry == nullptr) return {};
    bool is_regular = entry->d_type == DT_REG;
    if (struct stat found; entry->d_type == DT_UNKNOWN)
      is_regular = ::fstatat(fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode);
    if (is_regular) visit(entry->d_name);
  }
}

class DirEngine final : public Engine {
 public:
  DirEngine(UniqueFd root, Bytes marker) : root_(std::move(root)), marker_(std::move(marker)) {}

  Result<BlobPtr> get_blob(const Digest& digest) const override {
    const auto folder = open_folder(digest.algorithm());
    if (!folder) return blob_error(digest, folder.error());
    auto fd = open_at(folder->get(), digest.hex(), kReadFlags);
    if (!fd) return blob_error(digest, fd.error());
    const auto found = stat_of(fd->get(), digest.str());
    if (!found) return fail(Error(found.error()));
    if (!S_ISREG(found->st_mode)) return fail(wrong_type(digest.str()));
    return std::make_shared<const DirBlob>(std::move(*fd), static_cast<std::uint64_t>(found->st_size),
                                           digest);
  }

  Result<std::optional<std::uint64_t>> blob_size(const Digest& digest) const override {
    const auto folder = open_folder(digest.algorithm());
    if (!folder && folder.error().code() == Errc::not_found) return std::nullopt;
    if (!folder) return blob_error(digest, folder.error());
    struct stat found;
    if (::fstatat(folder->get(), digest.hex().c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return std::nullopt;
      return fail(Error::system(errno, digest.str()));
    }
    if (!S_ISREG(found.st_mode)) return fail(wrong_type(digest.str()));
    return static_cast<std::uint64_t>(found.st_size);
  }

  Result<std::vector<Digest>> list_blobs(Algorithm algorithm) const override {
    std::vector<Digest> digests;
    auto folder = open_folder(algorithm);
    if (!folder && folder.error().code() == Errc::not_found) return digests;
    if (!folder) return fail(std::move(folder).error());
    const std::string prefix(name_of(algorithm));
    const auto visit = [&](const char* name) {
      auto digest = Digest::parse(prefix + ":" + name);
      if (digest) digests.push_back(std::move(*digest));
    };
    auto status = for_each_file(std::move(*folder), folder_name(algorithm), visit);
    if (!status) return fail(std::move(status).error());
    std::ranges::sort(digests);
    return digests;
  }

  Result<std::shared_ptr<const References>> references() const override {
    struct stat found;
    if (::fstatat(root_.get(), kIndex, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return fail(Errc::invalid_image, std::string(kIndex) + " is missing");
      return fail(Error::system(errno, kIndex));
    }
    auto cache = cache_.lock();
    if (cache->references != nullptr && cache->is_settled && cache->state == state_of(found))
      return cache->references;
    return read_references(*cache);
  }

  const Bytes& marker() const noexcept override { return marker_; }

 private:
  struct Cache {
    std::shared_ptr<const References> references;
    FileState state{};        // of index.json when it was read
    bool is_settled = false;  // whether any later change is one of `state` too
  };

  static std::string folder_name(Algorithm algorithm) {
    return std::string(kBlobs) + "/" + std::string(name_of(algorithm));
  }

  // "blobs/<algorithm>", one step after the other so that neither may be a symlink.
  Result<UniqueFd> open_folder(Algorithm algorithm) const {
    const auto named = [&](Result<UniqueFd> folder) -> Result<UniqueFd> {
      if (!folder && is_wrong_type(folder.error()))
        return fail(Errc::invalid_image, folder_name(algorithm) + ": not a directory");
      return folder;
    };
    const auto blobs = open_at(root_.get(), kBlobs, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!blobs) return named(std::unexpected(blobs.error()));
    return named(open_at(blobs->get(), std::string(name_of(algorithm)), kFolderFlags));
  }

  static std::unexpected<Error> blob_error(const Digest& digest, const Error& error) {
    if (error.code() == Errc::not_found) return fail(Errc::not_found, digest.str() + ": no such blob");
    if (is_wrong_type(error)) return fail(wrong_type(digest.str()));
    if (error.sys() != 0) return fail(Error::system(error.sys(), digest.str()));
    return fail(Error(error), digest.str());
  }

  Result<std::shared_ptr<const References>> read_references(Cache& cache) const {
    auto fd = open_required(root_.get(), kIndex, kReadFlags);
    if (!fd) return fail(std::move(fd).error());
    // Before it is read: a change while it is read makes the next call read it again.
    const auto found = stat_of(fd->get(), kIndex);
    if (!found) return fail(Error(found.error()));
    const bool is_settled = !is_fresh(*found);
    auto text = read_all(fd->get(), kIndex, kIndexLimits.bytes);
    if (!text) return fail(std::move(text).error());
    const std::int64_t mtime_ns = to_ns(found->st_mtim);
    const bool is_same = cache.references != nullptr && cache.references->document == *text &&
                         cache.references->mtime_ns == mtime_ns;
    if (!is_same) {
      auto references = parse_references(std::move(*text), mtime_ns);
      if (!references) return references;
      cache.references = std::move(*references);
    }
    cache.state = state_of(*found);
    cache.is_settled = is_settled;
    return cache.references;
  }

  UniqueFd root_;
  Bytes marker_;
  mutable Guarded<Cache> cache_;
};

// The marker and the existence of all else; errors are to be seen from the layout's path.
Result<std::unique_ptr<Engine>> open_layout(UniqueFd root) {
  if (::faccessat(root.get(), kMarker, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
    return fail(Errc::invalid_image, "not an image layout (no oci-layout file)");
  auto marker = read_required(root.get(), kMarker, kMarkerLimit);
  if (!marker) return fail(std::move(marker).error());
  if (auto status = check_marker(*marker); !status) return fail(std::move(status).error());
  const auto blobs = open_required(root.get(), kBlobs, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!blobs) return fail(Error(blobs.error()));
  auto engine = std::make_unique<DirEngine>(std::move(root), std::move(*marker));
  auto references = engine->references();
  if (!references) return fail(std::move(references).error());
  return engine;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_dir(const std::string& path) {
  auto root = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!root && root.error().sys() == ENOENT) return fail(Errc::not_found, path + ": no such layout");
  if (!root && root.error().sys() == ENOTDIR)
    return fail(Errc::invalid_image, path + ": not an image layout (not a directory)");
  if (!root) return fail(std::move(root).error());
  auto engine = open_layout(std::move(*root));
  if (!engine) return fail(std::move(engine).error(), path);
  return engine;
}

bool is_layout_dir(const std::string& path) {
  const auto root = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!root) return false;
  struct stat found;
  return ::fstatat(root->get(), kMarker, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode);
}

}  // namespace layoutfs
