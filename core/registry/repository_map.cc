#include "core/registry/repository_map.h"

#include <algorithm>

#include "core/cas/named_entries.h"
#include "core/oci/repository_names.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {

RepositoryMap::RepositoryMap(const References& references, const RegistryOptions& options)
    : references_(references) {
  const bool is_strict = options.foreign == ForeignEntry::error;
  if (options.foreign != ForeignEntry::skip && !references_.problems.empty()) {
    foreign_ = Error(Errc::invalid_image, references_.problems.front());
    // Entries of refs/ have their file names in messages.
    if (!references_.document.empty()) foreign_ = std::move(*foreign_).with("index.json");
  }
  for (std::size_t i = 0; i < references_.entries.size(); ++i) {
    const auto name = entry_name_of(entry(i), options.default_repository);
    if (!name) {
      if (is_strict && !foreign_) foreign_ = Error(name.error()).with(entry(i).digest.str());
      continue;
    }
    RepositoryEntries& entries = repositories_[name->repository];
    entries.positions.push_back(i);
    if (!name->tag.empty()) entries.tags[name->tag].push_back(i);
  }
}

Status RepositoryMap::check() const { return foreign_ ? fail(Error(*foreign_)) : Status(); }

Result<const RepositoryEntries*> RepositoryMap::find(std::string_view repository) const {
  if (auto usable = check(); !usable) return fail(std::move(usable).error());
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) return fail(unknown_repository(repository));
  return &found->second;
}

Result<const Descriptor*> RepositoryMap::find_tag(std::string_view repository, std::string_view tag) const {
  const auto entries = find(repository);
  if (!entries) return fail(Error(entries.error()));
  const auto found = (*entries)->tags.find(tag);
  if (found == (*entries)->tags.end()) return fail(unknown_manifest(repository, tag));
  std::vector<const Descriptor*> entries_of_tag;
  for (const std::size_t position : found->second) entries_of_tag.push_back(&entry(position));
  if (auto one = check_one_target(tag, entries_of_tag); !one) return fail(std::move(one).error(), repository);
  return entries_of_tag.front();
}

Status check_one_target(std::string_view tag, const std::vector<const Descriptor*>& entries) {
  const auto is_like_first = [&](const Descriptor* other) {
    return full_name(*other) == full_name(*entries.front()) && other->platform == entries.front()->platform;
  };
  if (std::ranges::all_of(entries, is_like_first)) return {};
  return fail(ambiguous_name(tag, entries));
}

Error invalid_repository(std::string_view name) {
  return registry_error(RegistryCode::name_invalid, "invalid repository name '" + std::string(name) + "'");
}
Error invalid_tag(std::string_view name) {
  return registry_error(RegistryCode::name_invalid, "invalid tag '" + std::string(name) + "'");
}
Error unknown_repository(std::string_view name) {
  return registry_error(RegistryCode::name_unknown, "no repository '" + std::string(name) + "'");
}
Error unknown_manifest(std::string_view repository, std::string_view what) {
  return registry_error(RegistryCode::manifest_unknown,
                        std::string(repository) + ": no manifest " + std::string(what));
}

}  // namespace layoutfs
