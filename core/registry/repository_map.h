// The entries of index.json as repositories and tags.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/layout_reader.h"
#include "layoutfs/registry.h"

namespace layoutfs {

struct RepositoryEntries {
  std::vector<std::size_t> positions;  // in References::entries, ascending; never empty
  // positions of the entries of each, likewise
  std::map<std::string, std::vector<std::size_t>, std::less<>> tags;
};

// Immutable: a snapshot.
class RepositoryMap {
 public:
  // `references` must outlive it.
  RepositoryMap(const References& references, const RegistryOptions& options);

  // Errc::invalid_image if an entry has no repository, or is invalid, and such entries are not skipped.
  Status check() const;
  const std::map<std::string, RepositoryEntries, std::less<>>& repositories() const noexcept {
    return repositories_;
  }
  // RegistryCode::name_unknown if it has no entries. Errors of check().
  Result<const RepositoryEntries*> find(std::string_view repository) const;
  // Returns the manifest of the tag's first entry. RegistryCode::manifest_unknown if there is none. Errors of
  // find() and check_one_target().
  Result<const Descriptor*> find_tag(std::string_view repository, std::string_view tag) const;
  const Descriptor& entry(std::size_t position) const { return references_.entries[position]; }

 private:
  const References& references_;
  std::map<std::string, RepositoryEntries, std::less<>> repositories_;
  std::optional<Error> foreign_;  // the error of the first entry without a repository
};

// Returns the sorted keys of `names` in the page.
template <class Map>
std::vector<std::string> page_of(const Map& names, const Page& page) {
  std::vector<std::string> found;
  for (auto name = names.upper_bound(page.start_after); name != names.end(); ++name) {
    if (page.limit != 0 && found.size() == page.limit) break;
    found.push_back(name->first);
  }
  return found;
}

// Errc::ambiguous, with a list, if the entries of a tag differ in their full names or platforms.
Status check_one_target(std::string_view tag, const std::vector<const Descriptor*>& entries);

// RegistryCode::name_invalid
Error invalid_repository(std::string_view name);
Error invalid_tag(std::string_view name);
// RegistryCode::name_unknown
Error unknown_repository(std::string_view name);
// RegistryCode::manifest_unknown
Error unknown_manifest(std::string_view repository, std::string_view what);

}  // namespace layoutfs
