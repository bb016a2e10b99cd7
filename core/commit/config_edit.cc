#include "core/commit/config_edit.h"

#include <algorithm>
#include <string_view>

#include "core/base/json.h"
#include "core/base/json_names.h"
#include "core/commit/object_edit.h"

namespace layoutfs {
namespace {

ObjectEdit::Write writing(std::vector<std::string> words) {
  return [words = std::move(words)](JsonWriter& json) {
    json.begin_array();
    for (const std::string& word : words) json.string(word);
    json.end_array();
  };
}

// Returns a member, also if its name differs in case.
std::optional<JsonValue> folded_member(std::optional<JsonValue> object, std::string_view name) {
  for (std::size_t i = 0; object && object->is_object() && i < object->size(); ++i)
    if (is_folded_equal(object->name_at(i), name)) return object->at(i);
  return std::nullopt;
}

// config.md, "Env". A changed variable keeps its place.
std::vector<std::string> changed_environment(std::optional<JsonValue> old,
                                             const ConfigChanges::NamedValues& changes) {
  std::vector<std::string> variables;
  for (std::size_t i = 0; old && old->is_array() && i < old->size(); ++i)
    if (const auto text = old->at(i).as_string()) variables.emplace_back(*text);
  for (const auto& [name, value] : changes) {
    const auto has_name = [&](const std::string& variable) {
      return variable.starts_with(name) && variable.size() > name.size() && variable[name.size()] == '=';
    };
    const auto first = std::ranges::find_if(variables, has_name);
    if (!value) {
      std::erase_if(variables, has_name);
    } else if (first == variables.end()) {
      variables.push_back(name + "=" + *value);
    } else {
      *first = name + "=" + *value;
      variables.erase(std::remove_if(first + 1, variables.end(), has_name), variables.end());
    }
  }
  return variables;
}

// Sets a list or removes it.
void set_words(ObjectEdit& edit, const std::string& name,
               const std::optional<std::vector<std::string>>& words) {
  if (words && words->empty()) edit.remove(name);
  if (words && !words->empty()) edit.set(name, writing(*words));
}

void set_text(ObjectEdit& edit, const std::string& name, const std::optional<std::string>& text) {
  if (text && text->empty()) edit.remove(name);
  if (text && !text->empty()) edit.set(name, *text);
}

// Labels and ports are matched exactly: they are keys, not members of a format.
void write_map(JsonWriter& json, std::optional<JsonValue> old,
               const std::vector<std::pair<std::string, ObjectEdit::Write>>& changes) {
  json.begin_object();
  std::vector<bool> is_written(changes.size());
  const auto write_change = [&](std::size_t i) {
    is_written[i] = true;
    if (changes[i].second) changes[i].second(json.key(changes[i].first));
  };
  // The last change of a key counts.
  const auto position = [&](std::string_view key) {
    for (std::size_t i = changes.size(); i-- > 0;)
      if (changes[i].first == key) return i;
    return changes.size();
  };
  for (std::size_t i = 0; old && old->is_object() && i < old->size(); ++i) {
    const std::size_t change = position(old->name_at(i));
    if (change == changes.size())
      json.key(old->name_at(i)).value(old->at(i));
    else
      write_change(change);
  }
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (!is_written[i] && position(changes[i].first) == i) write_change(i);
  json.end_object();
}

// config.md, "config".
void write_parameters(JsonWriter& json, std::optional<JsonValue> old, const ConfigChanges& changes) {
  ObjectEdit edit;
  set_text(edit, "User", changes.user);
  if (!changes.exposed_ports.empty())
    edit.set("ExposedPorts", [&](JsonWriter& to) {
      std::vector<std::pair<std::string, ObjectEdit::Write>> ports;
      for (const auto& [port, is_exposed] : changes.exposed_ports)
        ports.emplace_back(port, is_exposed ? [](JsonWriter& set) { set.begin_object().end_object(); }
                                            : ObjectEdit::Write());
      write_map(to, folded_member(old, "ExposedPorts"), ports);
    });
  if (!changes.environment.empty())
    edit.set("Env", writing(changed_environment(folded_member(old, "Env"), changes.environment)));
  set_words(edit, "Entrypoint", changes.entrypoint);
  set_words(edit, "Cmd", changes.command);
  set_text(edit, "WorkingDir", changes.working_directory);
  if (!changes.labels.empty())
    edit.set("Labels", [&](JsonWriter& to) {
      std::vector<std::pair<std::string, ObjectEdit::Write>> labels;
      for (const auto& [key, value] : changes.labels)
        labels.emplace_back(
            key, value ? [text = *value](JsonWriter& set) { set.string(text); } : ObjectEdit::Write());
      write_map(to, folded_member(old, "Labels"), labels);
    });
  edit.write(json, old);
}

// config.md, "history".
void write_history(JsonWriter& json, std::optional<JsonValue> old, const HistoryEntry& step,
                   LayerEdit layers) {
  ObjectEdit without_layer;
  without_layer.set("empty_layer", [](JsonWriter& to) { to.boolean(true); });
  json.begin_array();
  for (std::size_t i = 0; old && old->is_array() && i < old->size(); ++i) {
    if (layers == LayerEdit::replace && old->at(i).is_object())
      without_layer.write(json, old->at(i));
    else
      json.value(old->at(i));
  }
  json.begin_object().key("created").string(step.created);
  if (!step.created_by.empty()) json.key("created_by").string(step.created_by);
  if (!step.author.empty()) json.key("author").string(step.author);
  if (!step.comment.empty()) json.key("comment").string(step.comment);
  if (step.is_empty_layer) json.key("empty_layer").boolean(true);
  json.end_object().end_array();
}

// config.md, "rootfs".
void write_rootfs(JsonWriter& json, std::optional<JsonValue> old, const Digest& diff_id, LayerEdit layers) {
  const auto diff_ids = old && layers == LayerEdit::add ? old->find("diff_ids") : std::nullopt;
  ObjectEdit edit;
  if (!old || !old->find("type")) edit.set("type", std::string("layers"));
  edit.set("diff_ids", [&](JsonWriter& to) {
    to.begin_array();
    for (std::size_t i = 0; diff_ids && diff_ids->is_array() && i < diff_ids->size(); ++i)
      to.value(diff_ids->at(i));
    to.string(diff_id.str()).end_array();
  });
  edit.write(json, old);
}

}  // namespace

bool ConfigChanges::is_empty() const noexcept {
  return environment.empty() && labels.empty() && exposed_ports.empty() && !entrypoint && !command && !user &&
         !working_directory;
}

Result<std::string> edit_config(ByteView config, std::size_t layers, const ConfigChanges& changes,
                                const HistoryEntry& step, const Digest& diff_id, LayerEdit layer_edit) {
  const auto parsed = ImageConfig::parse(config);
  if (!parsed) return fail(Error(parsed.error()));
  if (parsed->diff_ids.size() != layers)
    return fail(Errc::invalid_image, "the config has " + std::to_string(parsed->diff_ids.size()) +
                                         " diff_ids, but the manifest has " + std::to_string(layers) +
                                         " layers");
  const auto document = JsonDocument::parse(config);
  if (!document) return fail(Error(document.error()));
  const JsonValue root = document->root();
  ObjectEdit edit;
  edit.set("created", step.created);
  if (!step.author.empty()) edit.set("author", step.author);
  if (!changes.is_empty())
    edit.set("config", [&](JsonWriter& json) { write_parameters(json, root.find("config"), changes); });
  if (!diff_id.empty())
    edit.set("rootfs",
             [&](JsonWriter& json) { write_rootfs(json, root.find("rootfs"), diff_id, layer_edit); });
  edit.set("history", [&](JsonWriter& json) { write_history(json, root.find("history"), step, layer_edit); });
  JsonWriter json;
  edit.write(json, root);
  return json.str();
}

}  // namespace layoutfs
