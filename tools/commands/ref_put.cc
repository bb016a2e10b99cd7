// `layoutfs ref put`.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cas/find_digest.h"
#include "core/oci/reference.h"
#include "layoutfs/platform.h"
#include "tools/cli/files.h"
#include "tools/cli/named_reference.h"
#include "tools/cli/store.h"
#include "tools/commands/ref.h"

namespace layoutfs::tools {
namespace {

struct RefPutArguments {
  LayoutArguments layout;
  std::string name;
  std::string digest;           // empty if --descriptor is given
  std::string descriptor_file;  // --descriptor
  std::string media_type;
  std::vector<std::string> annotations;  // KEY=VALUE
  std::string platform;
  std::string artifact_type;
  bool is_replacing = false;
};

// Returns a descriptor with the size and media type of the blob. It does not copy annotations of other
// references.
Result<Descriptor> describe_blob(const LayoutReader& layout, const Digest& digest,
                                 const std::string& media_type) {
  auto size = layout.blob_size(digest);
  if (!size) return fail(std::move(size).error());
  if (!*size) return fail(Errc::not_found, digest.str() + ": no such blob");
  Descriptor descriptor{.media_type = media_type, .digest = digest, .size = **size};
  if (!media_type.empty()) return descriptor;
  auto known = with_media_type(layout, std::move(descriptor));
  if (!known && known.error().code() == Errc::not_found)
    return fail(Errc::invalid_argument,
                digest.str() + ": neither a manifest nor an index; give its --media-type");
  return known;
}

Status add_annotation(Descriptor& descriptor, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(Errc::invalid_argument, "--annotation " + text + ": expected KEY=VALUE");
  const std::string key = text.substr(0, equals);
  if (key == kRefName)
    return fail(Errc::invalid_argument, "--annotation " + key + ": set by the operand NAME");
  descriptor.annotations[key] = text.substr(equals + 1);
  return {};
}

Result<Descriptor> descriptor_of_options(const RefPutArguments& arguments, const LayoutReader& layout) {
  auto digest = of_operand(find_digest(layout, arguments.digest));
  if (!digest) return fail(std::move(digest).error());
  // Checks the options before it opens the layout.
  Descriptor options;
  for (const std::string& annotation : arguments.annotations)
    if (auto added = add_annotation(options, annotation); !added) return fail(std::move(added).error());
  if (!arguments.platform.empty()) {
    auto platform = parse_platform(arguments.platform);
    if (!platform) return fail(std::move(platform).error());
    options.platform = std::move(*platform);
  }
  auto descriptor = describe_blob(layout, *digest, arguments.media_type);
  if (!descriptor) return descriptor;
  descriptor->annotations = std::move(options.annotations);
  descriptor->platform = std::move(options.platform);
  descriptor->artifact_type = arguments.artifact_type;
  return descriptor;
}

Result<Descriptor> read_descriptor(const std::string& path) {
  auto file = FileSource::open(path, -1);
  if (!file) return fail(std::move(file).error());
  const auto text = read_document_file(*file);
  if (!text) return fail(Error(text.error()));
  // parse() refuses a file that is too large.
  auto descriptor = Descriptor::parse(as_text(*text));
  if (!descriptor) return fail(std::move(descriptor).error(), file->name());
  return descriptor;
}

// Refuses options that exclude each other.
Status check_arguments(const RefPutArguments& arguments) {
  for (const auto& [option, type] :
       {std::pair("--media-type", &arguments.media_type), {"--artifact-type", &arguments.artifact_type}})
    if (!type->empty())
      if (auto checked = check_media_type(option, *type); !checked) return checked;
  if (arguments.descriptor_file.empty())
    return arguments.digest.empty() ? Status(fail(missing_operand("ref put", "DIGEST"))) : Status();
  if (!arguments.digest.empty() || !arguments.media_type.empty() || !arguments.annotations.empty() ||
      !arguments.platform.empty() || !arguments.artifact_type.empty())
    return fail(Errc::invalid_argument, "--descriptor can only be combined with --replace");
  return {};
}

bool says_nothing_else(const RefPutArguments& arguments) {
  return arguments.descriptor_file.empty() && arguments.media_type.empty() && arguments.annotations.empty() &&
         arguments.platform.empty() && arguments.artifact_type.empty();
}

int put_reference(const RefPutArguments& arguments) {
  if (auto checked = check_arguments(arguments); !checked) return report(checked.error());
  const auto layout = open_to_write(arguments.layout);
  if (!layout) return report_opening(layout.error());
  auto descriptor = arguments.descriptor_file.empty() ? descriptor_of_options(arguments, *layout->engine)
                                                      : read_descriptor(arguments.descriptor_file);
  if (!descriptor) return report(descriptor.error());
  auto entry = entry_of_name(*layout->engine, arguments.name, *descriptor);
  if (!entry) return report_write(std::move(entry).error().with(layout->path));
  if (entry->present && (says_nothing_else(arguments) || entry->ref_name.empty())) return kDone;
  const auto mode = arguments.is_replacing ? PutMode::replace : PutMode::no_clobber;
  auto done = layout->engine->put_reference(entry->ref_name, *descriptor, mode);
  if (done) return kDone;
  const bool is_taken = done.error().code() == Errc::clobber;
  Error error = written_to(std::move(done).error(), layout->path);
  return report_write(is_taken ? std::move(error).with_hint("replace it with --replace") : std::move(error));
}

}  // namespace

void add_ref_put_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<RefPutArguments>();
  const Command command = ref.add_subcommand("put", "Create a reference to a blob");
  command.usage("LAYOUT NAME DIGEST");
  command.usage("--descriptor FILE LAYOUT NAME");
  command.example("layoutfs ref put ./img app-1.2 sha256:5b0bcabd...");
  command.example("layoutfs ref get ./img app | layoutfs ref put --descriptor - ./img new");
  arguments->layout.add_options(command);
  command.add_option("NAME", arguments->name, "").required();
  command.add_option("DIGEST", arguments->digest, "");
  command
      .add_option("--media-type", arguments->media_type,
                  "Media type (default: that of an index or a manifest)")
      .type_name("TYPE")
      .not_empty();
  command.add_option("--annotation", arguments->annotations, "Annotation; may be repeated")
      .type_name("KEY=VALUE");
  command.add_option("--platform", arguments->platform, "Platform of the image")
      .type_name("OS[/ARCH[/VARIANT]]");
  command.add_option("--artifact-type", arguments->artifact_type, "Type of the artifact").type_name("TYPE");
  command
      .add_option("--descriptor", arguments->descriptor_file,
                  "Take the descriptor from FILE (-: standard input), as JSON")
      .type_name("FILE");
  command.add_flag("--replace", arguments->is_replacing, "Replace an existing reference");
  command.callback([arguments, &exit_code] { exit_code = put_reference(*arguments); });
}

}  // namespace layoutfs::tools
