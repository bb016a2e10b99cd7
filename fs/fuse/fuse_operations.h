// Answers the requests of the kernel (fuse(4), fuse_lowlevel.h) with a Filesystem.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "fs/fuse/interrupts.h"
#include "fs/fuse/protocol_extensions.h"
#include "fs/tree/filesystem.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

namespace layoutfs {

// The user data of the callbacks.
struct FuseServer {
  std::shared_ptr<Filesystem> filesystem;
  std::function<void()> ready;  // called once, at the first request of the kernel
  bool is_open_needed = true;   // false: open(2) needs no round trip
  bool is_opendir_needed = true;
  bool is_for_mounter_alone = true;  // false: with allow_other or allow_root
  bool is_lower_layer = false;       // see SessionOptions
  bool are_acls_supported = true;    // false: they are answered with EOPNOTSUPP
  bool are_labels_supported = true;  // the same for those of SELinux
  // False: another process may have mounted it, with any options and in another pid namespace, or all callers
  // are the kernel's.
  bool is_own_mount = true;
  Interrupts interrupts{};                   // of requests
  ProtocolExtensions extensions{};           // beyond libfuse's
  std::atomic<bool> is_initialized = false;  // the first request has arrived
  std::atomic<std::chrono::steady_clock::time_point> last_request{};
};

const fuse_lowlevel_ops& fuse_operations();

}  // namespace layoutfs
