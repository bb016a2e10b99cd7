// How the names of references become paths below refs/.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// A directory below refs/ (or refs/ itself): names to further directories, or to what they refer to.
struct RefDirectory {
  std::map<std::string, std::variant<RefDirectory, Digest>, std::less<>> children;
};

// A name is its own path; '/' makes directories. One that cannot be a path (a component that is empty, "." or
// "..", or of more than 255 bytes; a NUL; more than 16 components), or that another name's directory or place
// stands in the way of, is one component with
// '%', '/' and NUL percent-encoded. If entries of several images have one name, those with a full name
// (io.containerd.image.name) are at that instead, as are entries without another name; of what still has one
// name, the first is there, and to the others "@" and their short digests are appended. Entries without any
// name have no path. In the layout of `repository`, what is called `repository:tag` is called `tag`.
RefDirectory lay_out_references(const std::vector<Descriptor>& entries, std::string_view repository = {});

// As in a URL: '%' and two digits.
std::string percent_encoded(char c);

}  // namespace layoutfs
