// An image layout inside a tar. The files are located once and read in place.
#include "core/cas/archive_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
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
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

class ArchiveReader final : public LayoutReader {
 public:
  ArchiveReader(std::shared_ptr<const UniqueFd> file, std::int64_t mtime_ns, ArchiveContents contents)
      : file_(std::move(file)), mtime_ns_(mtime_ns), contents_(std::move(contents)) {}

  // Reads the files that every layout has.
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

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override {
    const auto file = find(digest, context);
    if (!file) return fail(Error(file.error()));
    if (*file == nullptr) return fail(Errc::not_found, digest.str() + ": no such blob");
    if (const auto* const error = std::get_if<Error>(*file)) return fail(Error(*error), digest.str());
    const auto& place = std::get<ArchivePlace>(**file);
    if (place.extents != nullptr)
      return std::make_shared<const SparseBlob>(file_, place.extents, place.size, digest);
    return std::make_shared<const FileBlob>(file_, place.offset, place.size, digest);
  }
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override {
    const auto file = find(digest, context);
    if (!file) return fail(Error(file.error()));
    if (*file == nullptr) return std::nullopt;
    const auto* const place = std::get_if<ArchivePlace>(*file);
    if (place == nullptr) return BlobStatus{.size = 0, .put_ns = mtime_ns_, .is_dead_link = true};
    return BlobStatus{place->size, mtime_ns_};
  }
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override {
    if (const auto file = find(digest, context); !file) return fail(Error(file.error()));
    return fail(Errc::unsupported, digest.str() + ": blobs in an archive are not separate files");
  }
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    std::vector<Digest> digests;
    for (const auto& [digest, file] : contents_.blobs)
      if (digest.algorithm() == algorithm) digests.push_back(digest);
    std::ranges::sort(digests);
    return digests;
  }
  std::int64_t listing_ns(Algorithm, const Context&) const override { return mtime_ns_; }
  Result<std::shared_ptr<const References>> references(const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    return references_;
  }
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    return find_named(*references_, name);
  }
  Result<std::vector<std::string>> list_references(const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    return names_of(*references_);
  }

  Result<Bytes> marker(const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    return marker_;
  }

 private:
  // Returns null if the blob does not exist.
  Result<const ArchiveFile*> find(const Digest& digest, const Context& context) const {
    if (digest.empty()) return fail(Errc::digest_invalid, "empty digest");
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
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
    if (*got < content.size()) return fail(Errc::corrupt, std::string(name) + ": the archive was truncated");
    return content;
  }

  std::shared_ptr<const UniqueFd> file_;
  std::int64_t mtime_ns_;  // of the archive
  ArchiveContents contents_;
  Bytes marker_;
  std::shared_ptr<const References> references_;
};

Result<Bytes> read_front(int fd) {
  Bytes block(kTarBlock);
  const auto got = pread_full(fd, block, 0);
  if (!got) return fail(Error(got.error()));
  block.resize(*got);
  return block;
}

bool is_tar(ByteView front) { return front.size() == kTarBlock && parse_tar_header(front).has_value(); }

Result<UniqueFd> open_archive_file(const std::string& path) {
  auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd && fd.error().code() == Errc::not_found) return fail(Errc::not_found, path + ": no such layout");
  return fd;
}

Result<std::unique_ptr<LayoutReader>> open_archive_file(UniqueFd fd, const std::string& path) {
  const auto found = stat_of(fd.get(), "archive");
  if (!found) return fail(Error(found.error()));
  if (!S_ISREG(found->st_mode)) return fail(Errc::invalid_image, "neither a directory nor a regular file");
  const auto front = read_front(fd.get());
  if (!front) return fail(Error(front.error()));
  if (!is_tar(*front)) return fail(explain_file(*front, path));
  auto contents = read_archive_contents(fd.get(), static_cast<std::uint64_t>(found->st_size));
  if (!contents) return fail(std::move(contents).error());
  auto reader = std::make_unique<ArchiveReader>(std::make_shared<const UniqueFd>(std::move(fd)),
                                                to_ns(found->st_mtim), std::move(*contents));
  if (auto loaded = reader->load(path); !loaded) return fail(std::move(loaded).error());
  return reader;
}

class ArchiveDriver final : public Driver {
 public:
  const LayoutKind& kind() const noexcept override { return kind_; }
  bool is_layout(const std::string& path) const override { return is_archive(path); }
  bool supported(const std::string& uri) const override {
    struct stat found;
    return ::stat(uri.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  }
  Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& uri) const override {
    return open_archive(uri);
  }
  // Errors in the file take precedence over the error that archives cannot be changed.
  Result<std::unique_ptr<Engine>> open_engine(const std::string& uri) const override {
    if (const auto archive = open_archive(uri); !archive) return fail(Error(archive.error()));
    return fail(Error::system(EROFS, uri + ": existing archives cannot be changed"));
  }
  Status create(const std::string& uri) const override {
    return fail(Errc::already_exists, uri + ": already exists");
  }

 private:
  const LayoutKind kind_{.name = "archive", .prefixes = {"oci-archive:", "docker-archive:"}};
};

}  // namespace

Result<std::unique_ptr<LayoutReader>> open_archive(const std::string& path) {
  auto fd = open_archive_file(path);
  if (!fd) return fail(std::move(fd).error());
  auto reader = open_archive_file(std::move(*fd), path);
  if (!reader) return fail(std::move(reader).error(), path);
  return reader;
}

bool is_archive(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return false;
  const auto fd = open_archive_file(path);
  const auto front = fd ? read_front(fd->get()) : Result<Bytes>(Bytes());
  return front && is_tar(*front);
}

std::shared_ptr<const Driver> archive_driver() { return std::make_shared<const ArchiveDriver>(); }

}  // namespace layoutfs
