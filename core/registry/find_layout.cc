#include "core/registry/find_layout.h"

#include <sys/stat.h>

#include <cerrno>
#include <ranges>
#include <vector>

namespace layoutfs {
namespace {

struct Candidate {
  std::string base;
  std::string_view reference;
};

// From the shortest base to the longest one.
std::vector<Candidate> candidates_of(std::string_view path) {
  std::vector<Candidate> candidates;
  if (path.front() != '/') candidates.push_back({".", path});
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] != '/') continue;
    const auto before = path.substr(0, i);
    const bool is_kept = before.empty() || before == "." || before == "..";
    candidates.push_back({std::string(path.substr(0, is_kept ? i + 1 : i)), path.substr(i + 1)});
  }
  if (candidates.empty()) candidates.push_back({".", path});
  return candidates;
}

Result<bool> has_marker(const std::string& base) {
  const std::string marker = base + "/oci-layout";
  struct stat found;
  if (::stat(marker.c_str(), &found) == 0) return !S_ISDIR(found.st_mode);
  if (errno == ENOENT) return false;
  return fail(Error::system(errno, marker));
}

}  // namespace

Result<FoundLayout> find_layout(std::string_view path) {
  if (path.empty()) return fail(Errc::invalid_argument, "the layout's path is empty");
  const auto candidates = candidates_of(path);
  for (const Candidate& candidate : std::views::reverse(candidates)) {
    const auto found = has_marker(candidate.base);
    if (!found) return fail(Error(found.error()));
    if (!*found) continue;
    if (auto reference = RegistryReference::parse_relative(candidate.reference))
      return FoundLayout{candidate.base, std::move(*reference)};
  }
  auto reference = RegistryReference::parse_relative(candidates.back().reference);
  if (!reference) return fail(std::move(reference).error());
  return FoundLayout{candidates.back().base, std::move(*reference)};
}

}  // namespace layoutfs
