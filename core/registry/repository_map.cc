#include "core/registry/repository_map.h"

#include "core/registry/names.h"

namespace layoutfs {

RepositoryMap::RepositoryMap(const References& references, const RegistryOptions& options)
    : references_(references) {
  const bool is_strict = options.foreign == ForeignEntry::error;
  if (is_strict && !references_.problems.empty()) {
    foreign_ = Error(Errc::invalid_image, references_.problems.front());
    // Those of refs/ are named by their files.
    if (!references_.document.empty()) foreign_ = std::move(*foreign_).with("index.json");
  }
  for (std::size_t i = 0; i < references_.entries.size(); ++i) {
    const auto name = parse_entry_name(entry(i).ref_name().value_or(""), options.default_repository);
    if (!name) {
      if (is_strict && !foreign_) foreign_ = Error(name.error()).with(entry(i).digest.str());
      continue;
    }
    RepositoryEntries& entries = repositories_[name->repository];
    entries.positions.push_back(i);
    if (!name->tag.empty()) entries.tags.try_emplace(name->tag, i);
  }
}

Status RepositoryMap::check() const { return foreign_ ? fail(Error(*foreign_)) : Status(); }

Result<const RepositoryEntries*> RepositoryMap::find(std::string_view repository) const {
  if (auto usable = check(); !usable) return fail(std::move(usable).error());
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) return fail(unknown_repository(repository));
  return &found->second;
}

Error invalid_repository(std::string_view name) {
  return Error(Errc::name_invalid, "invalid repository name '" + std::string(name) + "'");
}
Error invalid_tag(std::string_view name) {
  return Error(Errc::name_invalid, "invalid tag '" + std::string(name) + "'");
}
Error unknown_repository(std::string_view name) {
  return Error(Errc::name_unknown, "no repository '" + std::string(name) + "'");
}
Error unknown_manifest(std::string_view repository, std::string_view what) {
  return Error(Errc::manifest_unknown, std::string(repository) + ": no manifest " + std::string(what));
}

}  // namespace layoutfs
