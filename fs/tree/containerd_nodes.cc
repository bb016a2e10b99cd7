#include "fs/tree/containerd_nodes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/tree/erofs_nodes.h"
#include "fs/tree/storage_directory.h"
#include "fs/tree/storage_nodes.h"

namespace layoutfs {
namespace {

using Name = VirtualNode::Name;
using CatalogPtr = std::shared_ptr<StorageCatalog>;

constexpr std::string_view kSuffix = ".erofs";
constexpr std::size_t kPrefixSize = 2;  // hex digits
constexpr std::array kAlgorithms = {Algorithm::sha256, Algorithm::sha512};

// Calls `use` with the hex digits of each layer whose diffID is of the algorithm, in ascending order.
template <class Use>
void for_each_layer(const StorageSnapshot& snapshot, Algorithm algorithm, Use use) {
  for (const auto& [diff_id, places] : snapshot.places_of_content)
    if (diff_id.algorithm() == algorithm) use(diff_id.hex());
}

// sha256/XX
class PrefixDirectory final : public StorageDirectory {
 public:
  PrefixDirectory(CatalogPtr catalog, Algorithm algorithm, std::string prefix)
      : StorageDirectory(std::move(catalog), std::string(name_of(algorithm)) + "/" + prefix),
        algorithm_(algorithm),
        prefix_(std::move(prefix)) {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names;
    for_each_layer(snapshot, algorithm_, [&](const std::string& hex) {
      if (hex.starts_with(prefix_)) names.push_back({hex + std::string(kSuffix), S_IFREG});
    });
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name,
                        const Context& context) override {
    if (!name.starts_with(prefix_) || !name.ends_with(kSuffix)) return std::unexpected(ENOENT);
    const std::string_view hex = name.substr(0, name.size() - kSuffix.size());
    const auto diff_id = Digest::parse(std::string(name_of(algorithm_)) + ":" + std::string(hex));
    if (!diff_id) return std::unexpected(ENOENT);
    const auto found = snapshot.places_of_content.find(*diff_id);
    if (found == snapshot.places_of_content.end()) return std::unexpected(ENOENT);
    Answer<Child> file = std::unexpected(EIO);
    for (const StoragePlace& layer : found->second) {
      file = file_of(layer, place(name), *diff_id, context);
      if (file || file.error() == EINTR) break;
    }
    return file;
  }

  static Answer<Child> file_of(const StoragePlace& place, const std::string& name, const Digest& diff_id,
                               const Context& context) {
    const LayoutPtr& layout = place.layout;
    const Descriptor& layer = place.layer();
    auto file = erofs_child(layout, layout->place(name + " " + layer.digest.hex()), ImageSlots::Kind::layer,
                            layer, context);
    if (!file) return file;
    // containerd trusts the name. The layer has been read by now.
    const auto facts = layout->library->facts_if_known(layer);
    const Status checked = facts ? check_diff_id(*facts, diff_id)
                                 : Status(fail(Errc::io, "the index of the layer cannot be read"));
    if (checked) return file;
    layout->failures.report(name + ": layer " + layer.digest.str() + ": " + checked.error().message());
    return std::unexpected(EIO);
  }

  const Algorithm algorithm_;
  const std::string prefix_;
};

// sha256
class AlgorithmDirectory final : public StorageDirectory {
 public:
  AlgorithmDirectory(CatalogPtr catalog, Algorithm algorithm)
      : StorageDirectory(std::move(catalog), std::string(name_of(algorithm))), algorithm_(algorithm) {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names;
    for_each_layer(snapshot, algorithm_, [&](const std::string& hex) {
      std::string prefix = hex.substr(0, kPrefixSize);
      if (names.empty() || names.back().name != prefix) names.push_back({std::move(prefix), S_IFDIR});
    });
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    const auto names = list_of(snapshot);
    if (std::ranges::find(names, name, &Name::name) == names.end()) return std::unexpected(ENOENT);
    return std::make_shared<PrefixDirectory>(catalog_, algorithm_, std::string(name));
  }

  const Algorithm algorithm_;
};

class ContainerdRoot final : public StorageDirectory {
 public:
  explicit ContainerdRoot(CatalogPtr catalog) : StorageDirectory(std::move(catalog), "") {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names;
    if (!snapshot.errors.empty()) names.push_back({"errors", S_IFDIR});
    for (const Algorithm algorithm : kAlgorithms) names.push_back({std::string(name_of(algorithm)), S_IFDIR});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    for (const Algorithm algorithm : kAlgorithms)
      if (name == name_of(algorithm)) return std::make_shared<AlgorithmDirectory>(catalog_, algorithm);
    if (name == "errors" && !snapshot.errors.empty()) return make_errors_directory(catalog_);
    return std::unexpected(ENOENT);
  }
};

}  // namespace

VirtualNodePtr make_containerd_root(std::shared_ptr<StorageCatalog> catalog) {
  return std::make_shared<ContainerdRoot>(std::move(catalog));
}

}  // namespace layoutfs
