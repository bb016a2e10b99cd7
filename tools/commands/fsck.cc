// `layoutfs fsck`.
#include "layoutfs/fsck.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "layoutfs/open.h"
#include "layoutfs/platform.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/broken_images.h"

namespace layoutfs::tools {
namespace {

struct FsckArguments {
  LayoutArguments layout;
  std::string threads;  // empty: one for each CPU
  std::vector<std::string> repair_from;
  std::string cache_dir;
  bool is_json = false;
  bool is_progress_hidden = false;
};

// Opens the layouts of --repair-from.
Result<std::vector<RepairSource>> open_sources(const FsckArguments& arguments, const std::string& layout) {
  std::vector<RepairSource> sources;
  for (const std::string& from : arguments.repair_from) {
    LayoutArguments other = arguments.layout;  // --follow-links applies to both layouts
    other.layout = from;
    auto source = open_to_read(other);
    if (!source) return fail(std::move(source).error(), "--repair");
    std::error_code failed;
    if (std::filesystem::equivalent(source->path, layout, failed))
      return fail(Errc::invalid_argument, "--repair " + from + ": is the layout to repair");
    sources.push_back({.name = std::move(source->path), .blobs = std::move(source->reader)});
  }
  return sources;
}

void write_repaired(JsonWriter& json, const std::vector<RepairedBlob>& repaired) {
  json.key("repaired").begin_array();
  for (const RepairedBlob& blob : repaired)
    json.begin_object().key("digest").string(blob.digest.str()).key("from").string(blob.from).end_object();
  json.end_array();
}

void print_repaired(const std::vector<RepairedBlob>& repaired, Output& output) {
  for (const RepairedBlob& blob : repaired)
    output << "repaired: " << blob.digest.str() << " from " << printable(blob.from) << "\n";
}

void write_broken(JsonWriter& json, const std::vector<BrokenImage>& broken) {
  json.key("brokenImages").begin_array();
  for (const BrokenImage& image : broken) {
    json.begin_object().key("reference").string(image.reference).key("blobs").begin_array();
    for (const Digest& blob : image.blobs) json.string(blob.str());
    json.end_array().end_object();
  }
  json.end_array();
}

void print_broken(const std::vector<BrokenImage>& broken, Output& output) {
  for (const BrokenImage& image : broken) {
    output << "broken-image: " << printable(image.reference) << ":";
    for (const Digest& blob : image.blobs) output << " " << blob.str();
    output << "\n";
  }
}

void print_fsck_json(const FsckReport& report, const std::vector<RepairedBlob>* repaired,
                     const std::vector<BrokenImage>& broken, Output& output) {
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion);
  json.key("blobs")
      .integer(to_json_integer(report.blobs))
      .key("bytes")
      .integer(to_json_integer(report.bytes));
  json.key("references").integer(to_json_integer(report.references));
  json.key("documents").integer(to_json_integer(report.documents));
  json.key("diffIDs").integer(to_json_integer(report.diff_ids));
  if (repaired != nullptr) write_repaired(json, *repaired);
  json.key("problems").begin_array();
  for (const FsckProblem& problem : report.problems) {
    json.begin_object().key("kind").string(name_of(problem.kind)).key("digest");
    problem.digest ? json.string(problem.digest->str()) : json.null();
    json.key("message").string(problem.message).end_object();
  }
  json.end_array();
  write_broken(json, broken);
  json.key("absent").begin_array();
  for (const Descriptor& child : report.absent) {
    json.begin_object().key("digest").string(child.digest.str());
    if (child.platform) json.key("platform").string(to_string(*child.platform));
    json.end_object();
  }
  json.end_array().key("notes").begin_array();
  for (const std::string& note : report.notes) json.string(note);
  output << json.end_array().end_object().str() << "\n";
}

void print_fsck_text(const FsckReport& report, const std::vector<RepairedBlob>& repaired,
                     const std::vector<BrokenImage>& broken, Output& output) {
  print_repaired(repaired, output);
  for (const FsckProblem& problem : report.problems)
    output << name_of(problem.kind) << ": " << printable(problem.message) << "\n";
  print_broken(broken, output);
  for (const Descriptor& child : report.absent) {
    const std::string platform = child.platform ? to_string(*child.platform) + ", " : "";
    output << "absent: " << child.digest.str() << ": " << printable(platform)
           << "listed in an index but not in the layout\n";
  }
  for (const std::string& note : report.notes) output << "note: " << printable(note) << "\n";
}

// Returns whether an intact copy of the blob would solve the problem.
bool is_repairable(const FsckProblem& problem) {
  using enum FsckProblem::Kind;
  return problem.kind == missing_blob || problem.kind == wrong_digest || problem.kind == unreadable;
}

std::string fsck_summary(const FsckReport& report) {
  return count_of(report.blobs, "blob") + " (" + human_size(report.bytes) + "), " +
         count_of(report.references, "reference") + ", " + count_of(report.documents, "document") + " and " +
         count_of(report.diff_ids, "diffID");
}

// Returns 0 for one thread per CPU.
Result<unsigned> thread_count(const std::string& text) {
  if (text.empty()) return 0;
  const auto threads = parse_count("--threads", text);
  if (!threads) return fail(Error(threads.error()));
  if (*threads == 0 || *threads > kMaxFsckThreads)
    return fail(Errc::invalid_argument,
                "--threads " + text + ": expected 1 to " + std::to_string(kMaxFsckThreads));
  return static_cast<unsigned>(*threads);
}

// Repairs if `engine`, which is the same layout, is not null.
int check(const std::string& path, const LayoutReader& layout, Engine* engine, unsigned threads,
          const FsckArguments& arguments, Output& output) {
  std::optional<BlobRepair> repair;
  if (engine != nullptr) {
    auto sources = open_sources(arguments, path);
    if (!sources) return report(sources.error());
    repair.emplace(*engine, std::move(*sources));
  }
  const StopSignals signals;
  auto result = [&] {
    Progress progress("checking", !arguments.is_progress_hidden);
    return check_layout(layout,
                        {.threads = threads,
                         .progress = [&progress](std::uint64_t done,
                                                 std::uint64_t total) { progress.update("", done, total); },
                         .repair = repair ? &*repair : nullptr,
                         .cache_directory = open_cache(arguments.cache_dir).directory(),
                         .context = signals.context()});
  }();
  const std::vector<RepairedBlob> repaired = repair ? repair->repaired() : std::vector<RepairedBlob>();
  if (!result) {
    // Printed even after an error, because these blobs stay repaired.
    if (!arguments.is_json) print_repaired(repaired, output);
    output.flush();
    const Error error = std::move(result).error().with(path);
    return repair ? signals.report_write(error) : signals.report(error);
  }
  const auto broken = broken_images(layout, result->problems, signals.context());
  if (arguments.is_json)
    print_fsck_json(*result, repair ? &repaired : nullptr, broken, output);
  else
    print_fsck_text(*result, repaired, broken, output);
  output.flush();
  const std::string also_repaired = repaired.empty() ? "" : "; repaired " + count_of(repaired.size(), "blob");
  if (!result->problems.empty()) {
    const std::string repair_hint =
        "take intact blobs from another copy: layoutfs fsck --repair OTHER " + path;
    const bool is_hint_needed = !repair && std::ranges::any_of(result->problems, is_repairable);
    print_error(Error(Errc::corrupt, path + ": " + count_of(result->problems.size(), "problem") + " in " +
                                         fsck_summary(*result) + also_repaired)
                    .with_hint(is_hint_needed ? repair_hint : ""));
    return kCorrupt;
  }
  if (!arguments.is_json) print_notice("verified " + fsck_summary(*result) + ": no problems" + also_repaired);
  return kDone;
}

int check(const FsckArguments& arguments, Output& output) {
  const auto threads = thread_count(arguments.threads);
  if (!threads) return report(threads.error());
  return with_layout(arguments.layout, !arguments.repair_from.empty(),
                     [&](const std::string& path, const LayoutReader& layout, Engine* engine) {
                       return check(path, layout, engine, *threads, arguments, output);
                     });
}

}  // namespace

void add_fsck_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<FsckArguments>();
  const Command command = program.add_subcommand("fsck", "Verify every blob, reference, document and layer");
  command.example("layoutfs fsck ./img");
  command.example("layoutfs fsck --repair ./backup ./img", "replace damaged blobs");
  arguments->layout.add_options(command);
  command
      .add_option("--repair", arguments->repair_from,
                  "Replace damaged and missing blobs with those of LAYOUT; may be repeated")
      .type_name("LAYOUT");
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.add_option("--threads", arguments->threads, "Verify N blobs in parallel (default: one per CPU)")
      .type_name("N");
  command.add_option("--cache-dir", arguments->cache_dir, "Directory of the cached indexes")
      .type_name("DIR")
      .group(kCacheGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return check(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
