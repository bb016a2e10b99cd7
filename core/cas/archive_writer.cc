#include "core/base/path_in_proc.h"
#include "layoutfs/open.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/cas/file_blob.h"
#include "core/cas/incoming.h"
#include "core/cas/layout_dir.h"
#include "core/cas/marker.h"
#include "core/cas/reference_store.h"
#include "core/tar/tar_header.h"
#include "core/tar/tar_writer.h"
#include "layoutfs/upload.h"

namespace layoutfs {
namespace {

// The steps of an archive: blobs are written to an unnamed file, each at a reserved position, by any number
// of threads; the header of a blob follows its data. finish() writes index.json, oci-layout and the end
// marker, calls fsync, and links the file to its name. A reader therefore sees a complete archive or none.

// This is the size to which tar(1) pads archives; it includes two blocks of zeros.
constexpr std::uint64_t kRecord = 20 * kTarBlock;

struct ReservedBlob {
  std::uint64_t offset, size;  // of the data, in bytes
};

std::unexpected<Error> not_in_an_archive(std::string_view what) {
  return fail(Errc::unsupported, std::string(what) + " is not possible while writing an archive");
}

// A file in the directory of `path` that has no name, or a hidden one.
class UnnamedFile {
 public:
  static Result<UnnamedFile> create(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    auto directory = open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY);
    if (!directory) return fail(std::move(directory).error());
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    struct stat found;
    if (name.empty())
      return fail(Errc::invalid_argument, path + ": is a directory name; a file name is needed");
    if (::fstatat(directory->get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
      return fail(Errc::already_exists, path + ": already exists");
    // Unnamed if the file system supports O_TMPFILE: such a file disappears with the process.
    std::string hidden;
    auto file = open_at(directory->get(), ".", O_RDWR | O_TMPFILE, 0644);
    if (!file) {
      hidden = "." + name + ".part-" + random_name();
      file = open_at(directory->get(), hidden, O_RDWR | O_CREAT | O_EXCL, 0644);
    }
    if (!file) return fail(Error::system(file.error().sys(), path));
    return UnnamedFile(path, name, std::move(hidden), std::move(*directory), std::move(*file));
  }
  UnnamedFile(UnnamedFile&&) = default;
  UnnamedFile& operator=(UnnamedFile&&) = delete;
  ~UnnamedFile() {
    if (directory_ && !hidden_.empty()) ::unlinkat(directory_.get(), hidden_.c_str(), 0);
  }

  const std::shared_ptr<const UniqueFd>& fd() const noexcept { return file_; }
  Status name() {
    if (auto synced = sync_file(file_->get(), path_); !synced) return synced;
    const int failure =
        hidden_.empty() ? link_unnamed() : rename_new(directory_.get(), hidden_, directory_.get(), name_);
    if (failure == EEXIST) return fail(Errc::already_exists, path_ + ": already exists");
    if (failure != 0) return fail(Error::system(failure, path_));
    const UniqueFd directory = std::move(directory_);
    return sync_file(directory.get(), path_);
  }

 private:
  // Returns 0 or the errno.
  int link_unnamed() const {
    const std::string file = path_in_proc(file_->get());
    const auto link = [&] {
      return ::linkat(AT_FDCWD, file.c_str(), directory_.get(), name_.c_str(), AT_SYMLINK_FOLLOW);
    };
    return retried(link) == 0 ? 0 : errno;
  }

  UnnamedFile(std::string path, std::string name, std::string hidden, UniqueFd directory, UniqueFd file)
      : path_(std::move(path)),
        name_(std::move(name)),
        hidden_(std::move(hidden)),
        directory_(std::move(directory)),
        file_(std::make_shared<const UniqueFd>(std::move(file))) {}

  std::string path_, name_;
  std::string hidden_;  // temporary name; empty for a file of O_TMPFILE
  UniqueFd directory_;  // closed after the file has its name
  std::shared_ptr<const UniqueFd> file_;
};

class NewArchive final : public ArchiveWriter {
 public:
  NewArchive(UnnamedFile file, std::shared_ptr<const References> references)
      : file_(std::move(file)), references_(std::move(references)) {
    const std::string text = ImageLayout{.version = std::string(kImageLayoutVersion)}.json();
    const auto bytes = as_bytes(text);
    marker_.assign(bytes.begin(), bytes.end());
  }

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override {
    const auto place = find(digest, context);
    if (!place) return fail(Error(place.error()));
    if (!*place) return fail(Errc::not_found, digest.str() + ": no such blob");
    return std::make_shared<const FileBlob>(file_.fd(), (*place)->offset, (*place)->size, digest);
  }
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override {
    const auto place = find(digest, context);
    if (!place) return fail(Error(place.error()));
    if (!*place) return std::nullopt;
    return BlobStatus{(*place)->size, begun_ns_};
  }
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override {
    if (const auto place = find(digest, context); !place) return fail(Error(place.error()));
    return fail(Errc::unsupported, digest.str() + ": blobs in an archive are not separate files");
  }
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    std::vector<Digest> digests;
    auto contents = contents_.lock();
    for (const auto& [digest, place] : contents->blobs)
      if (digest.algorithm() == algorithm) digests.push_back(digest);
    std::ranges::sort(digests);
    return digests;
  }
  std::int64_t listing_ns(Algorithm, const Context&) const override { return now_ns(); }

