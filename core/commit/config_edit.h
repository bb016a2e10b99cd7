// Edits the configuration of an image (image-spec config.md) without losing unknown members.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/documents.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Changes to the execution parameters. An absent value is not changed.
struct ConfigChanges {
  // Sets the value of a name, or removes the name (nullopt).
  using NamedValues = std::vector<std::pair<std::string, std::optional<std::string>>>;
  NamedValues environment;
  NamedValues labels;
  // Adds (true) or removes "8080/tcp".
  std::vector<std::pair<std::string, bool>> exposed_ports;
  // An empty list or text removes the member.
  std::optional<std::vector<std::string>> entrypoint, command;
  std::optional<std::string> user, working_directory;

  bool is_empty() const noexcept;
};

enum class LayerEdit : std::uint8_t {
  add,      // a new layer on top of the others
  replace,  // one layer instead of all others
};

// Returns the configuration with the changes, as compact JSON. Appends `step` to its history, sets its time,
// and its author if the step has one. Appends `diff_id` to the layers, unless it is empty; with
// LayerEdit::replace it becomes the only one, and the earlier steps of the history have no layers. All other
// members keep their place and their text.
// Errc::invalid_image if `config` is not a configuration with `layers` layers, because the new one would not
// match its layers either.
Result<std::string> edit_config(ByteView config, std::size_t layers, const ConfigChanges& changes,
                                const HistoryEntry& step, const Digest& diff_id,
                                LayerEdit edit = LayerEdit::add);

}  // namespace layoutfs
