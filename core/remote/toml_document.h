// TOML files (toml.io, version 1.0) of users' configuration, as a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs {

struct TomlValue {
  enum class Kind : std::uint8_t { string, boolean, array, table, other };  // other: numbers and dates
  Kind kind = Kind::table;
  bool is_true = false;
  std::size_t line = 1;             // in the file, from 1
  std::string text;                 // of a string
  std::vector<TomlValue> elements;  // of an array or a table; those of a table in the order of their lines
  std::vector<std::string> names;   // of the elements of a table

  // Returns the member of a table; nullptr if there is none.
  const TomlValue* find(std::string_view name) const;
};

struct TomlDocument {
  std::string path;
  TomlValue root;  // a table

  // Reads a file; nullopt if it does not exist. Errc::invalid_argument if it is malformed ("PATH:LINE: ...")
  // or not UTF-8, has more than 256 KiB or 10,000 values, or is nested deeper than 32 levels. Otherwise
  // Errc::io.
  static Result<std::optional<TomlDocument>> read(const std::string& path);
  // Errc::invalid_argument as read(). `path` is used for messages.
  static Result<TomlDocument> parse(const std::string& path, std::string_view text);
};

}  // namespace layoutfs