  Result<PutResult> put_blob(ByteSource& content, const PutOptions& options) override;
  Result<std::unique_ptr<Upload>> start_upload(std::string_view) override {
    return not_in_an_archive("uploading");
  }
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override {
    return fail(unknown_upload(id));
  }
  Result<bool> delete_blob(const Digest&) override { return not_in_an_archive("deleting"); }
  Result<SweepResult> sweep_blob(const Digest&, const References&, std::int64_t, const Context&) override {
    return not_in_an_archive("deleting");
  }

  Result<std::shared_ptr<const References>> references(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return *references_.lock();
  }
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override {
    const auto now = references(context);
    if (!now) return fail(Error(now.error()));
    return find_named(**now, name);
  }
  Result<std::vector<std::string>> list_references(const Context& context) const override {
    const auto now = references(context);
    if (!now) return fail(Error(now.error()));
    return names_of(**now);
  }
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                       const Context& context) override;
  Result<bool> delete_reference(std::string_view name, const Context& context) override;
  Status update_references(const ReferenceUpdate& update, const Context& context) override;

  Status clean(const Context& context) override { return check_open(context); }
  Status close() override {
    is_closed_ = true;
    return {};
  }
  Result<Bytes> marker(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return marker_;
  }
  Status finish() override;

 private:
  struct Contents {
    std::unordered_map<Digest, ReservedBlob> blobs;
    std::uint64_t end = 0;  // of the reserved space, in bytes
    bool is_broken = false;
  };

