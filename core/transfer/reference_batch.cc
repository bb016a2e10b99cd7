#include "core/transfer/reference_batch.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/cas/reference_name.h"

namespace layoutfs {
namespace {

void remove_names(Descriptor& entry) {
  entry.annotations.erase(std::string(kRefName));
  entry.annotations.erase(std::string(kContainerdName));
}

// The entries as they become, one image after the other.
class EntryNaming {
 public:
  EntryNaming(const References& now, ReplacedEntry replaced) : now_(now.entries), replaced_(replaced) {
    states_.resize(now_.size());
    for (std::size_t i = 0; i < now_.size(); ++i) {
      ++uses_[now_[i].digest];
      const std::string_view name = now_[i].ref_name().value_or("");
      if (name.empty())
        unnamed_.emplace(now_[i].digest, i);
      else
        named_[name].push_back(i);
    }
  }

  // Once for each name.
  void name(std::string_view name, Descriptor entry) {
    entry.annotations.insert_or_assign(std::string(kRefName), std::string(name));
    const auto holders = named_.find(name);
    const std::vector<std::size_t> none;
    const std::vector<std::size_t>& positions = holders == named_.end() ? none : holders->second;
    const auto same = std::ranges::find_if(
        positions, [&](std::size_t position) { return now_[position].digest == entry.digest; });
    std::optional<std::size_t> place;
    if (same != positions.end())
      place = *same;
    else if (replaced_ == ReplacedEntry::removed && !positions.empty())
      place = positions.front();
    else if (const auto unnamed = unnamed_.find(entry.digest); unnamed != unnamed_.end())
      place = unnamed->second;
    // The new entry first: what it displaces may be the same image.
    put(place, std::move(entry));
    for (const std::size_t position : positions)
      if (position != place) displace(position);
  }

  void keep_unnamed(Descriptor entry) {
    entry.annotations.erase(std::string(kRefName));
    const auto unnamed = unnamed_.find(entry.digest);
    if (unnamed != unnamed_.end())
      put(unnamed->second, std::move(entry));
    else if (uses_[entry.digest] == 0)
      put(std::nullopt, std::move(entry));
  }

  ReferenceChanges changes() && {
    ReferenceChanges changes{.changed = {}, .added = std::move(added_)};
    for (std::size_t i = 0; i < states_.size(); ++i) {
      State& state = states_[i];
      if (state.is_removed)
        changes.changed.push_back({i, std::nullopt});
      else if (state.entry && *state.entry != now_[i])
        changes.changed.push_back({i, std::move(state.entry)});
    }
    return changes;
  }

 private:
  struct State {
    std::optional<Descriptor> entry;  // instead of the one that is there
    bool is_removed = false;
  };

  // At `place`, whatever is there, or behind all.
  void put(std::optional<std::size_t> place, Descriptor entry) {
    ++uses_[entry.digest];
    if (!place) {
      added_.push_back(std::move(entry));
      return;
    }
    drop(*place);
    states_[*place].entry = std::move(entry);
  }

  void displace(std::size_t position) {
    const Digest& digest = now_[position].digest;
    if (replaced_ == ReplacedEntry::removed || uses_[digest] > 1) {
      drop(position);
      states_[position].is_removed = true;
      return;
    }
    Descriptor entry = now_[position];
    remove_names(entry);
    states_[position].entry = std::move(entry);
    unnamed_.emplace(digest, position);
  }

  // What stands at `position` now goes.
  void drop(std::size_t position) {
    const Digest& digest = states_[position].entry ? states_[position].entry->digest : now_[position].digest;
    --uses_[digest];
    const auto [first, last] = unnamed_.equal_range(digest);
    const auto here = std::find_if(first, last, [&](const auto& item) { return item.second == position; });
    if (here != last) unnamed_.erase(here);
  }

  const std::vector<Descriptor>& now_;
  ReplacedEntry replaced_;
  std::vector<State> states_;  // of now_
  std::vector<Descriptor> added_;
  std::map<std::string_view, std::vector<std::size_t>> named_;  // positions in now_
  std::multimap<Digest, std::size_t> unnamed_;                  // likewise, in ascending order
  std::map<Digest, std::size_t> uses_;                          // how many entries have it
};

Status check_there(const Engine& engine, const Digest& digest) {
  const auto is_there = engine.exists(digest);
  if (!is_there) return fail(Error(is_there.error()));
  if (!*is_there) return fail(Errc::not_found, digest.str() + ": no such blob");
  return {};
}

// Each for itself: references in `refs/` are files.
Status put_each(Engine& engine, const std::vector<NamedDescriptor>& images) {
  for (const auto& [name, descriptor] : images) {
    if (name.empty())
      return fail(Errc::unsupported,
                  descriptor.digest.str() + ": the layout keeps references in refs/, where each has a name");
    if (auto put = engine.put_reference(name, descriptor, PutMode::replace); !put)
      return fail(std::move(put).error(), name);
  }
  return {};
}

Status write_all(Engine& engine, const std::vector<NamedDescriptor>& images, std::span<const Digest> needed,
                 ReplacedEntry replaced) {
  for (const auto& [name, descriptor] : images)
    if (!name.empty() && !is_reference_name(name))
      return fail(Errc::invalid_argument, "invalid reference name '" + name + "'");
  const auto references = engine.references();
  if (!references) return fail(Error(references.error()));
  if ((*references)->document.empty()) return put_each(engine, images);
  return engine.update_references([&](const References& now) -> Result<ReferenceChanges> {
    for (const auto& [name, descriptor] : images)
      if (auto there = check_there(engine, descriptor.digest); !there) return fail(std::move(there).error());
    for (const Digest& digest : needed)
      if (auto there = check_there(engine, digest); !there) return fail(std::move(there).error());
    return changes_to_name(now, images, replaced);
  });
}

}  // namespace

ReferenceChanges changes_to_name(const References& now, const std::vector<NamedDescriptor>& images,
                                 ReplacedEntry replaced) {
  std::map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < images.size(); ++i) last[images[i].name] = i;
  EntryNaming naming(now, replaced);
  for (std::size_t i = 0; i < images.size(); ++i)
    if (const auto& [name, descriptor] = images[i]; !name.empty() && last[name] == i)
      naming.name(name, descriptor);
  // Whether they have another entry is known only now.
  for (const auto& [name, descriptor] : images)
    if (name.empty()) naming.keep_unnamed(descriptor);
  return std::move(naming).changes();
}

void ReferenceBatch::add(std::string name, Descriptor descriptor) {
  entries_.lock()->push_back({std::move(name), std::move(descriptor)});
}

std::size_t ReferenceBatch::size() const { return entries_.lock()->size(); }

Status ReferenceBatch::write(Engine& engine, std::span<const Digest> needed) {
  std::vector<NamedDescriptor> images;
  images.swap(*entries_.lock());
  if (images.empty()) return {};
  auto written = write_all(engine, images, needed, replaced_);
  if (written) return written;
  // In front of what was added meanwhile.
  auto entries = entries_.lock();
  std::ranges::move(*entries, std::back_inserter(images));
  entries->swap(images);
  return written;
}

}  // namespace layoutfs
