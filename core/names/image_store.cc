#include "layoutfs/image_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "core/base/guarded.h"
#include "core/cas/clean.h"
#include "core/cas/layout_dir.h"
#include "core/cas/workspace.h"
#include "core/names/image_document.h"
#include "layoutfs/filter.h"

namespace layoutfs {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kMaxNamespaceLength = 76;  // containerd's limit for identifiers

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// It is used as a file name.
bool is_namespace(std::string_view text) {
  bool is_separated = true;
  for (const char c : text) {
    const bool is_separator = c == '.' || c == '_' || c == '-';
    if (!is_letter_or_digit(c) && (!is_separator || is_separated)) return false;
    is_separated = is_separator;
  }
  return !is_separated && text.size() <= kMaxNamespaceLength;
}

std::unexpected<Error> no_image(std::string_view name) {
  return fail(Errc::not_found, "no image named '" + std::string(name) + "'");
}

Result<LayoutDir> open_directory(const std::string& path, bool is_durable) {
  auto fd = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!fd) return fail(std::move(fd).error());
  return LayoutDir(std::move(*fd), path, is_durable);
}

}  // namespace

struct ImageStore::State {
  struct Cache {
    std::shared_ptr<const NamedImages> images;
    FileState state;  // of the file when it was read
  };

  const std::string directory;
  const std::string file_name;
  const ImageStoreOptions options;
  mutable Guarded<Cache> cache;

  Result<std::shared_ptr<const NamedImages>> images() const;
  // Holds the lock while `apply` changes the current images. If `apply` fails, nothing changes.
  Status change(const LayoutDir& folder, const std::function<Status(NamedImages&)>& apply,
                const Context& context) const;
};

Result<std::shared_ptr<const NamedImages>> ImageStore::State::images() const {
  const std::string path = directory + "/" + file_name;
  const auto fd = open_at(AT_FDCWD, path, kReadFlags);
  if (!fd && fd.error().code() == Errc::not_found) return std::make_shared<const NamedImages>();
  if (!fd && fd.error().sys() == ELOOP) return fail(wrong_type(path));
  if (!fd) return fail(Error(fd.error()));
  // Before reading it: if it changes during the read, the next call reads it again.
  const auto found = stat_of(fd->get(), path);
  if (!found) return fail(Error(found.error()));
  auto known = cache.lock();
  if (known->state.is_still(*found)) return known->images;
  const auto text = read_all(fd->get(), path, kImageDocumentLimits.bytes);
  if (!text) return fail(Error(text.error()));
  auto parsed = parse_image_document(*text);
  if (!parsed) return fail(std::move(parsed).error(), path);
  known->images = std::make_shared<const NamedImages>(std::move(*parsed));
  known->state = FileState(*found);
  return known->images;
}

Result<NamedImage> ImageStore::get(std::string_view name) const {
  const auto images = state_->images();
  if (!images) return fail(Error(images.error()));
  const auto found = (*images)->find(name);
  if (found == (*images)->end()) return no_image(name);
  return found->second;
}

Result<std::vector<NamedImage>> ImageStore::list(std::span<const std::string> filters) const {
  const auto filter = Filter::parse_all(filters);
  if (!filter) return fail(Error(filter.error()));
  const auto images = state_->images();
  if (!images) return fail(Error(images.error()));
  std::vector<NamedImage> found;
  for (const auto& [name, image] : **images)
    if (filter->match([&](std::span<const std::string> path) { return field_of(image, path); }))
      found.push_back(image);
  return found;
}

Status ImageStore::State::change(const LayoutDir& folder, const std::function<Status(NamedImages&)>& apply,
                                 const Context& context) const {
  const auto lock = folder.lock_exclusive(context);
  if (!lock) return fail(Error(lock.error()), directory);
  const auto before = images();
  if (!before) return fail(Error(before.error()));
  NamedImages after = **before;
  if (auto applied = apply(after); !applied) return applied;
  const std::string text = image_document(after);
  if (text.size() > kImageDocumentLimits.bytes)
    return fail(Errc::unsupported, directory + "/" + file_name + " would become larger than " +
                                       std::to_string(kImageDocumentLimits.bytes) + " bytes");
  ignore(remove_litter(folder), "files of writers that were killed here do no harm");
  Workspace workspace(folder);
  auto written = replace_file(workspace, folder, folder.fd(), file_name, as_bytes(text));
  if (!written) return fail(std::move(written).error(), directory);
  return {};
}

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageStore::ImageStore(ImageStore&&) noexcept = default;
ImageStore& ImageStore::operator=(ImageStore&&) noexcept = default;
ImageStore::~ImageStore() = default;

