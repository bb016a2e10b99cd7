// The steps: name_entries() decides for each entry its name, and whether it is shown at all; read_entry()
// reads its documents, for several entries at a time; add() unites entries of one image.
#include "core/engines/layout_images.h"

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/parallel.h"
#include "core/engines/storage_names.h"
#include "core/oci/media_types.h"
#include "core/oci/present_blob.h"
#include "core/oci/reference.h"

namespace layoutfs {
namespace {

struct ShownEntry {
  const Descriptor* entry;
  std::string name;  // of the image; empty if it has none
};

// Without its annotations and its text: there may be a hundred thousand layers.
Descriptor plain(const Descriptor& descriptor) {
  return {.media_type = descriptor.media_type, .digest = descriptor.digest, .size = descriptor.size};
}

// Decides which of the entries of one name keep it, and drops those for other platforms.
void name_group(const std::string& name, std::span<const Descriptor* const> group, const Platform& platform,
                std::vector<ShownEntry>& named) {
  std::size_t chosen = 0;
  const bool has_platforms = group.size() > 1 && std::ranges::any_of(group, [](const Descriptor* each) {
                               return each->platform.has_value();
                             });
  if (has_platforms) {
    std::vector<Descriptor> entries;
    for (const Descriptor* const each : group) entries.push_back(*each);
    chosen = choose_platform(entries, platform).value_or(0);
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (i == chosen)
      named.push_back({group[i], name});
    else if (!has_platforms)
      named.push_back({group[i], group[i]->digest == group[chosen]->digest ? name : ""});
  }
}

Result<std::vector<ShownEntry>> name_entries(const LayoutGraph& graph, const References& references,
                                             std::string_view repository, const Platform& platform,
                                             const Context& context) {
  std::vector<std::string> names;  // in the order of their first entry
  std::unordered_map<std::string, std::vector<const Descriptor*>> by_name;
  std::vector<const Descriptor*> nameless;
  std::vector<Descriptor> indexes;
  for (const Descriptor& entry : references.entries) {
    const bool is_document =
        entry.media_type.empty() || document_kind(entry.media_type) != DocumentKind::other;
    if (is_not_image(entry) || !is_document) continue;
    if (document_kind(entry.media_type) == DocumentKind::index) indexes.push_back(entry);
    std::string name = storage_image_name(entry, repository);
    if (name.empty()) {
      nameless.push_back(&entry);
      continue;
    }
    auto& group = by_name[name];
    if (group.empty()) names.push_back(std::move(name));
    group.push_back(&entry);
  }
  std::vector<ShownEntry> named;
  for (const std::string& name : names) name_group(name, by_name[name], platform, named);
  // Of these, most belong to an index that is listed itself, and many are for other platforms.
  std::unordered_set<Digest> children;
  if (!nameless.empty()) {
    const auto found = index_children_of(graph, indexes, context);
    if (!found) return fail(Error(found.error()));
    for (const Descriptor& child : found->present) children.insert(child.digest);
  }
  for (const Descriptor* const entry : nameless)
    if (entry->ref_name() || !children.contains(entry->digest)) named.push_back({entry, ""});
  return named;
}

// Signatures and attestations often have an image config and layers of their own types.
bool is_shown(const Manifest& manifest) {
  return manifest.is_image() && !manifest.subject &&
         (manifest.layers.empty() ||
          std::ranges::any_of(manifest.layers, is_layer_type, &Descriptor::media_type));
}

Status check_layer(const LayoutReader& reader, const Descriptor& layer) {
  if (!is_layer_type(layer.media_type))
    return fail(Errc::unsupported, "media type '" + layer.media_type + "' is not that of a layer");
  return check_present(reader, layer);
}

Status check_digests(const Manifest& manifest, const ImageConfig& config) {
  const auto is_known = [](const Digest& digest) { return digest.algorithm() == Algorithm::sha256; };
  if (!is_known(manifest.config.digest) || !std::ranges::all_of(config.diff_ids, is_known))
    return fail(Errc::unsupported,
                "container engines know only SHA-256 as digest of configs and as diff_ids");
  return check_diff_id_count(config.diff_ids.size(), manifest.layers.size());
}

StorageItem manifest_item(const Descriptor& document) {
  return {storage_manifest_key(document.digest), document.digest, document.size};
}

// Returns nullopt if the entry is not an image.
Result<std::optional<LayoutImage>> read_entry(const LayoutGraph& graph, const Descriptor& entry,
                                              const Platform& platform, const Context& context) {
  const auto document = graph.read(entry, context);
  if (!document) return fail(Error(document.error()));
  if (subject_of((*document)->node)) return std::nullopt;
  const bool is_index = std::holds_alternative<Index>((*document)->node);
  if (!is_index && !std::holds_alternative<Manifest>((*document)->node)) return std::nullopt;
  const auto chosen = resolve_platform(graph, entry, platform, context);
  if (!chosen) return fail(Error(chosen.error()));
  const auto manifest = graph.manifest(*chosen, context);
  if (!manifest) return fail(Error(manifest.error()));
  if (!is_shown(**manifest)) return std::nullopt;
  const Descriptor& config_blob = (*manifest)->config;
  if (!is_config_type(config_blob.media_type))
    return fail(Errc::unsupported, "the config has the media type '" + config_blob.media_type +
                                       "', which is not that of an image");
  const auto config = graph.config(config_blob, context);
  if (!config) return fail(Error(config.error()));
  if (auto checked = check_digests(**manifest, **config); !checked) return fail(std::move(checked).error());
  LayerStack stack{.layers = {}, .diff_ids = (*config)->diff_ids};
  for (std::size_t i = 0; i < (*manifest)->layers.size(); ++i) {
    const Descriptor& layer = (*manifest)->layers[i];
    if (auto checked = check_layer(graph.reader(), layer); !checked)
      return fail(std::move(checked).error(), "layer " + std::to_string(i));
    stack.layers.push_back(plain(layer));
  }
  LayoutImage image{.entry = "",
                    .record = {.id = config_blob.digest.hex(),
                               .manifest = chosen->digest,
                               .names = {},
                               .top_layer = "",
                               .created = (*config)->created,
                               .items = {{"manifest", chosen->digest, chosen->size}, manifest_item(*chosen)}},
                    .layer_ids = storage_layer_ids(stack.diff_ids),
                    .stack = {}};
  if (!image.layer_ids.empty()) image.record.top_layer = image.layer_ids.back();
  // Users may name the image by the digest of its index.
  if (is_index) image.record.items.push_back(manifest_item(entry));
  image.record.items.push_back({config_blob.digest.str(), config_blob.digest, config_blob.size});
  image.stack = std::make_shared<const LayerStack>(std::move(stack));
  return image;
}

// Manifests of one config differ in the compression of their layers, for example.
void unite(LayoutImage& image, LayoutImage other) {
  for (std::string& name : other.record.names)
    if (std::ranges::find(image.record.names, name) == image.record.names.end())
      image.record.names.push_back(std::move(name));
  for (StorageItem& item : other.record.items)
    if (std::ranges::find(image.record.items, item.key, &StorageItem::key) == image.record.items.end())
      image.record.items.push_back(std::move(item));
}

}  // namespace

Result<LayoutImages> read_layout_images(const LayoutGraph& graph, const References& references,
                                        std::string_view repository, const Platform& platform,
                                        const Context& context) {
  const auto named = name_entries(graph, references, repository, platform, context);
  if (!named) return fail(Error(named.error()));
  std::vector<std::optional<Result<std::optional<LayoutImage>>>> read(named->size());
  for_each_in_parallel(named->size(), [&](std::size_t i) {
    if (context.check()) read[i] = read_entry(graph, *(*named)[i].entry, platform, context);
  });
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  LayoutImages all;
  std::unordered_map<std::string, std::size_t> positions;  // by image ID
  for (std::size_t i = 0; i < named->size(); ++i) {
    const auto& [entry, name] = (*named)[i];
    auto& result = *read[i];
    const std::string_view ref_name = entry->ref_name().value_or("");
    std::string shown = ref_name.empty() ? entry->digest.str() : std::string(ref_name);
    if (!result) {
      if (result.error().code() == Errc::cancelled) return fail(std::move(result).error());
      all.broken.push_back({std::move(shown), result.error().message()});
      continue;
    }
    if (!*result) continue;
    LayoutImage& image = **result;
    image.entry = std::move(shown);
    if (!name.empty()) image.record.names.push_back(name);
    const auto [known, is_new] = positions.try_emplace(image.record.id, all.images.size());
    if (is_new)
      all.images.push_back(std::move(image));
    else
      unite(all.images[known->second], std::move(image));
  }
  return all;
}

}  // namespace layoutfs
