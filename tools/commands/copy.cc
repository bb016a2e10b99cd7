// `layoutfs copy`.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/cas/named_entries.h"
#include "core/oci/entry_names.h"
#include "core/oci/layout_graph.h"
#include "core/transfer/blob_info_file.h"
#include "core/transfer/copy.h"
#include "core/transfer/shared_spans.h"
#include "core/transfer/substitution.h"
#include "core/transfer/uncompressed_digest.h"
#include "layoutfs/log.h"
#include "layoutfs/platform.h"
#include "tools/cli/command.h"
#include "tools/cli/copy_target.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct CopyArguments {
  std::string source, target;  // SRC DST
  std::string platform;
  std::string cache_dir;
  bool leaves_referrers = false;
  bool is_all_present = false;
  bool verifies_existing = false;
  bool substitutes = false;
  bool is_progress_hidden = false;
  bool is_json = false;
  bool follow_links = false;  // for source and destination
  RemoteArguments remote;     // the same
};

// Returns the job's images and their referrers. Referrers have no names.
Result<std::vector<NamedDescriptor>> with_referrers(const CopyJob& job, const LayoutGraph& graph,
                                                    const Context& context) {
  std::vector<Descriptor> roots;
  for (const NamedDescriptor& image : job.images) roots.push_back(image.descriptor);
  auto referrers = referrers_of(graph, roots, context);
  if (!referrers) return fail(std::move(referrers).error());
  std::vector<NamedDescriptor> images = job.images;
  for (Descriptor& referrer : *referrers) images.push_back({{}, std::move(referrer)});
  return images;
}

// The totals of a copy.
struct Summary {
  CopyCounts counts;
  std::uint64_t substituted_layers = 0, substituted_bytes = 0;
  std::size_t created = 0;  // new layouts, or 1 for a new archive
};

void add(CopyCounts& sum, const CopyCounts& counts) {
  sum.copied_blobs += counts.copied_blobs;
  sum.copied_bytes += counts.copied_bytes;
  sum.reused_blobs += counts.reused_blobs;
  sum.reused_bytes += counts.reused_bytes;
  sum.absent_layers += counts.absent_layers;
  sum.absent_children += counts.absent_children;
}

std::string blobs_and_bytes(std::uint64_t blobs, std::uint64_t bytes) {
  return count_of(blobs, "blob") + " (" + human_size(bytes) + ")";
}

// Returns for example "created layout ./x: copied ...", "copied ... to ./x" or "copied ... to 3 layouts (1
// created)".
std::string destination_text(const std::string& copied, std::string_view noun,
                             const std::vector<CopyJob>& jobs, std::size_t created) {
  if (jobs.size() == 1)
    return created > 0 ? "created " + std::string(noun) + " " + jobs.front().target + ": " + copied
                       : copied + " to " + jobs.front().target;
  return copied + " to " + count_of(jobs.size(), noun) +
         (created > 0 ? " (" + std::to_string(created) + " created)" : "");
}

void print_summary(const Summary& summary, std::string_view noun, const std::vector<CopyJob>& jobs) {
  const CopyCounts& counts = summary.counts;
  std::string line = destination_text("copied " + blobs_and_bytes(counts.copied_blobs, counts.copied_bytes),
                                      noun, jobs, summary.created);
  if (counts.reused_blobs > 0)
    line += "; " + blobs_and_bytes(counts.reused_blobs, counts.reused_bytes) +
            (counts.reused_blobs == 1 ? " was" : " were") + " already there";
  if (summary.substituted_layers > 0)
    line += "; " + count_of(summary.substituted_layers, "layer") + " (" +
            human_size(summary.substituted_bytes) + ") already there in another compression";
  if (counts.absent_layers > 0)
    line += "; left out " + count_of(counts.absent_layers, "layer") + " with only URLs in the source";
  if (counts.absent_children > 0)
    line += "; left out " + count_of(counts.absent_children, "manifest") + " missing in the source";
  print_notice(line);
}

void write_counts(JsonWriter& json, const char* key, std::uint64_t blobs, std::uint64_t bytes) {
  json.key(key).begin_object();
  json.key("blobs").integer(to_json_integer(blobs)).key("bytes").integer(to_json_integer(bytes));
  json.end_object();
}

std::string copy_json(const std::vector<CopyJob>& jobs, const Summary& summary) {
  const CopyCounts& counts = summary.counts;
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("images").begin_array();
  for (const CopyJob& job : jobs)
    for (const NamedDescriptor& image : job.images) {
      json.begin_object().key("layout").string(job.target);
      if (!image.name.empty()) json.key("name").string(image.name);
      if (const auto full = full_name(image.descriptor)) json.key("fullName").string(*full);
      json.key("digest").string(image.descriptor.digest.str()).end_object();
    }
  json.end_array();
  write_counts(json, "copied", counts.copied_blobs, counts.copied_bytes);
  write_counts(json, "reused", counts.reused_blobs, counts.reused_bytes);
  write_counts(json, "substituted", summary.substituted_layers, summary.substituted_bytes);
  json.key("absentLayers").integer(to_json_integer(counts.absent_layers));
  json.key("absentManifests").integer(to_json_integer(counts.absent_children));
  return json.end_object().str();
}

