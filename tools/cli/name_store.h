// The store of names that the commands use: images by name, of layouts anywhere.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/oci/reference.h"
#include "layoutfs/image_store.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

// The label that says where an image's layout is: an absolute path.
inline constexpr std::string_view kLayoutLabel = "layoutfs.layout";
// The kind of an operand that is a name in the store.
inline constexpr const char* kImageNameKind = "IMAGE";

// How the commands on the store are told which one, and which namespace of it.
struct NameStoreArguments {
  std::string directory;   // --store; empty: $LAYOUTFS_STORE, else /var/lib/layoutfs or the user's own
  std::string name_space;  // --namespace; empty: $LAYOUTFS_NAMESPACE, else "default"
  void add_options(Command command);
};

// Where the arguments say that the store is; empty where nothing does.
std::string directory_of(const NameStoreArguments& arguments);
// Errc::failed_precondition where nothing says where it is; others as open_image_store().
Result<ImageStore> open_name_store(const NameStoreArguments& arguments);

// The layout and the digest behind the name, as parse_image_name() has them. Nothing where there is no such
// name; Errc::not_found for one without kLayoutLabel.
Result<std::optional<ImageName>> find_image_name(std::string_view name);

// The targets of the images of all namespaces whose layout is the directory or the archive at one path, as
// they are when it is asked.
class TargetsInLayout {
 public:
  // `directory` is that of the store; empty: there is none.
  TargetsInLayout(std::string directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}
  Result<std::vector<Descriptor>> operator()();

 private:
  std::string directory_;
  std::string path_;
  std::map<std::string, ImageStore> stores_;  // by namespace; each knows when its file has changed
};

// The path of a layout as kLayoutLabel has it.
Result<std::string> real_path_of(const std::string& path);

}  // namespace layoutfs::tools
