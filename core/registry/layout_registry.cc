#include "core/registry/layout_registry.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/cas/dir_engine.h"
#include "core/cas/intact_blob.h"
#include "core/oci/present_blob.h"
#include "core/oci/repository_names.h"
#include "core/registry/entry_changes.h"
#include "core/registry/manifest_check.h"

namespace layoutfs {
namespace {

Status check_repository(std::string_view name) {
  return is_repository_name(name) ? Status() : fail(invalid_repository(name));
}
Status check_tag(std::string_view tag) { return is_tag(tag) ? Status() : fail(invalid_tag(tag)); }
Status check_digest(const Digest& digest) {
  return digest.empty() ? fail(Errc::digest_invalid, "empty digest") : Status();
}

std::unexpected<Error> unknown_blob(const Digest& digest) {
  return fail(RegistryCode::blob_unknown, digest.str() + ": no such blob");
}

Descriptor blob_descriptor(const Digest& digest, std::uint64_t size) {
  return Descriptor{.media_type = {}, .digest = digest, .size = size};
}

// Returns whether an intact blob exists, so that it need not be put. Errc::size_invalid if it is intact and
// has another size.
Result<bool> has_whole(const LayoutReader& layout, const Descriptor& descriptor, const Context& context) {
  const auto blob = layout.get_blob(descriptor.digest);
  if (!blob && blob.error().code() == Errc::not_found) return false;
  if (!blob) return fail(Error(blob.error()));
  const std::uint64_t size = (*blob)->size();
  if (size == descriptor.size)
    return is_usable(*blob, descriptor.digest,
                     {.size = size, .media_type = descriptor.media_type, .context = context});
  const auto is_whole = is_intact(*blob, descriptor.digest, size, context);
  if (!is_whole || !*is_whole) return is_whole;
  return fail(Errc::size_invalid, descriptor.digest.str() + ": the blob has " + std::to_string(size) +
                                      " bytes, not " + std::to_string(descriptor.size));
}

}  // namespace

DirOptions LayoutRegistry::dir_options() const {
  return {.create_if_missing = false,
          .is_beside_others = place_ == LayoutPlace::shared,
          .follow_links = options_.follow_links,
          .is_durable = options_.is_durable};
}

Result<LayoutRegistry::Opened> LayoutRegistry::open(const DirOptions& options) {
  auto opened = opened_.lock();
  // A layout may be removed and replaced by another one.
  struct stat found{};
  const auto is_found = [&] { return ::stat(path_.c_str(), &found) == 0; };
  if (opened->engine && is_found() && opened->device == found.st_dev && opened->inode == found.st_ino)
    return *opened;
  *opened = Opened();
  auto engine = open_dir(path_, options);
  if (!engine) return fail(std::move(engine).error());
  opened->engine = std::move(*engine);
  opened->graph = std::make_shared<const LayoutGraph>(*opened->engine);
  if (is_found()) {
    opened->device = found.st_dev;
    opened->inode = found.st_ino;
  }
  return *opened;
}

Result<LayoutRegistry::Opened> LayoutRegistry::opened() {
  auto opened = open(dir_options());
  if (opened || is_layout_dir(path_)) return opened;
  if (auto checked = check_creatable(path_, dir_options()); !checked) return fail(std::move(checked).error());
  return Opened();
}

Result<std::shared_ptr<Engine>> LayoutRegistry::engine() {
  auto layout = opened();
  if (!layout) return fail(std::move(layout).error());
  return std::move(layout->engine);
}

Result<std::shared_ptr<Engine>> LayoutRegistry::writable_engine(const Context& context) {
  DirOptions options = dir_options();
  options.context = context;
  options.create_if_missing = true;
  auto opened = open(options);
  if (!opened) return fail(std::move(opened).error());
  return std::move(opened->engine);
}

Result<LayoutRegistry::View> LayoutRegistry::view(const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  auto layout = opened();
  if (!layout) return fail(std::move(layout).error());
  auto references = layout->engine
                        ? layout->engine->references(context)
                        : Result<std::shared_ptr<const References>>(std::make_shared<const References>());
  if (!references) return fail(std::move(references).error());
  auto known = known_.lock();
  if (known->map == nullptr || known->references != *references)
    *known = Known{.references = *references,
                   .map = std::make_shared<const RepositoryMap>(**references, options_),
                   .reachable = {},
                   .referrers = {}};
  return View{std::move(layout->engine), std::move(layout->graph), std::move(*references), known->map};
}

Result<Descriptor> LayoutRegistry::resolve_blob(std::string_view repository, const Digest& digest) {
  const auto blob = get_blob(repository, digest);
  if (!blob) return fail(Error(blob.error()));
  return blob->descriptor();
}

Result<BlobReader> LayoutRegistry::get_blob(std::string_view repository, const Digest& digest) {
  return get_blob_range(repository, digest, 0, -1);
}

Result<BlobReader> LayoutRegistry::get_blob_range(std::string_view repository, const Digest& digest,
                                                  std::int64_t begin, std::int64_t end) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  const auto layout = engine();
  if (!layout) return fail(Error(layout.error()));
  if (*layout == nullptr) return unknown_blob(digest);
  auto blob = (*layout)->get_blob(digest);
  // Anything but a regular file is not a blob.
  const bool is_unknown =
      !blob && (blob.error().code() == Errc::not_found || blob.error().code() == Errc::invalid_image);
  if (is_unknown) return unknown_blob(digest);
  if (!blob) return fail(std::move(blob).error());
  const std::uint64_t size = (*blob)->size();
  const auto last = end < 0 ? size : std::min(static_cast<std::uint64_t>(end), size);
  if (begin < 0 || static_cast<std::uint64_t>(begin) > last)
    return fail(RegistryCode::range_invalid, digest.str() + ": no range from " + std::to_string(begin) +
                                                 " to " + std::to_string(last) + ": the blob has " +
                                                 std::to_string(size) + " bytes");
  return BlobReader(blob_descriptor(digest, size), std::move(*blob), static_cast<std::uint64_t>(begin), last);
}

