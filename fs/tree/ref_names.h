// Converts the names of references to paths below refs/.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// A directory below refs/ (or refs/ itself): maps names to directories or to digests.
struct RefDirectory {
  std::map<std::string, std::variant<RefDirectory, Digest>, std::less<>> children;
};

// Returns the directories for these names. A name is its own path; '/' separates directories. It becomes one
// component with '%', '/' and NUL percent-encoded if it is not a valid path (a component that is empty, "."
// or "..", or longer than 255 bytes; a NUL; more than 16 components), or if another name's file or directory
// is in the way. If entries of several images have one name, those with a full name
// (io.containerd.image.name) use it instead, and so do entries without another name. If names are still
// equal, the first one keeps it, and "@" and the short digest are appended to the others. Entries without any
// name have no path. In the layout of `repository`, `repository:tag` becomes `tag`.
RefDirectory lay_out_references(const std::vector<Descriptor>& entries, std::string_view repository = {});

// Returns '%' and two digits, as in a URL.
std::string percent_encoded(char c);

}  // namespace layoutfs
