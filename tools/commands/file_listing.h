// The attributes of files of an image as columns, for `ls` and `find`.
#pragma once

#include <cstdint>
#include <string>

#include "core/image/image_tree.h"

namespace layoutfs::tools {

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
