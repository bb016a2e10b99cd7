#include "core/names/named_image.h"

#include <algorithm>
#include <utility>

#include "core/base/utf8.h"

namespace layoutfs {
namespace {

constexpr std::string_view kLabels = "labels";
constexpr std::string_view kAnnotations = "annotations";

std::unexpected<Error> refuse(std::string message) {
  return fail(Errc::invalid_argument, std::move(message));
}

Status check_label(const std::string& key, const std::string& value) {
  constexpr std::size_t kMostShown = 64;
  if (!is_utf8(key) || !is_utf8(value))
    return refuse("label " + printable(key.substr(0, kMostShown)) + ": not UTF-8");
  const std::size_t length = key.size() + value.size();
  if (length <= kMaxLabelLength) return {};
  return refuse("label " + printable(key.substr(0, kMostShown)) + ": key and value have " +
                std::to_string(length) + " bytes, more than " + std::to_string(kMaxLabelLength));
}

// Returns the target as it will be read from the file.
Result<Descriptor> checked(const Descriptor& target) {
  if (target.digest.empty()) return refuse("the target has no digest");
  if (target.size == 0) return refuse("the target has no size");
  if (target.media_type.empty()) return refuse("the target has no media type");
  auto again = Descriptor::parse(target.to_json());
  if (!again) return refuse("the target: " + again.error().message());
  if (*again != target) return refuse("the target has text that is not UTF-8");
  return again;
}

// Returns the key of a path "LABELS.KEY"; nullopt for other paths.
std::optional<std::string_view> key_in(std::string_view path, std::string_view map) {
  if (path.size() <= map.size() || !path.starts_with(map) || path[map.size()] != '.') return std::nullopt;
  return path.substr(map.size() + 1);
}

void take_over(Annotations& into, const Annotations& from, std::string_view key) {
  if (const auto found = from.find(key); found != from.end())
    into.insert_or_assign(found->first, found->second);
  else if (const auto old = into.find(key); old != into.end())
    into.erase(old);
}

std::optional<std::string> value_of(const Annotations& map, std::span<const std::string> path) {
  std::string key;
  for (const std::string& part : path) key += (&part == path.data() ? "" : ".") + part;
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Status check_image_name(std::string_view name) {
  if (name.empty()) return refuse("the image has no name");
  if (name.size() > kMaxImageNameLength)
    return refuse("the image's name exceeds " + std::to_string(kMaxImageNameLength) + " bytes");
  if (printable(name) != name)
    return refuse("image '" + printable(name) + "': the name has control characters or invalid UTF-8");
  return {};
}

Result<NamedImage> checked(NamedImage image) {
  if (auto named = check_image_name(image.name); !named) return fail(std::move(named).error());
  std::erase_if(image.labels, [](const auto& label) { return label.second.empty(); });
  for (const auto& [key, value] : image.labels)
    if (auto label = check_label(key, value); !label)
      return fail(std::move(label).error(), "image '" + image.name + "'");
  auto target = checked(image.target);
  if (!target) return fail(std::move(target).error(), "image '" + image.name + "'");
  image.target = std::move(*target);
  return image;
}

Result<NamedImage> merged(const NamedImage& stored, NamedImage image,
                          std::span<const std::string> field_paths) {
  if (field_paths.empty()) return checked(std::move(image));
  NamedImage updated = stored;
  for (const std::string& path : field_paths) {
    if (const auto label = key_in(path, kLabels))
      take_over(updated.labels, image.labels, *label);
    else if (const auto annotation = key_in(path, kAnnotations))
      take_over(updated.target.annotations, image.target.annotations, *annotation);
    else if (path == kLabels)
      updated.labels = image.labels;
    else if (path == kAnnotations)
      updated.target.annotations = image.target.annotations;
    else if (path == "target")
      updated.target = image.target;
    else
      return refuse("image '" + image.name + "': field '" + printable(path) + "' cannot be updated");
  }
  return checked(std::move(updated));
}

std::optional<std::string> field_of(const NamedImage& image, std::span<const std::string> path) {
  if (path.empty()) return std::nullopt;
  if (path[0] == "name") return image.name;
  if (path[0] == kLabels) return value_of(image.labels, path.subspan(1));
  if (path[0] == kAnnotations) return value_of(image.target.annotations, path.subspan(1));
  if (path[0] != "target" || path.size() < 2) return std::nullopt;
  if (path[1] == "digest") return image.target.digest.str();
  if (path[1] == "mediatype") return image.target.media_type;
  return std::nullopt;
}

}  // namespace layoutfs
