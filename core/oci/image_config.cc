// The configuration of an image (image-spec config.md).
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/base/json_names.h"
#include "core/cas/members.h"
#include "core/oci/document_members.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

// Returns a member of the object with the execution parameters. Builders use other spellings, too ("env"),
// and every runtime accepts them, so a single one is accepted here as well.
Result<std::optional<JsonValue>> execution_member(JsonValue execution, std::string_view name) {
  std::optional<JsonValue> found;
  for (std::size_t i = 0; execution.is_object() && i < execution.size(); ++i) {
    if (!is_folded_equal(execution.name_at(i), name)) continue;
    if (found)
      return invalid("config has two members that differ from '" + std::string(name) + "' at most in case");
    found = execution.at(i);
  }
  return found;
}

// config.md, "Env". The kernel accepts any string; programs require a name.
std::vector<std::string> environment_of(std::optional<JsonValue> variables) {
  std::vector<std::string> environment;
  for (std::size_t i = 0; variables && variables->is_array() && i < variables->size(); ++i) {
    const auto text = variables->at(i).as_string();
    const auto equals = text ? text->find('=') : std::string_view::npos;
    if (equals == std::string_view::npos || equals == 0 || text->contains('\0')) continue;
    environment.emplace_back(*text);
  }
  return environment;
}

Result<std::vector<Digest>> parse_diff_ids(JsonValue root) {
  std::vector<Digest> digests;
  const auto rootfs = root.find("rootfs");
  if (!rootfs || rootfs->is_null()) return digests;
  if (!rootfs->is_object()) return invalid("rootfs is not an object");
  if (auto spelled = check_spelling(*rootfs, members::kRootfs); !spelled)
    return fail(std::move(spelled).error(), "rootfs");
  const auto array = rootfs->find("diff_ids");
  if (!array || array->is_null()) return digests;
  if (!array->is_array()) return invalid("diff_ids are not an array");
  for (std::size_t i = 0; i < array->size(); ++i) {
    auto digest = parse_digest(array->at(i), "diff_id " + std::to_string(i));
    if (!digest) return fail(std::move(digest).error());
    digests.push_back(std::move(*digest));
  }
  return digests;
}

// Returns the member, nullopt if it is absent or ambiguous: it is only informative.
std::optional<JsonValue> optional_member(JsonValue execution, std::string_view name) {
  const auto member = execution_member(execution, name);
  return member ? *member : std::nullopt;
}

std::string text_or_empty(std::optional<JsonValue> value) {
  return std::string(value ? value->as_string().value_or("") : "");
}

// config.md, "Entrypoint" and "Cmd". Docker once wrote a list of one as a string.
std::vector<std::string> words_of(std::optional<JsonValue> value) {
  std::vector<std::string> words;
  if (!value) return words;
  if (const auto single = value->as_string()) words.emplace_back(*single);
  for (std::size_t i = 0; value->is_array() && i < value->size(); ++i)
    if (const auto word = value->at(i).as_string()) words.emplace_back(*word);
  return words;
}

// config.md, "ExposedPorts" and "Volumes": sets, written as objects.
std::vector<std::string> names_of(std::optional<JsonValue> value) {
  std::vector<std::string> names;
  for (std::size_t i = 0; value && value->is_object() && i < value->size(); ++i)
    names.emplace_back(value->name_at(i));
  return names;
}

Annotations labels_of(std::optional<JsonValue> value) {
  Annotations labels;
  for (std::size_t i = 0; value && value->is_object() && i < value->size(); ++i)
    if (const auto text = value->at(i).as_string()) labels.emplace(value->name_at(i), *text);
  return labels;
}

// An entry that is not an object keeps its place: the entries are counted to find their layers.
std::vector<HistoryEntry> history_of(std::optional<JsonValue> value) {
  std::vector<HistoryEntry> history;
  for (std::size_t i = 0; value && value->is_array() && i < value->size(); ++i) {
    const JsonValue entry = value->at(i);
    const auto is_empty = entry.find("empty_layer");
    history.push_back({text_of(entry, "created"), text_of(entry, "created_by"), text_of(entry, "author"),
                       text_of(entry, "comment"), is_empty && is_empty->as_bool().value_or(false)});
  }
  return history;
}

}  // namespace

Result<ImageConfig> ImageConfig::parse(ByteView text) {
  const auto document = parse_object(text, members::kConfig);
  if (!document) return fail(Error(document.error()));
  const auto root = document->root();
  auto diff_ids = parse_diff_ids(root);
  if (!diff_ids) return fail(std::move(diff_ids).error());
  ImageConfig config;
  config.platform = {text_of(root, "os"), text_of(root, "architecture"), text_of(root, "variant")};
  config.diff_ids = std::move(*diff_ids);
  config.created = text_of(root, "created");
  config.author = text_of(root, "author");
  config.history = history_of(root.find("history"));
  const auto execution = root.find("config");
  if (!execution) return config;
  const auto variables = execution_member(*execution, "Env");
  if (!variables) return fail(Error(variables.error()));
  config.environment = environment_of(*variables);
  const auto directory = execution_member(*execution, "WorkingDir");
  if (!directory) return fail(Error(directory.error()));
  config.working_directory = text_or_empty(*directory);
  if (config.working_directory.contains('\0')) config.working_directory.clear();
  config.entrypoint = words_of(optional_member(*execution, "Entrypoint"));
  config.command = words_of(optional_member(*execution, "Cmd"));
  config.user = text_or_empty(optional_member(*execution, "User"));
  config.stop_signal = text_or_empty(optional_member(*execution, "StopSignal"));
  config.labels = labels_of(optional_member(*execution, "Labels"));
  config.exposed_ports = names_of(optional_member(*execution, "ExposedPorts"));
  config.volumes = names_of(optional_member(*execution, "Volumes"));
  return config;
}

}  // namespace layoutfs
