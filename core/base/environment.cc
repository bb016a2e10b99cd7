#include "core/base/environment.h"

#include <cstdlib>

namespace layoutfs {

std::string environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string xdg_directory(const char* name, std::string_view below_home) {
  if (std::string directory = environment_variable(name); directory.starts_with('/')) return directory;
  const std::string home = environment_variable("HOME");
  return home.empty() ? "" : home + "/" + std::string(below_home);
}

}  // namespace layoutfs
