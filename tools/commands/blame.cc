// `layoutfs blame`.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/explain/build_history.h"
#include "core/explain/file_origins.h"
#include "core/image/image_library.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/inode_json.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/cli/table.h"

namespace layoutfs::tools {
namespace {

struct BlameArguments {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] [PATH]; only PATH if --layout is given
  bool is_deleted = false;
  bool is_whole = false;  // --no-trunc
  bool is_json = false;
  bool is_progress_hidden = false;
};

constexpr std::int64_t kBlameVersion = 1;
// Columns of a command, unless it is printed whole.
constexpr std::size_t kCommandWidth = 40;

// An image with the indexes and build steps of its layers.
struct BlamedImage {
  Descriptor manifest;
  ImagePtr image;
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  std::vector<BuildHistory::Layer> layers;
};

Result<BlamedImage> open_blamed(ImageLibrary& library, Descriptor descriptor) {
  auto image = library.image(descriptor);
  if (!image) return fail(std::move(image).error());
  auto history = read_build_history(library.graph(), descriptor);
  if (!history) return fail(std::move(history).error());
  BlamedImage blamed{.manifest = std::move(descriptor), .image = std::move(*image)};
  for (const BuildHistory::Layer& layer : history->layers) {
    const auto opened = library.layer(layer.descriptor);
    if (!opened) return fail(Error(opened.error()));
    blamed.indexes.push_back((*opened)->index);
  }
  blamed.layers = std::move(history->layers);
  return blamed;
}

std::string_view word_of(MergeTree::Loss::Cause cause) {
  switch (cause) {
    case MergeTree::Loss::Cause::whiteout:
      return "whiteout";
    case MergeTree::Loss::Cause::opaque:
      return "opaque";
    case MergeTree::Loss::Cause::replaced:
      break;
  }
  return "replaced";
}

// Lines with columns of fixed widths, so that they can be printed as they are found.
class BlameText {
 public:
  BlameText(const BlamedImage& image, const BlameArguments& arguments, Output& output)
      : output_(output), number_width_(std::max<std::size_t>(5, std::to_string(image.layers.size()).size())) {
    for (const BuildHistory::Layer& layer : image.layers) {
      commands_.push_back(one_line(layer.created_by, arguments.is_whole ? std::string::npos : kCommandWidth));
      command_width_ = std::max(command_width_, columns_of(commands_.back()));
    }
    for (std::string& command : commands_) command.append(command_width_ - columns_of(command), ' ');
    numbers_.reserve(image.layers.size());
    for (std::size_t i = 0; i < image.layers.size(); ++i)
      numbers_.push_back(pad(std::to_string(i), number_width_));
    is_deleted_ = arguments.is_deleted;
  }

  void print(const FileOrigin& file) {
    print_header();
    output_ << numbers_[file.layer] << "  " << commands_[file.layer] << "  /";
    output_.name(file.path) << "\n";
  }
  void print(const LostFile& file) {
    print_header();
    std::string how(word_of(file.cause));
    how.resize(kHowWidth, ' ');
    output_ << numbers_[file.layer] << "  " << how << "  " << numbers_[file.lost_in] << "  "
            << commands_[file.lost_in] << "  /";
    output_.name(file.path) << "\n";
  }
  void finish() { print_header(); }

 private:
  static constexpr std::size_t kHowWidth = 8;  // of "whiteout" and "replaced"

  // Not before the first line, because the path may not exist.
  void print_header() {
    if (std::exchange(is_header_printed_, true)) return;
    std::string header = pad("LAYER", number_width_) + "  ";
    if (is_deleted_) header += "HOW       " + pad("BY", number_width_) + "  ";
    std::string created_by = "CREATED BY";
    created_by.resize(std::max(command_width_, created_by.size()), ' ');
    output_ << emphasized(header + created_by + "  PATH", stdout_style()) << "\n";
  }

