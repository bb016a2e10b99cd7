// `layoutfs index`: common code, and rm.
#include "tools/commands/index.h"

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "core/base/json.h"
#include "core/cache/index_cache.h"
#include "core/image/layer_stack.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

// Calls `use` with the digest of each layer, and of each stack of layers, of an image.
void for_layers_and_stacks(const ImageSet::Image& image, const std::function<void(const Digest&)>& use) {
  for (std::size_t count = 1; count <= image.layers.size(); ++count) {
    use(image.layers[count - 1].digest);
    use(digest_of(std::span(image.layers).first(count)));
  }
}

// Returns digests of layers, stacks of layers, and manifests.
Result<std::set<Digest>> digests_to_remove(const IndexScope& scope) {
  std::set<Digest> digests;
  for (const ImageSet::Image& image : scope.images.images) {
    digests.insert(image.manifest.digest);
    for_layers_and_stacks(image, [&](const Digest& digest) { digests.insert(digest); });
  }
  if (scope.layout.reference.empty()) {
    // Includes blobs without references.
    const auto blobs = scope.layout.reader->list_all_blobs();
    if (!blobs) return fail(Error(blobs.error()));
    digests.insert(blobs->begin(), blobs->end());
    return digests;
  }
  const auto all = all_images(*scope.layout.reader);
  if (!all) return fail(Error(all.error()));
  for (const ImageSet::Image& other : all->images) {
    if (other.manifest.digest == scope.images.images.front().manifest.digest) continue;
    for_layers_and_stacks(other, [&](const Digest& digest) { digests.erase(digest); });
  }
  return digests;
}

struct RemoveIndexArguments {
  ImageArguments image;
  bool is_json = false;
};

int remove_indexes(const RemoveIndexArguments& arguments, Output& output) {
  const auto scope = open_scope(arguments.image);
  if (!scope) return report(scope.error());
  const auto digests = digests_to_remove(*scope);
  if (!digests) return report(Error(digests.error()).with(scope->layout.path));
  IndexCache cache = open_cache(arguments.image.cache_dir);
  std::uint64_t files = 0, bytes = 0;
  for (const Digest& digest : *digests) {
    for (const CacheKind kind : kCacheKinds) {
      const auto removed = cache.remove(kind, digest);
      if (!removed) {
        print_error(removed.error());
        return kCannotWrite;
      }
      if (!*removed) continue;
      ++files;
      bytes += **removed;
    }
  }
  if (arguments.is_json) {
    JsonWriter json;
    json.begin_object().key("version").integer(kIndexJsonVersion);
    json.key("files").integer(to_json_integer(files)).key("bytes").integer(to_json_integer(bytes));
    output << json.end_object().str() << "\n";
    return kDone;
  }
  print_notice("removed " + count_of(files, "file") + ", " + human_size(bytes));
  return kDone;
}

}  // namespace

Result<IndexScope> open_scope(const ImageArguments& arguments) {
  if (auto given = arguments.check_given("index"); !given) return fail(std::move(given).error());
  auto layout = open_layout(arguments);
  if (!layout) return fail(std::move(layout).error());
  if (layout->reference.empty()) {
    auto images = all_images(*layout->reader);
    if (!images) return fail(std::move(images).error(), layout->path);
    return IndexScope{std::move(*layout), std::move(*images)};
  }
  const auto manifest = find_manifest(*layout, arguments);
  if (!manifest) return fail(Error(manifest.error()));
  auto images = one_image(*layout->reader, *manifest);
  if (!images) return fail(std::move(images).error(), layout->path);
  return IndexScope{std::move(*layout), std::move(*images)};
}

int report_problems(const IndexScope& scope) {
  int code = kDone;
  for (const Error& problem : scope.images.problems) {
    const int reported = report(Error(problem).with(scope.layout.path));
    if (code == kDone) code = reported;
  }
  return code;
}

void add_index_rm_command(Command index, int& exit_code) {
  const auto arguments = std::make_shared<RemoveIndexArguments>();
  const Command command = index.add_subcommand("rm", "Remove cached indexes; they are rebuilt on demand");
  command.example("layoutfs index rm ./img");
  command.example("layoutfs index rm ./img:app", "of one image");
  arguments->image.add_operand_and_options(command);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return remove_indexes(*arguments, output); });
  });
}

void add_index_command(Command program, int& exit_code) {
  Command index = program.add_subcommand("index", "Manage the cached indexes of layers and images");
  add_index_build_command(index, exit_code);
  add_index_verify_command(index, exit_code);
  add_index_ls_command(index, exit_code);
  add_index_rm_command(index, exit_code);
}

}  // namespace layoutfs::tools
