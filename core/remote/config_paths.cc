#include "core/remote/config_paths.h"

#include "core/base/environment.h"

namespace layoutfs {

ConfigPaths ConfigPaths::from_environment() {
  ConfigPaths paths;
  if (const std::string directory = xdg_directory("XDG_CONFIG_HOME", ".config"); !directory.empty())
    paths.user = directory + "/containers";
  paths.registries_conf = environment_variable("CONTAINERS_REGISTRIES_CONF");
  return paths;
}

}  // namespace layoutfs