Result<NamedImage> ImageStore::create(NamedImage image, const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  auto added = checked(std::move(image));
  if (!added) return fail(std::move(added).error());
  if (auto made = make_folders(state_->directory, state_->options.is_durable); !made)
    return fail(std::move(made).error());
  const auto directory = open_directory(state_->directory, state_->options.is_durable);
  if (!directory) return fail(Error(directory.error()));
  const auto apply = [&](NamedImages& images) -> Status {
    if (images.contains(added->name))
      return fail(Errc::already_exists, "image '" + added->name + "' already exists");
    added->created_at = added->updated_at = state_->options.now();
    images.emplace(added->name, *added);
    return {};
  };
  auto done = state_->change(*directory, apply, context);
  if (!done) return fail(std::move(done).error());
  return added;
}

Result<NamedImage> ImageStore::update(NamedImage image, std::span<const std::string> field_paths,
                                      const Context& context) {
  if (auto named = check_image_name(image.name); !named) return fail(std::move(named).error());
  const auto directory = open_directory(state_->directory, state_->options.is_durable);
  if (!directory && directory.error().code() == Errc::not_found) return no_image(image.name);
  if (!directory) return fail(Error(directory.error()));
  NamedImage kept;
  const auto apply = [&](NamedImages& images) -> Status {
    const auto found = images.find(image.name);
    if (found == images.end()) return no_image(image.name);
    auto updated = merged(found->second, std::move(image), field_paths);
    if (!updated) return fail(std::move(updated).error());
    updated->created_at = found->second.created_at;
    updated->updated_at =
        std::max(state_->options.now(), found->second.updated_at + std::chrono::system_clock::duration(1));
    found->second = kept = std::move(*updated);
    return {};
  };
  auto done = state_->change(*directory, apply, context);
  if (!done) return fail(std::move(done).error());
  return kept;
}

Status ImageStore::remove(std::string_view name, const Digest& expected_target, const Context& context) {
  const auto directory = open_directory(state_->directory, state_->options.is_durable);
  if (!directory && directory.error().code() == Errc::not_found) return no_image(name);
  if (!directory) return fail(Error(directory.error()));
  const auto apply = [&](NamedImages& images) -> Status {
    const auto found = images.find(name);
    if (found == images.end()) return no_image(name);
    const Digest& target = found->second.target.digest;
    if (!expected_target.empty() && target != expected_target)
      return fail(Errc::not_found, "image '" + std::string(name) + "' stands for " + target.str() +
                                       ", not for " + expected_target.str());
    images.erase(found);
    return {};
  };
  return state_->change(*directory, apply, context);
}

Result<ImageStore> open_image_store(std::string directory, std::string_view name_space,
                                    ImageStoreOptions options) {
  if (name_space.empty()) return fail(Errc::failed_precondition, "the namespace is empty");
  if (!is_namespace(name_space))
    return fail(Errc::invalid_argument,
                "namespace '" + std::string(name_space) +
                    "': expected letters and digits, separated by single characters of ._-, at most 76");
  std::string file_name = std::string(name_space) + std::string(kSuffix);
  return ImageStore(std::unique_ptr<ImageStore::State>(
      new ImageStore::State{std::move(directory), std::move(file_name), options, {}}));
}

Result<std::vector<std::string>> image_namespaces(const std::string& directory) {
  std::vector<std::string> found;
  auto folder = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  if (!folder && folder.error().code() == Errc::not_found) return found;
  if (!folder) return fail(std::move(folder).error());
  const auto visit = [&](const char* entry, unsigned char type) -> Status {
    std::string_view name = entry;
    if (type != DT_REG || !name.ends_with(kSuffix)) return {};
    name.remove_suffix(kSuffix.size());
    if (is_namespace(name)) found.emplace_back(name);
    return {};
  };
  if (auto listed = for_each_entry(std::move(*folder), directory, visit); !listed)
    return fail(std::move(listed).error());
  std::ranges::sort(found);
  return found;
}

}  // namespace layoutfs
