#include "core/oci/media_types.h"

#include <algorithm>
#include <array>

#include "core/base/ascii.h"

namespace layoutfs {
namespace {

std::string_view without_parameters(std::string_view media_type) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n";
  media_type = media_type.substr(0, media_type.find(';'));
  const auto first = media_type.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return media_type.substr(first, media_type.find_last_not_of(kBlanks) - first + 1);
}

// Media types of layers that differ only in their compression.
struct LayerFamily {
  std::string_view base;  // of an uncompressed layer
  bool is_docker;
  bool is_distributable;

  std::string_view suffix(const CompressionFormat& format) const noexcept {
    return is_docker ? format.docker_suffix : format.oci_suffix;
  }
};
constexpr std::array kLayerFamilies{
    LayerFamily{media_type::kOciLayer, false, true},
    LayerFamily{"application/vnd.oci.image.layer.nondistributable.v1.tar", false, false},
    LayerFamily{media_type::kDockerLayer, true, true},
    LayerFamily{"application/vnd.docker.image.rootfs.foreign.diff.tar", true, false},
};

// Other suffixes (encryption, for example) mean another format.
const LayerFamily* layer_family_of(std::string_view media_type) {
  const std::string type = essence_of(media_type);
  for (const LayerFamily& family : kLayerFamilies) {
    if (!type.starts_with(family.base)) continue;
    const std::string_view suffix = std::string_view(type).substr(family.base.size());
    const bool is_known =
        suffix.empty() || std::ranges::any_of(compression_formats(), [&](const auto& format) {
          return suffix == family.suffix(format);
        });
    if (is_known) return &family;
  }
  return nullptr;
}

}  // namespace

bool is_layer_type(std::string_view media_type) { return layer_family_of(media_type) != nullptr; }

std::string layer_type_in(Compression compression, std::string_view media_type) {
  const LayerFamily* const family = layer_family_of(media_type);
  if (family == nullptr || !family->is_distributable) return {};
  if (compression == Compression::none) return std::string(family->base);
  const auto formats = compression_formats();
  const auto format = std::ranges::find(formats, compression, &CompressionFormat::compression);
  if (format == formats.end() || (family->is_docker && !format->is_in_docker)) return {};
  return std::string(family->base) + std::string(family->suffix(*format));
}

std::string essence_of(std::string_view media_type) {
  std::string essence(without_parameters(media_type));
  std::ranges::transform(essence, essence.begin(), lower_ascii);
  return essence;
}

bool is_media_type(std::string_view media_type, std::string_view known) noexcept {
  return std::ranges::equal(without_parameters(media_type), known, {}, lower_ascii);
}

}  // namespace layoutfs
