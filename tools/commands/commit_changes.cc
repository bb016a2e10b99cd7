#include "tools/commands/commit_changes.h"

#include <optional>
#include <utility>

#include "core/commit/put_layer.h"
#include "core/commit/upper_layer.h"
#include "core/commit/upper_tar.h"
#include "tools/chroot/kept_changes.h"
#include "tools/cli/command.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

// Returns nullopt if there is no such compression.
std::optional<Compression> find_compression(const std::string& name) {
  for (const Compression each : {Compression::none, Compression::gzip, Compression::zstd})
    if (name_of(each) == name) return each;
  return std::nullopt;
}

Compression compression_for(const CommitOptions& options, const BaseImage& base) {
  const auto given = find_compression(options.compression);
  return given ? *given : base.is_docker() ? Compression::gzip : Compression::zstd;
}

// The tar of the changes. Shows the progress, and distinguishes its errors from those of the layout.
class ShownTar final : public ByteSource {
 public:
  ShownTar(const UpperLayer& upper, Progress& progress, const Context& context)
      : upper_(upper), progress_(progress), tar_(upper, context) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    auto size = tar_.read(out);
    has_failed_ = !size;
    progress_.update("", tar_.content_read(), upper_.content_size());
    return size;
  }
  bool has_failed() const noexcept { return has_failed_; }

 private:
  const UpperLayer& upper_;
  Progress& progress_;
  UpperTar tar_;
  bool has_failed_ = false;
};

// Returns nullopt if there are no changes.
Result<std::optional<UpperLayer>> read_upper(KeptChanges& changes, const Context& context) {
  if (!changes.upper) return std::nullopt;
  auto upper = UpperLayer::read(
      std::move(changes.upper), changes.name,
      {.root_user = changes.root_user, .root_group = changes.root_group, .context = context});
  if (!upper) return fail(std::move(upper).error());
  // chroot keeps the directory alone only if its attributes were changed.
  if (upper->is_empty() && !changes.lock) return std::nullopt;
  return std::move(*upper);
}

// Stores the layer and its index, and adds it to `changes`.
Status add_layer(ImageLayout& layout, const UpperLayer& upper, const CommitOptions& options,
                 const PutLayerOptions& put, ImageChanges& changes) {
  if (upper.socket_count() > 0) print_notice("note: left out " + count_of(upper.socket_count(), "socket"));
  Progress progress("committing", !options.is_progress_hidden);
  ShownTar tar(upper, progress, put.context);
  auto layer = put_layer(*layout.engine, tar, put);
  progress.clear();
  if (!layer && tar.has_failed()) return fail(std::move(layer).error());
  if (!layer) return fail(written_to(std::move(layer).error(), layout.path));
  ignore(open_cache(options.cache_dir)
             .store(CacheKind::layer_index, layer->descriptor.digest, std::move(layer->index)),
         "the index can be built again");
  changes.layer = std::move(layer->descriptor);
  changes.diff_id = std::move(layer->diff_id);
  return {};
}

}  // namespace

void CommitOptions::add_options(Command command) {
  command
      .add_option("--compression", compression,
                  "Compression of the layer (default: zstd, or gzip for images in Docker's format)")
      .type_name("zstd|gzip|none")
      .not_empty();
  add_progress_option(command, is_progress_hidden);
}

Status check_commit_options(const CommitOptions& options) {
  if (options.compression.empty() || find_compression(options.compression)) return {};
  return fail(Errc::invalid_argument,
              "--compression " + options.compression + ": expected zstd, gzip or none");
}

Result<Digest> commit_changes(ImageLayout& layout, const std::string& upper,
                              const NewImageArguments& arguments, ImageChanges changes,
                              const CommitOptions& options, const Context& context) {
  PutLayerOptions put{.compression = compression_for(options, layout.base), .context = context};
  auto type = layout.base.layer_type(put.compression);
  if (!type) return fail(std::move(type).error(), layout.path);
  put.media_type = std::move(*type);
  auto kept = open_kept_changes(upper, layout.base.descriptor.digest);
  if (!kept) return fail(std::move(kept).error());
  const auto read = read_upper(*kept, context);
  if (!read) return fail(Error(read.error()));
  if (!*read && !options.may_be_empty)
    return fail(Errc::failed_precondition, upper + ": there are no changes");
  changes.step.is_empty_layer = !*read;
  if (*read)
    if (auto added = add_layer(layout, **read, options, put, changes); !added)
      return fail(std::move(added).error());
  return put_new_image(layout, arguments, changes, context);
}

}  // namespace layoutfs::tools