// Fails before anything is created if the source has only a part of an index.
Status check_present(const CopyJob& job, const LayoutGraph& graph, const Context& context) {
  std::vector<Descriptor> roots;
  for (const NamedDescriptor& image : job.images) roots.push_back(image.descriptor);
  const auto children = index_children_of(graph, roots, context);
  if (!children) return fail(Error(children.error()));
  if (children->absent.empty()) return {};
  std::string hint = "; --all-present copies those that are present";
  const auto present = std::ranges::find_if(children->present, [](const Descriptor& child) {
    return child.platform.has_value() && !is_attestation(child);
  });
  if (present != children->present.end())
    hint += ", --platform " + to_string(*present->platform) + " one of them";
  return fail(Errc::not_found, describe_absent(*children) + hint);
}

// Prints the digest of each image, and the label that finds it.
void print_images(const CopyJob& job, Output& output) {
  std::vector<Descriptor> entries;
  for (const NamedDescriptor& image : job.images) {
    entries.push_back(image.descriptor);
    if (!image.name.empty()) entries.back().annotations.insert_or_assign(std::string(kRefName), image.name);
  }
  const EntryNames names(entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    output.digest(entries[i].digest);
    const bool has_name = !job.images[i].name.empty() || full_name(entries[i]);
    if (has_name) (output << " ").name(names.label(i));
    output << "\n";
  }
}

// Returns the layout's name in the cache: its path without symlinks.
std::string scope_of(const std::string& path) {
  std::error_code failed;
  const auto canonical = std::filesystem::weakly_canonical(path, failed);
  return failed ? path : canonical.string();
}

// Replaces layers that the destination has in another compression. Returns the manifests that name these.
Result<ExtraDocuments> substitute(CopyJob& job, const std::shared_ptr<Engine>& engine,
                                  const IndexCache& indexes, SubstitutionOptions options, Summary& summary) {
  options.find_digest = [&indexes](const Provider& provider, const Digest& layer, Algorithm algorithm,
                                   const Context& context) {
    return uncompressed_digest(provider, layer, algorithm, indexes, context);
  };
  auto substituted = substitute_layers(*job.source, engine, job.images, options);
  if (!substituted) return fail(std::move(substituted).error());
  job.images = std::move(substituted->images);
  summary.substituted_layers += substituted->layers;
  summary.substituted_bytes += substituted->bytes;
  return std::move(substituted->manifests);
}

// Saves known locations of blobs at the end, even after an error. Locations that cannot be saved are only
// learned again.
class KeptBlobInfo {
 public:
  explicit KeptBlobInfo(const std::string& directory) : info_(open_blob_info_file(directory)) {}
  KeptBlobInfo(const KeptBlobInfo&) = delete;
  KeptBlobInfo& operator=(const KeptBlobInfo&) = delete;
  ~KeptBlobInfo() {
    if (const auto saved = info_->save(); !saved)
      log(LogLevel::debug, "blob info: " + saved.error().message());
  }
  BlobInfoCache* get() const noexcept { return info_.get(); }

 private:
  std::unique_ptr<BlobInfoFile> info_;
};

// The graphs of the source layouts, one for each layout.
class SourceGraphs {
 public:
  const LayoutGraph& of(const std::shared_ptr<const LayoutReader>& source) {
    auto& graph = graphs_[source];
    if (!graph) {
      GraphOptions options = kCopyGraph;
      options.cache = cache_;
      graph = std::make_unique<LayoutGraph>(*source, std::move(options));
    }
    return *graph;
  }

 private:
  const std::shared_ptr<DocumentCache> cache_ = std::make_shared<DocumentCache>();
  std::map<std::shared_ptr<const LayoutReader>, std::unique_ptr<LayoutGraph>> graphs_;
};

