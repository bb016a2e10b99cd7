// `layoutfs pull`.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/cas/verifying_source.h"
#include "tools/cli/byte_range.h"
#include "tools/cli/files.h"
#include "tools/cli/progress.h"
#include "tools/cli/registry.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct PullArguments {
  RegistryArguments registry;
  std::string repository;
  std::string object;  // TAG|DIGEST
  std::string range;
  std::string output;  // empty: standard output
  bool is_progress_hidden = false;
};

Result<BlobReader> find_pulled(const RegistryStore& store, const PullArguments& arguments) {
  Registry& registry = *store.registry;
  const auto object = find_object(store, arguments.repository, arguments.object);
  if (!object) return fail(Error(object.error()));
  if (object->is_tag()) return registry.get_tag(arguments.repository, object->tag);
  const Digest& digest = *object->digest;
  auto manifest = registry.get_manifest(arguments.repository, digest);
  if (manifest) return manifest;
  // If the repository's manifests cannot be read, its blobs still can.
  auto blob = registry.get_blob(arguments.repository, digest);
  if (blob || registry_code(blob.error()) != RegistryCode::blob_unknown) return blob;
  const RegistryCode why = registry_code(manifest.error());
  if (why != RegistryCode::manifest_unknown && why != RegistryCode::name_unknown) return manifest;
  return fail(why, arguments.repository + ": " + digest.str() + ": no such manifest or blob");
}

class PartSource final : public ByteSource {
 public:
  PartSource(const BlobReader& reader, BytePart part) : reader_(reader), part_(part) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const auto wanted = std::min<std::uint64_t>(out.size(), part_.end - part_.begin);
    auto got = reader_.read_at(out.first(static_cast<std::size_t>(wanted)), part_.begin);
    if (got) part_.begin += *got;
    return got;
  }

 private:
  const BlobReader& reader_;
  BytePart part_;
};

// Errors of `content` are returned, others are printed.
Result<int> copy_pulled(ByteSource& content, std::uint64_t size, OutputFile& target,
                        const StopSignals& signals, bool shows_progress) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  Bytes buffer(kPiece);
  Progress progress("pulling", shows_progress);
  for (std::uint64_t done = 0;;) {
    if (auto going_on = signals.context().check(); !going_on) return signals.report(going_on.error());
    const auto got = content.read(buffer);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return kDone;
    if (auto written = target.write(std::span(buffer).first(*got)); !written)
      return report_write(written.error());
    done += *got;
    progress.update("", done, size);
  }
}

Result<OutputFile> output_of(const PullArguments& arguments) {
  return arguments.output.empty() ? Result<OutputFile>(OutputFile::standard_output())
                                  : OutputFile::create(arguments.output);
}

int pull(const PullArguments& arguments) {
  std::optional<ByteRange> range;
  if (!arguments.range.empty()) {
    const auto parsed = parse_byte_range(arguments.range);
    if (!parsed) return report(parsed.error());
    range = *parsed;
  }
  const auto store = open_registry_store(arguments.registry);
  if (!store) return report(store.error());
  auto reader = find_pulled(*store, arguments);
  if (!reader) return report(store->explained(std::move(reader).error()));
  const auto size = reader->size();
  const auto part = range ? part_of(*range, arguments.range, size) : Result<BytePart>(BytePart{0, size});
  if (!part) return report(part.error());

  const StopSignals signals;
  const bool shows_progress = !arguments.is_progress_hidden && !arguments.output.empty();
  for (int rereads = Blob::kMostRereads;; --rereads) {
    auto target = output_of(arguments);
    if (!target) {
      print_error(target.error());
      return kCannotWrite;
    }
    BlobReader from_start = *reader;
    PartSource some(from_start, *part);
    VerifyingSource all(from_start, reader->descriptor().digest, reader->descriptor().size);
    ByteSource& content = range ? static_cast<ByteSource&>(some) : all;
    const auto copied = copy_pulled(content, part->end - part->begin, *target, signals, shows_progress);
    if (!copied) {
      const bool is_wrong = !range && copied.error().code() == Errc::corrupt;
      const bool is_fetched_again = is_wrong && reader->blob()->distrust(0, size);
      if (is_fetched_again && rereads > 0 && target->is_hidden()) continue;
      return report(Error(copied.error()).with(store->path));
    }
    if (*copied != kDone) return *copied;
    if (auto done = target->commit(); !done) return report_write(done.error());
    return kDone;
  }
}

}  // namespace

void add_pull_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<PullArguments>();
  const Command command = program.add_subcommand("pull", "Print a manifest or a blob and verify its digest");
  command.example("layoutfs pull ./layouts team/app 1.2", "a manifest, by its tag");
  command.example("layoutfs pull -o layer.tar.gz ./layouts team/app sha256:5b0bcabd...");
  arguments->registry.add_options(command);
  command.add_option("REPOSITORY", arguments->repository, "").required();
  command.add_option(kObjectKind, arguments->object, "").required();
  command.add_option("-o,--output", arguments->output, "Write to FILE, created only after verification")
      .type_name("FILE")
      .group(kOutputGroup);
  command
      .add_option("--range", arguments->range, "Print bytes FIRST to LAST (from 0); parts are not verified")
      .type_name("FIRST-LAST");
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] { exit_code = pull(*arguments); });
}

}  // namespace layoutfs::tools
