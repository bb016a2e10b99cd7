// The operand that names repositories in a directory: oci-repositories:STORE[:REPOSITORY[:TAG][@DIGEST]].
#pragma once

#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// The prefix of a directory with one layout for each repository.
inline constexpr std::string_view kRepositoriesPrefix = "oci-repositories:";

// The store ends at the first colon, as no repository begins with '/'.
struct RepositoriesOperand {
  std::string store, repository, tag;
  std::string digest;  // or a short one

  // `operand` begins with kRepositoriesPrefix. Errc::invalid_argument. RegistryCode::name_invalid.
  static Result<RepositoriesOperand> parse(const std::string& operand);
};

}  // namespace layoutfs::tools
