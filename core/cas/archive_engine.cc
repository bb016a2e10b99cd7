// An image layout inside a tar: where its files lie is found once, their bytes are read in place.
#include "core/cas/archive_engine.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <variant>

#include "core/base/file.h"
#include "core/cas/archive_contents.h"
#include "core/cas/file_blob.h"
#include "core/cas/foreign_format.h"
#include "core/cas/layout_dir.h"
#include "core/cas/marker.h"
#include "core/cas/reference_store.h"
#include "core/cas/sparse_blob.h"
#include "core/cas/upload.h"
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

std::unexpected<Error> read_only() { return fail(Error::system(EROFS, "an archive is not written to")); }

class ArchiveEngine final : public Engine {
 public:
  ArchiveEngine(std::shared_ptr<const UniqueFd> file, std::int64_t mtime_ns, ArchiveContents contents)
      : file_(std::move(file)), mtime_ns_(mtime_ns), contents_(std::move(contents)) {}

  // Reads what every layout must have.
  Status load(const std::string& path) {
    auto marker = read_root_file(kMarkerFile, kMarkerLimit);
    if (!marker && marker.error().code() == Errc::not_found) return fail(explain_tar(contents_.names, path));
    if (!marker) return fail(std::move(marker).error());
    marker_ = std::move(*marker);
    if (auto parsed = ImageLayout::parse(marker_); !parsed) return fail(std::move(parsed).error());
    auto index = read_root_file(kIndexFile, kIndexLimits.bytes);
    if (!index && index.error().code() == Errc::not_found)
      return fail(explain_no_index(contents_.names, path));
    if (!index) return fail(std::move(index).error());
    const auto& place = std::get<ArchivePlace>(contents_.files.find(kIndexFile)->second);
    auto references = parse_references(std::move(*index), place.mtime_ns);
    if (!references) return fail(std::move(references).error());
    references_ = std::move(*references);
    return {};
  }

  Result<BlobPtr> get_blob(const Digest& digest) const override {
    const auto file = find(digest);
    if (!file) return fail(Error(file.error()));
    if (*file == nullptr) return fail(Errc::not_found, digest.str() + ": no such blob");
    if (const auto* const error = std::get_if<Error>(*file)) return fail(Error(*error), digest.str());
    const auto& place = std::get<ArchivePlace>(**file);
    if (place.extents != nullptr)
      return std::make_shared<const SparseBlob>(file_, place.extents, place.size, digest);
    return std::make_shared<const FileBlob>(file_, place.offset, place.size, digest);
  }
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest) const override {
    const auto file = find(digest);
    if (!file) return fail(Error(file.error()));
    if (*file == nullptr) return std::nullopt;
    const auto* const place = std::get_if<ArchivePlace>(*file);
    if (place == nullptr) return BlobStatus{.size = 0, .put_ns = mtime_ns_, .is_dead_link = true};
    return BlobStatus{place->size, mtime_ns_};
  }
  Result<std::string> blob_path(const Digest& digest) const override {
    if (const auto file = find(digest); !file) return fail(Error(file.error()));
    return fail(Errc::unsupported, digest.str() + ": a blob of an archive is no file of its own");
  }
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    std::vector<Digest> digests;
    for (const auto& [digest, file] : contents_.blobs)
      if (digest.algorithm() == algorithm) digests.push_back(digest);
    std::ranges::sort(digests);
    return digests;
  }
  std::int64_t listing_ns(Algorithm) const override { return mtime_ns_; }
  Result<std::shared_ptr<const References>> references(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return references_;
  }
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return find_named(*references_, name);
  }
  Result<std::vector<std::string>> list_references(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return names_of(*references_);
  }

  Result<PutResult> put_blob(ByteSource&, const PutOptions&) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return read_only();
  }
  Result<std::unique_ptr<Upload>> start_upload(std::string_view) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return read_only();
  }
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return fail(unknown_upload(id));
  }
  Result<bool> delete_blob(const Digest& digest) override {
    const auto file = find(digest);
    if (!file) return fail(Error(file.error()));
    if (*file == nullptr) return false;
    return read_only();
  }
  Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                 const Context& context) override {
    const auto file = find(digest, context);
    if (!file) return fail(Error(file.error()));
    if (&seen != references_.get() && !is_same(seen, *references_)) return SweepResult::references_changed;
    if (*file == nullptr) return SweepResult::absent;
    if (mtime_ns_ >= limit_ns) return SweepResult::young;
    return read_only();
  }
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                       const Context& context) override {
    if (auto usable = check_open(context); !usable) return usable;
    const auto changes = changes_to_put(*references_, name, descriptor, mode);
    if (!changes) return fail(Error(changes.error()));
    if (changes->changed.empty() && changes->added.empty()) return {};
    return read_only();
  }
  Result<bool> delete_reference(std::string_view name, const Context& context) override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    const auto changes = changes_to_erase(*references_, name);
    if (!changes) return fail(Error(changes.error()));
    if (changes->changed.empty()) return false;
    return read_only();
  }
  Status update_references(const ReferenceUpdate& update, const Context& context) override {
    if (auto usable = check_open(context); !usable) return usable;
    const auto changes = update(*references_);
    if (!changes) return fail(Error(changes.error()));
    if (changes->changed.empty() && changes->added.empty()) return {};
    return read_only();
  }
  // Whoever made the archive has left no litter of ours in it.
  Status clean(const Context& context) override { return check_open(context); }
  Status close() override {
    is_closed_ = true;
    return {};
  }
  const Bytes& marker() const noexcept override { return marker_; }

 private:
  Status check_open(const Context& context = {}) const {
    return is_closed_ ? fail(Errc::closed, "the archive was closed") : context.check();
  }

  // Null if there is no such blob.
  Result<const ArchiveFile*> find(const Digest& digest, const Context& context = {}) const {
    if (digest.empty()) return fail(Errc::digest_invalid, "a blob is named by a digest");
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    const auto found = contents_.blobs.find(digest);
    return found == contents_.blobs.end() ? nullptr : &found->second;
  }

  Result<Bytes> read_root_file(const char* name, std::size_t limit) const {
    const auto found = contents_.files.find(name);
    if (found == contents_.files.end()) return fail(Errc::not_found, std::string(name) + " is missing");
    if (const auto* const error = std::get_if<Error>(&found->second))
      return fail(Errc::invalid_image, error->message());
    const auto& place = std::get<ArchivePlace>(found->second);
    if (place.size > limit)
      return fail(Errc::unsupported, std::string(name) + ": larger than " + std::to_string(limit) + " bytes");
    Bytes content(static_cast<std::size_t>(place.size));
    if (place.extents != nullptr) {
      auto read = read_sparse(file_->get(), *place.extents, content, 0);
      return read ? Result<Bytes>(std::move(content)) : fail(std::move(read).error(), name);
    }
    const auto got = pread_full(file_->get(), content, place.offset);
    if (!got) return fail(Error(got.error()), name);
    if (*got < content.size()) return fail(Errc::corrupt, std::string(name) + ": the archive was cut off");
    return content;
  }

  std::shared_ptr<const UniqueFd> file_;
  std::int64_t mtime_ns_;  // of the archive
  ArchiveContents contents_;
  Bytes marker_;
  std::shared_ptr<const References> references_;
  std::atomic<bool> is_closed_ = false;
};

