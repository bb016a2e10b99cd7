#include "tools/cli/image_problems.h"

#include "core/image/image.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

Status check_complete(const Image& image) {
  const auto problems = image.tree().problems();
  if (problems.empty()) return {};
  return fail(Errc::corrupt,
              problems.front() +
                  (problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : ""));
}

Status print_problems(const Image& image, const std::string& place) {
  const auto problems = image.tree().problems();
  for (const std::string& problem : problems) print_error(place + ": " + problem);
  if (problems.empty()) return {};
  return fail(Errc::corrupt, place + ": entries of the layers that cannot be applied are left out");
}

}  // namespace layoutfs::tools