  Output& output_;
  bool is_deleted_ = false;
  bool is_header_printed_ = false;
  const std::size_t number_width_;
  std::size_t command_width_ = std::string_view("CREATED BY").size();
  std::vector<std::string> numbers_, commands_;  // by layer, padded
};

class BlameJson {
 public:
  BlameJson(const BlamedImage& image, bool is_deleted, Output& output) : output_(output) {
    json_.begin_object().key("version").integer(kBlameVersion);
    json_.key("manifest").string(image.manifest.digest.str()).key("layers").begin_array();
    for (const BuildHistory::Layer& layer : image.layers) {
      json_.begin_object().key("digest").string(layer.descriptor.digest.str());
      json_.key("size").integer(to_json_integer(layer.descriptor.size));
      json_.key("createdBy").string(layer.created_by).end_object();
    }
    json_.end_array();
    write_problems(json_, image.image->tree().problems());
    json_.key(is_deleted ? "deleted" : "files").begin_array();
  }

  void print(const FileOrigin& file) {
    begin(file.path, file.type, file.layer);
    if (file.type == EntryType::file) json_.key("contentLayer").integer(file.content_layer);
    end();
  }
  void print(const LostFile& file) {
    begin(file.path, file.type, file.layer);
    json_.key("how").string(word_of(file.cause)).key("by").integer(file.lost_in);
    end();
  }
  void finish() { output_ << json_.end_array().end_object().take() << "\n"; }

 private:
  void begin(std::string_view path, EntryType type, std::uint32_t layer) {
    json_.begin_object();
    write_bytes(json_, "path", path);
    json_.key("type").string(name_of(type)).key("layer").integer(layer);
  }
  void end() {
    json_.end_object();
    print_if_large(json_, output_);
  }

  Output& output_;
  JsonWriter json_;
};

// Prints the files of the image at `path`, or the lost ones.
template <class Printer>
Status print_files(const BlamedImage& image, const std::string& path, bool is_deleted, Printer& printer) {
  bool is_found = false;
  const auto print = [&](const auto& file) -> Status {
    is_found = true;
    printer.print(file);
    return {};
  };
  if (!is_deleted) return visit_origins(image.indexes, path, print);
  if (auto visited = visit_lost_files(image.indexes, path, print); !visited) return visited;
  constexpr bool kFollowLast = false;
  if (is_found) return {};
  const auto there = image.image->resolve(path, kFollowLast);
  return there ? Status() : fail(Error(there.error()));
}

Status print_blame(const BlamedImage& image, const std::string& path, const BlameArguments& arguments,
                   Output& output) {
  const auto print_by = [&](auto printer) -> Status {
    if (auto printed = print_files(image, path, arguments.is_deleted, printer); !printed) return printed;
    printer.finish();
    return {};
  };
  if (arguments.is_json) return print_by(BlameJson(image, arguments.is_deleted, output));
  return print_by(BlameText(image, arguments, output));
}

Status blame(BlameArguments arguments, Output& output) {
  const auto given = arguments.image.take_operand_before_path("blame", std::move(arguments.operands));
  if (!given) return fail(Error(given.error()));
  const auto layout = open_layout(arguments.image);
  if (!layout) return fail(Error(layout.error()));
  auto manifest = find_manifest(*layout, arguments.image);
  if (!manifest) return fail(std::move(manifest).error());
  Progress progress("indexing", !arguments.is_progress_hidden);
  ImageLibrary library(layout->reader, open_cache(arguments.image.cache_dir),
                       {.progress = indexing_progress(progress)});
  const auto image = open_blamed(library, std::move(*manifest));
  progress.clear();
  if (!image) return fail(Error(image.error()), layout->path);
  const Status complete = print_problems(*image->image, layout->path);
  const std::string path = *given ? path_without_symlinks(*image->image, **given) : "";
  if (auto printed = print_blame(*image, path, arguments, output); !printed) return printed;
  return complete;
}

}  // namespace

void add_blame_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<BlameArguments>();
  const Command command =
      program.add_subcommand("blame", "Show the layer and the build step that each file comes from");
  command.usage(std::string(kImageKind) + " [PATH]");
  command.example("layoutfs blame ./img:app /etc");
  command.example("layoutfs blame --deleted ./img:app", "files that a layer removed or replaced");
  command.add_option("OPERANDS", arguments->operands, "").type_name(std::string(kImageKind) + " [PATH]");
  command.add_flag("--deleted", arguments->is_deleted,
                   "Show the files that a later layer removed or replaced");
  arguments->image.add_options(command);
  command.start_group(kOutputGroup);
  command.add_flag("--no-trunc", arguments->is_whole, "Print whole commands");
  command.add_flag("--json", arguments->is_json, "Print JSON");
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output_or_error([&](Output& output) { return blame(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools
