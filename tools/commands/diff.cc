// `layoutfs diff`.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/explain/equal_contents.h"
#include "core/explain/tree_differences.h"
#include "core/tar/tar_parser.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/diff_printer.h"
#include "tools/commands/diff_side.h"

namespace layoutfs::tools {
namespace {

struct DiffArguments {
  ImageArguments before, after;  // the options are those of `before`
  std::string path;
  bool is_time_ignored = false;
  bool is_name_status = false;
  bool ends_with_nul = false;  // -0
  bool is_stat = false;
  bool is_patch = false;
  bool is_json = false;
  bool is_progress_hidden = false;
};

// 1 means differences and nothing else.
constexpr int kDifferent = 1;
constexpr int kOtherTrouble = 2;
int trouble(int code) { return code == kFailed ? kOtherTrouble : code; }

// The content of the files is decoded once.
constexpr std::uint64_t kDiffCacheSize = std::uint64_t{64} << 20;

std::unique_ptr<DiffPrinter> make_printer(const DiffArguments& arguments, DiffSides sides,
                                          std::string_view path, Output& output) {
  if (arguments.is_name_status) return make_name_printer(arguments.ends_with_nul, output);
  if (arguments.is_stat) return make_stat_printer(sides, path, output);
  if (arguments.is_patch) return make_patch_printer(sides, output);
  if (arguments.is_json) return make_json_printer(sides, output);
  return make_text_printer(sides, output);
}

class Diff {
 public:
  Diff(const DiffArguments& arguments, DiffSides sides)
      : arguments_(arguments),
        sides_(sides),
        path_(clean_path(arguments.path)),
        contents_(*sides.before.image, *sides.after.image) {}

  // Returns the number of differences.
  Result<std::uint64_t> print(Output& output) {
    if (auto found = find_path(); !found) return fail(std::move(found).error());
    // The first walk finds the files whose content must be compared, the second one has the answers.
    const auto note = [this](Inode before, Inode after) {
      contents_.note(before, after);
      return true;
    };
    if (auto walked = walk(note, [](const Difference&) { return Status(); }); !walked)
      return fail(std::move(walked).error());
    if (auto read = read_contents(); !read) return fail(std::move(read).error());
    const auto printer = make_printer(arguments_, sides_, path_, output);
    std::uint64_t count = 0;
    const auto print_one = [&](const Difference& difference) -> Status {
      ++count;
      return printer->print(difference);
    };
    const auto is_equal = [this](Inode before, Inode after) { return contents_.are_equal(before, after); };
    if (auto walked = walk(is_equal, print_one); !walked) return fail(std::move(walked).error());
    printer->finish();
    return count;
  }

 private:
  // A path may exist on one side only.
  Status find_path() {
    constexpr bool kFollowLast = false;
    const auto before = sides_.before.image->resolve(path_, kFollowLast);
    const auto after = sides_.after.image->resolve(path_, kFollowLast);
    if (!before && !after) return fail(Error(before.error()));
    if (before) first_before_ = *before;
    if (after) first_after_ = *after;
    return {};
  }

  Status walk(const HasEqualContent& has_equal_content,
              const std::function<Status(const Difference&)>& visit) const {
    const CompareOptions options{.is_time_ignored = arguments_.is_time_ignored,
                                 .is_content_last = arguments_.is_name_status || arguments_.is_stat};
    return visit_differences(sides_.before.tree(), first_before_, sides_.after.tree(), first_after_, path_,
                             options, has_equal_content, visit);
  }

  Status read_contents() {
    if (contents_.empty()) return {};
    Progress progress("comparing", !arguments_.is_progress_hidden);
    auto read = contents_.read(
        [&progress](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); });
    progress.clear();
    return read;
  }

  const DiffArguments& arguments_;
  const DiffSides sides_;
  const std::string path_;
  EqualContents contents_;
  std::optional<Inode> first_before_, first_after_;
};

int print_diff(const DiffArguments& arguments, Output& output) {
  if (arguments.ends_with_nul && !arguments.is_name_status)
    return report(Error(Errc::invalid_argument, "diff: '--null' needs '--name-status'"));
  Progress progress("indexing", !arguments.is_progress_hidden);
  const auto resources = std::make_shared<const LibraryResources>(
      open_cache(arguments.before.cache_dir),
      LibraryOptions{.cache_size = kDiffCacheSize, .progress = indexing_progress(progress)});
  const auto before = open_diff_side(arguments.before, nullptr, resources);
  if (!before) return trouble(report(before.error()));
  ImageArguments after_arguments = arguments.before;
  after_arguments.name = arguments.after.name;
  const auto after = open_diff_side(after_arguments, &*before, resources);
  if (!after) return trouble(report(after.error()));
  progress.clear();
  const std::array complete{print_problems(*before->image, before->name),
                            print_problems(*after->image, after->name)};
  const auto count = Diff(arguments, {*before, *after}).print(output);
  if (!count) return trouble(report(count.error()));
  int code = *count == 0 ? kDone : kDifferent;
  output.flush();
  for (const Status& side : complete)
    if (!side) code = report(side.error());
  return code;
}

}  // namespace

void add_diff_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<DiffArguments>();
  const Command command = program.add_subcommand("diff", "Compare the files of two images, or of two layers");
  command.usage(std::string(kImageKind) + " " + kImageKind + " [PATH]");
  command.example("layoutfs diff ./img:app-1.2 ./img:app-1.3");
  command.example("layoutfs diff -p ./img:app-1.2 ./img:app-1.3 /etc", "as a patch");
  command.example("layoutfs diff --stat debian:bookworm docker://debian:trixie", "a summary");
  command.add_option("A", arguments->before.name, "").type_name(kImageKind).required();
  command.add_option("B", arguments->after.name, "").type_name(kImageKind).required();
  command.add_option("PATH", arguments->path, "A file or a directory of both images (default: all)");
  arguments->before.add_common_options(command);
  command.add_flag("--ignore-mtime", arguments->is_time_ignored, "Ignore the times of files");
  command.start_group(kOutputGroup);
  const Option names =
      command.add_flag("--name-status", arguments->is_name_status, "Print only A, D or M, and the path");
  command.add_flag("-0,--null", arguments->ends_with_nul, "End each line of --name-status with NUL");
  const Option stat = command.add_flag("--stat", arguments->is_stat, "Print numbers and sizes by directory");
  const Option patch =
      command.add_flag("-p,--patch", arguments->is_patch, "Print the changed lines of texts");
  const Option json = command.add_flag("--json", arguments->is_json, "Print JSON");
  stat.excludes(names);
  patch.excludes(names).excludes(stat);
  json.excludes(names).excludes(stat).excludes(patch);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return print_diff(*arguments, output); }, kDifferent);
  });
}

}  // namespace layoutfs::tools
