// `layoutfs push`.
#include "tools/commands/push.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "layoutfs/upload.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct PushArguments {
  RegistryArguments registry;
  std::string repository;
  std::string file = "-";
  std::string digest;
  std::string chunk_size = "5M";
  std::string resumed;
  std::string mounted_from;
  bool is_manifest = false;
  std::string media_type;
  std::vector<std::string> tags;
  bool is_verbose = false;
  bool is_progress_hidden = false;
  bool is_resumed = false;  // also for an empty ID
  bool is_mounted = false;
};

Result<Digest> digest_of(const PushArguments& arguments) {
  // mount_blob() looks for a short one.
  if (arguments.digest.empty() || arguments.is_mounted) return Digest();
  auto digest = parse_digest_operand(arguments.digest);
  if (!digest) return fail(std::move(digest).error(), "--digest");
  return digest;
}

Result<RegistryStore> open_to_write(const RegistryArguments& arguments) {
  auto store = open_registry_store(arguments);
  if (store || store.error().code() != Errc::not_found) return store;
  return fail(std::move(store).error().with_hint("create a layout with: layoutfs init " + arguments.store +
                                                 "; or a store with one layout per repository: mkdir " +
                                                 arguments.store));
}

Result<std::size_t> chunk_size_of(const PushArguments& arguments) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;  // the chunk is kept in memory
  const auto size = parse_size(arguments.chunk_size);
  if (!size) return fail(Error(size.error()), "--chunk-size");
  if (*size == 0 || *size > kMost)
    return fail(Errc::invalid_argument, "--chunk-size " + arguments.chunk_size + ": expected 1 to 1G");
  return static_cast<std::size_t>(*size);
}

int push_content(const PushArguments& arguments, const Digest& digest, Output& output) {
  const auto chunk_size = chunk_size_of(arguments);
  if (!chunk_size) return report(chunk_size.error());
  if (arguments.is_resumed && !is_upload_id(arguments.resumed))
    return report(Error(Errc::invalid_argument,
                        "--resume " + arguments.resumed + ": expected an upload ID of 32 hex digits"));
  const bool is_standard_input = arguments.file == "-";
  if (arguments.is_resumed && is_standard_input && digest.empty())
    return report(Error(Errc::invalid_argument,
                        "--resume with standard input needs --digest, the digest of the whole blob"));
  const auto store = open_to_write(arguments.registry);
  if (!store) return report(store.error());
  const StopSignals signals;
  auto content = FileSource::open(arguments.file, signals.fd());
  if (!content) return report(content.error());
  return push_blob(*store,
                   {.repository = arguments.repository,
                    .digest = digest,
                    .chunk_size = *chunk_size,
                    .resumed = arguments.resumed,
                    .is_from_start = !is_standard_input,
                    .is_verbose = arguments.is_verbose,
                    .is_progress_hidden = arguments.is_progress_hidden},
                   *content, signals, output);
}

int mount_blob(const PushArguments& arguments, Output& output) {
  const auto store = open_to_write(arguments.registry);
  if (!store) return report(store.error());
  const auto digest = store->find_digest(arguments.mounted_from, arguments.digest);
  if (!digest) return report(Error(digest.error()).with("--digest"));
  const StopSignals signals;
  const auto blob =
      store->registry->mount_blob(arguments.mounted_from, arguments.repository, *digest, signals.context());
  if (!blob) return signals.report_write(store->explained(blob.error()));
  output << blob->digest.str() << "\n";
  return kDone;
}

// Returns the media type in the manifest.
Result<std::string> media_type_of(ByteView manifest) {
  const auto document = JsonDocument::parse(manifest);
  if (!document) return fail(Error(document.error()));
  const auto member = document->root().find("mediaType");
  const auto media_type = member ? member->as_string() : std::nullopt;
  if (!media_type || media_type->empty())
    return fail(Errc::invalid_argument, "has no mediaType; give one with --media-type");
  return std::string(*media_type);
}

int push_manifest(const PushArguments& arguments, const Digest& digest, Output& output) {
  const auto store = open_to_write(arguments.registry);
  if (!store) return report(store.error());
  const StopSignals signals;
  auto file = FileSource::open(arguments.file, signals.fd());
  if (!file) return report(file.error());
  const auto manifest = read_document_file(*file);
  if (!manifest) return signals.report(manifest.error());
  if (manifest->size() > JsonLimits{}.bytes)
    return report(Error(Errc::unsupported, file->name() + ": too large for a manifest"));
  Result<std::string> media_type = arguments.media_type;
  if (media_type->empty()) media_type = media_type_of(*manifest);
  if (!media_type) return report(Error(media_type.error()).with(file->name()));
  const auto pushed = store->registry->push_manifest(
      arguments.repository, *manifest, *media_type,
      {.digest = digest, .tags = arguments.tags, .context = signals.context()});
  if (!pushed && registry_code(pushed.error()) == RegistryCode::manifest_invalid)
    return report(Error(pushed.error()).with(file->name()));
  if (!pushed) return signals.report_write(store->explained(pushed.error()));
  output << pushed->digest.str() << "\n";
  return kDone;
}

int push(const PushArguments& arguments, Output& output) {
  if (!arguments.media_type.empty())
    if (const auto checked = check_media_type("--media-type", arguments.media_type); !checked)
      return report(checked.error());
  const auto digest = digest_of(arguments);
  if (!digest) return report(digest.error());
  if (arguments.is_mounted) return mount_blob(arguments, output);
  return arguments.is_manifest ? push_manifest(arguments, *digest, output)
                               : push_content(arguments, *digest, output);
}

}  // namespace

void add_push_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<PushArguments>();
  const Command command = program.add_subcommand("push", "Store a blob or a manifest and print its digest");
  command.example("layoutfs push ./layouts team/app layer.tar.gz");
  command.example("layoutfs push --manifest --tag 1.2 ./layouts team/app manifest.json");
  arguments->registry.add_options(command);
  command.add_option("REPOSITORY", arguments->repository, "").required();
  const Option file = command.add_option("FILE", arguments->file, "The content (default: -, standard input)");
  const Option digest =
      command.add_option("--digest,--expect", arguments->digest, "Push only content with this digest")
          .type_name("DIGEST");
  const Option chunk_size =
      command
          .add_option("--chunk-size", arguments->chunk_size, "Write a blob in chunks of SIZE (default: 5M)")
          .type_name("SIZE");
  const Option resume = command
                            .add_option("--resume", arguments->resumed,
                                        "Resume upload ID; standard input has the remaining bytes")
                            .type_name("ID");
  const Option mount_from =
      command.add_option("--mount-from", arguments->mounted_from, "Cross-mount blob --digest from REPOSITORY")
          .type_name("REPOSITORY")
          .needs(digest)
          .excludes(file)
          .excludes(chunk_size)
          .excludes(resume);
  const Option manifest =
      command.add_flag("--manifest", arguments->is_manifest, "Push a manifest or an index")
          .excludes(chunk_size)
          .excludes(resume)
          .excludes(mount_from);
  command
      .add_option("--media-type", arguments->media_type,
                  "Media type of the manifest (default: its own mediaType)")
      .type_name("TYPE")
      .needs(manifest);
  command.add_option("--tag", arguments->tags, "Tag for the manifest; may be repeated")
      .type_name("TAG")
      .needs(manifest);
  command.add_flag("-v,--verbose", arguments->is_verbose, "Print the upload's ID at the start")
      .group(kOutputGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([=, &exit_code] {
    arguments->is_resumed = resume.is_given();
    arguments->is_mounted = mount_from.is_given();
    exit_code = with_output([&](Output& output) { return push(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