Result<std::shared_ptr<const Reachable>> LayoutRegistry::reachable(const View& view,
                                                                   std::string_view repository,
                                                                   const Context& context) {
  const auto entries = view.map->find(repository);
  if (!entries) return fail(Error(entries.error()));
  {
    auto known = known_.lock();
    const auto found = known->reachable.find(repository);
    if (known->map == view.map && found != known->reachable.end()) return found->second;
  }
  std::vector<const Descriptor*> roots;
  for (const std::size_t position : (*entries)->positions) roots.push_back(&view.map->entry(position));
  auto found = find_reachable(*view.graph, roots, context);
  if (!found) return fail(std::move(found).error());
  auto reachable = std::make_shared<const Reachable>(std::move(*found));
  auto known = known_.lock();
  if (known->map == view.map && !reachable->is_open)
    known->reachable.insert_or_assign(std::string(repository), reachable);
  return reachable;
}

Result<Descriptor> LayoutRegistry::resolve_manifest(std::string_view repository, const Digest& digest,
                                                    const Context& context) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  const auto now = view(context);
  if (!now) return fail(Error(now.error()));
  const auto all = reachable(*now, repository, context);
  if (!all) return fail(Error(all.error()));
  const auto is_there = now->reader ? now->reader->exists(digest, context) : Result<bool>(false);
  if (!is_there) return fail(Error(is_there.error()));
  if (!*is_there) return fail(unknown_manifest(repository, digest.str()));
  const auto found = (*all)->documents.find(digest);
  if (found != (*all)->documents.end()) return found->second;
  // Referrers in a list can be fetched.
  const auto referrers = all_referrers(*now, repository, context);
  if (!referrers && referrers.error().code() == Errc::cancelled) return fail(Error(referrers.error()));
  if (!referrers) return fail(unknown_manifest(repository, digest.str()));
  if (const Descriptor* const named = (*referrers)->find(digest)) return *named;
  return fail(unknown_manifest(repository, digest.str()));
}

