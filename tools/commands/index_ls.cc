// `layoutfs index ls`.
#include <array>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/erofs/stored_erofs.h"
#include "core/image/cached_tables.h"
#include "core/image/layer_stack.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/store.h"
#include "tools/commands/index.h"

namespace layoutfs::tools {
namespace {

struct IndexListArguments {
  ImageArguments image;
  bool is_json = false;
};

// Returns for example "1.2 %".
std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.1f %%",
                                   100 * static_cast<double>(part) / static_cast<double>(whole));
  return {text.data(), static_cast<std::size_t>(length)};
}

// Returns the reason for an unusable file; empty if the cache has no file.
std::string problem_of(const Error& error) { return error.code() == Errc::not_found ? "" : error.message(); }

std::string text_of_missing(const Error& error) {
  const std::string problem = problem_of(error);
  return problem.empty() ? "none" : "unusable, " + printable(problem);
}

// The members of JSON objects.
constexpr std::pair<ErofsPlacement, const char*> kErofsNames[] = {{ErofsPlacement::two_devices, "erofs"},
                                                                  {ErofsPlacement::appended, "erofsFile"}};

const ErofsForm kLayerErofs{ErofsPlacement::appended, ErofsContent::layer};

class Lister {
 public:
  Lister(const IndexCache& cache, bool is_json, Output& output)
      : cache_(cache), is_json_(is_json), output_(output) {}

  void list(const ImageSet& images) {
    json_.begin_object().key("version").integer(kIndexJsonVersion).key("layers").begin_array();
    for (const Descriptor& layer : images.layers()) is_json_ ? write_layer(layer) : print_layer(layer);
    json_.end_array().key("images").begin_array();
    for (const ImageSet::Image& image : images.images) is_json_ ? write_image(image) : print_image(image);
    json_.end_array();
    std::vector<std::string> problems;
    for (const Error& problem : images.problems) problems.push_back(problem.message());
    write_problems(json_, problems);
    if (is_json_) output_ << json_.end_object().str() << "\n";
  }

 private:
  void print_layer(const Descriptor& layer) {
    (output_ << "layer ").digest(layer.digest) << " " << pad(human_size(layer.size), 8) << "  ";
    if (const auto kept = open_cached_index(cache_, layer)) {
      const StreamIndex stream = kept->tables->stream();
      output_ << name_of(stream.compression) << ", " << std::to_string(kept->tables->entry_count())
              << " entries"
              << ", " << count_of(stream.points.size(), "point") << ", "
              << count_of(stream.spans.size(), "span") << ", index " << human_size(kept->file.bytes.size())
              << " (" << percent_of(kept->file.bytes.size(), layer.size) << ")";
    } else {
      output_ << "index " << text_of_missing(kept.error());
    }
    const auto tree = open_cached_tree(cache_, CacheKind::layer_tree, layer.digest, 1);
    if (tree || !problem_of(tree.error()).empty()) output_ << ", " << tree_text(tree);
    print_erofs(open_cached_erofs(cache_, layer.digest, kLayerErofs));
    output_ << "\n";
  }

  void print_image(const ImageSet::Image& image) {
    (output_ << "image ").digest(image.manifest.digest)
        << " " << count_of(image.layers.size(), "layer") << ", "
        << tree_text(
               open_cached_tree(cache_, CacheKind::image_tree, image.manifest.digest, image.layers.size()));
    for (const auto& [placement, name] : kErofsNames)
      print_erofs(open_cached_erofs(cache_, image.manifest.digest, placement));
    if (const std::uint64_t size = size_of_engine_files(image); size > 0)
      output_ << ", files for container engines " << human_size(size);
    output_ << "\n";
  }

  void print_erofs(const Result<StoredErofs>& kept) {
    if (kept)
      output_ << ", EROFS " << human_size(kept->image->file.bytes.size());
    else if (!problem_of(kept.error()).empty())
      output_ << ", EROFS " << text_of_missing(kept.error());
  }

  static std::string tree_text(const Result<CachedTables<ImageTree>>& tree) {
    if (!tree) return "tree " + text_of_missing(tree.error());
    return "tree " + human_size(tree->file.bytes.size()) + " with " +
           count_of(tree->tables->inode_count(), "inode");
  }

