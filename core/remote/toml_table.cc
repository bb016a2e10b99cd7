#include "core/remote/toml_table.h"

namespace layoutfs {
namespace {

using TomlKind = TomlValue::Kind;

}  // namespace

Result<std::string> TomlTable::text(std::string_view name) const {
  const TomlValue* const member = value_->find(name);
  if (member == nullptr) return std::string();
  if (member->kind != TomlKind::string) return malformed(name, "expected a string");
  return member->text;
}

Result<std::optional<bool>> TomlTable::flag(std::string_view name) const {
  const TomlValue* const member = value_->find(name);
  if (member == nullptr) return std::nullopt;
  if (member->kind != TomlKind::boolean) return malformed(name, "expected true or false");
  return member->is_true;
}

Result<std::vector<std::string>> TomlTable::texts(std::string_view name) const {
  std::vector<std::string> found;
  const TomlValue* const member = value_->find(name);
  if (member == nullptr) return found;
  if (member->kind == TomlKind::string) return std::vector{member->text};
  if (member->kind != TomlKind::array) return malformed(name, "expected a string or an array of strings");
  for (const TomlValue& element : member->elements) {
    if (element.kind != TomlKind::string) return malformed(name, "expected an array of strings");
    found.push_back(element.text);
  }
  return found;
}

Result<std::vector<TomlTable>> TomlTable::tables(std::string_view name) const {
  std::vector<TomlTable> found;
  const TomlValue* const member = value_->find(name);
  if (member == nullptr) return found;
  if (member->kind != TomlKind::array) return malformed(name, "expected [[" + std::string(name) + "]]");
  for (const TomlValue& element : member->elements) {
    if (element.kind != TomlKind::table) return malformed(name, "expected [[" + std::string(name) + "]]");
    found.emplace_back(*path_, element);
  }
  return found;
}

Result<std::optional<TomlTable>> TomlTable::table(std::string_view name) const {
  const TomlValue* const member = value_->find(name);
  if (member == nullptr) return std::nullopt;
  if (member->kind != TomlKind::table) return malformed(name, "expected a table");
  return TomlTable(*path_, *member);
}

std::unexpected<Error> TomlTable::malformed(std::string_view name, std::string_view reason) const {
  const TomlValue* const member = value_->find(name);
  return fail(Errc::invalid_argument, place_of(member == nullptr ? *value_ : *member) + ": " +
                                          std::string(name) + ": " + std::string(reason));
}

std::string TomlTable::place_of(const TomlValue& value) const {
  return *path_ + ":" + std::to_string(value.line);
}

}  // namespace layoutfs