Result<BlobReader> LayoutRegistry::read_manifest_blob(std::string_view repository, Descriptor descriptor) {
  const auto layout = engine();
  if (!layout) return fail(Error(layout.error()));
  const std::string digest = descriptor.digest.str();
  if (*layout == nullptr) return fail(unknown_manifest(repository, digest));
  auto blob = (*layout)->get_blob(descriptor.digest);
  if (!blob && blob.error().code() == Errc::not_found) return fail(unknown_manifest(repository, digest));
  if (!blob) return fail(std::move(blob).error());
  const std::uint64_t size = (*blob)->size();
  return BlobReader(std::move(descriptor), std::move(*blob), 0, size);
}

Result<BlobReader> LayoutRegistry::get_manifest(std::string_view repository, const Digest& digest,
                                                const Context& context) {
  auto descriptor = resolve_manifest(repository, digest, context);
  if (!descriptor) return fail(std::move(descriptor).error());
  return read_manifest_blob(repository, std::move(*descriptor));
}

Result<Descriptor> LayoutRegistry::resolve_tag(std::string_view repository, std::string_view tag,
                                               const Context& context) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  if (auto checked = check_tag(tag); !checked) return fail(std::move(checked).error());
  const auto now = view(context);
  if (!now) return fail(Error(now.error()));
  const auto found = now->map->find_tag(repository, tag);
  if (!found) return fail(Error(found.error()));
  return **found;
}

Result<BlobReader> LayoutRegistry::get_tag(std::string_view repository, std::string_view tag,
                                           const Context& context) {
  auto descriptor = resolve_tag(repository, tag, context);
  if (!descriptor) return fail(std::move(descriptor).error());
  return read_manifest_blob(repository, std::move(*descriptor));
}

Result<Descriptor> LayoutRegistry::push_blob(std::string_view repository, const Descriptor& descriptor,
                                             ByteSource& content, const Context& context) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  if (auto checked = check_digest(descriptor.digest); !checked) return fail(std::move(checked).error());
  const auto layout = writable_engine(context);
  if (!layout) return fail(Error(layout.error()));
  const auto is_there = has_whole(**layout, descriptor, context);
  if (!is_there) return fail(Error(is_there.error()));
  if (*is_there) return descriptor;
  auto put = (*layout)->put_blob(content,
                                 {.digest = descriptor.digest, .size = descriptor.size, .context = context});
  if (!put) return fail(std::move(put).error());
  return descriptor;
}

Result<std::unique_ptr<BlobWriter>> LayoutRegistry::push_blob_chunked_resume(std::string_view repository,
                                                                             std::string_view id,
                                                                             std::int64_t offset,
                                                                             std::size_t chunk_size) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  const auto wrong_offset = [&](std::uint64_t size) {
    return fail(RegistryCode::range_invalid, "the upload has " + std::to_string(size) + " bytes, not " +
                                                 std::to_string(offset) + " as requested");
  };
  if (id.empty() && offset > 0) return wrong_offset(0);
  const auto layout = id.empty() ? writable_engine() : engine();
  if (!layout) return fail(Error(layout.error()));
  if (*layout == nullptr) return fail(unknown_upload(id));
  auto upload = id.empty() ? (*layout)->start_upload() : (*layout)->resume_upload(id);
  if (!upload) return fail(std::move(upload).error());
  if (offset != -1 && (offset < 0 || static_cast<std::uint64_t>(offset) != (*upload)->size()))
    return wrong_offset((*upload)->size());
  return write_upload(*layout, std::move(*upload), chunk_size);
}

