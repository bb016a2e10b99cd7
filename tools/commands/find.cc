// `layoutfs find`.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/explain/find_expression.h"
#include "core/explain/tree_walk.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/inode_json.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/file_listing.h"
#include "tools/commands/searched_images.h"

namespace layoutfs::tools {
namespace {

struct FindArguments {
  ImageArguments image;
  std::vector<std::string>
      operands;  // LAYOUT[:REF] [PATH...] [EXPRESSION]; without LAYOUT if --layout is given
  bool is_long = false;
  bool ends_with_nul = false;
  bool is_json = false;
  bool is_progress_hidden = false;
};

constexpr std::int64_t kFindVersion = 1;

// Prints the files of several images.
class FindOutput {
 public:
  FindOutput(const FindArguments& arguments, FindExpression::Format format, bool has_several, Output& output)
      : is_long_(arguments.is_long || format == FindExpression::Format::attributes),
        ends_with_nul_(arguments.ends_with_nul || format == FindExpression::Format::nul),
        is_json_(arguments.is_json),
        has_several_(has_several),
        output_(output) {
    if (is_json_) json_.begin_object().key("version").integer(kFindVersion).key("images").begin_array();
  }

  void begin_image(const SearchedImage& image, const std::vector<std::string>& problems) {
    name_ = image.name;
    if (!is_json_) return;
    json_.begin_object()
        .key("reference")
        .string(image.name)
        .key("manifest")
        .string(image.manifest.digest.str());
    write_problems(json_, problems);
    json_.key("files").begin_array();
  }
  void end_image() {
    if (is_json_) json_.end_array().end_object();
  }

  void print(const ImageTree& tree, const WalkedFile& file) {
    if (is_json_) return print_json(tree, file);
    if (is_long_) output_ << attributes_.text(file.inode);
    if (has_several_) (output_.name(name_)) << ":";
    if (ends_with_nul_)
      output_ << file.path << std::string_view("\0", 1);
    else
      output_.name(file.path);
    if (is_long_ && file.inode.type == EntryType::symlink && !ends_with_nul_)
      (output_ << " -> ").name(file.inode.target);
    if (!ends_with_nul_) output_ << "\n";
  }

  void finish() {
    if (is_json_) output_ << json_.end_array().end_object().take() << "\n";
  }

 private:
  void print_json(const ImageTree& tree, const WalkedFile& file) {
    json_.begin_object();
    write_bytes(json_, "path", file.path);
    write_inode(json_, tree, file.number);
    json_.end_object();
    print_if_large(json_, output_);
  }

  const bool is_long_, ends_with_nul_, is_json_, has_several_;
  Output& output_;
  AttributeColumns attributes_{false};
  std::string name_;
  JsonWriter json_;
};

Status find_below(const Image& image, const std::string& path, const FindExpression& expression,
                  FindOutput& output) {
  const auto start = image.resolve(path, false);
  if (!start) return fail(Error(start.error()));
  const std::string absolute = "/" + clean_path(path);
  return walk_files(image.tree(), *start, absolute, [&](const WalkedFile& file) -> Result<Descend> {
    if (file.depth >= expression.min_depth() && file.depth <= expression.max_depth() &&
        expression.matches(image.tree(), file))
      output.print(image.tree(), file);
    return file.depth < expression.max_depth() ? Descend::yes : Descend::no;
  });
}

// The parts of the operands after the image.
struct Search {
  std::vector<std::string> paths;
  FindExpression expression;
};

Result<Search> parse_search(std::span<const std::string> operands) {
  std::size_t paths = 0;
  while (paths < operands.size() && !FindExpression::is_start(operands[paths])) ++paths;
  auto expression = FindExpression::parse(operands.subspan(paths));
  if (!expression) {
    const Error& error = expression.error();
    return fail(Error(error.code(), "find: " + error.message()).with_hint(error.hint()));
  }
  Search search{{operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(paths)},
                std::move(*expression)};
  if (search.paths.empty()) search.paths.emplace_back("/");
  return search;
}

class Finder {
 public:
  Finder(const OpenLayout& layout, const Search& search, ImageLibrary& library, FindOutput& output)
      : layout_(layout), search_(search), library_(library), output_(output), missing_(search.paths.size()) {}

