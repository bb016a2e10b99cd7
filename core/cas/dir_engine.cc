// An image layout in a directory: its blobs, its references, its marker.
#include "core/cas/dir_engine.h"

#include <atomic>
#include <cerrno>

#include "core/cas/blob_store.h"
#include "core/cas/clean.h"
#include "core/cas/create.h"
#include "core/cas/foreign_format.h"
#include "core/cas/layout_dir.h"
#include "core/cas/layout_watch.h"
#include "core/cas/marker.h"
#include "core/cas/reference_store.h"
#include "core/cas/staged_batch.h"
#include "core/cas/upload_file.h"
#include "core/cas/workspace.h"

namespace layoutfs {
namespace {

class DirEngine final : public Engine {
 public:
  DirEngine(LayoutDir layout, ReferenceFormat format, Bytes marker)
      : layout_(std::move(layout)),
        workspace_(layout_),
        blobs_(layout_, workspace_),
        references_(format == ReferenceFormat::index_json ? index_references(layout_, workspace_)
                                                          : refs_dir_references(layout_, workspace_)),
        marker_(std::move(marker)) {}

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override {
    if (auto usable = check(digest, context); !usable) return fail(std::move(usable).error());
    return blobs_.open(digest);
  }
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override {
    if (auto usable = check(digest, context); !usable) return fail(std::move(usable).error());
    return blobs_.status(digest);
  }
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override {
    if (auto usable = check(digest, context); !usable) return fail(std::move(usable).error());
    // A link that is not followed here must not be followed by the caller either.
    const auto status = blobs_.status(digest);
    if (status && *status && (*status)->is_dead_link)
      if (auto blob = blobs_.open(digest); !blob) return fail(std::move(blob).error());
    return layout_.path() + "/" + digest.blob_path();
  }
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return blobs_.list(algorithm, context);
  }
  std::int64_t listing_ns(Algorithm algorithm, const Context&) const override {
    return blobs_.listing_ns(algorithm);
  }
  Result<PutResult> put_blob(ByteSource& content, const PutOptions& options) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return blobs_.put(content, options);
  }
  Result<PutResult> copy_blob(const BlobPtr& blob, const PutOptions& options) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return blobs_.copy(blob, options);
  }
  bool can_clone(const Blob& blob) const override { return check_open() && blobs_.can_clone(blob); }
  std::unique_ptr<BlobBatch> start_batch() override {
    return std::make_unique<StagedBatch>(blobs_, [this] { return check_open(); });
  }
  Result<std::unique_ptr<Upload>> start_upload(std::string_view id) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return layoutfs::start_upload(layout_, blobs_, id);
  }
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override {
    if (auto usable = check_open(); !usable) return fail(std::move(usable).error());
    return layoutfs::resume_upload(layout_, blobs_, id);
  }
  Result<bool> delete_blob(const Digest& digest) override {
    if (auto usable = check(digest); !usable) return fail(std::move(usable).error());
    return blobs_.erase(digest);
  }

  Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                 const Context& context) override {
    if (auto usable = check(digest, context); !usable) return fail(std::move(usable).error());
    const auto lock = layout_.lock_exclusive(context);
    if (!lock) return fail(Error(lock.error()));
    const auto now = references_->all(context);
    if (!now) return fail(Error(now.error()));
    if (now->get() != &seen && !is_same(**now, seen)) return SweepResult::references_changed;
    const auto status = blobs_.status(digest);
    if (!status) return fail(Error(status.error()));
    if (!*status) return SweepResult::absent;
    if ((*status)->put_ns >= limit_ns || (*status)->is_link_target) return SweepResult::young;
    const auto erased = blobs_.erase(digest);
    if (!erased) return fail(Error(erased.error()));
    return *erased ? SweepResult::removed : SweepResult::absent;
  }

  Result<std::shared_ptr<const References>> references(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return references_->all(context);
  }
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return references_->get(name, context);
  }
  Result<std::vector<std::string>> list_references(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return references_->list(context);
  }
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                       const Context& context) override {
    if (auto usable = check_open(context); !usable) return usable;
    return references_->put(name, descriptor, mode, context);
  }
  Result<bool> delete_reference(std::string_view name, const Context& context) override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return references_->erase(name, context);
  }
  Status update_references(const ReferenceUpdate& update, const Context& context) override {
    if (auto usable = check_open(context); !usable) return usable;
    return references_->update(update, context);
  }

  Status clean(const Context& context) override {
    if (auto usable = check_open(context); !usable) return usable;
    return remove_litter(layout_, context);
  }
  Status close() override {
    is_closed_ = true;
    workspace_.close();
    return {};
  }
  std::unique_ptr<Watch> watch(const Context&) const override { return watch_layout(layout_); }
  Result<Bytes> marker(const Context& context) const override {
    if (auto usable = check_open(context); !usable) return fail(std::move(usable).error());
    return marker_;
  }

 private:
  Status check_open(const Context& context = {}) const {
    return is_closed_ ? fail(Errc::closed, layout_.path() + ": the layout was closed") : context.check();
  }
  Status check(const Digest& digest, const Context& context = {}) const {
    if (digest.empty()) return fail(Errc::digest_invalid, "empty digest");
    return check_open(context);
  }

  LayoutDir layout_;
  Workspace workspace_;
  BlobStore blobs_;
  std::unique_ptr<ReferenceStore> references_;
  Bytes marker_;
  std::atomic<bool> is_closed_ = false;
};

