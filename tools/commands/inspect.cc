// `layoutfs inspect`.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/base/json.h"
#include "core/image/cached_tables.h"
#include "core/oci/entry_names.h"
#include "fs/tree/file_attributes.h"
#include "layoutfs/documents.h"
#include "tools/cli/command.h"
#include "tools/cli/entry_json.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {
namespace {

struct InspectArguments {
  ImageArguments image;
  bool is_json = false;
};

constexpr std::int64_t kInspectVersion = 1;

std::int64_t as_integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Status inspect_layout(const OpenLayout& layout, bool is_json, Output& output) {
  const auto references = layout.reader->references();
  if (!references) return std::unexpected(references.error());
  for (const std::string& problem : (*references)->problems) print_error(layout.path + ": " + problem);
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
  const auto digests = layout.reader->list_all_blobs();
  if (!digests) return std::unexpected(digests.error());
  for (const Digest& digest : *digests) {
    const auto size = layout.reader->blob_size(digest);
    if (!size) return std::unexpected(size.error());
    ++blobs;
    bytes += size->value_or(0);  // deleted since it was listed
  }
  const auto& entries = (*references)->entries;
  const EntryNames names(entries);
  if (is_json) {
    JsonWriter json;
    json.begin_object().key("version").integer(kInspectVersion).key("blobs").integer(as_integer(blobs));
    json.key("size").integer(as_integer(bytes)).key("references").begin_array();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      json.begin_object();
      write_names(json, entries[i], names.label(i));
      json.key("digest").string(entries[i].digest.str());
      json.key("mediaType").string(entries[i].media_type).end_object();
    }
    output << json.end_array().end_object().str() << "\n";
    return {};
  }
  output << "layout      " << layout.path << "\n";
  output << "blobs       " << std::to_string(blobs) << ", " << human_size(bytes) << "\n";
  output << "references  " << std::to_string(entries.size()) << "\n";
  for (std::size_t i = 0; i < entries.size(); ++i)
    (output << "  " << entries[i].digest.str() << "  ").name(names.label(i)) << "\n";
  return {};
}

// How many files have each xattr that a mount of the image hides.
using HiddenXattrs = std::map<std::string, std::uint64_t, std::less<>>;

HiddenXattrs hidden_xattrs(const ImageTree& tree) {
  const FileAttributes attributes(tree, {});
  constexpr bool kEnforced = true;
  HiddenXattrs hidden;
  for (Inode number = kRootInode; number <= tree.inode_count(); ++number) {
    const InodeView inode = tree.inode(number);
    if (inode.xattr_count == 0) continue;
    const auto shown = attributes.xattr_names(inode, kEnforced);
    for (std::uint32_t i = 0; i < inode.xattr_count; ++i) {
      const std::string_view name = tree.xattr(inode.first_xattr + i).first;
      if (std::ranges::find(shown, name) == shown.end()) ++hidden[std::string(name)];
    }
  }
  return hidden;
}

// What the parts of an image say of themselves.
struct ImageSummary {
  Descriptor descriptor;
  Manifest manifest;
  ImageConfig config;                  // empty where the manifest's config is none of an image
  std::uint64_t size;                  // of the layers, each once
  std::optional<HiddenXattrs> hidden;  // nothing if the image is not indexed
};

Result<ImageSummary> summarize(const OpenLayout& layout, const ImageArguments& arguments) {
  auto descriptor = find_manifest(layout, arguments);
  if (!descriptor) return fail(std::move(descriptor).error());
  auto manifest = read_manifest(*layout.reader, *descriptor);
  if (!manifest) return fail(std::move(manifest).error(), layout.path);
  ImageSummary summary{std::move(*descriptor), std::move(*manifest), {}, 0};
  if (is_config_type(summary.manifest.config.media_type)) {
    auto config = read_config(*layout.reader, summary.manifest.config);
    if (!config) return fail(std::move(config).error(), layout.path);
    summary.config = std::move(*config);
  }
  std::set<Digest> counted;
  for (const Descriptor& layer : summary.manifest.layers)
    if (counted.insert(layer.digest).second) summary.size += layer.size;
  // Nothing is built for that.
  const auto kept = open_cached_tree(open_cache(arguments.cache_dir), CacheKind::image_tree,
                                     summary.descriptor.digest, summary.manifest.layers.size());
  if (kept) summary.hidden = hidden_xattrs(*kept->tables);
  return summary;
}

