#include "tools/commands/commit_changes.h"

#include <optional>
#include <utility>

#include "core/commit/put_layer.h"
#include "core/commit/upper_layer.h"
#include "core/commit/upper_tar.h"
#include "core/image/image_library.h"
#include "tools/chroot/kept_changes.h"
#include "tools/cli/command.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/squash.h"

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

void keep_index(const CommitOptions& options, NewLayer& layer) {
  ignore(open_cache(options.cache_dir)
             .store(CacheKind::layer_index, layer.descriptor.digest, std::move(layer.index)),
         "the index can be built again");
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
  keep_index(options, *layer);
  changes.layer = std::move(layer->descriptor);
  changes.diff_id = std::move(layer->diff_id);
  return {};
}

// Replaces the layer of the changes by one of all files.
Status squash(ImageLayout& layout, const CommitOptions& options, const PutLayerOptions& put,
              ImageChanges& changes) {
  const auto config = ImageConfig::parse(layout.base.config_text);
  if (!config) return fail(Error(config.error()), layout.path);
  LayerStack stack{.layers = layout.base.manifest.layers, .diff_ids = config->diff_ids};
  if (changes.layer) {
    stack.layers.push_back(*changes.layer);
    stack.diff_ids.push_back(changes.diff_id);
  }
  Progress progress("squashing", !options.is_progress_hidden);
  // The engine outlives the library.
  const std::shared_ptr<const LayoutReader> reader(std::shared_ptr<void>(), layout.engine.get());
  ImageLibrary library(reader, open_cache(options.cache_dir), {});
  const auto image = library.stack(stack, put.context);
  if (!image) return fail(Error(image.error()), layout.path);
  if (auto complete = check_complete(**image); !complete)
    return fail(std::move(complete).error(), layout.path);
  auto layer = put_squashed(
      *layout.engine, **image, put,
      [&progress](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); });
  progress.clear();
  if (!layer) return fail(written_to(std::move(layer).error(), layout.path));
  keep_index(options, *layer);
  changes.layer = std::move(layer->descriptor);
  changes.diff_id = std::move(layer->diff_id);
  changes.layer_edit = LayerEdit::replace;
  changes.step.is_empty_layer = false;
  return {};
}

}  // namespace

void CommitOptions::add_options(Command command) {
  command
      .add_option("--compression", compression,
                  "Compression of the layer (default: zstd, or gzip for images in Docker's format)")
      .type_name("zstd|gzip|none")
      .not_empty();
  command.add_flag("--squash", is_squashed, "Make one layer of all files of the image and the changes");
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
  if (options.is_squashed)
    if (auto squashed = squash(layout, options, put, changes); !squashed)
      return fail(std::move(squashed).error());
  return put_new_image(layout, arguments, changes, context);
}

}  // namespace layoutfs::tools
