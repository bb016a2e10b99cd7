// Options of the commands that can use images in registries (docker://HOST/REPOSITORY), and the functions
// that open these.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/remote/range_cache.h"
#include "core/remote/remote_access.h"
#include "core/remote/remote_engine.h"
#include "core/remote/remote_layout.h"
#include "core/remote/remote_registry.h"
#include "layoutfs/error.h"
#include "tools/cli/command_line.h"

namespace layoutfs::tools {

// The kind of an operand that is a layout, or an image in it or in a registry.
struct RemoteArguments {
  std::string auth_file;   // --authfile
  std::string tls_verify;  // --tls-verify
  void add_options(Command command);
};

// Further options, which only some commands have.
struct RemoteSettings {
  std::string cache_dir;  // empty: the default
  std::uint64_t cache_budget = RangeCache::kDefaultBudget;
  RetryOptions retries;
  // For copies: the layout has the referrers of the image, too, and the cache directory is only read, because
  // each blob is needed once.
  bool is_for_copy = false;
};

// Returns the registry `host`. Makes no request. Errc::invalid_argument if --tls-verify is malformed.
Result<std::unique_ptr<RemoteRegistry>> open_remote_registry(const std::string& host,
                                                             const RemoteArguments& arguments,
                                                             const RemoteSettings& settings);
// Parses a name and opens the image. If `reference` is not empty, it is a tag or a digest for a name without
// one. Errors of RemoteName::parse() and RemoteLayout::open().
Result<std::shared_ptr<RemoteLayout>> open_remote_layout(const std::string& name,
                                                         const std::string& reference,
                                                         const RemoteArguments& arguments,
                                                         const RemoteSettings& settings);
// Opens a repository to copy to it. No request.
Result<std::shared_ptr<RemoteEngine>> open_remote_engine(const RemoteName& name,
                                                         const RemoteArguments& arguments);

}  // namespace layoutfs::tools