// All repositories of a layout share its blobs.
Result<Descriptor> LayoutRegistry::mount_blob(std::string_view from, std::string_view to,
                                              const Digest& digest, const Context&) {
  auto descriptor = resolve_blob(from, digest);
  if (!descriptor) return descriptor;
  if (auto checked = check_repository(to); !checked) return fail(std::move(checked).error());
  return descriptor;
}

Result<Descriptor> LayoutRegistry::push_manifest(std::string_view repository, ByteView manifest,
                                                 std::string_view media_type,
                                                 const PushManifestParameters& parameters) {
  if (media_type.empty()) return fail(RegistryCode::manifest_invalid, "the manifest's media type is missing");
  const Algorithm algorithm = parameters.digest.empty() ? kBlobAlgorithm : parameters.digest.algorithm();
  const Digest digest = Digest::of(manifest, algorithm);
  if (!parameters.digest.empty() && parameters.digest != digest)
    return fail(Errc::digest_invalid,
                parameters.digest.str() + ": the manifest has the digest " + digest.str());
  for (const std::string& tag : parameters.tags)
    if (auto checked = check_tag(tag); !checked) return fail(std::move(checked).error());
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  const auto there = view(parameters.context);
  if (!there) return fail(Error(there.error()));
  if (auto checked = there->map->check(); !checked) return fail(std::move(checked).error());
  const auto check_in = [&](const LayoutReader* layout) {
    return check_manifest(manifest, media_type, [layout](const Digest& named) -> Result<bool> {
      if (layout == nullptr) return false;
      return layout->exists(named);
    });
  };
  if (auto checked = check_in(there->reader.get()); !checked) return fail(std::move(checked).error());

  const auto layout = writable_engine(parameters.context);
  if (!layout) return fail(Error(layout.error()));
  MemorySource content(manifest);
  if (auto put = (*layout)->put_blob(content, {.algorithm = algorithm, .context = parameters.context}); !put)
    return fail(std::move(put).error());
  Descriptor descriptor{.media_type = std::string(media_type),
                        .digest = digest,
                        .size = manifest.size(),
                        .annotations = parameters.annotations,
                        .platform = parameters.platform,
                        .artifact_type = parameters.artifact_type};
  descriptor.annotations.erase(std::string(kRefName));
  descriptor.annotations.erase(std::string(kContainerdName));
  const auto put_entries = [&](const References& now) -> Result<ReferenceChanges> {
    // Garbage collection may have removed a blob in the meantime; from now on it cannot.
    if (auto checked = check_in(layout->get()); !checked) return fail(std::move(checked).error());
    const RepositoryMap map(now, options_);
    if (auto checked = map.check(); !checked) return fail(std::move(checked).error());
    return changes_to_put(map, repository, descriptor, parameters.tags, options_);
  };
  if (auto updated = (*layout)->update_references(put_entries, parameters.context); !updated)
    return fail(std::move(updated).error());
  return descriptor;
}

Status LayoutRegistry::delete_blob(std::string_view repository, const Digest& digest) {
  const auto found = resolve_blob(repository, digest);
  if (!found) return fail(Error(found.error()));
  return fail(RegistryCode::denied, digest.str() + ": only garbage collection removes blobs");
}

Status LayoutRegistry::delete_manifest(std::string_view repository, const Digest& digest,
                                       const Context& context) {
  if (auto checked = check_repository(repository); !checked) return checked;
  if (auto checked = check_digest(digest); !checked) return checked;
  const auto decide = [&](const RepositoryMap& now) {
    return changes_to_delete_manifest(now, repository, digest, options_);
  };
  return remove_entries(repository, digest.str(), decide, context);
}

Status LayoutRegistry::delete_tag(std::string_view repository, std::string_view tag, const Context& context) {
  if (auto checked = check_repository(repository); !checked) return checked;
  if (auto checked = check_tag(tag); !checked) return checked;
  const auto decide = [&](const RepositoryMap& now) {
    return changes_to_delete_tag(now, repository, tag, options_);
  };
  return remove_entries(repository, std::string(tag), decide, context);
}

