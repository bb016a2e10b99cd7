#include "tools/commands/broken_images.h"

#include <set>
#include <span>
#include <utility>

#include "core/oci/entry_names.h"
#include "core/oci/graph.h"
#include "core/oci/layout_graph.h"
#include "core/oci/walk.h"

namespace layoutfs::tools {

std::vector<BrokenImage> broken_images(const LayoutReader& layout, const std::vector<FsckProblem>& problems,
                                       const Context& context) {
  std::set<Digest> damaged;
  for (const FsckProblem& problem : problems)
    if (problem.digest) damaged.insert(*problem.digest);
  const auto references = layout.references();
  if (damaged.empty() || !references) return {};

  const auto& entries = (*references)->entries;
  const EntryNames names(entries);
  const LayoutGraph graph(layout);
  std::vector<BrokenImage> broken;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::set<Digest> found;
    const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
      if (damaged.contains(descriptor.digest)) found.insert(descriptor.digest);
      return Visit();
    };
    // Ignores unreadable documents; the search continues beside them.
    const AllChildrenOptions options{
        .on_problem = [](const Descriptor&, Error) -> Status { return {}; },
        .on_absent = [](const Descriptor&, const Descriptor&) -> Status { return {}; }};
    const Status walked =
        walk(std::span(&entries[i], 1),
             handlers({first_visits(), note, all_children_handler(graph, options)}), context);
    if (!walked && walked.error().code() == Errc::cancelled) return {};
    if (!found.empty()) broken.push_back({names.label(i), {found.begin(), found.end()}});
  }
  return broken;
}

}  // namespace layoutfs::tools