// Sets `has_begun` before the first copy, so that it is valid after an error too.
Result<Summary> run_copies(const CopyArguments& arguments, CopyTarget& target, std::vector<CopyJob>& jobs,
                           const Context& context, bool& has_begun) {
  Progress progress("copying", !arguments.is_progress_hidden);
  const IndexCache cache = open_cache(arguments.cache_dir);
  const KeptBlobInfo blob_info(cache.directory());
  Summary summary;
  SourceGraphs graphs;
  for (CopyJob& job : jobs) {
    const LayoutGraph& graph = graphs.of(job.source);
    if (!arguments.leaves_referrers) {
      auto images = with_referrers(job, graph, context);
      if (!images) return fail(std::move(images).error());
      job.images = std::move(*images);
    }
    if (!arguments.is_all_present)
      if (auto checked = check_present(job, graph, context); !checked)
        return fail(std::move(checked).error());
  }
  for (CopyJob& job : jobs) {
    if (target.creates(job)) ++summary.created;
    const auto engine = target.open(job);
    if (!engine) return fail(Error(engine.error()));
    has_begun = true;
    const std::string scope = scope_of(job.target);
    ExtraDocuments manifests;
    if (arguments.substitutes) {
      auto rewritten = substitute(job, *engine, cache,
                                  {.cache = blob_info.get(),
                                   .scope = scope,
                                   .find_digest = {},
                                   .verifies_existing = arguments.verifies_existing,
                                   .context = context},
                                  summary);
      if (!rewritten) return fail(std::move(rewritten).error(), job.target);
      manifests = std::move(*rewritten);
    }
    ImageCopyOptions options;
    options.find_spans = shared_spans_by_index(*engine, cache);
    options.verifies_existing = arguments.verifies_existing;
    options.cache = blob_info.get();
    options.scope = scope;
    options.documents = &manifests;
    options.context = context;
    options.graph = &graphs.of(job.source);
    options.skips_absent_children = arguments.is_all_present;
    options.on_unknown = [](const Descriptor& document, const UnknownDocument& content) {
      print_notice(describe(document, content) + ", which are copied too");
    };
    options.on_progress = [&](const CopyProgress& now) {
      progress.update(job.target, now.counts.copied_bytes + now.counts.reused_bytes, now.known_bytes);
    };
    const auto copied = copy_images(job.source, *engine, job.images, options);
    if (!copied) return fail(Error(copied.error()), job.target);
    add(summary.counts, *copied);
  }
  if (auto finished = target.finish(); !finished) return fail(std::move(finished).error());
  return summary;
}

int copy_images(const CopyArguments& arguments, Output& output) {
  std::optional<Platform> platform;
  if (!arguments.platform.empty()) {
    auto parsed = parse_platform(arguments.platform);
    if (!parsed) return report(parsed.error());
    platform = std::move(*parsed);
  }
  auto target = CopyTarget::parse(arguments.target, arguments.follow_links, arguments.remote);
  if (!target) return report(target.error());
  const auto source = open_copy_source(arguments.source, platform, arguments.follow_links, arguments.remote,
                                       arguments.cache_dir);
  if (!source) return report(source.error());
  auto jobs = target->plan(*source);
  if (!jobs) return report(jobs.error());
  for (const CopyJob& job : *jobs)
    if (auto checked = target->check(job); !checked) return report(checked.error());

  const StopSignals signals;
  bool has_begun = false;
  const auto copied = run_copies(arguments, *target, *jobs, signals.context(), has_begun);
  if (!copied)
    return signals.report_write(
        copied.error(),
        {.before = "", .after = has_begun && target->keeps_parts() ? "; the copied blobs are kept" : ""});
  if (arguments.is_json) {
    output << copy_json(*jobs, *copied) << "\n";
    return kDone;
  }
  for (const CopyJob& job : *jobs) print_images(job, output);
  output.flush();
  print_summary(*copied, target->noun(), *jobs);
  return kDone;
}

}  // namespace

void add_copy_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<CopyArguments>();
  const Command command =
      program.add_subcommand("copy", "Copy images between layouts, archives and registries");
  command.example("layoutfs copy ./img:app ./other:app-1.2", "one image, under a new name");
  command.example("layoutfs copy ./img img.tar", "all images, into a new archive");
  command.example("layoutfs copy docker://quay.io/team/app:1.2 ./img", "an image from a registry");
  command
      .add_option("SRC", arguments->source,
                  "LAYOUT[:REF|@DIGEST] (default: all images), "
                  "oci-repositories:STORE[:REPOSITORY[:TAG]], or docker://HOST/REPOSITORY[:TAG|@DIGEST]")
      .required()
      .type_name("LAYOUT[:REF|@DIGEST]");
  command
      .add_option("DST", arguments->target,
                  "LAYOUT[:NAME], FILE.tar[:NAME], oci-archive:FILE[:NAME], "
                  "oci-repositories:STORE[:REPOSITORY[:TAG]] or docker://HOST/REPOSITORY[:TAG]")
      .required();
  command
      .add_option("--platform", arguments->platform, "Copy only this platform of each index (default: all)")
      .type_name("OS[/ARCH[/VARIANT]]")
      .group(kImageGroup);
  command.add_flag("--no-referrers", arguments->leaves_referrers, "Leave out referrers, such as signatures")
      .group(kImageGroup);
  command
      .add_flag("--all-present", arguments->is_all_present,
                "Copy indexes without the manifests that SRC lacks")
      .group(kImageGroup);
  command.add_flag("--substitute", arguments->substitutes,
                   "Use layers that DST has in another compression; changes digests");
  command.add_flag("--verify-existing", arguments->verifies_existing,
                   "Verify large blobs that DST has, and replace damaged ones");
  command.add_option("--cache-dir", arguments->cache_dir, "Directory of the cached indexes")
      .type_name("DIR")
      .group(kCacheGroup);
  arguments->remote.add_options(command);
  add_follow_links(command, arguments->follow_links);
  add_progress_option(command, arguments->is_progress_hidden);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return copy_images(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
