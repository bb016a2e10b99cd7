// Changes members of a JSON object, and keeps all others in their order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace layoutfs {

class ObjectEdit {
 public:
  // Writes a value to the JSON, after its name.
  using Write = std::function<void(JsonWriter&)>;

  // Sets a member. An existing one keeps its place, also if its name differs in case (is_folded_equal), as
  // readers may accept it; a new one becomes the last.
  ObjectEdit& set(std::string name, Write write);
  ObjectEdit& set(std::string name, std::string text);
  // Removes a member if it exists.
  ObjectEdit& remove(std::string name);

  // Writes `object` with the changes. A value that is not an object counts as an empty object.
  void write(JsonWriter& json, std::optional<JsonValue> object) const;

 private:
  struct Change {
    std::string name;
    Write write;  // null: remove
  };
  std::vector<Change> changes_;
};

}  // namespace layoutfs
