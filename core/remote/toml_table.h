// Members of TOML tables, with their types checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/remote/toml_document.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A view of a table in a TomlDocument, which must outlive it. A member that is absent is empty, as in the
// programs that define these files; unknown members are ignored. Errc::invalid_argument, with path and line,
// if a member has another type.
class TomlTable {
 public:
  explicit TomlTable(const TomlDocument& document) : TomlTable(document.path, document.root) {}
  // Precondition: `value` is a table.
  TomlTable(const std::string& path, const TomlValue& value) : path_(&path), value_(&value) {}

  Result<std::string> text(std::string_view name) const;
  Result<std::optional<bool>> flag(std::string_view name) const;
  // A string counts as an array of one.
  Result<std::vector<std::string>> texts(std::string_view name) const;
  // The tables of an array.
  Result<std::vector<TomlTable>> tables(std::string_view name) const;
  Result<std::optional<TomlTable>> table(std::string_view name) const;

  const TomlValue& value() const { return *value_; }
  // Returns "PATH:LINE", for messages.
  std::string place() const { return place_of(*value_); }
  // Returns an error about the member, or about the table if it has no such member.
  std::unexpected<Error> malformed(std::string_view name, std::string_view reason) const;

 private:
  std::string place_of(const TomlValue& value) const;

  const std::string* path_;
  const TomlValue* value_;
};

}  // namespace layoutfs
