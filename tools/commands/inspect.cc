// `layoutfs inspect`.
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/json.h"
#include "core/oci/entry_names.h"
#include "core/remote/remote_layout.h"
#include "core/remote/remote_statistics.h"
#include "layoutfs/documents.h"
#include "tools/cli/command.h"
#include "tools/cli/entry_json.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/store.h"
#include "tools/cli/template.h"
#include "tools/commands/image_description.h"
#include "tools/commands/image_summary.h"

namespace layoutfs::tools {
namespace {

struct InspectArguments {
  ImageArguments image;
  std::string format;
  bool is_json = false;
  bool is_raw = false;
  bool is_config = false;
  bool is_whole = false;
};

constexpr std::int64_t kInspectVersion = 1;

struct LayoutFacts {
  std::shared_ptr<const References> references;
  std::uint64_t blobs = 0, bytes = 0;
};

Result<LayoutFacts> facts_of(const OpenLayout& layout) {
  const auto references = layout.reader->references();
  if (!references) return fail(Error(references.error()));
  for (const std::string& problem : (*references)->problems) print_error(layout.path + ": " + problem);
  LayoutFacts facts{.references = *references};
  const auto digests = layout.reader->list_all_blobs();
  if (!digests) return fail(Error(digests.error()));
  for (const Digest& digest : *digests) {
    const auto size = layout.reader->blob_size(digest);
    if (!size) return fail(Error(size.error()));
    ++facts.blobs;
    facts.bytes += size->value_or(0);  // deleted since the listing
  }
  return facts;
}

std::string layout_json(const LayoutFacts& layout) {
  const auto& entries = layout.references->entries;
  const EntryNames names(entries);
  JsonWriter json;
  json.begin_object().key("version").integer(kInspectVersion);
  json.key("blobs").integer(to_json_integer(layout.blobs)).key("size").integer(to_json_integer(layout.bytes));
  json.key("references").begin_array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    json.begin_object();
    write_names(json, entries[i], names.label(i));
    json.key("digest").string(entries[i].digest.str());
    json.key("mediaType").string(entries[i].media_type).end_object();
  }
  return json.end_array().end_object().str();
}

void print_layout_text(const std::string& path, const LayoutFacts& layout, Output& output) {
  const auto& entries = layout.references->entries;
  const EntryNames names(entries);
  output << "layout      " << path << "\n";
  output << "blobs       " << std::to_string(layout.blobs) << ", " << human_size(layout.bytes) << "\n";
  output << "references  " << std::to_string(entries.size()) << "\n";
  for (std::size_t i = 0; i < entries.size(); ++i)
    ((output << "  ").digest(entries[i].digest) << "  ").name(names.label(i)) << "\n";
}

Status print_document(const LayoutReader& reader, const Descriptor& descriptor, Output& output) {
  const auto document = read_document(reader, descriptor);
  if (!document) return fail(Error(document.error()));
  output << as_text(*document);
  return {};
}

// Prints the entry itself, unless a platform is given.
Status print_raw(const OpenLayout& layout, const InspectArguments& arguments, Output& output) {
  const auto descriptor = arguments.image.platform.empty() ? find_entry(layout, arguments.image)
                                                           : find_manifest(layout, arguments.image);
  if (!descriptor) return fail(Error(descriptor.error()));
  return print_document(*layout.reader, *descriptor, output);
}

Status print_config(const OpenLayout& layout, const InspectArguments& arguments, Output& output) {
  const auto descriptor = find_manifest(layout, arguments.image);
  if (!descriptor) return fail(Error(descriptor.error()));
  const auto manifest = read_manifest(*layout.reader, *descriptor);
  if (!manifest) return fail(Error(manifest.error()), layout.path);
  return print_document(*layout.reader, manifest->config, output);
}

// Prints the document of --json, or the filled template.
Status print_json(const InspectArguments& arguments, const std::string& json, Output& output) {
  if (arguments.format.empty()) {
    output << json << "\n";
    return {};
  }
  const auto document = JsonDocument::parse(as_bytes(json));
  if (!document) return fail(Error(document.error()));
  const auto filled = fill_template(arguments.format, document->root());
  if (!filled) return fail(Error(filled.error()));
  output << *filled << "\n";
  return {};
}

Status inspect_layout(const OpenLayout& layout, const InspectArguments& arguments, Output& output) {
  const auto facts = facts_of(layout);
  if (!facts) return fail(Error(facts.error()));
  if (arguments.is_json || !arguments.format.empty())
    return print_json(arguments, layout_json(*facts), output);
  print_layout_text(layout.path, *facts, output);
  return {};
}

Status inspect_image(const OpenLayout& layout, const InspectArguments& arguments, Output& output) {
  const auto image = summarize(layout, arguments.image);
  if (!image) return fail(Error(image.error()));
  const auto around = surroundings_of(layout, arguments.image, *image);
  const auto remote = std::dynamic_pointer_cast<const RemoteLayout>(layout.reader);
  const auto add_remote = [&remote](JsonWriter& json) {
    if (remote != nullptr) write_statistics(json, remote->registry());
  };
  if (arguments.is_json || !arguments.format.empty())
    return print_json(arguments, image_json(*image, around, add_remote), output);
  print_image_text(*image, around, arguments.is_whole, output);
  output.flush();
  for (const std::string& problem : around.problems) print_notice("note: " + problem);
  if (remote != nullptr)
    print_notice("fetched " + human_size(remote->registry().blobs().stats().fetched) + " of blobs in " +
                 count_of(remote->registry().stats().requests, "request"));
  return {};
}

Status inspect(const InspectArguments& arguments, Output& output) {
  if (auto given = arguments.image.check_given("inspect"); !given) return given;
  if (arguments.is_json + !arguments.format.empty() + arguments.is_raw + arguments.is_config > 1)
    return fail(Errc::invalid_argument, "--json, --format, --raw and --config exclude each other");
  const auto layout = open_layout(arguments.image);
  if (!layout) return std::unexpected(layout.error());
  if (arguments.is_raw) return print_raw(*layout, arguments, output);
  if (arguments.is_config) return print_config(*layout, arguments, output);
  return layout->reference.empty() ? inspect_layout(*layout, arguments, output)
                                   : inspect_image(*layout, arguments, output);
}

}  // namespace

void add_inspect_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<InspectArguments>();
  const Command command =
      program.add_subcommand("inspect", "Show the contents of a layout, or the facts of an image");
  command.example("layoutfs inspect ./img:app");
  command.example("layoutfs inspect --format '{{.manifest}}' ./img:app");
  command.start_group(kOutputGroup);
  arguments->image.add_operand_and_options(command);
  command.add_flag("--json", arguments->is_json, "Print JSON");
  command.add_option("--format", arguments->format, "Fill a template from that JSON, e.g. '{{.manifest}}'")
      .type_name("TEMPLATE")
      .not_empty();
  command.add_flag("--raw", arguments->is_raw,
                   "Print the manifest byte for byte, or the index if there are several platforms");
  command.add_flag("--config", arguments->is_config, "Print the image's configuration byte for byte");
  command.add_flag("--no-trunc", arguments->is_whole, "Do not shorten digests and commands");
  command.callback([arguments, &exit_code] {
    exit_code = with_output_or_error([&](Output& output) { return inspect(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
