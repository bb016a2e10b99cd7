// `layoutfs index build`.
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/base/json.h"
#include "core/base/parallel.h"
#include "core/image/image_library.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/index.h"

namespace layoutfs::tools {
namespace {

struct BuildArguments {
  ImageArguments image;
  bool is_json = false;
  bool is_progress_hidden = false;
};

// Long enough to reuse the failures of layers when their images are built.
constexpr std::chrono::hours kFailuresRemembered{24};

// Fails for images that a mount would refuse.
Status build_image(ImageLibrary& library, const Descriptor& manifest) {
  const auto image = library.image(manifest);
  if (!image) return fail(Error(image.error()));
  return check_complete(**image);
}

// Builds layers of all images in parallel, then one image after the other. Returns the exit code. Stops after
// a failure to write.
int build_all(ImageLibrary& library, const IndexCache& cache, const IndexScope& scope) {
  const auto layers = scope.images.layers();
  for_each_in_parallel(layers.size(), [&](std::size_t i) {
    if (!cache.write_failure()) ignore(library.layer(layers[i]), "a broken layer is reported with its image");
  });
  int code = kDone;
  for (const ImageSet::Image& image : scope.images.images) {
    auto built = cache.write_failure() ? Status() : build_image(library, image.manifest);
    if (const auto failure = cache.write_failure()) {
      print_error(*failure);
      return kCannotWrite;
    }
    if (built) continue;
    const std::string name = scope.layout.path + ": " + image.manifest.digest.str();
    const int failed = report(std::move(built).error().with(name));
    if (code == kDone) code = failed;
  }
  return code;
}

std::string build_summary(const LibraryStats& stats) {
  const auto things = [](std::uint64_t layers, std::uint64_t images) {
    return count_of(layers, "layer") + " and " + count_of(images, "image");
  };
  return "indexed " + things(stats.indexes_built, stats.trees_built) + "; " +
         things(stats.indexes_loaded, stats.trees_loaded) + " were already indexed";
}

std::string build_json(const LibraryStats& stats) {
  const auto write = [](JsonWriter& json, const char* key, std::uint64_t layers, std::uint64_t images) {
    json.key(key).begin_object().key("layers").integer(to_json_integer(layers));
    json.key("images").integer(to_json_integer(images)).end_object();
  };
  JsonWriter json;
  json.begin_object().key("version").integer(kIndexJsonVersion);
  write(json, "indexed", stats.indexes_built, stats.trees_built);
  write(json, "present", stats.indexes_loaded, stats.trees_loaded);
  return json.end_object().str();
}

int build(const BuildArguments& arguments, Output& output) {
  const auto scope = open_scope(arguments.image);
  if (!scope) return report(scope.error());
  const int problems = report_problems(*scope);
  const IndexCache cache = open_cache(arguments.image.cache_dir, IndexCache::Keeping::required);
  std::optional<Progress> progress;
  progress.emplace("indexing", !arguments.is_progress_hidden);
  ImageLibrary library(
      scope->layout.reader, cache,
      {.failures_remembered = kFailuresRemembered, .progress = indexing_progress(*progress)});
  const int code = build_all(library, cache, *scope);
  progress.reset();
  if (code == kCannotWrite) return code;
  const bool is_one_image = !scope->layout.reference.empty();
  if (arguments.is_json)
    output << build_json(library.stats()) << "\n";
  else if (code == kDone || !is_one_image)
    print_notice(build_summary(library.stats()));
  return problems != kDone ? problems : code;
}

}  // namespace

void add_index_build_command(Command index, int& exit_code) {
  const auto arguments = std::make_shared<BuildArguments>();
  const Command command =
      index.add_subcommand("build", "Build missing indexes of an image, or of all images");
  command.example("layoutfs index build ./img:app");
  command.example("layoutfs index build ./img", "all images");
  arguments->image.add_operand_and_options(command);
  add_progress_option(command, arguments->is_progress_hidden);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return build(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
