#include "core/oci/familiar_name.h"

#include <algorithm>

namespace layoutfs {
namespace {

constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kFormerRegistry = "index.docker.io";  // the former name of the same registry
constexpr std::string_view kDefaultPath = "library/";

bool is_registry(std::string_view component) {
  return component == "localhost" || std::ranges::any_of(component, [](char c) {
           return c == '.' || c == ':' || (c >= 'A' && c <= 'Z');
         });
}

}  // namespace

std::optional<std::string> full_image_name(std::string_view name, std::string_view implied_tag) {
  std::string_view registry = kDefaultRegistry;
  const auto slash = name.find('/');
  if (slash != std::string_view::npos && is_registry(name.substr(0, slash))) {
    registry = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  if (registry == kFormerRegistry) registry = kDefaultRegistry;
  std::string_view tag = implied_tag;
  // Text between a ':' and a following '/' is a port.
  const auto colon = name.rfind(':');
  if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) {
    tag = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  if (name.empty() || tag.empty()) return std::nullopt;
  const bool is_official = registry == kDefaultRegistry && name.find('/') == std::string_view::npos;
  return std::string(registry) + "/" + std::string(is_official ? kDefaultPath : "") + std::string(name) +
         ":" + std::string(tag);
}

}  // namespace layoutfs
