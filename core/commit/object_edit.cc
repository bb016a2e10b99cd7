#include "core/commit/object_edit.h"

#include <algorithm>

#include "core/base/json_names.h"

namespace layoutfs {

ObjectEdit& ObjectEdit::set(std::string name, Write write) {
  changes_.push_back({std::move(name), std::move(write)});
  return *this;
}

ObjectEdit& ObjectEdit::set(std::string name, std::string text) {
  return set(std::move(name), [text = std::move(text)](JsonWriter& json) { json.string(text); });
}

ObjectEdit& ObjectEdit::remove(std::string name) {
  changes_.push_back({std::move(name), nullptr});
  return *this;
}

void ObjectEdit::write(JsonWriter& json, std::optional<JsonValue> object) const {
  std::vector<bool> is_written(changes_.size());
  const auto write_change = [&](std::size_t i) {
    if (is_written[i]) return;
    is_written[i] = true;
    if (changes_[i].write) changes_[i].write(json.key(changes_[i].name));
  };
  json.begin_object();
  for (std::size_t i = 0; object && object->is_object() && i < object->size(); ++i) {
    const auto change = std::ranges::find_if(
        changes_, [&](const Change& each) { return is_folded_equal(object->name_at(i), each.name); });
    if (change != changes_.end())
      write_change(static_cast<std::size_t>(change - changes_.begin()));
    else
      json.key(object->name_at(i)).value(object->at(i));
  }
  for (std::size_t i = 0; i < changes_.size(); ++i) write_change(i);
  json.end_object();
}

}  // namespace layoutfs
