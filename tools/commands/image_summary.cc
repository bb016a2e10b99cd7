#include "tools/commands/image_summary.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/json.h"
#include "core/image/cached_tables.h"
#include "core/image/file_attributes.h"
#include "core/image/whiteout_names.h"
#include "core/oci/image_facts.h"
#include "core/oci/layout_graph.h"
#include "fs/fuse/mount_server.h"
#include "fs/fuse/mount_table.h"
#include "fs/tree/statistics.h"

namespace layoutfs::tools {
namespace {

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

std::uint64_t count_files(const LayerIndex& index) {
  std::uint64_t files = 0;
  const auto entries = index.entries();
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const EntryView entry = entries->entry(i);
    if (entry.type != EntryType::directory && !has_whiteout_name(entry.path)) ++files;
  }
  return files;
}

std::vector<LayerSummary> summarize_layers(const Manifest& manifest, const ImageConfig& config,
                                           const IndexCache& cache) {
  std::vector<LayerSummary> layers;
  const auto history = history_of_layers(config.history, manifest.layers.size());
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    LayerSummary layer{.descriptor = manifest.layers[i]};
    if (i < history.size()) layer.history = history[i];
    if (const auto index = open_cached_index(cache, layer.descriptor)) {
      layer.unpacked_size = index->tables->stream().size;
      layer.files = count_files(*index->tables);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

// Attestations have the platform unknown/unknown.
bool is_for_a_platform(const Descriptor& child) {
  return child.platform && child.platform->os != "unknown" && !child.platform->os.empty();
}

// Adds the platforms and annotations of the index.
Status add_index(const LayoutReader& reader, ImageSummary& summary) {
  auto index = read_index(reader, summary.entry);
  if (!index) return fail(std::move(index).error());
  for (Descriptor& child : index->manifests)
    if (is_for_a_platform(child)) summary.platforms.push_back(std::move(child));
  summary.annotations.merge(std::move(index->annotations));
  return {};
}

void add_referrers(const OpenLayout& layout, const ImageSummary& image, Surroundings& around) {
  const LayoutGraph graph(*layout.reader);
  const auto references = layout.reader->references();
  const auto found = references ? find_referrers(graph, (*references)->entries)
                                : Result<LayoutReferrers>(fail(Error(references.error())));
  if (!found) {
    around.problems.push_back("referrers: " + found.error().message());
    return;
  }
  if (found->problem) around.problems.push_back("referrers may be missing: " + found->problem->message());
  for (const Digest& subject : std::set<Digest>{image.entry.digest, image.manifest_descriptor.digest}) {
    const auto [first, last] = found->by_subject.equal_range(subject);
    for (auto each = first; each != last; ++each) around.referrers.push_back(each->second.listed);
  }
}

}  // namespace

Result<ImageSummary> summarize(const OpenLayout& layout, const ImageArguments& arguments) {
  auto entry = find_entry(layout, arguments);
  if (!entry) return fail(std::move(entry).error());
  auto descriptor = find_manifest(layout, arguments);
  if (!descriptor) return fail(std::move(descriptor).error());
  auto manifest = read_manifest(*layout.reader, *descriptor);
  if (!manifest) return fail(std::move(manifest).error(), layout.path);
  ImageSummary summary{.entry = std::move(*entry),
                       .manifest_descriptor = std::move(*descriptor),
                       .manifest = std::move(*manifest)};
  if (is_config_type(summary.manifest.config.media_type)) {
    auto config = read_config(*layout.reader, summary.manifest.config);
    if (!config) return fail(std::move(config).error(), layout.path);
    summary.config = std::move(*config);
  }
  summary.annotations = summary.manifest.annotations;
  if (document_kind(summary.entry.media_type) == DocumentKind::index)
    if (auto added = add_index(*layout.reader, summary); !added)
      return fail(std::move(added).error(), layout.path);
  std::set<Digest> counted;
  for (const Descriptor& layer : summary.manifest.layers)
    if (counted.insert(layer.digest).second) summary.size += layer.size;
  summary.layers = summarize_layers(summary.manifest, summary.config, open_cache(arguments.cache_dir));
  return summary;
}

namespace {

std::vector<MountedAt> mounts_of(const Digest& manifest) {
  std::vector<MountedAt> mounts;
  for (auto& [mount_point, mount] : layoutfs_mounts()) {
    const auto statistics = JsonDocument::parse(as_bytes(ask_for_statistics(mount_point).text));
    const auto shown = statistics ? statistics->root().find(kStatisticsManifest) : std::nullopt;
    if (shown && shown->as_string() == manifest.str()) mounts.push_back({mount_point, *mount.view});
  }
  return mounts;
}

}  // namespace

Surroundings surroundings_of(const OpenLayout& layout, const ImageArguments& arguments,
                             const ImageSummary& image) {
  Surroundings around;
  const auto tree = open_cached_tree(open_cache(arguments.cache_dir), CacheKind::image_tree,
                                     image.manifest_descriptor.digest, image.manifest.layers.size());
  if (tree) around.hidden = hidden_xattrs(*tree->tables);
  add_referrers(layout, image, around);
  around.mounts = mounts_of(image.manifest_descriptor.digest);
  return around;
}

}  // namespace layoutfs::tools
