#include "core/base/json_names.h"

#include <algorithm>
#include <string>

#include "core/base/ascii.h"
#include "core/base/json.h"
#include "core/base/utf8.h"

namespace layoutfs {
namespace {

// Compares the length first: most names differ in it.
bool is_before(std::string_view a, std::string_view b) noexcept {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// Removes the first character of `name` if it folds to `c`, which is ASCII.
bool take_folded(std::string_view& name, char c) noexcept {
  constexpr std::string_view kLongS = "\xc5\xbf", kKelvin = "\xe2\x84\xaa";
  std::size_t length = 0;
  if (!name.empty() && lower_ascii(name.front()) == c) length = 1;
  if (c == 's' && name.starts_with(kLongS)) length = kLongS.size();
  if (c == 'k' && name.starts_with(kKelvin)) length = kKelvin.size();
  name.remove_prefix(length);
  return length > 0;
}

}  // namespace

std::optional<std::string_view> repeated_name(std::span<std::string_view> names) {
  // Up to this number, comparing all pairs is faster than sorting.
  constexpr std::size_t kFew = 12;
  if (names.size() <= kFew) {
    for (std::size_t i = 1; i < names.size(); ++i)
      if (std::ranges::find(names.first(i), names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i))
        return names[i];
    return std::nullopt;
  }
  std::ranges::sort(names, is_before);
  const auto found = std::ranges::adjacent_find(names);
  return found == names.end() ? std::nullopt : std::optional(*found);
}

bool is_folded_equal(std::string_view name, std::string_view field) noexcept {
  return std::ranges::all_of(field, [&](char c) { return take_folded(name, lower_ascii(c)); }) &&
         name.empty();
}

Status check_spelling(JsonValue object, std::span<const std::string_view> fields) {
  for (std::size_t i = 0; object.is_object() && i < object.size(); ++i) {
    const std::string_view name = object.name_at(i);
    if (std::ranges::find(fields, name) != fields.end()) continue;
    const auto folded =
        std::ranges::find_if(fields, [&](std::string_view field) { return is_folded_equal(name, field); });
    if (folded != fields.end())
      return fail(Errc::invalid_image, "member '" + printable(name) + "' differs from '" +
                                           std::string(*folded) + "' only in case");
  }
  return {};
}

}  // namespace layoutfs