  // Prints errors of the image. Fails only if a signal stops the command.
  Status find_in(const SearchedImage& image, const Context& context) {
    const auto opened = library_.image(image.manifest, context);
    if (!opened && opened.error().code() == Errc::cancelled) return fail(Error(opened.error()));
    if (!opened) {
      note(report(Error(opened.error()).with(place_of(layout_, image))));
      return {};
    }
    const Status complete = print_problems(**opened, place_of(layout_, image));
    output_.begin_image(image, (*opened)->tree().problems());
    for (std::size_t i = 0; i < search_.paths.size(); ++i)
      if (auto found = find_below(**opened, search_.paths[i], search_.expression, output_); !found)
        missing_[i].emplace_back(std::move(found).error());
    output_.end_image();
    ++opened_;
    if (!complete) note(report(complete.error()));
    return {};
  }

  // A path may be missing in some of several images, but not in all. Returns the exit code.
  int finish() {
    for (const auto& errors : missing_)
      if (opened_ > 0 && errors.size() == opened_) note(report(errors.front()));
    return code_;
  }
  void note(int code) {
    if (code_ == kDone) code_ = code;
  }

 private:
  const OpenLayout& layout_;
  const Search& search_;
  ImageLibrary& library_;
  FindOutput& output_;
  std::vector<std::vector<Error>> missing_;  // for each path, of the images without it
  std::size_t opened_ = 0;
  int code_ = kDone;
};

int find_files(FindArguments arguments, Output& output) {
  if (auto taken = arguments.image.take_operand("find", arguments.operands); !taken)
    return report(taken.error());
  const auto search = parse_search(arguments.operands);
  if (!search) return report(search.error());
  const auto layout = open_layout(arguments.image);
  if (!layout) return report(layout.error());
  const StopSignals signals;
  Progress progress("indexing", !arguments.is_progress_hidden);
  ImageLibrary library(layout->reader, open_cache(arguments.image.cache_dir),
                       {.progress = indexing_progress(progress)});
  const auto images = searched_images(*layout, arguments.image, library.graph(), signals.context());
  if (!images) return signals.report(images.error());
  index_layers(library, *images, signals.context());
  progress.clear();
  FindOutput files(arguments, search->expression.format(), images->images.size() > 1, output);
  Finder finder(*layout, *search, library, files);
  for (const Error& problem : images->problems) finder.note(report(Error(problem).with(layout->path)));
  for (const SearchedImage& image : images->images)
    if (auto found = finder.find_in(image, signals.context()); !found) return signals.report(found.error());
  files.finish();
  output.flush();
  return finder.finish();
}

}  // namespace

void add_find_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<FindArguments>();
  const Command command =
      program.add_subcommand("find", "Find files in one image, or in all images of a layout");
  command.usage(std::string(kImageKind) + " [PATH...] [EXPRESSION]");
  command.example("layoutfs find ./img:app /etc -name '*.conf'");
  command.example("layoutfs find ./img -type f -size +10M", "in all images of the layout");
  command.example("layoutfs find -l ./img:app -perm /6000", "programs with set-id bits");
  command
      .add_option("OPERANDS", arguments->operands,
                  "The image or the layout, files or directories (default: /), and conditions as in find(1): "
                  "-name, -path, -type, -size, -perm, -uid, -gid, -links, -empty, -newermt, -layer, "
                  "-maxdepth; ! -a -o ( )")
      .type_name(std::string(kImageKind) + " [PATH...] [EXPRESSION]");
  command.end_options_at_operand();  // conditions begin with '-'
  arguments->image.add_options(command);
  command.start_group(kOutputGroup);
  command.add_flag("-l,--long", arguments->is_long, "Print modes, owners, sizes and times (UTC)");
  const Option nul =
      command.add_flag("-0,--null", arguments->ends_with_nul, "End each line with NUL, for xargs -0");
  command.add_flag("--json", arguments->is_json, "Print JSON").excludes(nul);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return find_files(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools
