// The upper part of a layout's tree: the root, blobs/, refs/, manifests/.
#include "fs/tree/layout_nodes.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "layoutfs/log.h"

namespace layoutfs {
namespace {

using Name = VirtualNode::Name;

std::string lines(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += sentence + "\n";
  return text;
}

// blobs/<algorithm>: independent of index.json, so its time is always the current time, and its listing is
// never cached.
class BlobDirectory final : public Directory {
 public:
  BlobDirectory(const LayoutPtr& layout, Algorithm algorithm)
      : Directory(layout, layout->place("blobs/" + std::string(name_of(algorithm)))), algorithm_(algorithm) {}

  Answer<Properties> properties() override {
    return Properties{S_IFDIR | 0555, 0, layout_->reader().listing_ns(algorithm_), kShortly};
  }
  Answer<std::vector<Name>> list(const Context& context) override {
    const auto digests = layout_->reader().list_blobs(algorithm_, context);
    if (!digests) return failed(digests.error());
    std::vector<Name> names;
    names.reserve(digests->size());
    for (const Digest& digest : *digests) names.push_back({digest.hex(), S_IFREG});
    return names;
  }
  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const auto digest = Digest::parse(std::string(name_of(algorithm_)) + ":" + std::string(name));
    if (!digest) return std::unexpected(ENOENT);
    return blob_child(layout_, identity(), *digest);
  }

 private:
  const Algorithm algorithm_;
};

// manifests/<algorithm>: lists the reachable documents, and finds every existing manifest and index.
class ManifestsDirectory final : public Directory {
 public:
  ManifestsDirectory(const LayoutPtr& layout, Algorithm algorithm)
      : Directory(layout, layout->place("manifests/" + std::string(name_of(algorithm)))),
        algorithm_(algorithm) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names;
    const auto reachable = layout_->catalog()->documents();
    for (const auto& [digest, descriptor] : *reachable)
      if (digest.algorithm() == algorithm_) names.push_back({digest.hex(), S_IFDIR});
    return names;
  }
  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const auto digest = Digest::parse(std::string(name_of(algorithm_)) + ":" + std::string(name));
    if (!digest) return std::unexpected(ENOENT);
    if (const auto found = layout_->catalog()->find_document(*digest))
      return make_manifest_directory(layout_, *found);
    const auto unlisted = layout_->catalog()->find_unlisted(*digest);
    if (!unlisted) return std::unexpected(ENOENT);
    return make_manifest_directory(layout_, *unlisted);
  }

 private:
  const Algorithm algorithm_;
};

// blobs/ and manifests/: one directory per algorithm in use.
template <class Below>
class AlgorithmsDirectory final : public Directory {
 public:
  using Directory::Directory;
  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names;
    for (const Algorithm algorithm : algorithms())
      if (is_used(algorithm)) names.push_back({std::string(name_of(algorithm)), S_IFDIR});
    return names;
  }
  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const auto algorithm = find_algorithm(name);
    if (!algorithm || !is_used(*algorithm)) return std::unexpected(ENOENT);
    return std::make_shared<Below>(layout_, *algorithm);
  }

 private:
  bool is_used(Algorithm algorithm) const {
    if (algorithm == Algorithm::sha256) return true;
    const auto digests = layout_->reader().list_blobs(algorithm);
    return digests && !digests->empty();
  }
};

// refs/ and its descendants. Asks the catalog each time and stores nothing.
class RefsDirectory final : public Directory {
 public:
  // `path` is relative to refs/, with components joined by '/'; empty for refs/ itself.
  RefsDirectory(const LayoutPtr& layout, const std::string& path)
      : Directory(layout, layout->place(path.empty() ? "refs" : "refs/" + path)), path_(path) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    const auto catalog = layout_->catalog()->current();
    const RefDirectory* directory = here(*catalog);
    if (directory == nullptr) return std::unexpected(ENOENT);
    std::vector<Name> names;
    for (const auto& [name, what] : directory->children)
      names.push_back({name, std::holds_alternative<Digest>(what) ? mode_t{S_IFLNK} : mode_t{S_IFDIR}});
    return names;
  }

  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const auto catalog = layout_->catalog()->current();
    const RefDirectory* directory = here(*catalog);
    if (directory == nullptr) return std::unexpected(ENOENT);
    const auto found = directory->children.find(name);
    if (found == directory->children.end()) return std::unexpected(ENOENT);
    const std::string path = path_.empty() ? std::string(name) : path_ + "/" + std::string(name);
    if (const auto* digest = std::get_if<Digest>(&found->second))
      return std::make_shared<Symlink>(layout_->place("refs/" + path), to_manifests(*digest),
                                       catalog->mtime_ns);
    return std::make_shared<RefsDirectory>(layout_, path);
  }

 private:
  const RefDirectory* here(const LayoutCatalog& catalog) const {
    const RefDirectory* directory = &catalog.refs;
    for (std::string_view rest = path_; !rest.empty();) {
      const auto slash = rest.find('/');
      const auto found = directory->children.find(rest.substr(0, slash));
      if (found == directory->children.end()) return nullptr;
      directory = std::get_if<RefDirectory>(&found->second);
      if (directory == nullptr) return nullptr;
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    }
    return directory;
  }
  std::string to_manifests(const Digest& digest) const {
    std::string target = "../";
    if (!path_.empty())
      for (auto depth = std::ranges::count(path_, '/') + 1; depth > 0; --depth) target += "../";
    return target + "manifests/" + std::string(name_of(digest.algorithm())) + "/" + digest.hex();
  }

  const std::string path_;
};

class Root final : public Directory {
 public:
  explicit Root(const LayoutPtr& layout) : Directory(layout, layout->place("")) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names{{"blobs", S_IFDIR}};
    const auto catalog = layout_->catalog()->current();
    if (!catalog->problems().empty()) names.push_back({"error", S_IFREG});
    if (has_index(*catalog)) names.push_back({"index.json", S_IFREG});
    for (const auto& [name, type] :
         {std::pair("manifests", S_IFDIR), {"oci-layout", S_IFREG}, {"refs", S_IFDIR}})
      names.push_back({name, static_cast<mode_t>(type)});
    return names;
  }

  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const std::string place = layout_->place(name);
    if (name == "blobs") return std::make_shared<AlgorithmsDirectory<BlobDirectory>>(layout_, place);
    if (name == "manifests") return std::make_shared<AlgorithmsDirectory<ManifestsDirectory>>(layout_, place);
    if (name == "refs") return std::make_shared<RefsDirectory>(layout_, "");
    const auto catalog = layout_->catalog()->current();
    if (name == "oci-layout") {
      auto marker = layout_->reader().marker();
      if (!marker) return std::unexpected(marker.error().to_errno());
      return std::make_shared<TextFile>(place, std::move(*marker), catalog->mtime_ns);
    }
    if (name == "index.json" && has_index(*catalog))
      return std::make_shared<TextFile>(place, catalog->references->document, catalog->mtime_ns);
    if (name == "error" && !catalog->problems().empty())
      return std::make_shared<TextFile>(place, to_bytes(lines(catalog->problems())), catalog->mtime_ns);
    return std::unexpected(ENOENT);
  }

 private:
  // Layouts older than image-spec 1.0 have none.
  static bool has_index(const LayoutCatalog& catalog) {
    return catalog.references && !catalog.references->document.empty();
  }
};

}  // namespace

Bytes to_bytes(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::unexpected<int> failed(const Error& error) {
  if (error.code() != Errc::cancelled) log(LogLevel::warning, error.message());
  return std::unexpected(error.to_errno());
}

Answer<VirtualNode::Properties> Directory::properties() {
  return Properties{S_IFDIR | 0555, 0, catalog_ns(), kShortly};
}

// Changed content is another inode: an open file keeps its content.
TextFile::TextFile(const std::string& place, Bytes content, std::int64_t mtime_ns)
    : SizedFile(place + " " + Digest::of(content).hex(), content.size(), mtime_ns),
      content_(std::move(content)) {}

Answer<void> TextFile::read(IoBuffers& out, std::size_t size, std::uint64_t offset,
                            const Context& /*context*/) {
  const ByteView content(content_);
  if (offset >= content.size()) return {};
  const ByteView rest = content.subspan(static_cast<std::size_t>(offset));
  out.append_copy(rest.first(std::min(size, rest.size())));
  return {};
}

Answer<void> BlobNode::read(IoBuffers& out, std::size_t size, std::uint64_t offset,
                            const Context& /*context*/) {
  const auto blob = layout_->mount.blobs.open(*layout_, digest_);
  if (!blob) return failed(blob.error());
  const auto buffer = std::make_shared_for_overwrite<std::byte[]>(size);
  const auto got = (*blob)->read_at({buffer.get(), size}, offset);
  if (!got) return failed(got.error());
  out.append({buffer.get(), *got}, buffer);
  return {};
}

Answer<void> LayerTarFile::read(IoBuffers& out, std::size_t size, std::uint64_t offset,
                                const Context& context) {
  const auto layer = layout_->library->layer(descriptor_, context);
  const Result<std::size_t> got =
      layer ? (*layer)->stream->read(out, size, offset, context) : fail(Error(layer.error()));
  if (got) return {};
  if (got.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  layout_->failures.report(identity() + ": " + got.error().message());
  return std::unexpected(EIO);
}

Answer<Child> blob_child(const LayoutPtr& layout, const std::string& place, const Digest& digest) {
  const auto size = layout->reader().blob_size(digest);
  if (!size) return failed(size.error());
  if (!*size) return std::unexpected(ENOENT);
  return std::make_shared<BlobNode>(layout, place, digest, **size, layout->catalog()->current()->mtime_ns);
}

VirtualNodePtr make_layout_root(const LayoutPtr& layout) { return std::make_shared<Root>(layout); }

}  // namespace layoutfs
