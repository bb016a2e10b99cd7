// `layoutfs grep`.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/image_grep.h"
#include "tools/commands/searched_images.h"

namespace layoutfs::tools {
namespace {

struct GrepArguments {
  ImageArguments image;
  std::vector<std::string>
      operands;  // [PATTERN] [LAYOUT[:REF]] [PATH...]; not those that are given by options
  std::vector<std::string> patterns;  // -e
  PatternOptions pattern;
  bool is_extended = false, is_fixed = false;
  std::string binary_files;
  // -A, -B, -C, -m: the last one counts.
  std::vector<std::string> after, before, around, most;
  bool has_no_names = false;                        // --no-filename
  bool is_text = false, is_binary_skipped = false;  // -a, -I
  bool is_recursive = false;                        // no effect
  GrepOptions search;
  bool is_progress_hidden = false;
};

// As for grep(1), 1 means that no line matches.
constexpr int kNoMatch = 1;
// Decoded bytes that are kept: each layer is read in order.
constexpr std::uint64_t kGrepCacheSize = std::uint64_t{64} << 20;

// Prints the error. Returns its exit code, which is never kNoMatch.
int report_trouble(const Error& error) {
  const int code = report(error);
  return code == kNoMatch ? static_cast<int>(kUsage) : code;
}

Status read_operands(GrepArguments& arguments) {
  const auto take = [&](const std::string& operand) -> Result<std::string> {
    if (arguments.operands.empty()) return fail(missing_operand("grep", operand));
    std::string first = std::move(arguments.operands.front());
    arguments.operands.erase(arguments.operands.begin());
    return first;
  };
  if (arguments.patterns.empty()) {
    auto pattern = take("PATTERN");
    if (!pattern) return fail(std::move(pattern).error());
    arguments.patterns.push_back(std::move(*pattern));
  }
  if (arguments.image.layout.empty()) {
    auto name = take(kImageKind);
    if (!name) return fail(std::move(name).error());
    arguments.image.name = std::move(*name);
  }
  arguments.search.paths = std::move(arguments.operands);
  return {};
}

Result<BinaryFiles> binary_files_of(const GrepArguments& arguments) {
  const std::string& kind = arguments.binary_files;
  if (arguments.is_text || kind == "text") return BinaryFiles::text;
  if (arguments.is_binary_skipped || kind == "without-match") return BinaryFiles::without_match;
  if (kind.empty() || kind == "binary") return BinaryFiles::summary;
  return fail(Errc::invalid_argument,
              "grep: --binary-files " + kind + ": neither binary, text nor without-match");
}

Status read_numbers(GrepArguments& arguments) {
  SearchOptions& search = arguments.search.search;
  const auto read = [](std::string_view option, const std::vector<std::string>& texts,
                       std::uint64_t& value) -> Status {
    if (texts.empty()) return {};
    const auto number = parse_count(option, texts.back());
    if (!number) return fail(Error(number.error()));
    value = *number;
    return {};
  };
  if (auto done = read("--context", arguments.around, search.after); !done) return done;
  search.before = search.after;
  if (auto done = read("--after-context", arguments.after, search.after); !done) return done;
  if (auto done = read("--before-context", arguments.before, search.before); !done) return done;
  // Only lines that are printed have lines around them.
  if (arguments.search.is_count || arguments.search.is_list || arguments.search.is_list_of_others ||
      arguments.search.is_only_matching)
    search.before = search.after = 0;
  return read("--max-count", arguments.most, search.most);
}

// Returns the number of images with each layer.
std::unordered_map<Digest, std::size_t> users_of_layers(const LayoutGraph& graph,
                                                        const SearchedImages& images) {
  std::unordered_map<Digest, std::size_t> users;
  for (const SearchedImage& image : images.images)
    if (const auto manifest = graph.manifest(image.manifest))
      for (const Descriptor& layer : (*manifest)->layers) ++users[layer.digest];
  return users;
}

class Grep {
 public:
  Grep(const OpenLayout& layout, ImageLibrary& library, const SearchedImages& images, ImageGrep& grep)
      : layout_(layout),
        library_(library),
        images_(images),
        grep_(grep),
        users_(users_of_layers(library.graph(), images)) {}

  // Returns the exit code.
  int run() {
    for (const Error& problem : images_.problems) note(Error(problem).with(layout_.path));
    for (const SearchedImage& image : images_.images)
      if (!grep_.is_done()) search(image);
    // A path may be missing in some of several images.
    for (const auto& [message, images] : missing_)
      if (images == opened_) note(Error(Errc::not_found, message));
    return code_ != kDone && !grep_.is_done() ? code_ : grep_.has_matched() ? kDone : kNoMatch;
  }

 private:
  void note(const Error& error) {
    const int code = report_trouble(error);
    if (code_ == kDone) code_ = code;
  }

  void search(const SearchedImage& image) {
    const std::string place = place_of(layout_, image);
    const auto opened = library_.image(image.manifest);
    if (!opened) return note(Error(opened.error()).with(place));
    const Status complete = print_problems(**opened, place);
    std::vector<bool> is_shared;
    if (const auto manifest = library_.graph().manifest(image.manifest))
      for (const Descriptor& layer : (*manifest)->layers) is_shared.push_back(users_[layer.digest] > 1);
    is_shared.resize((*opened)->tree().layer_count());
    const auto missing = grep_.search(**opened, images_.images.size() > 1 ? image.name + ":" : "", is_shared);
    if (!missing) return note(Error(missing.error()).with(place));
    ++opened_;
    for (const std::string& message : *missing) ++missing_[message];
    if (!complete) note(complete.error());
  }

  const OpenLayout& layout_;
  ImageLibrary& library_;
  const SearchedImages& images_;
  ImageGrep& grep_;
  std::unordered_map<Digest, std::size_t> users_;
  std::size_t opened_ = 0;
  std::unordered_map<std::string, std::size_t> missing_;  // messages, with the number of images
  int code_ = kDone;
};

int grep(GrepArguments arguments, Output& output) {
  if (auto read = read_operands(arguments); !read) return report_trouble(read.error());
  const auto binary = binary_files_of(arguments);
  if (!binary) return report_trouble(binary.error());
  if (auto read = read_numbers(arguments); !read) return report_trouble(read.error());
  arguments.search.search.binary = *binary;
  arguments.search.has_names = !arguments.has_no_names;
  arguments.search.search.is_counting = arguments.search.is_count;
  arguments.search.is_silent = is_quiet();
  arguments.pattern.syntax = arguments.is_fixed      ? PatternSyntax::fixed
                             : arguments.is_extended ? PatternSyntax::extended
                                                     : PatternSyntax::basic;
  const auto pattern = LinePattern::compile(arguments.patterns, arguments.pattern);
  if (!pattern) return report_trouble(Error(pattern.error()).with("grep"));
  // As in grep(1), nothing is read, and the exit status is that of no match.
  if (arguments.search.search.most == 0 && !arguments.search.is_list_of_others) return kNoMatch;
  const auto layout = open_layout(arguments.image);
  if (!layout) return report_trouble(layout.error());
  Progress progress("indexing", !arguments.is_progress_hidden);
  ImageLibrary library(layout->reader, open_cache(arguments.image.cache_dir),
                       {.cache_size = kGrepCacheSize, .progress = indexing_progress(progress)});
  const auto images = searched_images(*layout, arguments.image, library.graph(), {});
  if (!images) return report_trouble(images.error());
  index_layers(library, *images, {});
  progress.clear();
  ImageGrep search(*pattern, arguments.search, output);
  return Grep(*layout, library, *images, search).run();
}

}  // namespace

void add_grep_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<GrepArguments>();
  const Command command =
      program.add_subcommand("grep", "Find lines in the files of one image, or of all images of a layout");
  command.usage("PATTERN " + std::string(kImageKind) + " [PATH...]");
  command.example("layoutfs grep -n root ./img:app /etc");
  command.example("layoutfs grep -l --include '*.py' 'import six' ./img", "in all images of the layout");
  command
      .add_option("OPERANDS", arguments->operands,
                  "The pattern, the image or the layout, and files or directories (default: all)")
      .type_name("PATTERN " + std::string(kImageKind) + " [PATH...]");
  command.start_group("Which lines");
  command.add_option("-e,--regexp", arguments->patterns, "A pattern, instead of the operand; may be repeated")
      .type_name("PATTERN");
  const Option extended = command.add_flag("-E,--extended-regexp", arguments->is_extended,
                                           "Patterns are extended regular expressions (default: basic)");
  command.add_flag("-F,--fixed-strings", arguments->is_fixed, "Patterns are texts").excludes(extended);
  command.add_flag("-i,--ignore-case", arguments->pattern.ignores_case, "Ignore the case of letters");
  command.add_flag("-w,--word-regexp", arguments->pattern.is_word, "Match only whole words");
  command.add_flag("-x,--line-regexp", arguments->pattern.is_line, "Match only whole lines");
  command.add_flag("-v,--invert-match", arguments->search.search.is_inverted,
                   "Select lines that do not match");
  command.add_option("-m,--max-count", arguments->most, "At most N lines of each file").type_name("N");
  command.start_group("Which files");
  command
      .add_option("--include", arguments->search.include,
                  "Only files with a name that matches GLOB; may be repeated")
      .type_name("GLOB");
  command
      .add_option("--exclude", arguments->search.exclude,
                  "No files with a name that matches GLOB; may be repeated")
      .type_name("GLOB");
  const Option binary =
      command
          .add_option("--binary-files", arguments->binary_files,
                      "The lines of files with NUL bytes: a summary (default), as in text files, or none")
          .type_name("binary|text|without-match");
  const Option text =
      command.add_flag("-a,--text", arguments->is_text, "As --binary-files text").excludes(binary);
  command.add_flag("-I", arguments->is_binary_skipped, "As --binary-files without-match")
      .excludes(binary)
      .excludes(text);
  command.add_flag("-r", arguments->is_recursive, "Accepted: directories are always searched");
  arguments->image.add_options(command);
  command.start_group(kOutputGroup);
  command.add_flag("-n,--line-number", arguments->search.has_numbers, "Print the numbers of lines");
  const Option count =
      command.add_flag("-c,--count", arguments->search.is_count, "Print the number of lines of each file");
  const Option list =
      command.add_flag("-l,--files-with-matches", arguments->search.is_list, "Print only the names of files")
          .excludes(count);
  command
      .add_flag("-L,--files-without-match", arguments->search.is_list_of_others,
                "Print only the names of the other files")
      .excludes(count)
      .excludes(list);
  command.add_flag("-o,--only-matching", arguments->search.is_only_matching,
                   "Print only the part of a line that matches");
  command.add_flag("--no-filename", arguments->has_no_names, "Do not print the names of files before lines");
  command.add_option("-A,--after-context", arguments->after, "Print N lines after each line, too")
      .type_name("N");
  command.add_option("-B,--before-context", arguments->before, "Print N lines before each line, too")
      .type_name("N");
  command.add_option("-C,--context", arguments->around, "Print N lines before and after each line, too")
      .type_name("N");
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return grep(std::move(*arguments), output); }, kNoMatch);
  });
}

}  // namespace layoutfs::tools