Status LayoutRegistry::remove_entries(
    std::string_view repository, const std::string& what,
    const std::function<Result<ReferenceChanges>(const RepositoryMap&)>& decide, const Context& context) {
  const auto layout = engine();
  if (!layout) return fail(Error(layout.error()));
  if (*layout == nullptr) return fail(unknown_repository(repository));
  const auto remove = [&](const References& now) -> Result<ReferenceChanges> {
    const RepositoryMap map(now, options_);
    if (const auto entries = map.find(repository); !entries) return fail(Error(entries.error()));
    auto changes = decide(map);
    if (changes && changes->changed.empty()) return fail(unknown_manifest(repository, what));
    return changes;
  };
  return (*layout)->update_references(remove, context);
}

Result<std::vector<std::string>> LayoutRegistry::repositories(const Page& page, const Context& context) {
  const auto now = view(context);
  if (!now) return fail(Error(now.error()));
  if (auto checked = now->map->check(); !checked) return fail(std::move(checked).error());
  return page_of(now->map->repositories(), page);
}

Result<std::vector<std::string>> LayoutRegistry::tags(std::string_view repository, const Page& page,
                                                      const Context& context) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  const auto now = view(context);
  if (!now) return fail(Error(now.error()));
  const auto entries = now->map->find(repository);
  if (!entries) return fail(Error(entries.error()));
  return page_of((*entries)->tags, page);
}

Result<std::vector<Descriptor>> LayoutRegistry::referrers(std::string_view repository, const Digest& digest,
                                                          std::string_view artifact_type,
                                                          const Context& context) {
  if (auto checked = check_repository(repository); !checked) return fail(std::move(checked).error());
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  const auto now = view(context);
  if (!now) return fail(Error(now.error()));
  const auto all = all_referrers(*now, repository, context);
  if (!all) return fail(Error(all.error()));
  std::vector<Descriptor> found;
  const auto [first, last] = (*all)->by_subject.equal_range(digest);
  for (auto referrer = first; referrer != last; ++referrer)
    if (artifact_type.empty() || referrer->second.listed.artifact_type == artifact_type)
      found.push_back(referrer->second.listed);
  return found;
}

Result<std::shared_ptr<const LayoutReferrers>> LayoutRegistry::all_referrers(const View& view,
                                                                             std::string_view repository,
                                                                             const Context& context) {
  {
    auto known = known_.lock();
    const auto found = known->referrers.find(repository);
    if (known->map == view.map && found != known->referrers.end()) return found->second;
  }
  const auto documents = reachable(view, repository, context);
  if (!documents) return fail(Error(documents.error()));
  std::vector<Descriptor> roots;
  for (const auto& [digest, descriptor] : (*documents)->documents) roots.push_back(descriptor);
  auto found = find_referrers(*view.graph, roots, context);
  if (!found) return fail(std::move(found).error());
  if (found->problem) return fail(std::move(*found->problem));
  found->is_open = found->is_open || (*documents)->is_open;
  auto referrers = std::make_shared<const LayoutReferrers>(std::move(*found));
  auto known = known_.lock();
  if (known->map == view.map && !referrers->is_open)
    known->referrers.insert_or_assign(std::string(repository), referrers);
  return referrers;
}

Result<std::unique_ptr<Registry>> open_registry(const std::string& directory,
                                                const RegistryOptions& options) {
  if (directory.empty()) return fail(Errc::invalid_argument, "the layout's path is empty");
  if (!options.default_repository.empty() && !is_repository_name(options.default_repository))
    return fail(invalid_repository(options.default_repository));
  std::error_code failure;
  const auto path = std::filesystem::absolute(directory, failure);
  if (failure) return fail(Error::system(failure.value(), directory));
  auto registry = std::make_unique<LayoutRegistry>(path.string(), options, LayoutPlace::own);
  if (const auto layout = registry->engine(); !layout) return fail(Error(layout.error()));
  return registry;
}

}  // namespace layoutfs
