// `layoutfs gc`.
#include "layoutfs/gc.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/json.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/name_store.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct GcArguments {
  LayoutArguments layout;
  std::string grace = "1h";
  std::string names;
  bool is_dry_run = false;
  bool is_json = false;
  bool is_progress_hidden = false;
};

void print_gc_json(const GcResult& result, std::uint64_t removed_size, bool is_dry_run, Output& output) {
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("dryRun").boolean(is_dry_run);
  json.key("removed").begin_array();
  for (const auto& blob : result.removed)
    json.begin_object()
        .key("digest")
        .string(blob.digest.str())
        .key("size")
        .integer(to_json_integer(blob.size))
        .end_object();
  json.end_array().key("removedSize").integer(to_json_integer(removed_size));
  json.key("reachable").integer(to_json_integer(result.reachable));
  json.key("young").integer(to_json_integer(result.young));
  json.key("youngSize").integer(to_json_integer(result.young_bytes));
  json.key("notes").begin_array();
  for (const std::string& note : result.notes) json.string(note);
  json.end_array();
  write_problems(json, result.problems);
  output << json.end_object().str() << "\n";
}

void print_gc_text(const GcResult& result, std::uint64_t removed_size, const GcArguments& arguments,
                   Output& output) {
  for (const auto& blob : result.removed) output.digest(blob.digest) << "\n";
  std::string summary = arguments.is_dry_run ? "would remove " : "removed ";
  summary += count_of(result.removed.size(), "blob") + " (" + human_size(removed_size) + "); " +
             count_of(result.reachable, "blob") + (result.reachable == 1 ? " is" : " are") + " in use";
  if (result.young > 0)
    summary += "; kept " + count_of(result.young, "unused blob") + " (" + human_size(result.young_bytes) +
               ") newer than " + arguments.grace + "; --grace 0 removes " +
               (result.young == 1 ? "it" : "them") + " too";
  output.flush();
  print_notice(summary);
}

void print(const GcResult& result, const std::string& path, const GcArguments& arguments, Output& output) {
  std::uint64_t removed_size = 0;
  for (const auto& blob : result.removed) removed_size += blob.size;
  for (const std::string& problem : result.problems) print_error(path + ": " + problem);
  for (const std::string& note : result.notes) print_notice(path + ": " + note + ", which are kept");
  arguments.is_json ? print_gc_json(result, removed_size, arguments.is_dry_run, output)
                    : print_gc_text(result, removed_size, arguments, output);
}

// Removes blobs if `engine`, which is the same layout, is not null.
int collect(const std::string& path, const LayoutReader& layout, Engine* engine,
            std::chrono::nanoseconds grace, const GcArguments& arguments, Output& output) {
  const StopSignals signals;
  TargetsInLayout targets(directory_of({.directory = arguments.names, .name_space = {}}), path);
  Progress progress("removing", !arguments.is_progress_hidden);
  std::uint64_t done = 0;
  const GcPolicy tell = [&](const Digest& digest) -> Result<bool> {
    const auto size = layout.blob_size(digest);
    if (size) done += size->value_or(0);
    progress.update("", done, 0);
    return true;
  };
  const GcOptions options{
      .grace = grace, .policies = {tell}, .roots = [&] { return targets(); }, .context = signals.context()};
  const auto result = engine != nullptr ? collect_garbage(*engine, options) : find_garbage(layout, options);
  progress.clear();
  // Removed blobs are listed even after an error.
  if (!result.ended_by || (engine != nullptr && !result.removed.empty()))
    print(result, path, arguments, output);
  if (!result.ended_by) return kDone;
  output.flush();
  const Error error = Error(result.ended_by->error).with(path);
  return result.ended_by->is_of_writing ? signals.report_write(error) : signals.report(error);
}

int collect(const GcArguments& arguments, Output& output) {
  const auto grace = parse_duration(arguments.grace);
  if (!grace) return report(Error(grace.error()).with("--grace"));
  return with_layout(arguments.layout, !arguments.is_dry_run,
                     [&](const std::string& path, const LayoutReader& layout, Engine* engine) {
                       return collect(path, layout, engine, *grace, arguments, output);
                     });
}

}  // namespace

void add_gc_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<GcArguments>();
  const Command command = program.add_subcommand("gc", "Remove blobs that no reference or image name needs");
  command.example("layoutfs gc --dry-run ./img");
  command.example("layoutfs gc --grace 0 ./img", "also new blobs");
  arguments->layout.add_options(command);
  command.add_flag("--dry-run", arguments->is_dry_run, "Only list the blobs that would be removed");
  command
      .add_option("--grace", arguments->grace,
                  "Keep blobs newer than TIME, as in 0, 30s, 10m, 2d (default: 1h)")
      .type_name("TIME");
  command.add_option("--store", arguments->names, "Directory of the store of names; gc keeps its images")
      .type_name("DIR");
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return collect(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
