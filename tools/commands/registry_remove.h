// Common code of `tag rm` and `manifest rm`: names in a repository, and their removal.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/registry.h"

namespace layoutfs::tools {

struct RegistryRemoveArguments {
  RegistryArguments registry;
  std::string repository;  // REPOSITORY, or the first REPOSITORY:TAG or REPOSITORY@DIGEST
  std::vector<std::string> names;
  bool is_forced = false;  // an unknown name is not an error
};

// A tag or a digest of a repository.
struct RegistryName {
  std::string repository;
  std::string object;
};

// Returns the names to remove. If `repository` is REPOSITORY:TAG or REPOSITORY@DIGEST, all other operands
// must have that form. Errc::invalid_argument if there are no names.
Result<std::vector<RegistryName>> names_of(const RegistryRemoveArguments& arguments);

// Removes each of the names. Continues after an error, and returns the exit code of the first.
int remove_names(const RegistryRemoveArguments& arguments, const RegistryStore& store,
                 const std::function<Status(const RegistryName&)>& remove);

// Adds the option --force and the operands. The operands after the repository have the kind `kind`.
void add_remove_options(Command command, RegistryRemoveArguments& arguments, const char* kind,
                        const std::string& description);

}  // namespace layoutfs::tools
