// The manifests of a repository, and what they are about.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "core/base/context.h"
#include "core/cas/layout_reader.h"

namespace layoutfs {

struct Reachable {
  // The entries and, through indexes, all that those name, each by the last descriptor that does.
  std::map<Digest, Descriptor> documents;
  // Whether an index is missing: what it names is not known until it comes.
  bool is_open = false;
};
// Errc::invalid_image for an index that cannot be read.
Result<Reachable> find_reachable(const LayoutReader& engine, std::span<const Descriptor* const> entries,
                                 const Context& context);

struct Referrers {
  std::multimap<Digest, Descriptor> by_subject;  // in the order of their digests
  bool is_open = false;                          // whether a manifest is missing
};
// As Registry::referrers gives them.
Result<Referrers> find_referrers(const LayoutReader& engine, const Reachable& reachable,
                                 const Context& context);

}  // namespace layoutfs