  Status check_open(const Context& context = {}) const {
    return is_closed_ ? fail(Errc::closed, "the archive was closed") : context.check();
  }
  Result<std::optional<ReservedBlob>> find(const Digest& digest, const Context& context = {}) const {
    if (digest.empty()) return fail(Errc::digest_invalid, "empty digest");
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    auto contents = contents_.lock();
    const auto found = contents->blobs.find(digest);
    return found == contents->blobs.end() ? std::nullopt : std::optional(found->second);
  }
  // Reserves `front` bytes and space for the data of a file. Returns its offset.
  std::uint64_t take_room(std::uint64_t front, std::uint64_t size) {
    auto contents = contents_.lock();
    return std::exchange(contents->end, contents->end + front + size + tar_padding(size));
  }
  Bytes header_of(const std::string& path, std::uint64_t size) const {
    return tar_file_header(path, size, begun_ns_ / 1'000'000'000);
  }
  Status add_file(const char* name, ByteView content);

  UnnamedFile file_;
  const std::int64_t begun_ns_ = now_ns();
  Bytes marker_;
  mutable Guarded<Contents> contents_;
  std::mutex updating_;  // held while references_ changes; readers do not wait for it
  mutable Guarded<std::shared_ptr<const References>> references_;
  std::atomic<bool> is_closed_ = false;
};

Result<PutResult> NewArchive::put_blob(ByteSource& content, const PutOptions& options) {
  if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
  if (options.digest.empty() || !options.size)
    return fail(Errc::invalid_argument, "writing a blob to an archive requires its digest and size");
  const auto present = find(options.digest);
  if (!present) return fail(Error(present.error()));
  if (*present) {
    auto hashed = hash_content(content, options.digest.algorithm(), options.context);
    if (!hashed) return hashed;
    if (auto checked = check_wanted(*hashed, options); !checked) return fail(std::move(checked).error());
    return hashed;
  }
  const Bytes header = header_of(options.digest.blob_path(), *options.size);
  const std::uint64_t begin = take_room(header.size(), *options.size);
  const std::uint64_t offset = begin + header.size();
  auto put = write_hashed(file_.fd()->get(), offset, content, options, true);
  Status written = put ? check_wanted(*put, options) : fail(Error(put.error()));
  // The header is written last: without it the archive has no blob of this digest.
  if (written) written = pwrite_all(file_.fd()->get(), header, begin, "cannot write the blob");
  auto contents = contents_.lock();
  if (!written) {
    contents->is_broken = true;
    return fail(std::move(written).error());
  }
  contents->blobs.try_emplace(options.digest, ReservedBlob{offset, *options.size});
  return put;
}

Status NewArchive::put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                                 const Context& context) {
  return update_references([&](const References& now) { return changes_to_put(now, name, descriptor, mode); },
                           context);
}

Result<bool> NewArchive::delete_reference(std::string_view name, const Context& context) {
  bool is_there = false;
  const auto remove = [&](const References& now) -> Result<ReferenceChanges> {
    auto changes = changes_to_erase(now, name);
    is_there = changes && !changes->changed.empty();
    return changes;
  };
  auto updated = update_references(remove, context);
  if (!updated) return fail(std::move(updated).error());
  return is_there;
}

Status NewArchive::update_references(const ReferenceUpdate& update, const Context& context) {
  if (auto usable = check_open(context); !usable) return usable;
  const std::lock_guard lock(updating_);
  const std::shared_ptr<const References> now = *references_.lock();
  auto changes = update(*now);
  if (!changes) return fail(std::move(changes).error());
  const auto text = rewritten_index(*now, std::move(*changes));
  if (!text) return fail(Error(text.error()));
  const auto bytes = as_bytes(*text);
  auto changed = parse_references(Bytes(bytes.begin(), bytes.end()), now_ns());
  if (!changed) return fail(std::move(changed).error());
  *references_.lock() = std::move(*changed);
  return {};
}

Status NewArchive::add_file(const char* name, ByteView content) {
  Bytes all = header_of(name, content.size());
  const std::uint64_t begin = take_room(all.size(), content.size());
  all.insert(all.end(), content.begin(), content.end());
  return pwrite_all(file_.fd()->get(), all, begin, name);
}

Status NewArchive::finish() {
  if (auto usable = check_open(); !usable) return usable;
  is_closed_ = true;
  if (contents_.lock()->is_broken)
    return fail(Errc::failed_precondition, "a blob of the archive could not be written");
  if (auto added = add_file(kMarkerFile, marker_); !added) return added;
  if (auto added = add_file(kIndexFile, (*references_.lock())->document); !added) return added;
  const std::uint64_t end = contents_.lock()->end + 2 * kTarBlock;
  const std::uint64_t size = (end + kRecord - 1) / kRecord * kRecord;
  if (retried([&] { return ::ftruncate(file_.fd()->get(), static_cast<off_t>(size)); }) != 0)
    return fail(Error::system(errno, "cannot write the archive"));
  return file_.name();
}

}  // namespace

Result<std::unique_ptr<ArchiveWriter>> create_archive(const std::string& path) {
  auto file = UnnamedFile::create(path);
  if (!file) return fail(std::move(file).error());
  const std::string text = empty_index();
  const auto bytes = as_bytes(text);
  auto references = parse_references(Bytes(bytes.begin(), bytes.end()), now_ns());
  if (!references) return fail(std::move(references).error());
  return std::make_unique<NewArchive>(std::move(*file), std::move(*references));
}

}  // namespace layoutfs