Result<ReferenceFormat> reference_format_of(int root) {
  struct stat found;
  if (::fstatat(root, kIndexFile, &found, AT_SYMLINK_NOFOLLOW) == 0) return ReferenceFormat::index_json;
  if (errno != ENOENT) return fail(Error::system(errno, kIndexFile));
  if (::fstatat(root, kRefsFolder, &found, AT_SYMLINK_NOFOLLOW) == 0) return ReferenceFormat::refs_dir;
  if (errno != ENOENT) return fail(Error::system(errno, kRefsFolder));
  return fail(Errc::invalid_image, std::string(kIndexFile) + " is missing");
}

// skopeo copy --dest-shared-blob-dir leaves such a layout.
constexpr const char* kSharedBlobs =
    " (if the blobs are in a shared directory, create a symlink blobs to it and use --follow-links)";

// Checks the marker and the existence of the other parts. Errors name the layout's path.
Result<std::unique_ptr<Engine>> open_layout(LayoutDir layout) {
  if (::faccessat(layout.fd(), kMarkerFile, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
    return fail(explain_directory(layout.fd(), layout.path()));
  auto marker = read_required(layout, kMarkerFile, kMarkerLimit);
  if (!marker) return fail(std::move(marker).error());
  if (auto parsed = ImageLayout::parse(*marker); !parsed) return fail(std::move(parsed).error());
  const auto blobs = open_required(layout, kBlobsFolder, O_PATH | O_DIRECTORY);
  if (!blobs && ::faccessat(layout.fd(), kBlobsFolder, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
    return fail(Errc::invalid_image, blobs.error().message() + kSharedBlobs);
  if (!blobs) return fail(Error(blobs.error()));
  const auto format = reference_format_of(layout.fd());
  if (!format) return fail(Error(format.error()));
  auto engine = std::make_unique<DirEngine>(std::move(layout), *format, std::move(*marker));
  auto references = engine->references({});
  if (!references) return fail(std::move(references).error());
  return engine;
}

LinkPolicy policy_of(const DirOptions& options) {
  return options.follow_links ? LinkPolicy::anywhere : LinkPolicy::beneath;
}

Result<UniqueFd> open_root(const std::string& path) {
  auto root = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!root && root.error().sys() == ENOENT) return fail(Errc::not_found, path + ": no such layout");
  if (!root && root.error().sys() == ENOTDIR)
    return fail(Errc::invalid_image, path + ": not an image layout (not a directory)");
  return root;
}

class DirDriver final : public Driver {
 public:
  explicit DirDriver(const DirOptions& options) : options_(options) {}
  const LayoutKind& kind() const noexcept override { return kind_; }
  bool is_layout(const std::string& path) const override { return is_layout_dir(path); }
  bool supported(const std::string& uri) const override {
    struct stat found;
    if (::stat(uri.c_str(), &found) != 0) return errno != ENOTDIR;
    return S_ISDIR(found.st_mode);
  }
  Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& uri) const override {
    return open_dir(uri, options_);
  }
  Result<std::unique_ptr<Engine>> open_engine(const std::string& uri) const override {
    return open_dir(uri, options_);
  }
  Status create(const std::string& uri) const override { return create_dir(uri, options_); }

 private:
  DirOptions options_;
  const LayoutKind kind_{.name = "directory", .prefixes = {"oci:"}};
};

}  // namespace

Result<std::unique_ptr<Engine>> open_dir(const std::string& path, const DirOptions& options) {
  auto root = open_root(path);
  if (!root && root.error().code() == Errc::not_found && options.create_if_missing) {
    auto created = create_dir(path, options);
    // It is not an error if another process was faster.
    if (!created && created.error().code() != Errc::already_exists) return fail(std::move(created).error());
    root = open_root(path);
  }
  if (!root) return fail(std::move(root).error());
  LayoutDir layout(std::move(*root), path, options.is_durable, policy_of(options));
  if (options.create_if_missing && ::faccessat(layout.fd(), kMarkerFile, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    if (auto completed = complete_layout(layout, options); !completed)
      return fail(std::move(completed).error(), path);
  }
  auto engine = open_layout(std::move(layout));
  if (!engine) return fail(std::move(engine).error(), path);
  return engine;
}

Status check_creatable(const std::string& path, const DirOptions& options) {
  auto root = open_root(path);
  if (!root && root.error().code() == Errc::not_found) return {};
  if (!root) return fail(std::move(root).error());
  auto checked =
      check_unfinished(LayoutDir(std::move(*root), path, options.is_durable, policy_of(options)), options);
  return checked ? checked : fail(std::move(checked).error(), path);
}

bool is_layout_dir(const std::string& path) {
  const auto root = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!root) return false;
  struct stat found;
  // The engine resolves and checks a symlink.
  return ::fstatat(root->get(), kMarkerFile, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         (S_ISREG(found.st_mode) || S_ISLNK(found.st_mode));
}

std::shared_ptr<const Driver> dir_driver(const DirOptions& options) {
  return std::make_shared<const DirDriver>(options);
}

}  // namespace layoutfs
