// The attributes of files of an image, as `ls` and `find` print them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/image/image_tree.h"

namespace layoutfs::tools {

// Writes a member `name`, and a second one, `name`Base64, if JSON cannot represent all bytes.
void write_bytes(JsonWriter& json, std::string_view name, std::string_view value);

// Writes the members for one file into the current object.
void write_file(JsonWriter& json, const ImageTree& tree, Inode number, const InodeView& inode,
                std::string_view path);

// The columns of `ls -l` before the name.
class AttributeColumns {
 public:
  explicit AttributeColumns(bool is_human_readable) : is_human_readable_(is_human_readable) {}
  // Returns for example "-rw-r--r--   1     0     0       1386 2026-11-21 09:30:00 ", valid until the next
  // call.
  const std::string& text(const InodeView& inode);

 private:
  const bool is_human_readable_;
  std::string line_;          // a member to reuse its memory
  std::int64_t seconds_ = 0;  // of time_
  std::string time_;
};

}  // namespace layoutfs::tools
