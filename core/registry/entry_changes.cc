#include "core/registry/entry_changes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/oci/repository_names.h"

namespace layoutfs {
namespace {

Descriptor named(const Descriptor& manifest, std::string name) {
  Descriptor entry = manifest;
  entry.annotations.insert_or_assign(std::string(kRefName), std::move(name));
  return entry;
}

Descriptor tagged(const Descriptor& manifest, std::string_view repository, std::string_view tag) {
  return named(manifest, std::string(repository) + ":" + std::string(tag));
}

Descriptor untagged(const Descriptor& manifest, std::string_view repository) {
  return named(manifest, std::string(repository) + "@" + manifest.digest.str());
}

// The entries of one repository during a change.
class Editor {
 public:
  Editor(const RepositoryMap& now, std::string_view repository, const RegistryOptions& options)
      : now_(now), repository_(repository), options_(options) {
    const auto found = now.repositories().find(repository);
    if (found == now.repositories().end()) return;
    for (const std::size_t position : found->second.positions) {
      const auto name = entry_name_of(now.entry(position), options.default_repository);
      entries_.emplace(position, Entry{name ? name->tag : std::string(), now.entry(position)});
    }
  }

  // Errc::ambiguous if the tag belongs to several distinct images.
  Status check_tag(std::string_view tag) const {
    std::vector<const Descriptor*> others;
    for (const auto& [position, entry] : entries_)
      if (!tag.empty() && entry.tag == tag && entry.now) others.push_back(&*entry.now);
    auto one = check_one_target(tag, others);
    return one ? std::move(one) : fail(std::move(one).error(), repository_);
  }

  // An empty tag means none; those entries are distinguished by their digests.
  void put(const Descriptor& manifest, const std::string& tag) {
    const Descriptor wanted =
        tag.empty() ? untagged(manifest, repository_) : tagged(manifest, repository_, tag);
    bool is_placed = false;
    for (auto& [position, entry] : entries_) {
      if (!entry.now || entry.tag != tag || (tag.empty() && entry.now->digest != manifest.digest)) continue;
      lose(entry);
      if (!std::exchange(is_placed, true)) entry.now = wanted;
    }
    if (!is_placed) added_.push_back(wanted);
  }

  void remove(const std::function<bool(const std::string& tag, const Digest& digest)>& is_meant) {
    for (auto& [position, entry] : entries_)
      if (entry.now && is_meant(entry.tag, entry.now->digest)) lose(entry);
  }

  ReferenceChanges changes() && {
    if (options_.keep_untagged) keep_lost();
    ReferenceChanges changes;
    for (auto& [position, entry] : entries_)
      if (entry.now != now_.entry(position)) changes.changed.push_back({position, std::move(entry.now)});
    changes.added = std::move(added_);
    return changes;
  }

 private:
  struct Entry {
    std::string tag;
    std::optional<Descriptor> now;  // nullopt after removal
  };

  void lose(Entry& entry) {
    lost_.emplace(entry.now->digest, *entry.now);
    entry.now.reset();
  }

  void keep_lost() {
    std::set<Digest> there;
    for (const auto& [position, entry] : entries_)
      if (entry.now) there.insert(entry.now->digest);
    for (const Descriptor& entry : added_) there.insert(entry.digest);
    for (const auto& [digest, descriptor] : lost_)
      if (!there.contains(digest)) added_.push_back(untagged(descriptor, repository_));
  }

  const RepositoryMap& now_;
  const std::string repository_;
  const RegistryOptions& options_;
  std::map<std::size_t, Entry> entries_;  // by position
  std::vector<Descriptor> added_;
  std::map<Digest, Descriptor> lost_;
};

}  // namespace

Result<ReferenceChanges> changes_to_put(const RepositoryMap& now, std::string_view repository,
                                        const Descriptor& manifest, const std::vector<std::string>& tags,
                                        const RegistryOptions& options) {
  Editor editor(now, repository, options);
  for (const std::string& tag : tags)
    if (auto one = editor.check_tag(tag); !one) return fail(std::move(one).error());
  if (tags.empty()) editor.put(manifest, {});
  for (const std::string& tag : tags) editor.put(manifest, tag);
  return std::move(editor).changes();
}

Result<ReferenceChanges> changes_to_delete_tag(const RepositoryMap& now, std::string_view repository,
                                               std::string_view tag, const RegistryOptions& options) {
  Editor editor(now, repository, options);
  if (auto one = editor.check_tag(tag); !one) return fail(std::move(one).error());
  editor.remove([&](const std::string& own, const Digest&) { return own == tag; });
  return std::move(editor).changes();
}

ReferenceChanges changes_to_delete_manifest(const RepositoryMap& now, std::string_view repository,
                                            const Digest& digest, const RegistryOptions& options) {
  RegistryOptions for_good = options;
  for_good.keep_untagged = false;
  Editor editor(now, repository, for_good);
  editor.remove([&](const std::string&, const Digest& own) { return own == digest; });
  return std::move(editor).changes();
}

}  // namespace layoutfs
