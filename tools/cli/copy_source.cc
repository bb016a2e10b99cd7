#include "tools/cli/copy_source.h"

#include <filesystem>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "core/cas/find_digest.h"
#include "core/cas/named_entries.h"
#include "core/oci/reference.h"
#include "core/oci/repository_names.h"
#include "core/oci/repository_tree.h"
#include "core/registry/repository_map.h"
#include "layoutfs/open.h"
#include "layoutfs/registry.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/repositories_operand.h"

namespace layoutfs::tools {
namespace {

// Returns the entry with the name `name` and its other annotations, for the copy.
Result<NamedDescriptor> image_of(const LayoutReader& layout, Descriptor entry, std::string name,
                                 const std::optional<Platform>& platform) {
  if (entry.media_type.empty()) {
    auto typed = with_media_type(layout, std::move(entry));
    if (!typed) return fail(std::move(typed).error());
    entry = std::move(*typed);
  }
  if (platform) {
    auto manifest = resolve_platform(layout, entry, *platform);
    if (!manifest) return fail(std::move(manifest).error(), name.empty() ? entry.digest.str() : name);
    // The names come from the index entry; the index's other annotations of the manifest stay.
    if (const auto full = full_name(entry))
      manifest->annotations.insert_or_assign(std::string(kContainerdName), std::string(*full));
    entry = std::move(*manifest);
  }
  return NamedDescriptor{.name = std::move(name), .descriptor = std::move(entry), .is_entry = true};
}

// Returns the entries of `reference`: without a platform, those of all platforms, as for an index.
Result<std::vector<Descriptor>> find_entries(const LayoutReader& layout, const std::string& reference,
                                             const std::optional<Platform>& platform) {
  if (!platform) return find_every_platform(layout, reference);
  auto found = find_reference(layout, reference, *platform);
  if (!found) return fail(std::move(found).error());
  return std::vector<Descriptor>{std::move(*found)};
}

Result<CopySource> open_layout_source(const std::string& operand, const std::optional<Platform>& platform,
                                      bool follow_links, const RemoteArguments& remote,
                                      const std::string& cache_dir) {
  ImageArguments arguments;
  arguments.follow_links = follow_links;
  arguments.remote = remote;
  arguments.cache_dir = cache_dir;
  arguments.remote_settings.is_for_copy = true;
  arguments.name = operand;
  auto opened = open_layout(arguments);
  if (!opened) return fail(std::move(opened).error());
  SourceLayout layout{.path = opened->path, .repository = {}, .reader = opened->reader, .images = {}};
  const auto references = layout.reader->references();
  if (!references) return fail(Error(references.error()), layout.path);
  std::vector<Descriptor> entries = (*references)->entries;
  if (!opened->reference.empty()) {
    auto found = of_operand(find_entries(*layout.reader, opened->reference, platform));
    if (!found) return fail(std::move(found).error(), layout.path);
    entries = std::move(*found);
  } else if (!(*references)->problems.empty()) {
    return fail(Errc::invalid_image, layout.path + ": " + (*references)->problems.front());
  }
  std::unordered_set<Digest> listed;
  for (const Descriptor& entry : (*references)->entries) listed.insert(entry.digest);
  for (const Descriptor& entry : entries) {
    auto image = image_of(*layout.reader, entry, std::string(entry.ref_name().value_or("")), platform);
    if (!image) return fail(std::move(image).error(), layout.path);
    // A digest may be that of a manifest without an entry.
    image->is_entry = listed.contains(entry.digest);
    layout.images.push_back(std::move(*image));
  }
  if (layout.images.empty()) return fail(Errc::not_found, layout.path + ": the layout has no images");
  return CopySource{.layouts = {std::move(layout)}};
}

// Returns the images of a repository's layout.
Result<SourceLayout> open_repository(const RepositoryTree& tree, const std::string& name,
                                     const RepositoriesOperand& operand,
                                     const std::optional<Platform>& platform, bool follow_links) {
  auto path = tree.path_of(name);
  if (!path) return fail(std::move(path).error());
  auto reader = open_dir(*path, {.follow_links = follow_links});
  if (!reader) return fail(std::move(reader).error());
  SourceLayout layout{
      .path = std::move(*path), .repository = name, .reader = std::move(*reader), .images = {}};
  const auto references = layout.reader->references();
  if (!references) return fail(Error(references.error()), layout.path);
  const RegistryOptions options{.default_repository = name, .foreign = ForeignEntry::skip};
  const RepositoryMap map(**references, options);
  const auto entries = map.find(name);
  if (!entries) return fail(Error(entries.error()), layout.path);
  const auto add = [&](const Descriptor& entry, const std::string& tag) -> Status {
    auto image = image_of(*layout.reader, entry, tag, platform);
    if (!image) return fail(std::move(image).error(), layout.path);
    layout.images.push_back(std::move(*image));
    return {};
  };
  if (operand.tag.empty() && operand.digest.empty()) {
    for (const std::size_t position : (*entries)->positions) {
      const Descriptor& entry = map.entry(position);
      const auto parsed = entry_name_of(entry, name);
      if (auto added = add(entry, parsed ? parsed->tag : ""); !added) return fail(std::move(added).error());
    }
    return layout;
  }
  if (operand.tag.empty()) {
    auto found = of_operand(find_reference(*layout.reader, operand.digest));
    if (!found) return fail(std::move(found).error(), layout.path);
    if (auto added = add(*found, ""); !added) return fail(std::move(added).error());
    return layout;
  }
  const auto found = map.find_tag(name, operand.tag);
  if (!found) return fail(Error(found.error()), layout.path);
  if (!operand.digest.empty() && !begins_digest(operand.digest, (*found)->digest))
    return fail(has_other_digest(operand.tag, {(*found)->digest}, operand.digest), layout.path);
  if (auto added = add(**found, operand.tag); !added) return fail(std::move(added).error());
  return layout;
}

Result<CopySource> open_repositories_source(const std::string& operand,
                                            const std::optional<Platform>& platform, bool follow_links) {
  const auto parsed = RepositoriesOperand::parse(operand);
  if (!parsed) return fail(Error(parsed.error()));
  std::error_code failed;
  if (!std::filesystem::is_directory(parsed->store, failed))
    return fail(Errc::not_found, parsed->store + ": no such directory");
  const RepositoryTree tree(parsed->store);
  CopySource source;
  std::vector<std::string> names{parsed->repository};
  if (parsed->repository.empty()) {
    const auto registry = open_repositories(parsed->store, {.follow_links = follow_links});
    if (!registry) return fail(Error(registry.error()));
    auto listed = (*registry)->repositories();
    if (!listed) return fail(std::move(listed).error(), parsed->store);
    names = std::move(*listed);
  }
  if (names.empty()) return fail(Errc::not_found, parsed->store + ": no repositories");
  for (const std::string& name : names) {
    auto layout = open_repository(tree, name, *parsed, platform, follow_links);
    if (!layout) return fail(std::move(layout).error(), parsed->store);
    source.layouts.push_back(std::move(*layout));
  }
  return source;
}

}  // namespace

Result<CopySource> open_copy_source(const std::string& operand, const std::optional<Platform>& platform,
                                    bool follow_links, const RemoteArguments& remote,
                                    const std::string& cache_dir) {
  if (operand.starts_with(kRepositoriesPrefix))
    return open_repositories_source(operand, platform, follow_links);
  return open_layout_source(operand, platform, follow_links, remote, cache_dir);
}

}  // namespace layoutfs::tools