  void write_layer(const Descriptor& layer) {
    json_.begin_object().key("digest").string(layer.digest.str());
    json_.key("size").integer(to_json_integer(layer.size)).key("index");
    write_kept(open_cached_index(cache_, layer), [this](const LayerIndex& index) {
      const StreamIndex stream = index.stream();
      json_.key("compression").string(name_of(stream.compression));
      json_.key("uncompressedSize").integer(to_json_integer(stream.size));
      json_.key("entries").integer(to_json_integer(index.entry_count()));
      json_.key("points").integer(to_json_integer(stream.points.size()));
      json_.key("spans").integer(to_json_integer(stream.spans.size()));
    });
    write_tree(CacheKind::layer_tree, layer.digest, 1);
    json_.key("erofsFile");
    write_erofs(open_cached_erofs(cache_, layer.digest, kLayerErofs));
    json_.end_object();
  }

  void write_image(const ImageSet::Image& image) {
    json_.begin_object().key("digest").string(image.manifest.digest.str()).key("layers").begin_array();
    for (const Descriptor& layer : image.layers) json_.string(layer.digest.str());
    json_.end_array();
    write_tree(CacheKind::image_tree, image.manifest.digest, image.layers.size());
    for (const auto& [placement, name] : kErofsNames) {
      json_.key(name);
      write_erofs(open_cached_erofs(cache_, image.manifest.digest, placement));
    }
    json_.key("engineFiles").integer(to_json_integer(size_of_engine_files(image)));
    json_.end_object();
  }

  // Returns the bytes of all files of the stacks of its layers. Other images may share them.
  std::uint64_t size_of_engine_files(const ImageSet::Image& image) const {
    std::uint64_t size = 0;
    if (!cache_.files()) return 0;
    for (std::size_t count = 1; count <= image.layers.size(); ++count)
      for (const CacheKind kind : {CacheKind::stack_tree, CacheKind::tar_split})
        if (const auto file = cache_.files()->open(kind, digest_of(std::span(image.layers).first(count))))
          if (const auto found = stat_of(file->get(), "a file of the cache directory"))
            size += static_cast<std::uint64_t>(found->st_size);
    return size;
  }

  void write_tree(CacheKind kind, const Digest& digest, std::size_t layers) {
    json_.key("tree");
    write_kept(open_cached_tree(cache_, kind, digest, layers), [this](const ImageTree& tree) {
      json_.key("inodes").integer(to_json_integer(tree.inode_count()));
    });
  }

  // Writes an object with the size and the members of `members`.
  template <class Tables, class Members>
  void write_kept(const Result<CachedTables<Tables>>& kept, const Members& members) {
    if (!kept) return write_missing(kept.error());
    json_.begin_object().key("size").integer(to_json_integer(kept->file.bytes.size()));
    members(*kept->tables);
    json_.end_object();
  }
  void write_erofs(const Result<StoredErofs>& kept) {
    if (!kept) return write_missing(kept.error());
    const std::uint64_t size = kept->image->file.bytes.size();
    json_.begin_object().key("size").integer(to_json_integer(size)).end_object();
  }
  // Writes an object with the problem; null if the cache has no file.
  void write_missing(const Error& error) {
    const std::string problem = problem_of(error);
    if (problem.empty())
      json_.null();
    else
      json_.begin_object().key("problem").string(problem).end_object();
  }

  const IndexCache& cache_;
  const bool is_json_;
  Output& output_;
  JsonWriter json_;
};

int list_indexes(const IndexListArguments& arguments, Output& output) {
  const auto scope = open_scope(arguments.image);
  if (!scope) return report(scope.error());
  const int problems = report_problems(*scope);
  const IndexCache cache = open_cache(arguments.image.cache_dir);
  Lister(cache, arguments.is_json, output).list(scope->images);
  return problems;
}

}  // namespace

void add_index_ls_command(Command index, int& exit_code) {
  const auto arguments = std::make_shared<IndexListArguments>();
  const Command command = index.add_subcommand("ls", "List layers and images with their cached indexes");
  command.example("layoutfs index ls ./img:app");
  command.example("layoutfs index ls --json ./img", "of all images");
  arguments->image.add_operand_and_options(command);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_indexes(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