Result<Bytes> read_front(int fd) {
  Bytes block(kTarBlock);
  const auto got = pread_full(fd, block, 0);
  if (!got) return fail(Error(got.error()));
  block.resize(*got);
  return block;
}

bool is_tar(ByteView front) { return front.size() == kTarBlock && parse_tar_header(front).has_value(); }

Result<UniqueFd> open_file(const std::string& path) {
  auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd && fd.error().code() == Errc::not_found) return fail(Errc::not_found, path + ": no such layout");
  return fd;
}

Result<std::unique_ptr<Engine>> open_archive_file(UniqueFd fd, const std::string& path) {
  const auto found = stat_of(fd.get(), "archive");
  if (!found) return fail(Error(found.error()));
  if (!S_ISREG(found->st_mode)) return fail(Errc::invalid_image, "neither a directory nor a regular file");
  const auto front = read_front(fd.get());
  if (!front) return fail(Error(front.error()));
  if (!is_tar(*front)) return fail(explain_file(*front, path));
  auto contents = read_archive_contents(fd.get(), static_cast<std::uint64_t>(found->st_size));
  if (!contents) return fail(std::move(contents).error());
  auto engine = std::make_unique<ArchiveEngine>(std::make_shared<const UniqueFd>(std::move(fd)),
                                                to_ns(found->st_mtim), std::move(*contents));
  if (auto loaded = engine->load(path); !loaded) return fail(std::move(loaded).error());
  return engine;
}

class ArchiveDriver final : public Driver {
 public:
  bool supported(const std::string& uri) const override {
    struct stat found;
    return ::stat(uri.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  }
  Result<std::unique_ptr<Engine>> open(const std::string& uri) const override { return open_archive(uri); }
  Status create(const std::string& uri) const override {
    return fail(Errc::already_exists, uri + ": is there already");
  }
};

}  // namespace

Result<std::unique_ptr<Engine>> open_archive(const std::string& path) {
  auto fd = open_file(path);
  if (!fd) return fail(std::move(fd).error());
  auto engine = open_archive_file(std::move(*fd), path);
  if (!engine) return fail(std::move(engine).error(), path);
  return engine;
}

bool is_archive(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return false;
  const auto fd = open_file(path);
  const auto front = fd ? read_front(fd->get()) : Result<Bytes>(Bytes());
  return front && is_tar(*front);
}

std::shared_ptr<const Driver> archive_driver() { return std::make_shared<const ArchiveDriver>(); }

}  // namespace layoutfs
