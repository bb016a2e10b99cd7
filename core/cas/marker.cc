#include "core/cas/marker.h"

#include <array>

#include "core/base/json.h"

namespace layoutfs {
namespace {

constexpr std::string_view kVersionField = "imageLayoutVersion";

}  // namespace

Result<ImageLayout> ImageLayout::parse(ByteView text) {
  constexpr const char* kFile = "oci-layout";
  const auto document = JsonDocument::parse(text);
  if (!document) return fail(Error(document.error()), kFile);
  if (auto spelled = check_spelling(document->root(), std::array{kVersionField}); !spelled)
    return fail(std::move(spelled).error(), kFile);
  const auto field = document->root().find(kVersionField);
  const auto version = field ? field->as_string() : std::nullopt;
  if (!version) return fail(Errc::invalid_image, std::string(kFile) + ": imageLayoutVersion is missing");
  if (!version->starts_with("1."))
    return fail(Errc::invalid_image, "image layout version '" + std::string(*version) + "', not 1.x");
  return ImageLayout{std::string(*version)};
}

std::string ImageLayout::json() const {
  return JsonWriter().begin_object().key(kVersionField).string(version).end_object().str() + "\n";
}

}  // namespace layoutfs