void print_inspect_json(const ImageSummary& image, Output& output) {
  JsonWriter json;
  json.begin_object().key("version").integer(kInspectVersion);
  json.key("manifest").string(image.descriptor.digest.str());
  json.key("mediaType").string(image.descriptor.media_type);
  json.key("config").string(image.manifest.config.digest.str());
  json.key("platform").string(to_string(image.config.platform));
  json.key("created").string(image.config.created);
  json.key("size").integer(as_integer(image.size)).key("layers").begin_array();
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    const Descriptor& layer = image.manifest.layers[i];
    json.begin_object().key("digest").string(layer.digest.str()).key("mediaType").string(layer.media_type);
    json.key("size").integer(as_integer(layer.size));
    if (i < image.config.diff_ids.size()) json.key("diffID").string(image.config.diff_ids[i].str());
    json.end_object();
  }
  json.end_array().key("hiddenXattrs");
  if (image.hidden) {
    json.begin_object();
    for (const auto& [name, files] : *image.hidden) json.key(name).integer(as_integer(files));
    json.end_object();
  } else {
    json.null();
  }
  output << json.end_object().str() << "\n";
}

void print_hidden(const HiddenXattrs& hidden, Output& output) {
  constexpr std::size_t kMost = 20;
  std::size_t printed = 0;
  for (const auto& [name, files] : hidden) {
    if (printed++ == kMost) {
      output << "hidden    and " << std::to_string(hidden.size() - kMost) << " other attributes\n";
      return;
    }
    (output << "hidden    ").name(name)
        << " of " << std::to_string(files) << (files == 1 ? " file\n" : " files\n");
  }
}

void print_inspect_text(const ImageSummary& image, Output& output) {
  output << "manifest  " << image.descriptor.digest.str() << "\n";
  output << "config    " << image.manifest.config.digest.str() << "\n";
  output << "platform  " << to_string(image.config.platform) << "\n";
  if (!image.config.created.empty()) (output << "created   ").name(image.config.created) << "\n";
  output << "size      " << human_size(image.size) << " in " << std::to_string(image.manifest.layers.size())
         << (image.manifest.layers.size() == 1 ? " layer\n" : " layers\n");
  for (const Descriptor& layer : image.manifest.layers)
    (output << "  " << layer.digest.str() << "  " << human_size(layer.size) << "  ").name(layer.media_type)
        << "\n";
  if (image.hidden) print_hidden(*image.hidden, output);
}

Status inspect(const InspectArguments& arguments, Output& output) {
  if (arguments.image.name.empty() && arguments.image.layout.empty())
    return fail(Errc::invalid_argument, "inspect needs a layout");
  const auto layout = open_layout(arguments.image);
  if (!layout) return std::unexpected(layout.error());
  if (layout->reference.empty()) return inspect_layout(*layout, arguments.is_json, output);
  const auto summary = summarize(*layout, arguments.image);
  if (!summary) return std::unexpected(summary.error());
  arguments.is_json ? print_inspect_json(*summary, output) : print_inspect_text(*summary, output);
  return {};
}

}  // namespace

void add_inspect_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<InspectArguments>();
  const Command command = program.add_subcommand("inspect", "Show what a layout or an image consists of");
  command.add_option("LAYOUT", arguments->image.name, "The layout, or an image").type_name(kImageKind);
  arguments->image.add_options(command);
  command.add_flag("--json", arguments->is_json, "As one JSON document");
  command.callback([arguments, &exit_code] {
    Output output;
    const Status done = inspect(*arguments, output);
    exit_code = output.finish();
    if (!done) exit_code = report(done.error());
  });
}

}  // namespace layoutfs::tools
