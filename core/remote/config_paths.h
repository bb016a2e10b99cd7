// Where users' configuration of registries lies.
#pragma once

#include <string>

namespace layoutfs {

struct ConfigPaths {
  // Directories with certs.d, and of the first two with registries.conf and registries.conf.d. Those of
  // `user` take precedence; it is empty if there is no home directory.
  std::string user;  // $XDG_CONFIG_HOME/containers, by default ~/.config/containers
  std::string system = "/etc/containers";
  std::string docker = "/etc/docker";          // certificates only
  std::string containerd = "/etc/containerd";  // hosts.toml only
  // $CONTAINERS_REGISTRIES_CONF: the file to use in place of registries.conf; empty if not set.
  std::string registries_conf;

  static ConfigPaths from_environment();
};

}  // namespace layoutfs
