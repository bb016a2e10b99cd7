#include "tools/cli/entry_json.h"

#include "core/cas/named_entries.h"

namespace layoutfs::tools {

void write_names(JsonWriter& json, const Descriptor& entry, std::string_view label) {
  json.key("name");
  entry.ref_name() ? json.string(*entry.ref_name()) : json.null();
  if (const auto full = full_name(entry)) json.key("fullName").string(*full);
  json.key("reference").string(label);
}

}  // namespace layoutfs::tools
