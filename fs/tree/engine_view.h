// The forms in which a mount shows a layout to a container engine.
#pragma once

#include <cstdint>

namespace layoutfs {

enum class EngineView : std::uint8_t {
  containers_storage,  // an additional image store of podman, buildah, skopeo and CRI-O
  containerd,          // a directory of layers for containerd's layer_content_caches
};

}  // namespace layoutfs
